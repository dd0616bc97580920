use std::{collections::HashMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::model::{DeviceId, Point, PointName, PointType, Value};

const START: i64 = 1_700_000_040_000;

fn point(kind: PointType) -> Arc<Point> {
    Arc::new(Point::new(DeviceId::new("d").unwrap(), PointName::new("p").unwrap(), kind, None))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

fn good(value: f64, ts: Timestamp) -> Reading {
    Reading::good(point(PointType::Float), Value::Float(value), ts)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_minute_closes_when_its_patience_is_over() {
    let mut roller = Roller::default();
    roller.note(1, &good(2.0, at(3)), seconds(3));
    roller.note(1, &good(4.0, at(59)), seconds(59));
    roller.note(1, &good(9.0, at(60)), seconds(60));

    roller.close(at(69), seconds(69));
    assert_eq!(roller.closed().count(), 0);
    roller.close(at(70), seconds(70));

    let closed: Vec<_> = roller.closed().cloned().collect();
    assert_eq!((closed.len(), closed[0].t, closed[0].sums[0].1.n), (1, at(0), 2));
    assert!((closed[0].sums[0].1.values.mean - 3.0).abs() < 1e-9);
    assert_eq!(roller.unwritten(1).map(|(t, _)| t).collect::<Vec<_>>(), [at(0), at(60)]);
    roller.written();
    assert_eq!((roller.unwritten(1).count(), roller.open_sums()), (1, 1));
}

#[test]
fn a_switch_counts_as_zero_and_one() {
    let mut roller = Roller::default();
    roller.note(1, &Reading::good(point(PointType::Bool), Value::Bool(true), at(0)), seconds(0));
    roller.note(1, &Reading::good(point(PointType::Bool), Value::Bool(false), at(1)), seconds(0));
    roller.note(1, &Reading::bad(point(PointType::Bool), "timeout", at(2)), seconds(0));

    let sums: Vec<_> = roller.unwritten(1).collect();
    assert_eq!((sums.len(), sums[0].1.n, sums[0].1.bad), (1, 2, 1));
    assert!((sums[0].1.values.mean - 0.5).abs() < 1e-9 && sums[0].1.values.last.abs() < 1e-9);
}

#[test]
fn a_device_of_another_century_is_closed_like_any_other() {
    let mut roller = Roller::default();
    roller.note(1, &good(1.0, Timestamp::from_millis(i64::MAX)), seconds(0));
    roller.note(1, &good(1.0, Timestamp::from_millis(i64::MIN)), seconds(0));
    roller.note(1, &good(1.0, at(0)), seconds(0));

    roller.close(at(0), seconds(1));
    assert_eq!(roller.closed().count(), 1, "what lies before 1970 is long over");
    roller.close(at(0), seconds(120));
    assert_eq!((roller.closed().count(), roller.open_sums()), (3, 0));
}

#[test]
fn readings_of_a_hundred_thousand_minutes_stay_within_the_bounds() {
    let mut roller = Roller::default();
    let (minutes, kept) = (250_000, 200_000);

    for minute in 0..minutes {
        roller.note(1, &good(1.0, at(minute * 60)), seconds(0));
    }

    assert!(roller.is_crowded());
    assert_eq!((roller.open_sums(), roller.unwritten(1).count()), (MAX_OPEN, kept));
    assert_eq!(roller.take_lost(), 50_000);
}

#[derive(Debug, Clone)]
enum Step {
    Note { id: SeriesId, value: Option<i32>, second: i64 },
    Close { second: i64 },
    CloseAll,
    Write,
}

fn step() -> impl Strategy<Value = Step> {
    // Times go back and forth over five minutes, so many readings are late.
    let note = (1_u32..4, proptest::option::of(-50_i32..50), 0_i64..300);
    prop_oneof![
        20 => note.prop_map(|(id, value, second)| Step::Note { id, value, second }),
        3 => (0_i64..400).prop_map(|second| Step::Close { second }),
        1 => Just(Step::CloseAll),
        2 => Just(Step::Write),
    ]
}

proptest! {
    /// Whatever was late and however many parts it made: the parts of a minute merge into the sum of its readings.
    #[test]
    fn parts_of_a_minute_say_what_all_its_readings_do(steps in proptest::collection::vec(step(), 0..200)) {
        let mut roller = Roller::default();
        let mut model: HashMap<(SeriesId, Timestamp), Summary> = HashMap::new();
        let mut written: HashMap<(SeriesId, Timestamp), Summary> = HashMap::new();
        let take = |roller: &mut Roller, written: &mut HashMap<_, Summary>| {
            for Closed { t, sums } in roller.closed() {
                assert!(sums.is_sorted_by_key(|(id, _)| *id));
                for (id, sum) in sums {
                    written.entry((*id, *t)).or_default().merge(sum);
                }
            }
            roller.written();
        };

        for step in steps {
            match step {
                Step::Note { id, value, second } => {
                    let number = value.map(f64::from);
                    let reading = number.map_or_else(
                        || Reading::bad(point(PointType::Float), "timeout", at(second)),
                        |value| good(value, at(second)),
                    );
                    roller.note(id, &reading, seconds(0));
                    model.entry((id, at(second / 60 * 60))).or_default().note(number, at(second));
                }
                Step::Close { second } => roller.close(at(second), seconds(0)),
                Step::CloseAll => roller.close_all(),
                Step::Write => take(&mut roller, &mut written),
            }
        }
        roller.close_all();
        take(&mut roller, &mut written);

        prop_assert_eq!(roller.open_sums(), 0);
        prop_assert_eq!(written.len(), model.len());
        for (key, sum) in &model {
            let found = written[key];
            prop_assert_eq!((found.n, found.bad), (sum.n, sum.bad));
            let (a, b) = (found.values, sum.values);
            prop_assert_eq!((a.min, a.max, a.last, a.last_ts), (b.min, b.max, b.last, b.last_ts));
            prop_assert!((a.mean - b.mean).abs() < 1e-9);
        }
    }
}
