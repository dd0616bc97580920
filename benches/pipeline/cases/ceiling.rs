//! What the machine gives without a gateway: the same rows into SQLite alone, the same messages to the broker alone.

use std::sync::Arc;

use rusqlite::Connection;
use tidegate::{
    buffer::{self, Append},
    model::{Block, BlockId, Wanted},
    uplink::Encoder,
};

use super::block_on;
use crate::{
    broker::Broker,
    gateway::origin,
    load::Load,
    meter::{Meter, Used},
    mqtt::Client,
    report::Row,
    site::{Site, clock},
};

/// Blocks that are made, each of 1 000 readings.
const BLOCKS: usize = 64;
const BLOCK: usize = 1_000;
/// How often they are written, and sent: about a second each.
const WRITTEN: usize = 1_000;
const SENT: usize = 200;
/// What mosquitto allows unless it is told otherwise.
const WINDOW: u16 = 20;

/// Both ceilings, in readings so that they compare.
pub(super) fn run(_: &[&str]) -> Vec<Row> {
    let site = Site::new(None, "durability = \"balanced\"\nexpress = false").uplink(1);
    let blocks = make_blocks(&site);
    let sqlite = insert(&site, &bodies(&site));
    let mqtt = publish(&blocks);
    let rate = |name, rounds: usize, used: &Used, text| {
        let readings = (BLOCKS * BLOCK * rounds) as u64;
        Row { name, ..used.rate("", readings, text) }
    };
    let text = "the same packed readings into SQLite alone, 64000 per synced commit";
    let messages = "the same messages to mosquitto alone, QoS 1, window 20";
    vec![
        rate("ceiling/sqlite".to_owned(), WRITTEN, &sqlite, text),
        rate("ceiling/mqtt".to_owned(), SENT, &mqtt, messages),
    ]
}

/// Blocks as the buffer cuts them, committed in the site's database.
fn make_blocks(site: &Site) -> Vec<Arc<Block>> {
    let (clock, (config, _)) = (clock(), site.load());
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(&config, &clock), buffer::Metrics::default()).expect("a buffer");
    let writing = std::thread::spawn(|| writer.run());
    let mut load = Load::new(clock);
    let blocks = block_on(async {
        for _ in 0..BLOCKS {
            let forward = load.batch(BLOCK).readings;
            buffer.append(Append { forward, ..Append::default() }).await.expect("a writer");
        }
        buffer.flush().await.expect("a commit");
        let blocks = buffer.fetch(&"cloud".into(), Wanted::all_after(BlockId(0)), BLOCKS).await.expect("blocks");
        buffer.close().await;
        blocks
    });
    writing.join().expect("a writer that ends");
    blocks
}

/// The bodies of those blocks as they were stored, several in one.
fn bodies(site: &Site) -> Vec<Vec<u8>> {
    let db = Connection::open(site.path("buffer.db")).expect("a database");
    let sum = db.query_row("SELECT sum(n) FROM pack", [], |row| row.get(0));
    assert_eq!(sum, Ok(BLOCKS * BLOCK), "readings are missing");
    let mut query = db.prepare("SELECT body FROM pack ORDER BY id").expect("a table of packs");
    query.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("bodies")
}

fn insert(site: &Site, bodies: &[Vec<u8>]) -> Used {
    let mut db = Connection::open(site.path("ceiling.db")).expect("a database");
    db.execute_batch(
        "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE block (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
    )
    .expect("a table");
    let meter = Meter::start();
    for _ in 0..WRITTEN {
        let tx = db.transaction().expect("a transaction");
        let mut insert = tx.prepare_cached("INSERT INTO block (body) VALUES (?)").expect("a statement");
        for body in bodies {
            insert.execute([body]).expect("an insert");
        }
        drop(insert);
        tx.commit().expect("a commit");
    }
    meter.read()
}

fn publish(blocks: &[Arc<Block>]) -> Used {
    let mut encoder = Encoder::default();
    let payloads: Vec<Vec<u8>> = blocks.iter().map(|block| encoder.encode(block)).collect();
    let broker = Broker::start();
    let mut client = Client::connect(broker.port(), "ceiling").expect("a broker");
    let all = payloads.iter().map(Vec::as_slice).cycle().take(payloads.len() * SENT);
    let meter = Meter::start();
    client.publish_all("tidegate/bench/bench/data", all, WINDOW).expect("acknowledgements");
    meter.read()
}
