use std::{thread::JoinHandle, time::Instant};

use super::*;
use crate::{
    buffer::{Append, Metrics, Origin, handle, model_test, opening, rollup::tests::fill},
    model::{Clock, DeviceId, Point, PointName, PointType, Value},
    testing::clock::ManualClock,
};

fn point(name: &str) -> Arc<Point> {
    let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new(name).unwrap());
    Arc::new(Point::new(device, name, PointType::Float, Some("V")))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(floor_minute() + seconds * 1_000)
}

/// The full minute the test clock stands in.
fn floor_minute() -> i64 {
    let now = ManualClock::START.as_millis();
    now - now % 60_000
}

fn reading(value: f64, seconds: i64) -> Reading {
    Reading::good(point("voltage"), Value::Float(value), at(seconds))
}

/// A buffer that runs, and questions to it.
struct Site {
    buffer: Buffer,
    writer: Option<JoinHandle<()>>,
    history: History,
}

impl Site {
    fn open(settings: &config::Buffer) -> Self {
        let origin = Origin { ..model_test::origin() };
        let clock = Arc::new(ManualClock::default());
        let (buffer, writer) = handle::open(settings, origin, Metrics::default()).unwrap();
        let writer = Some(std::thread::spawn(move || writer.run()));
        let history = History::new(buffer.clone(), settings, clock);
        Self { buffer, writer, history }
    }

    async fn append(&self, forward: Vec<Reading>) {
        self.buffer.append(Append { forward, ..Append::default() }).await.unwrap();
        self.buffer.flush().await.unwrap();
    }

    async fn ask(&self, name: &str, from: Timestamp, to: Timestamp, every: &str) -> Result<Answer, HistoryError> {
        let wish = Wish { from: Some(from.to_string()), to: Some(to.to_string()), every: Some(every.to_owned()) };
        self.history.ask(point(name).address.clone(), &wish).await
    }

    async fn buckets(&self, from: i64, to: i64, every: &str) -> Vec<Bucket> {
        match self.ask("voltage", at(from), at(to), every).await.unwrap().rows {
            Rows::Buckets(buckets) => buckets,
            Rows::Readings(_) => panic!("no buckets"),
        }
    }

    async fn singles(&self, from: i64, to: i64) -> Vec<f64> {
        match self.ask("voltage", at(from), at(to), "raw").await.unwrap().rows {
            Rows::Readings(readings) => readings.iter().filter_map(|r| r.value.as_ref()?.as_f64()).collect(),
            Rows::Buckets(_) => panic!("no readings"),
        }
    }

    async fn close(mut self) {
        self.buffer.close().await;
        self.writer.take().unwrap().join().unwrap();
    }
}

fn settings(dir: &tempfile::TempDir) -> config::Buffer {
    model_test::settings(dir.path(), false, 1 << 30)
}

#[tokio::test]
async fn a_chart_is_up_to_date_and_the_same_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    let site = Site::open(&settings);
    site.append((0..120).map(|second| reading(f64::from(i32::try_from(second).unwrap()), second)).collect()).await;

    let fresh = site.buckets(0, 180, "1m").await;
    assert_eq!(fresh.iter().map(|bucket| (bucket.t, bucket.n)).collect::<Vec<_>>(), [(at(0), 60), (at(60), 60)]);
    assert_eq!((fresh[1].min, fresh[1].max, fresh[1].last), (Some(60.0), Some(119.0), Some(119.0)));
    assert_eq!((fresh[0].mean, site.singles(10, 13).await), (Some(29.5), vec![10.0, 11.0, 12.0]));
    site.close().await;

    let site = Site::open(&settings);
    assert_eq!(site.buckets(0, 180, "1m").await, fresh);
    // A late reading goes into the minute it belongs to, which is written already.
    site.append(vec![reading(-7.0, 30)]).await;
    let late = site.buckets(0, 60, "1m").await;
    assert_eq!((late.len(), late[0].n, late[0].min, late[0].last), (1, 61, Some(-7.0), Some(59.0)));
    site.close().await;

    let site = Site::open(&settings);
    assert_eq!(site.buckets(0, 60, "1m").await, late);
    let day = site.buckets(0, 180, "1d").await;
    assert_eq!((day.len(), day[0].n), (1, 121), "quarters that are not over are made of minutes");
    assert_eq!(site.singles(30, 31).await, [30.0, -7.0]);
    site.close().await;
}

#[tokio::test]
async fn what_cannot_be_answered_says_what_can() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::open(&settings(&dir));
    site.append(vec![reading(1.0, 0)]).await;
    site.close().await;
    let site = Site::open(&settings(&dir));

    let unknown = site.ask("voltag", at(0), at(60), "1m").await.unwrap_err();
    let HistoryError::Unknown { near, .. } = unknown else { panic!("{unknown}") };
    assert_eq!(near.as_deref(), Some("meter-1/voltage"));
    let unknown = site.ask("voltag", at(0), at(60), "raw").await.unwrap_err();
    assert!(matches!(unknown, HistoryError::Unknown { near: Some(_), .. }));
    assert_eq!(site.buckets(-600, -60, "1m").await, [], "a time without readings is empty and no error");
    site.append((0..10_001).map(|second| reading(0.0, second % 60)).collect()).await;
    let long = site.ask("voltage", at(0), at(60), "raw").await.unwrap_err();
    assert!(long.to_string().contains("buffer export"), "{long}");
    site.close().await;
}

#[tokio::test]
async fn single_readings_are_found_whatever_the_clock_did() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    // Each stop ends a run of blocks; the times of the runs go forth and back.
    for (run, start) in [0, 7_200, -86_400, 3_600, 300].into_iter().enumerate() {
        let site = Site::open(&settings);
        let value = f64::from(u8::try_from(run).unwrap());
        site.append((0..50).map(|second| reading(value, start + second)).collect()).await;
        site.close().await;
    }

    let site = Site::open(&settings);
    assert_eq!(site.singles(7_200, 7_203).await, [1.0; 3]);
    assert_eq!(site.singles(-86_400, -86_398).await, [2.0; 2]);
    assert_eq!(site.singles(0, 4_000).await.len(), 150);
    site.close().await;

    let archive = Archive::open(&settings.path, None).unwrap();
    let mut steps = 0;
    let mut readings = 0;
    let count = |step: Step| {
        steps += 1;
        readings += step.readings.len();
        std::ops::ControlFlow::Continue(())
    };
    archive.each(at(3_600), at(3_601), count).unwrap();
    assert_eq!((steps, readings), (1, 1), "rows of other times are not looked at");
}

#[test]
fn what_a_crash_took_is_summed_up_again_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    let counts = |core: &crate::buffer::core::Core| {
        let sums = core.unwritten(&point("voltage").address).sums;
        sums.iter().map(|(_, _, sum)| sum.n).collect::<Vec<_>>()
    };
    let mut crashed = model_test::core(&settings);
    crashed.take(Append { forward: vec![reading(1.0, 0), reading(3.0, 1)], ..Append::default() });
    assert!(crashed.commit());
    drop(crashed);

    let mut next = model_test::core(&settings);
    next.restore_last();
    assert_eq!(counts(&next), [2]);
    assert!(next.finish());
    assert_eq!(counts(&next), [0_u64; 0]);
    drop(next);

    let mut last = model_test::core(&settings);
    last.restore_last();
    assert_eq!(counts(&last), [0_u64; 0]);
}

#[test]
fn a_file_that_is_not_there_or_of_another_version_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("buffer.db");
    let error = Archive::open(&path, None).err().unwrap();
    assert!(matches!(error, ArchiveError::Io { .. }), "{error}");

    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    std::fs::write(dir.path().join("buffer.db.lock"), "").unwrap();
    assert!(matches!(Archive::open(&path, None).err().unwrap(), ArchiveError::Format { found: 1, .. }));
}

/// A figure, not a limit: the machine may be busy.
#[tokio::test]
async fn a_day_of_one_point_among_a_thousand_is_answered_soon() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    let (store, _) = opening::open(&settings.path, crate::buffer::seal::Seal::default(), ManualClock::START).unwrap();
    drop(store);
    let mut db = Connection::open(&settings.path).unwrap();
    let (minutes, points) = (1_440, 1_000);
    let from = Timestamp::from_millis(ManualClock::default().now().as_millis() - 86_400_000);
    let bytes = fill(&mut db, from, minutes, points);
    drop(db);
    let site = Site::open(&settings);

    let wish = |every: &str| Wish { every: Some(every.to_owned()), ..Wish::default() };
    let address = PointAddress { device: DeviceId::new("d").unwrap(), point: PointName::new("p500").unwrap() };
    for (every, buckets) in [("1m", 1_438..=1_441), ("15m", 96..=97), ("1h", 24..=25)] {
        let begun = Instant::now();
        let answer = site.history.ask(address.clone(), &wish(every)).await.unwrap();
        let took = begun.elapsed();
        let Rows::Buckets(found) = answer.rows else { panic!("no buckets") };
        println!("{every}: {} buckets in {took:?}", found.len());
        assert!(buckets.contains(&found.len()), "{every}: {}", found.len());
    }
    println!("{} bytes per minute of {points} points", bytes / u64::from(minutes));
    site.close().await;
}
