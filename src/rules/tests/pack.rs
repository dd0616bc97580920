//! The shipped pack does what its comments say.

use std::{fs, path::Path, time::Duration};

use super::fixture::{Bench, lines, point, reading};
use crate::model::{EventKind, PointType, Reading, Timestamp, Value};

fn demo(name: &str) -> Bench {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plugins/rules/demo/{name}.rhai"));
    Bench::with(&[(name, &fs::read_to_string(path).unwrap())])
}

#[test]
fn a_cold_store_that_stays_warm_raises_an_alarm_and_clears_it() {
    let mut bench = demo("cold-store");
    let mut at = |celsius: f64, second: i64| {
        bench.send(reading("cold-1/temperature", PointType::Float, Value::Float(celsius), second * 1_000))
    };

    assert_eq!(at(4.0, 0).forward.len(), 1);
    assert_eq!(at(4.05, 1).forward.len(), 0);
    assert!(at(8.5, 2).events.is_empty());
    assert!(at(8.5, 11).events.is_empty());
    let raised = at(8.5, 12).events;
    let cleared = at(6.9, 13).events;

    assert!(matches!(&raised[0].kind, EventKind::Alarm { alarm } if alarm.active && &*alarm.id == "too-warm"));
    assert!(matches!(&cleared[0].kind, EventKind::Alarm { alarm } if !alarm.active));
    assert_eq!(bench.status().faults, 0);
}

#[test]
fn an_open_door_is_told() {
    let mut bench = demo("cold-store");
    let mut told = |open| bench.send(reading("cold-1/door", PointType::Bool, Value::Bool(open), 0)).events.len();

    assert_eq!([false, true, true, false].map(&mut told), [0, 1, 0, 1]);
    assert_eq!(bench.status().faults, 0);
}

#[test]
fn a_store_that_does_not_answer_keeps_its_door_alarm() {
    let mut bench = demo("cold-store");
    bench.send(reading("cold-1/door", PointType::Bool, Value::Bool(true), 0));
    let silent = Reading::bad(point("cold-1/door", PointType::Bool), "timeout", Timestamp::default());

    assert!(bench.send(silent).events.is_empty());
}

#[test]
fn the_pump_is_slowed_down_once_while_much_power_is_drawn() {
    let mut bench = demo("pump-limit");
    let commands = [1_000.0, 3_100.0, 2_700.0, 3_200.0, 2_400.0, 2_400.0].map(|watts| {
        let output = bench.send(reading("meter-1/power", PointType::Float, Value::Float(watts), 0));
        output.commands.into_iter().map(|command| command.value.as_i64().unwrap()).collect::<Vec<_>>()
    });

    assert_eq!(commands, [vec![60], vec![30], vec![], vec![], vec![60], vec![]]);
    assert_eq!(bench.status().faults, 0);
}

#[test]
fn the_site_gets_its_mean_power() {
    let mut bench = demo("site-power");
    for watts in [100, 200] {
        bench.send(reading("meter-1/power", PointType::Int, Value::Int(watts), 0));
    }

    let first = bench.advance(Duration::from_secs(5)).forward;
    let second = bench.advance(Duration::from_secs(5)).forward;

    assert_eq!(lines(&first), ["site/power_mean=150"]);
    assert!(second.is_empty());
    assert_eq!(bench.status().faults, 0);
}
