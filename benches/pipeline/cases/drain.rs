//! After an outage: a store with a backlog is opened after SIGKILL, and drained to a broker.

use std::path::Path;

use tidegate::{
    buffer::{self, Owed},
    model::{BlockId, Wanted},
    uplink::Encoder,
};

use super::{
    backlog::{BLOCK, Content, FRAME},
    block_on, bridge, is_long,
};
use crate::{
    broker::Broker,
    disk::drop_page_cache,
    gateway::{Gateway, origin},
    meter::{Meter, Used, float},
    report::Row,
    site::{Site, clock},
};

/// Bytes of a backlog of frames, usually and with time.
const FRAMES: (usize, usize) = (256 << 20, 1 << 30);
/// Blocks of a backlog of a plant's readings, usually and with time.
const PLANT: (usize, usize) = (4_000, 60_000);
/// The file grows as fast as the disk allows.
const BUFFER: &str = "durability = \"wear\"";

/// The largest backlog: how long it takes to open, what it takes to drain, and mosquitto's bridge with the same.
pub(super) fn frames(_: &[&str]) -> Vec<Row> {
    let site = Site::new(None, BUFFER);
    let broker = Broker::start();
    let site = site.uplink(broker.port());
    Content::Frames.leave(&site, of(FRAMES) / FRAME);
    let cache = forget();
    let mib = size(&site.path("buffer.db")) >> 20;

    let (opening, owed) = open(&site, &format!("{mib} MiB, killed while writing, page cache {cache}"));
    let message = message_size(&site);
    let (used, n) = block_on(drain(&site));
    assert_eq!(n, owed);

    let text = format!("{mib} MiB of readings of {FRAME} bytes, {message} bytes each as a message; most memory");
    let mut rows = opening;
    rows.extend([used.rate("drain", n, &text), used.cpu("drain", n, &text), used.peak("drain", n, &text)]);
    rows.extend(bridge::rows(n, message));
    rows
}

/// Readings as a plant has them, packed: what each of them costs.
pub(super) fn plant(_: &[&str]) -> Vec<Row> {
    let broker = Broker::start();
    let site = Site::new(None, BUFFER).uplink(broker.port());
    Content::Plant.leave(&site, of(PLANT));
    let cache = forget();
    let mib = size(&site.path("buffer.db")) >> 20;
    let (used, n) = block_on(drain(&site));
    let text = format!("{mib} MiB in blocks of {BLOCK} readings, 1000 a second, page cache {cache}; most memory");
    let name = "drain-plant";
    vec![used.rate(name, n, &text), used.cpu(name, n, &text), used.peak(name, n, &text)]
}

fn of((usually, with_time): (usize, usize)) -> usize {
    if is_long() { with_time } else { usually }
}

/// Has the page cache forget the backlog, and says how that went.
fn forget() -> &'static str {
    match drop_page_cache() {
        Ok(()) => "dropped",
        Err(error) => {
            eprintln!("the page cache stays warm: {error}");
            "warm"
        }
    }
}

/// The database and its log.
fn size(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].iter().map(|path| path.metadata().map_or(0, |meta| meta.len())).sum()
}

/// From nothing to the answer to the first question; and how many readings are owed.
fn open(site: &Site, text: &str) -> (Vec<Row>, u64) {
    let (clock, (config, _)) = (clock(), site.load());
    let meter = Meter::start();
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(&config, &clock), buffer::Metrics::default()).expect("a buffer");
    let writing = std::thread::spawn(|| writer.run());
    let last = block_on(buffer.last_values());
    let used = meter.read();

    assert_eq!(last.len(), 1);
    let Owed { blocks, readings, .. } = buffer.status().borrow().uplinks[0].clone();
    block_on(buffer.close());
    writing.join().expect("a writer that ends");
    let rows = vec![
        Row::new("open/backlog", "ms", used.elapsed.as_secs_f64() * 1e3, blocks, text),
        Row::new("open/rss", "MiB", float(used.rss_bytes) / 1_048_576.0, blocks, text),
    ];
    (rows, readings)
}

/// Bytes of the first message of the backlog.
fn message_size(site: &Site) -> usize {
    let (clock, (config, _)) = (clock(), site.load());
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(&config, &clock), buffer::Metrics::default()).expect("a buffer");
    let writing = std::thread::spawn(|| writer.run());
    let blocks = block_on(buffer.fetch(&"cloud".into(), Wanted::all_after(BlockId(0)), 1)).expect("a block");
    let bytes = Encoder::default().encode(&blocks[0]).len();
    block_on(buffer.close());
    writing.join().expect("a writer that ends");
    bytes
}

/// What it takes from the start until the broker has acknowledged everything, and how many readings that is.
async fn drain(site: &Site) -> (Used, u64) {
    let meter = Meter::start();
    let gateway = Gateway::start(&site.load().0, clock());
    let readings = gateway.owed.readings;
    let mut drained = gateway.drain().await;
    drained.acknowledged(readings).await;
    let used = meter.read();
    drained.stop().await;
    (used, readings)
}
