//! Damage done on purpose, and what is read, told and carried over after it.

mod anywhere;
mod asides;
mod kept;
mod offline;
mod past;
mod sealed;
mod uplinks;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use serde_json::Value as Json;

use super::{PastEnd, check, past::PastReader, salvager::Step};
use crate::{
    buffer::{
        core::Core,
        model_test::{core, event, owed, readings, settings},
    },
    config,
    model::{Block, BlockBody, BlockId, Stream, Wanted},
};

/// Store, stream, epoch and number.
type Id = (String, String, u64, u64);

fn id(block: &Block) -> Id {
    (block.store.to_string(), block.stream.as_str().to_owned(), block.epoch, block.seq)
}

/// A store with two epochs of readings and events; the uplinks have some of them. Gives the blocks that `a` is owed.
fn filled(settings: &config::Buffer) -> Vec<Arc<Block>> {
    for epoch in 0..2 {
        let mut buffer = core(settings);
        for seed in 0..30 {
            buffer.take(readings(2, 400, 100 * epoch + seed));
            if seed % 7 == 0 {
                buffer.take(event());
            }
            assert!(buffer.commit());
        }
        let ids: Vec<_> = owed(&mut buffer, "a").into_keys().take(9).collect();
        buffer.delivered("a", &ids);
        buffer.delivered("b", &ids[..5]);
        assert!(buffer.finish());
    }
    let mut buffer = core(settings);
    let blocks = owed(&mut buffer, "a").into_values().collect();
    buffer.store().db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(buffer);
    without_log(&settings.path);
    blocks
}

fn without_log(path: &Path) {
    for suffix in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(path.with_extension(suffix));
    }
}

/// What the background does, at once.
fn salvage(buffer: &mut Core, settings: &config::Buffer) {
    let salvage = buffer.salvage().unwrap();
    for mut salvager in salvage.open_all(settings.path.parent().unwrap()) {
        loop {
            match salvager.step() {
                Step::Rows(rows) => rows.into_iter().for_each(|row| {
                    if let Err(row) = buffer.carry_over(row) {
                        assert!(buffer.commit());
                        assert!(buffer.carry_over(row).is_ok());
                    }
                }),
                Step::Letters(letters) => {
                    for letter in letters {
                        assert!(buffer.carry_letter(Box::new(letter)).is_ok());
                    }
                }
                Step::Done(done) => {
                    buffer.end_salvage(&done);
                    break;
                }
            }
        }
    }
    assert!(buffer.commit());
    for reader in buffer.salvage().unwrap().open_pasts() {
        take_past(buffer, reader, usize::MAX);
    }
    assert!(buffer.commit());
}

/// Takes so many rows of a history, or all of it.
fn take_past(buffer: &mut Core, mut reader: PastReader, rows: usize) {
    let file = Arc::clone(reader.file());
    let mut left = rows;
    while let Some(found) = reader.step() {
        for row in found {
            if left == 0 {
                return;
            }
            left -= 1;
            if let Err(row) = buffer.carry_past(Box::new(row)) {
                assert!(buffer.commit());
                assert!(buffer.carry_past(row).is_ok());
            }
        }
    }
    buffer.end_past(&file, PastEnd::Read);
}

/// Numbers that gap events name, with their reason and in which store.
fn told(blocks: &[Arc<Block>]) -> BTreeMap<Id, String> {
    let mut told = BTreeMap::new();
    for block in blocks {
        let BlockBody::Message { fields, .. } = &block.body else { continue };
        let json: Json = serde_json::from_str(fields).unwrap();
        let Some(gap) = json.get("gap") else { continue };
        let store = gap["store"].as_str().unwrap_or(&block.store);
        for seq in gap["from"].as_u64().unwrap()..=gap["to"].as_u64().unwrap() {
            let id =
                (store.to_owned(), gap["stream"].as_str().unwrap().to_owned(), gap["epoch"].as_u64().unwrap(), seq);
            told.insert(id, gap["reason"].as_str().unwrap().to_owned());
        }
    }
    told
}

/// Everything `a` is owed, also after a start that found damage in use.
fn start_and_salvage(settings: &config::Buffer) -> Vec<Arc<Block>> {
    let mut buffer = core(settings);
    let mut found = before_damage(&mut buffer);
    buffer.commit();
    if buffer.is_damaged() {
        assert!(buffer.replace());
        buffer = core(settings);
    }
    salvage(&mut buffer, settings);
    found.extend(owed(&mut buffer, "a").into_values());
    found
}

/// What `a` is given until the damage shows.
fn before_damage(buffer: &mut Core) -> Vec<Arc<Block>> {
    let mut all: Vec<Arc<Block>> = Vec::new();
    loop {
        let after = all.last().map_or(BlockId(0), |block| block.id);
        match buffer.fetch("a", Wanted::all_after(after), 7) {
            Ok(blocks) if !blocks.is_empty() => all.extend(blocks),
            Ok(_) | Err(_) => return all,
        }
    }
}

fn content(block: &Block) -> String {
    format!("{:?}", block.body)
}

/// Every block that was owed has come, under its own number or another, or is told; nothing else has come.
fn assert_accounted(stored: &[Arc<Block>], found: &[Arc<Block>], what: &str) {
    let told = told(found);
    let known: BTreeSet<String> = stored.iter().map(|block| content(block)).collect();
    let come: BTreeSet<String> = found.iter().map(|block| content(block)).collect();
    for block in found.iter().filter(|block| block.stream == Stream::Data) {
        assert!(known.contains(&content(block)), "{what}: invented {:?}", id(block));
    }
    for block in stored {
        let is_told = told.contains_key(&id(block));
        let has_come = come.contains(&content(block));
        assert!(has_come || is_told, "{what}: {:?} is lost silently", id(block));
    }
}

fn damage(settings: &config::Buffer, bytes: &[u8]) {
    for file in fs::read_dir(settings.path.parent().unwrap()).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().contains("damaged") {
            fs::remove_file(path).unwrap();
        }
    }
    without_log(&settings.path);
    fs::write(&settings.path, bytes).unwrap();
}

/// Whether SQLite could open the file at all, which it cannot when its first page is damaged.
fn is_readable(settings: &config::Buffer) -> bool {
    check(&settings.path, None, &mut |_| ()).is_ok_and(|checked| !checked.streams.is_empty())
}

/// A store whose newest page of readings is damaged, so that the next start sets it aside.
fn damaged(settings: &config::Buffer) -> Vec<Arc<Block>> {
    let stored = filled(settings);
    let mut bytes = fs::read(&settings.path).unwrap();
    let place = bytes.len() - 20_000;
    bytes[place..place + 2_000].fill(0xff);
    bytes.truncate(bytes.len() - 1_024);
    damage(settings, &bytes);
    stored
}

/// Every number of readings that the store gave has come to the uplink, or is told.
fn assert_whole(buffer: &Core, come: &BTreeMap<BlockId, Arc<Block>>, uplink: &str) {
    let blocks: Vec<_> = come.values().cloned().collect();
    let told = told(&blocks);
    let data: BTreeSet<Id> =
        blocks.iter().filter(|block| block.stream == Stream::Data).map(|block| id(block)).collect();
    let here = |id: &&Id| id.0 == *buffer.store().identity.store && id.1 == "data";
    let (store, _, epoch, last) = data.iter().chain(told.keys()).filter(here).max().cloned().unwrap();
    for seq in 1..=last {
        let id = (store.clone(), "data".to_owned(), epoch, seq);
        assert!(data.contains(&id) || told.contains_key(&id), "{uplink} waits for {id:?}");
    }
}

/// The same settings with a key in a file beside the store.
fn keyed(settings: &config::Buffer, digit: &str) -> config::Buffer {
    let file = settings.path.with_file_name(format!("key-{digit}"));
    fs::write(&file, digit.repeat(64)).unwrap();
    config::Buffer { key: Some(config::Secret::File(file)), ..settings.clone() }
}
