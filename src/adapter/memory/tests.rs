//! A memory over restarts, damage, and disks that refuse.

use std::fs;

use super::*;
use crate::shutdown::StopSignal;

/// A folder and its memories, run until the story is over.
async fn at_folder(folder: &Path, story: impl AsyncFnOnce(Arc<Memories>, Memory)) {
    let memories = Memories::new(folder.to_owned());
    let memory = memories.of("line1", "modbus", Arc::default());
    let (signal, stop) = StopSignal::pair();
    let told = async {
        story(Arc::clone(&memories), memory).await;
        signal.raise();
    };
    let (ran, ()) = tokio::join!(memories.run(stop), told);
    let Ok(()) = ran;
}

fn on_disk(folder: &Path) -> Option<String> {
    fs::read_to_string(path(folder, "line1")).ok()
}

#[tokio::test]
async fn what_was_kept_is_known_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("adapters");

    at_folder(&folder, async |_, memory| memory.keep(&vec![1, 2])).await;

    at_folder(&folder, async |memories, memory| {
        assert_eq!(memory.recall().await, Some(vec![1, 2]));
        let other_kind = memories.of("line1", "ble", Arc::default());
        assert_eq!(other_kind.recall::<Vec<i32>>().await, None);
        assert_eq!(memories.of("line2", "modbus", Arc::default()).recall::<Vec<i32>>().await, None);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_written_yet_is_known_as_well() {
    let folder = tempfile::tempdir().unwrap();
    at_folder(folder.path(), async |_, memory| {
        memory.keep(&7);
        assert_eq!(memory.recall().await, Some(7));
        assert_eq!(on_disk(folder.path()), None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_swarm_of_changes_is_written_once_and_the_next_one_a_minute_later() {
    let memories = Memories::new("/nowhere".into());
    let memory = memories.of("line1", "modbus", Arc::default());
    let start = Instant::now();
    let due = || memories.documents()["line1"].due().map(|due| due - start);

    memory.keep(&1);
    tokio::time::advance(SETTLE / 2).await;
    memory.keep(&2);
    assert_eq!(due(), Some(SETTLE));

    let unwritten = memories.documents()["line1"].unwritten.clone().unwrap();
    memories.settle("line1", &unwritten, Ok(()));
    assert_eq!(due(), None);
    memory.keep(&3);
    assert_eq!(due(), Some(SETTLE / 2 + REST));
}

#[tokio::test]
async fn what_is_kept_at_once_is_on_disk_then_also_while_the_document_rests() {
    let folder = tempfile::tempdir().unwrap();
    at_folder(folder.path(), async |_, memory| {
        for learned in 1..=3 {
            memory.keep_now(&learned).await;
            let text = on_disk(folder.path()).unwrap();
            assert!(text.ends_with(&format!(":{learned}}}")), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_refuses_holds_up_nobody_who_keeps_something_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "in the way").unwrap();
    at_folder(&folder.path().join("file"), async |memories, memory| {
        memory.keep_now(&1).await;
        assert!(memories.documents()["line1"].has_failed);
        assert_eq!(memory.recall().await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_damaged_document_is_set_aside_and_the_adapter_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    for damaged in [&b"{\"kind\":\"modbus\",\"lear"[..], b"\0\0\0", &vec![b' '; MAX_BYTES + 1]] {
        fs::write(path(folder.path(), "line1"), damaged).unwrap();

        at_folder(folder.path(), async |_, memory| {
            assert_eq!(memory.recall::<u8>().await, None);
            memory.keep(&8);
        })
        .await;

        assert_eq!(on_disk(folder.path()).as_deref(), Some(r#"{"kind":"modbus","learned":8}"#));
        assert_eq!(fs::read(folder.path().join("line1.json.bad")).unwrap(), damaged);
    }
}

#[tokio::test]
async fn too_much_is_refused_and_counted_and_the_last_that_fitted_stays() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::default());
    at_folder(folder.path(), async |memories, _| {
        let memory = memories.of("line1", "modbus", Arc::clone(&metrics));
        memory.keep(&"fits");
        memory.keep(&"x".repeat(MAX_BYTES));
    })
    .await;

    assert_eq!(on_disk(folder.path()).as_deref(), Some(r#"{"kind":"modbus","learned":"fits"}"#));
    assert_eq!(metrics.memory_refused.get(), 1);
}

#[tokio::test]
async fn a_disk_that_refuses_is_counted_and_the_text_is_not_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("adapters");
    fs::write(&in_the_way, "a file where the folder should be").unwrap();
    let metrics = Arc::new(Metrics::default());

    at_folder(&in_the_way, async |memories, _| {
        let memory = memories.of("line1", "modbus", Arc::clone(&metrics));
        memory.keep(&1);
        memories.write(|_, _| true).await;
        assert_eq!(metrics.memory_failures.get(), 1);
        assert_eq!(memory.recall().await, Some(1));
        fs::remove_file(&in_the_way).unwrap();
    })
    .await;

    assert_eq!(on_disk(&in_the_way).as_deref(), Some(r#"{"kind":"modbus","learned":1}"#));
}
