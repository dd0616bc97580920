//! Opening the buffer with a large backlog after the process was killed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::Arc,
};

use tidegate::{
    adapter::registry,
    buffer::{self, Append},
    model::{Batch, DeviceId, Point, PointName, PointType, Reading, Value},
};

use super::block_on;
use crate::{
    gateway::origin,
    meter::{Meter, float},
    report::Row,
    site::{Site, clock},
};

/// Blocks of the backlog and bytes of each.
const BLOCKS: usize = 20_000;
const BYTES: usize = 10 << 10;

/// From nothing to the answer to the first question.
pub(super) fn run(_: &[&str]) -> Vec<Row> {
    let site = Site::new(None, "durability = \"wear\"\nexpress = true\nlinger = \"1ms\"").uplink(1);
    fill_and_kill(&site);
    let (clock, (config, _)) = (clock(), site.load());
    let files = ["buffer.db", "buffer.db-wal"].map(|name| site.path(name).metadata().map_or(0, |meta| meta.len()));
    let meter = Meter::start();
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(&config, &clock), buffer::Metrics::default()).expect("a buffer");
    let writing = std::thread::spawn(|| writer.run());
    let last = block_on(buffer.last_values());
    let took = meter.read();

    assert_eq!(last.len(), 1);
    let owed = buffer.status().borrow().uplinks[0].blocks;
    block_on(buffer.close());
    writing.join().expect("a writer that ends");
    let mib = files.iter().sum::<u64>() >> 20;
    let text = format!("{mib} MiB in {owed} blocks owed, killed while writing, page cache warm");
    vec![
        Row::new("open/backlog", "ms", took.elapsed.as_secs_f64() * 1e3, owed, &text),
        Row::new("open/rss", "MiB", float(took.rss_bytes) / 1_048_576.0, owed, &text),
    ]
}

fn fill_and_kill(site: &Site) {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(["--case", "open-fill"]).arg(site.write()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a child process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "full");
    child.kill().expect("a child that still runs");
    child.wait().expect("its end");
}

/// In the child: writes the backlog, says so, and goes on writing until it is killed.
pub(super) fn fill(args: &[&str]) -> Vec<Row> {
    let (clock, (config, ..)) = (clock(), registry::load(args[0].as_ref()).expect("a configuration"));
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(&config, &clock), buffer::Metrics::default()).expect("a buffer");
    std::thread::spawn(|| writer.run());
    let (device, name) = (DeviceId::new("camera").expect("a slug"), PointName::new("frame").expect("a slug"));
    let point = Arc::new(Point::new(device, name, PointType::Bytes, None));
    let mut rng = fastrand::Rng::with_seed(7);
    block_on(async {
        for number in 0.. {
            // Noise, so that the disk is filled and not the processor.
            let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(BYTES).collect();
            let reading = Reading::good(Arc::clone(&point), Value::Bytes(noise.into()), clock.now());
            let forward = Batch::from(vec![reading]).readings;
            buffer.append(Append { forward, ..Append::default() }).await.expect("a writer");
            buffer.flush().await.expect("a commit");
            if number == BLOCKS {
                println!("full");
            }
        }
    });
    Vec::new()
}
