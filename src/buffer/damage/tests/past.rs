//! What was delivered before the damage comes over as well, for charts, behind all that is owed.

use std::{ops::ControlFlow, time::Duration};

use super::{super::read_out, *};
use crate::{
    buffer::{
        Archive, Feed, Origin,
        core::Core,
        model_test::{core_of, feed, origin},
    },
    model::{Selector, Timestamp},
    testing::clock::ManualClock,
};

/// The values of all readings that a store holds, sorted.
fn values(path: &Path) -> Vec<String> {
    let mut values = Vec::new();
    let (from, to) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    let archive = Archive::open(path, None).unwrap();
    let note = |step: crate::buffer::Step| {
        values.extend(step.readings.iter().map(|reading| format!("{:?}", reading.value)));
        ControlFlow::Continue(())
    };
    archive.each(from, to, note).unwrap();
    values.sort();
    values
}

/// How many readings can be read of the file that was set aside, by its own account.
fn readable(settings: &config::Buffer) -> usize {
    let folder = settings.path.parent().unwrap();
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let is_aside = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains("damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    let (aside, mut lines) = (files.filter(is_aside).max().unwrap(), Vec::new());
    read_out(&aside, None, &mut lines, &mut |_| ()).unwrap();
    String::from_utf8(lines).unwrap().lines().filter(|line| line.contains("\"point\"")).count()
}

/// A damaged store of which everybody had nearly all, opened anew.
fn delivered(settings: &config::Buffer) -> Core {
    damaged(settings);
    core(settings)
}

#[test]
fn the_history_comes_over_once_and_goes_to_no_uplink() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = delivered(&settings);

    salvage(&mut buffer, &settings);

    assert!(buffer.commit());
    let all = values(&settings.path);
    assert_eq!(all.len(), readable(&settings));
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "a reading is there twice");
    for uplink in ["a", "b"] {
        let come = owed(&mut buffer, uplink);
        assert!(come.values().all(|block| block.stream != Stream::Local));
        assert_whole(&buffer, &come, uplink);
    }
    let events: Vec<_> = owed(&mut buffer, "a").into_values().map(|block| content(&block)).collect();
    let text = events.iter().find(|text| text.contains("history-salvaged")).unwrap();
    assert!(text.contains("its history was read to its end; 9 blocks with 18 readings"), "{text}");
    drop(buffer);
    assert!(core(&settings).salvage().unwrap().is_empty());
}

#[test]
fn a_history_that_is_interrupted_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut first = delivered(&settings);
    owed_alone(&mut first, &settings);
    let reader = first.salvage().unwrap().open_pasts().pop().unwrap();
    take_past(&mut first, reader, 3);
    assert!(first.commit());
    drop(first);

    let mut second = core(&settings);
    let before = values(&settings.path).len();
    salvage(&mut second, &settings);

    let all = values(&settings.path);
    assert!(before < all.len());
    assert_eq!(all.len(), readable(&settings));
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "a reading is there twice");
}

/// Salvages what is owed, and leaves the history where it is.
fn owed_alone(buffer: &mut Core, settings: &config::Buffer) {
    for mut salvager in buffer.salvage().unwrap().open_all(settings.path.parent().unwrap()) {
        loop {
            match salvager.step() {
                Step::Rows(rows) => rows.into_iter().for_each(|row| assert!(buffer.carry_over(row).is_ok())),
                Step::Letters(letters) => assert!(letters.is_empty()),
                Step::Done(done) => {
                    assert!(buffer.end_salvage(&done).is_some());
                    break;
                }
            }
        }
    }
    assert!(buffer.commit());
}

#[test]
fn what_is_older_than_the_history_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    damaged(&settings);
    let clock = Arc::new(ManualClock::default());
    let mut buffer = core_of(&settings, Origin { clock: clock.clone(), ..origin() });
    owed_alone(&mut buffer, &settings);
    let before = values(&settings.path);
    clock.advance(settings.history + Duration::from_secs(1));

    salvage(&mut buffer, &settings);

    assert_eq!(values(&settings.path), before);
}

#[test]
fn without_a_history_nothing_of_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let settings = config::Buffer { history: Duration::ZERO, ..settings(dir.path(), true, 1 << 30) };
    let mut buffer = delivered(&settings);

    for mut salvager in buffer.salvage().unwrap().open_all(dir.path()) {
        let done = loop {
            match salvager.step() {
                Step::Rows(rows) => rows.into_iter().for_each(|row| assert!(buffer.carry_over(row).is_ok())),
                Step::Letters(_) => {}
                Step::Done(done) => break done,
            }
        };
        assert_eq!(buffer.end_salvage(&done), None);
    }

    assert!(buffer.commit());
    assert!(buffer.salvage().unwrap().is_empty());
}

#[test]
fn of_a_file_larger_than_the_room_the_newest_part_comes_over() {
    let dir = tempfile::tempdir().unwrap();
    let large = settings(dir.path(), true, 1 << 30);
    let mut buffer = core(&large);
    for seed in 0..200 {
        buffer.take(readings(1, 60_000, seed));
        assert!(buffer.commit());
    }
    let ids: Vec<_> = owed(&mut buffer, "a").into_keys().collect();
    buffer.delivered("a", &ids);
    buffer.delivered("b", &ids);
    assert!(buffer.finish());
    drop(buffer);
    let old = values(&large.path);
    let newest = {
        let archive = Archive::open(&large.path, None).unwrap();
        let mut last = None;
        let all = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        let note = |step: crate::buffer::Step| {
            last = step.readings.last().map(|reading| format!("{:?}", reading.value)).or(last.take());
            ControlFlow::Continue(())
        };
        archive.each(all.0, all.1, note).unwrap();
        last.unwrap()
    };
    let small = config::Buffer { max_size: 16 << 20, ..large.clone() };
    assert!(core(&small).replace());

    let mut buffer = core(&small);
    salvage(&mut buffer, &small);

    assert!(buffer.finish());
    let kept = values(&small.path);
    assert!(kept.len() > 100 && kept.len() < old.len(), "{} of {}", kept.len(), old.len());
    assert!(kept.contains(&newest), "the newest is not among them");
    assert!(buffer.status.borrow().size_bytes < 16 << 20);
}

#[test]
fn readings_that_several_uplinks_had_come_over_once() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let filter = |name: &str| Feed { name: name.into(), filter: Some([Selector::parse("d/*").unwrap()].into()) };
    let of = || Origin { uplinks: vec![feed("a"), filter("b")], ..origin() };
    let mut buffer = core_of(&settings, of());
    buffer.take(readings(5, 100, 1));
    assert!(buffer.commit());
    for uplink in ["a", "b"] {
        let ids: Vec<_> = owed(&mut buffer, uplink).into_keys().collect();
        buffer.delivered(uplink, &ids);
    }
    assert!(buffer.finish() && buffer.replace());

    let mut next = core_of(&settings, of());
    salvage(&mut next, &settings);

    assert!(next.finish());
    assert_eq!(values(&settings.path).len(), 5);
}

#[tokio::test]
async fn a_history_whose_file_goes_meanwhile_is_waited_for_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = delivered(&settings);
    owed_alone(&mut buffer, &settings);
    drop(buffer);
    let (buffer, writer) = crate::buffer::open(&settings, origin(), crate::buffer::Metrics::default()).unwrap();
    let salvage = writer.salvage().unwrap();
    assert!(!salvage.is_empty());
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
    let mut buffer = core(&settings);
    assert!(buffer.salvage().unwrap().is_empty());
    assert!(owed(&mut buffer, "a").values().any(|block| content(block).contains("it is gone before its history")));
}
