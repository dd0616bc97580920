//! Files that were set aside stay, within their bound.

use super::*;

fn files(buffer: &Core) -> Vec<(String, bool)> {
    let status = buffer.status.borrow();
    status.set_aside.iter().map(|aside| (aside.file.to_string(), aside.is_salvaged)).collect()
}

/// Puts files there that are younger than the one that a start sets aside.
fn leave(settings: &config::Buffer, count: u32, bytes: u64) -> Vec<(String, bool)> {
    let name = |number: u32| format!("buffer.db.damaged-99999999999{number:02}");
    let leave = |number| {
        let file = fs::File::create(settings.path.with_file_name(name(number))).unwrap();
        file.set_len(bytes).unwrap();
        (name(number), true)
    };
    (0..count).map(leave).collect()
}

#[test]
fn what_is_salvaged_goes_when_there_is_too_much_and_what_is_not_stays() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    damaged(&settings);
    let first = core(&settings);
    let [aside] = &files(&first)[..] else { panic!("one file was set aside") };
    assert!(!aside.1);
    drop(first);
    let young = leave(&settings, 5, 1_000);

    let second = core(&settings);

    let kept: Vec<_> = [aside.clone()].into_iter().chain(young[2..].iter().cloned()).collect();
    assert_eq!(files(&second), kept, "four in all");
    drop(second);
    let large = leave(&settings, 5, 1 << 29);

    let mut third = core(&settings);

    assert_eq!(
        files(&third),
        [aside.clone(), large[4].clone()],
        "two of them and the store are more than it may take"
    );
    salvage(&mut third, &settings);
    drop(third);
    leave(&settings, 4, 1);
    assert_eq!(files(&core(&settings)), large[1..], "the oldest goes once it is salvaged");
}

#[tokio::test]
async fn a_file_that_somebody_took_away_is_waited_for_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    damaged(&settings);
    let (buffer, writer) =
        crate::buffer::open(&settings, crate::buffer::model_test::origin(), crate::buffer::Metrics::default())
            .unwrap();
    let salvage = writer.salvage().unwrap();
    let writer = std::thread::spawn(move || writer.run());
    let (_stop, stop) = crate::shutdown::StopSignal::pair();
    for file in fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
        if file.to_string_lossy().contains("damaged") {
            fs::remove_file(file).unwrap();
        }
    }

    salvage.run(&buffer, stop).await.unwrap();

    buffer.close().await;
    writer.join().unwrap();
    assert!(core(&settings).salvage().unwrap().is_empty());
}
