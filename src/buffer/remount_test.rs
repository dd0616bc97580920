//! A disk that becomes read-only, is unmounted, and comes back. Folders that are renamed stand for it; `tests/chaos` does
//! it with a file system that the kernel makes read-only.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::advance;

use super::{
    core::Core,
    model_test::{core, covered, owed, readings, settings},
};
use crate::{
    config,
    model::{Block, BlockId},
};

/// Longer than the wait between two looks.
const A_WHILE: Duration = Duration::from_secs(6);

/// A store with these settings on a disk of its own, and the disk.
fn site(dir: &tempfile::TempDir) -> (config::Buffer, PathBuf) {
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).unwrap();
    (settings(&disk, true, 1 << 30), disk)
}

/// What the kernel does after a fault: from now on nothing can be written.
fn make_read_only(buffer: &mut Core) {
    buffer.store().db.execute_batch("PRAGMA query_only = ON").unwrap();
    buffer.take(readings(2, 30, 90));
    assert!(!buffer.commit());
}

/// The disk goes, and the store sees it.
async fn unmount(buffer: &mut Core, disk: &Path) -> PathBuf {
    let away = disk.with_file_name("away");
    fs::rename(disk, &away).unwrap();
    advance(A_WHILE).await;
    assert!(!buffer.commit());
    assert!(buffer.store().is_detached() && !buffer.is_damaged());
    away
}

/// Files of a folder that this process holds.
fn held(folder: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    open.filter(|file| file.starts_with(folder)).count()
}

fn numbers(blocks: &BTreeMap<BlockId, Arc<Block>>) -> Vec<(String, u64, u64)> {
    blocks.values().map(|block| (block.stream.as_str().to_owned(), block.epoch, block.seq)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_comes_back_is_used_again_and_is_not_held_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, disk) = site(&dir);
    let mut buffer = core(&settings);
    buffer.take(readings(2, 30, 1));
    assert!(buffer.commit());
    make_read_only(&mut buffer);
    advance(A_WHILE).await;
    assert!(!buffer.commit() && !buffer.store().is_detached(), "a file that is at its place is read on");

    let away = unmount(&mut buffer, &disk).await;
    assert_eq!(held(&away), 0);
    buffer.take(readings(2, 30, 2));
    fs::rename(&away, &disk).unwrap();
    advance(A_WHILE).await;

    assert!(buffer.commit());
    assert_eq!(buffer.status.borrow().failing, None);
    let all = owed(&mut buffer, "a");
    assert!(buffer.finish());
    drop(buffer);
    let stored = owed(&mut core(&settings), "a");
    assert!(all.iter().all(|block| stored.contains_key(block.0)) && all.len() > 3);
    let data = numbers(&stored).into_iter().filter(|(stream, epoch, _)| stream == "data" && *epoch == 1);
    assert_eq!(data.map(|(_, _, seq)| seq).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_the_disk_lost_comes_from_memory_or_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, disk) = site(&dir);
    let mut buffer = core(&settings);
    buffer.take(readings(2, 30, 0));
    assert!(buffer.commit());
    let older = disk.with_file_name("older");
    fs::create_dir(&older).unwrap();
    for file in fs::read_dir(&disk).unwrap().map(|file| file.unwrap()) {
        fs::copy(file.path(), older.join(file.file_name())).unwrap();
    }
    // More than memory keeps of what is committed.
    for seed in 1..=60 {
        buffer.take(readings(2, 40_000, seed));
        assert!(buffer.commit());
    }
    buffer.delivered("b", &[BlockId(1), BlockId(60)]);
    make_read_only(&mut buffer);
    unmount(&mut buffer, &disk).await;

    fs::rename(&older, &disk).unwrap();
    advance(A_WHILE).await;

    assert!(buffer.commit());
    for uplink in ["a", "b"] {
        let come = owed(&mut buffer, uplink);
        let told: Vec<_> = come.values().flat_map(|block| covered(block)).collect();
        let here = numbers(&come);
        let is_there = |seq: u64| {
            let id = ("data".to_owned(), 1, seq);
            here.contains(&id) || told.contains(&id)
        };
        let had = |seq: u64| uplink == "b" && (seq == 1 || seq == 60);
        assert!((1..=62).all(|seq| had(seq) || is_there(seq)), "{uplink}: {here:?} {told:?}");
        assert!((2..55).contains(&told.len()), "{uplink}: {told:?}");
        assert!(told.iter().all(|id| !here.contains(id)), "{uplink}: told and there");
    }
    assert!(buffer.finish());
    let all = owed(&mut buffer, "a");
    drop(buffer);
    let stored = owed(&mut core(&settings), "a");
    assert!(all.keys().all(|id| stored.contains_key(id)));
}

#[tokio::test(start_paused = true)]
async fn another_store_in_its_place_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (settings, disk) = site(&dir);
    let mut buffer = core(&settings);
    make_read_only(&mut buffer);
    unmount(&mut buffer, &disk).await;
    fs::create_dir(&disk).unwrap();
    drop(core(&settings));

    advance(A_WHILE).await;
    buffer.commit();

    assert!(buffer.is_damaged() && buffer.replace());
    let mut next = core(&settings);
    assert!(!next.salvage().unwrap().is_empty());
    assert!(owed(&mut next, "a").values().any(|block| block.stream.has_readings()));
}
