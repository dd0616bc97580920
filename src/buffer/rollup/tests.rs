use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use proptest::prelude::*;
use rusqlite::Connection;
use tokio::time::{Instant, advance};

use super::{codec::Encoder, roller::Closed, rollups::MakeUp, table::Table, *};
use crate::{
    buffer::{model_test, seal::Seal},
    config,
    model::{ClockQuality, DeviceId, Point, PointName, PointType, Reading, Value},
};

/// Just after a quarter of an hour began.
const START: Timestamp = Timestamp::from_millis(1_700_001_003_000);
const DAY: Duration = Duration::from_secs(86_400);

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(include_str!("../schema/0003_rollup.sql")).unwrap();
    db
}

fn settings(history: Duration, max_size: u64) -> config::Buffer {
    config::Buffer { max_size, history, ..model_test::settings(std::path::Path::new("/nonexistent"), true, 0) }
}

fn point(number: usize) -> Arc<Point> {
    let (device, name) = (DeviceId::new("d").unwrap(), PointName::new(&format!("p{number}")).unwrap());
    Arc::new(Point::new(device, name, PointType::Float, Some("V")))
}

/// Every sum of a level, its parts merged.
fn stored(db: &Connection, level: Level) -> BTreeMap<(SeriesId, Timestamp), Summary> {
    let mut all: BTreeMap<_, Summary> = BTreeMap::new();
    let time = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    let mut take = |t, id, sum: &Summary| all.entry((id, t)).or_default().merge(sum);
    each(db, (level, None), time, &mut Decoder::new(Seal::default()).unwrap(), &mut take).unwrap();
    all
}

fn assert_same(found: &BTreeMap<(SeriesId, Timestamp), Summary>, model: &BTreeMap<(SeriesId, Timestamp), Summary>) {
    assert_eq!(found.keys().collect::<Vec<_>>(), model.keys().collect::<Vec<_>>());
    for (key, sum) in model {
        let (a, b) = (found[key], sum);
        assert_eq!((a.n, a.bad), (b.n, b.bad), "{key:?}");
        assert_eq!((a.values.min, a.values.max), (b.values.min, b.values.max), "{key:?}");
        assert!((a.values.mean - b.values.mean).abs() < 0.01, "{key:?} {a:?} {b:?}");
    }
}

/// A gateway in little: rollups, the blocks of its store, and a clock.
struct Site {
    db: Connection,
    rollups: Rollups,
    settings: config::Buffer,
    blocks: Vec<Reading>,
    now: Timestamp,
}

impl Site {
    fn new(settings: config::Buffer) -> Self {
        let db = database();
        let rollups = Rollups::open(&db, &settings, Metrics::default(), 0, START).unwrap();
        Self { db, rollups, settings, blocks: Vec::new(), now: START }
    }

    /// Each reading is a block.
    fn note(&mut self, reading: Reading) {
        self.rollups.present(Instant::now(), self.now);
        self.rollups.note(&reading);
        self.blocks.push(reading);
    }

    fn moment(&self, is_last: bool) -> Moment {
        let (last_id, clock) = (self.blocks.len() as u64, ClockQuality::Ntp);
        Moment { now: self.now, clock, last_id, oldest: Some(1), is_last }
    }

    async fn pass(&mut self, span: Duration) {
        let mut left = span;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(5));
            advance(step).await;
            self.now = self.now.plus(step);
            left -= step;
            let moment = self.moment(false);
            self.rollups.write(&mut self.db, &moment).unwrap();
        }
    }

    fn stop(&mut self) {
        let moment = self.moment(true);
        self.rollups.write(&mut self.db, &moment).unwrap();
    }

    /// Everything in memory is gone but for the blocks.
    fn crash(&mut self) {
        let (after, metrics) = (self.blocks.len() as u64, Metrics::default());
        self.rollups = Rollups::open(&self.db, &self.settings, metrics, after, self.now).unwrap();
        let missing: MakeUp = self.rollups.make_up(&self.db, 0).unwrap();
        self.rollups.present(Instant::now(), self.now);
        for (id, reading) in (1..).zip(&self.blocks).skip_while(|(id, _)| *id < missing.from) {
            self.rollups.note_again(&missing, id, reading);
        }
    }

    /// What all readings come to in spans of one length.
    fn model(&self, span: Duration) -> BTreeMap<(SeriesId, Timestamp), Summary> {
        let mut ids: HashMap<_, SeriesId> = HashMap::new();
        let mut model: BTreeMap<_, Summary> = BTreeMap::new();
        for reading in &self.blocks {
            let next = u32::try_from(ids.len()).unwrap() + 1;
            let id = *ids.entry(reading.point.address.clone()).or_insert(next);
            let number = reading.value.as_ref().and_then(Value::as_f64);
            model.entry((id, floor(reading.ts, span))).or_default().note(number, reading.ts);
        }
        model
    }
}

/// Runs on a clock that only moves when it is told to.
fn paused<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

#[derive(Debug, Clone)]
enum Step {
    Note { point: usize, value: Option<i32>, late: u64 },
    Pass { seconds: u64 },
    Stop,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let late = prop_oneof![4 => 0_u64..5, 1 => 0_u64..3_000];
    let note = (0_usize..3, proptest::option::weighted(0.9, -500_i32..500), late);
    prop_oneof![
        8 => note.prop_map(|(point, value, late)| Step::Note { point, value, late }),
        4 => (1_u64..400).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Stop),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Late or on time, over stops and crashes: every reading is in its minute and in its quarter exactly once.
    #[test]
    fn every_reading_is_summed_up_once(steps in proptest::collection::vec(step(), 0..120)) {
        paused(async {
            let mut site = Site::new(settings(DAY, 1 << 30));
            for step in steps {
                match step {
                    Step::Note { point: number, value, late } => {
                        let ts = Timestamp::from_millis(site.now.as_millis() - i64::try_from(late).unwrap() * 1_000);
                        let reading = match value {
                            Some(value) => Reading::good(point(number), Value::Float(f64::from(value) / 10.0), ts),
                            None => Reading::bad(point(number), "timeout", ts),
                        };
                        site.note(reading);
                    }
                    Step::Pass { seconds } => site.pass(Duration::from_secs(seconds)).await,
                    Step::Stop => {
                        site.stop();
                        site.crash();
                    }
                    Step::Crash => site.crash(),
                }
            }
            // Something must come in, or nothing is due.
            site.pass(2 * QUARTER).await;
            site.note(Reading::good(point(0), Value::Float(1.0), site.now));
            site.pass(2 * QUARTER).await;

            assert_same(&stored(&site.db, Level::Minute), &site.model(MINUTE));
            // The last quarter was not over when anything was written last.
            let last = floor(Timestamp::from_millis(site.now.as_millis() - 1_800_000), QUARTER);
            let (mut found, mut quarters) = (stored(&site.db, Level::Quarter), site.model(QUARTER));
            found.retain(|(_, t), _| *t < last);
            quarters.retain(|(_, t), _| *t < last);
            assert_same(&found, &quarters);
            let number = |sql| site.db.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
            let bytes = number("SELECT sum(length(body) + 24) FROM rollup");
            assert_eq!(bytes, number("SELECT bytes FROM rolled"));
        });
    }
}

#[test]
fn a_quarter_that_a_crash_left_is_summed_up_after_the_next_start() {
    paused(async {
        let mut site = Site::new(settings(DAY, 1 << 30));
        site.note(Reading::good(point(0), Value::Float(1.0), START));
        site.pass(Duration::from_secs(120)).await;
        assert_eq!((stored(&site.db, Level::Minute).len(), stored(&site.db, Level::Quarter).len()), (1, 0));

        site.crash();
        site.now = site.now.plus(QUARTER * 2);
        site.note(Reading::good(point(0), Value::Float(1.0), site.now));
        site.pass(Duration::from_secs(120)).await;

        assert!(stored(&site.db, Level::Quarter).contains_key(&(1, floor(START, QUARTER))));
    });
}

#[test]
fn minutes_go_with_the_history_and_quarters_ten_times_later() {
    paused(async {
        let hour = Duration::from_secs(3_600);
        let mut site = Site::new(settings(hour, 1 << 30));
        for _ in 0..15 {
            site.note(Reading::good(point(0), Value::Float(1.0), site.now));
            site.pass(hour).await;
        }
        site.note(Reading::good(point(0), Value::Float(1.0), site.now));
        site.pass(Duration::from_secs(90)).await;

        let age = |level| {
            let oldest = stored(&site.db, level).into_keys().map(|(_, t)| t).min().unwrap();
            site.now.since(oldest).as_secs() / 3_600
        };
        assert!(age(Level::Minute) <= 1, "{}", age(Level::Minute));
        assert!((9..=10).contains(&age(Level::Quarter)), "{}", age(Level::Quarter));
    });
}

#[test]
fn a_clock_nobody_believes_makes_nothing_old() {
    paused(async {
        let mut site = Site::new(settings(Duration::from_secs(3_600), 1 << 30));
        site.note(Reading::good(point(0), Value::Float(1.0), site.now));
        site.stop();
        site.now = site.now.plus(DAY * 365);
        let moment = Moment { clock: ClockQuality::None, ..site.moment(true) };
        site.rollups.write(&mut site.db, &moment).unwrap();
        assert_eq!(stored(&site.db, Level::Minute).len(), 1);

        site.stop();
        assert_eq!(stored(&site.db, Level::Minute).len(), 0, "by a good clock it is old");
    });
}

#[test]
fn rollups_stay_within_a_tenth_of_the_buffer() {
    paused(async {
        let mut site = Site::new(settings(DAY * 365, 40_000));
        for minute in 0..400 {
            for number in 0..5 {
                site.note(Reading::good(point(number), Value::Float(f64::from(minute)), site.now));
            }
            site.pass(MINUTE).await;
        }

        let bytes: u64 = site.db.query_row("SELECT bytes FROM rolled", [], |row| row.get(0)).unwrap();
        assert!((2_000..=4_000).contains(&bytes), "{bytes}");
        let newest = stored(&site.db, Level::Minute).into_keys().map(|(_, t)| t).max().unwrap();
        assert!(site.now.since(newest) < Duration::from_secs(180), "the newest stay");
    });
}

#[test]
fn without_a_history_nothing_is_kept_and_what_was_goes() {
    paused(async {
        let mut site = Site::new(settings(DAY, 1 << 30));
        site.note(Reading::good(point(0), Value::Float(1.0), site.now));
        site.stop();
        site.settings.history = Duration::ZERO;
        site.crash();

        site.note(Reading::good(point(0), Value::Float(1.0), site.now));
        site.pass(MINUTE * 3).await;

        assert_eq!((stored(&site.db, Level::Minute).len(), stored(&site.db, Level::Quarter).len()), (0, 0));
        assert_eq!(site.rollups.unwritten(&point(0).address).sums, []);
    });
}

#[test]
fn text_is_not_summed_up() {
    paused(async {
        let mut site = Site::new(settings(DAY, 1 << 30));
        let mut text = (*point(0)).clone();
        text.kind = PointType::Text;
        site.note(Reading::good(Arc::new(text), Value::Text("on".into()), site.now));
        site.stop();
        assert_eq!(stored(&site.db, Level::Minute).len(), 0);
        let runs: u64 = site.db.query_row("SELECT count(*) FROM run", [], |row| row.get(0)).unwrap();
        assert_eq!(runs, 1, "its blocks are found by time all the same");
    });
}

#[test]
fn damaged_tables_end_the_rollups_and_nothing_else() {
    paused(async {
        for damage in [
            "UPDATE rolled SET generation = x'00'",
            "DELETE FROM rolled",
            "INSERT INTO series VALUES (1, x'00', x'01', x'02')",
            "DROP TABLE run",
        ] {
            let mut site = Site::new(settings(DAY, 1 << 30));
            site.db.execute_batch(damage).unwrap();
            site.rollups = Rollups::open(&site.db, &site.settings, Metrics::default(), 0, site.now).unwrap();

            site.note(Reading::good(point(0), Value::Float(1.0), site.now));
            let moment = site.moment(true);
            let written = site.rollups.write(&mut site.db, &moment);

            let rests = site.rollups.unwritten(&point(0).address).series.is_empty();
            assert!(rests || written.is_err(), "{damage}: {written:?}");
        }
    });
}

/// Rollups of many points over a long time, for figures: bytes of all minutes.
pub(in crate::buffer) fn fill(db: &mut Connection, from: Timestamp, minutes: u32, points: usize) -> u64 {
    let mut random = fastrand::Rng::with_seed(7);
    let mut rollups = Rollups::open(db, &settings(DAY * 90, 1 << 40), Metrics::default(), 0, from).unwrap();
    let all: Vec<_> = (0..points).map(point).collect();
    for point in &all {
        rollups.note(&Reading::bad(Arc::clone(point), "stale", from));
    }
    let moment = Moment { now: from, clock: ClockQuality::Ntp, last_id: 1, oldest: Some(1), is_last: true };
    rollups.write(db, &moment).unwrap();
    let mut mark = table::mark(db).unwrap();
    let tx = db.transaction().unwrap();
    let (mut encoder, mut values) = (Encoder::new(Seal::default()).unwrap(), vec![20_000_i64; points]);
    let mut table = Table { tx: &tx, encoder: &mut encoder, mark: &mut mark, written: (0, 0) };
    let mut written = 0;
    for minute in 0..minutes {
        let t = floor(from, MINUTE).plus(MINUTE * (minute + 1));
        let sums = (1..).zip(&mut values).map(|(id, value)| {
            let mut sum = Summary::default();
            for second in [0, 7, 30, 59_u64] {
                *value += random.i64(-20..=20);
                #[expect(clippy::cast_precision_loss, reason = "a made-up value")]
                sum.note(Some(*value as f64 / 100.0), t.plus(Duration::from_millis(second * 1_000 + 17)));
            }
            (id, Summary { n: 60, ..sum })
        });
        table.add(Level::Minute, &Closed { t, sums: sums.collect() }).unwrap();
        written = table.written.1;
        if (t.as_millis() / 60_000) % 15 == 14 {
            let quarter = floor(t, QUARTER);
            table.merge(quarter).unwrap();
        }
    }
    table.put_mark().unwrap();
    tx.commit().unwrap();
    written
}
