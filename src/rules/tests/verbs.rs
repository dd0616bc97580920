//! What a rule can say about a reading, and what else it can do.

use std::time::Duration;

use super::fixture::{Bench, lines, point, reading};
use crate::{
    model::{EventKind, PointType, Quality, Reading, Severity, StateChange, Timestamp, Value},
    rules::{Kept, Metrics, reload::Scope, set::RuleSet},
};

#[test]
fn a_reading_without_rules_passes_untouched() {
    let mut bench = Bench::one(r#"on("other/*", |r| r.drop());"#);

    let output = bench.power(230.0);

    assert_eq!(lines(&output.forward), ["meter/power=230"]);
    assert_eq!(bench.status().calls, 0);
}

#[test]
fn a_rule_drops_keeps_locally_and_changes() {
    let rule = r#"on("meter/power", |r| {
        if r.value < 0.0 { r.drop() } else if r.value > 100.0 { keep_local() } else { r.value = r.value * 2 }
    });"#;
    let mut bench = Bench::one(rule);

    let dropped = bench.power(-1.0);
    assert_eq!(
        (lines(&dropped.dropped), dropped.forward.len(), dropped.local.len()),
        (vec!["meter/power=-1".into()], 0, 0)
    );
    assert_eq!(lines(&bench.power(101.0).local), ["meter/power=101"]);
    assert_eq!(lines(&bench.power(21.0).forward), ["meter/power=42"]);
    assert_eq!(bench.status().last_error, None);
}

#[test]
fn rules_run_in_file_order_and_see_changes_of_the_ones_before() {
    let mut bench = Bench::with(&[
        ("b", r#"on("meter/*", |r| r.change(r.value * 10));"#),
        ("a", r#"on("*/power", |r| r.change(r.value + 1));"#),
    ]);

    assert_eq!(lines(&bench.power(1.0).forward), ["meter/power=20"]);
}

#[test]
fn the_strongest_verdict_wins() {
    let mut bench = Bench::with(&[
        ("a", r#"on("meter/power", |r| r.drop());"#),
        ("b", r#"on("meter/power", |r| r.keep_local());"#),
    ]);

    assert_eq!(lines(&bench.power(1.0).dropped), ["meter/power=1"]);
}

#[test]
fn an_untouched_64_bit_counter_stays_exact() {
    let mut bench =
        Bench::one(r#"on("meter/energy", |r| { r.value = r.value; if type_of(r.value) != "f64" { throw 1 } });"#);
    let counter = Value::Uint(u64::MAX - 1);

    let output = bench.send(reading("meter/energy", PointType::Int, counter.clone(), 0));

    assert_eq!(output.forward[0].value, Some(counter));
    assert_eq!(bench.status().faults, 0);
}

#[test]
fn a_changed_integer_point_stays_integer_while_it_is_whole() {
    let mut bench = Bench::one(r#"on("meter/count", |r| r.value = r.value / 2);"#);

    let even = bench.send(reading("meter/count", PointType::Int, Value::Int(8), 0));
    let odd = bench.send(reading("meter/count", PointType::Int, Value::Int(7), 0));

    assert_eq!(even.forward[0].value, Some(Value::Int(4)));
    assert_eq!(odd.forward[0].value, Some(Value::Float(3.5)));
}

#[test]
fn a_bad_reading_is_seen_as_such_and_can_be_substituted() {
    let rule = r#"on("meter/power", |r| if r.value == () && r.quality == "bad:timeout" { r.value = 7 });"#;
    let mut bench = Bench::one(rule);

    let output = bench.send(Reading::bad(point("meter/power", PointType::Float), "timeout", Timestamp::default()));

    assert_eq!(output.forward[0].value, Some(Value::Float(7.0)));
    assert_eq!(output.forward[0].quality, Quality::uncertain("substituted"));
}

#[test]
fn a_deadband_compares_with_what_was_forwarded_last() {
    let mut bench = Bench::one(r#"on("meter/power", |r| r.deadband(1));"#);

    let sent = [10.0, 10.6, 11.0, 11.2, 11.9, 12.3].map(|value| bench.power(value).forward.len());
    let bad = bench.send(Reading::bad(point("meter/power", PointType::Float), "timeout", Timestamp::default()));

    assert_eq!(sent, [1, 0, 0, 1, 0, 1]);
    assert_eq!(bad.forward.len(), 1);
}

#[test]
fn an_emitted_reading_follows_its_cause_and_runs_through_no_rule() {
    let rule = r#"
        on("meter/power", |r| emit("site/energy_15m", r.value / 4, "kW.h"));
        on("site/*", |r| r.drop());
    "#;
    let mut bench = Bench::one(rule);

    let output = bench.send(reading("meter/power", PointType::Float, Value::Float(8.0), 1_234));
    let again = bench.power(4.0);

    assert_eq!(lines(&output.forward), ["meter/power=8", "site/energy_15m=2"]);
    assert_eq!(output.forward[1].ts, Timestamp::from_millis(1_234));
    assert_eq!(output.forward[1].point.unit.as_deref(), Some("kW.h"));
    assert!(std::sync::Arc::ptr_eq(&output.forward[1].point, &again.forward[1].point));
}

#[test]
fn last_values_are_known_with_quality_and_age() {
    let rule = r#"on("meter/power", |r| {
        emit("t/value", value("meter/voltage")); emit("t/quality", quality("meter/voltage"));
        emit("t/age", age("meter/voltage")); emit("t/unknown", age("no/such") == ());
    });"#;
    let mut bench = Bench::one(rule);
    bench.send(reading("meter/voltage", PointType::Int, Value::Int(230), 1_000));

    let output = bench.send(reading("meter/power", PointType::Float, Value::Float(1.0), 3_500));

    let expected = ["meter/power=1", "t/value=230", "t/quality=good", "t/age=2.5", "t/unknown=true"];
    assert_eq!(lines(&output.forward), expected);
}

#[test]
fn last_values_are_known_from_the_start() {
    let bench = Bench::one(r#"on("meter/power", |r| { r.value = value("tank/level"); r.deadband(100) });"#);
    let last = vec![reading("tank/level", PointType::Float, Value::Float(7.5), 0)];
    let kept = Kept { last, ..Kept::default() };
    let mut set = RuleSet::new(&bench.config, kept, bench.clock.clone(), Metrics::default());
    set.reload(&bench.config.dir, Scope::Changed);

    set.take(reading("meter/power", PointType::Float, Value::Float(1.0), 0));

    assert_eq!(lines(&set.take_output().forward), ["meter/power=7.5"]);
}

#[test]
fn variables_are_told_with_the_group_and_survive_a_restart() {
    let rule = r#"on("meter/power", |r| { emit("t/n", state.incr("n", 1)); state.set("last", r.value); });"#;
    let mut bench = Bench::one(rule);
    bench.power(1.0);
    let output = bench.power(2.5);

    let mut restarted = Bench::start(&[("rule", rule)], |_| {}, output.state.clone());

    let n = StateChange { rule: "rule".into(), key: "n".into(), value: Some(2.into()) };
    assert!(output.state.contains(&n));
    assert_eq!(lines(&restarted.power(1.0).forward), ["meter/power=1", "t/n=3"]);
}

#[test]
fn variables_belong_to_their_file_and_functions_see_them() {
    let rule =
        r#"fn note() { state.incr("n", 1) } on("meter/power", |r| emit(`t/${state.get("name", "x")}`, note()));"#;
    let mut bench = Bench::with(&[("a", rule), ("b", rule)]);

    let output = bench.power(1.0);

    assert_eq!(lines(&output.forward), ["meter/power=1", "t/x=1", "t/x=1"]);
}

#[test]
fn a_captured_variable_lives_between_calls() {
    let mut bench = Bench::one(r#"let n = 0; on("meter/power", |r| { n += 1; r.value = n });"#);

    assert_eq!(lines(&bench.power(9.0).forward), ["meter/power=1"]);
    assert_eq!(lines(&bench.power(9.0).forward), ["meter/power=2"]);
}

#[test]
fn an_alarm_is_told_only_when_it_changes() {
    let rule = r#"on("meter/power", |r| {
        if r.value > 100 { alarm("high", #{ severity: "critical", text: `${r.value} W` }) } else { clear("high") }
    });"#;
    let mut bench = Bench::one(rule);

    let told = [50.0, 150.0, 160.0, 50.0, 40.0].map(|value| bench.power(value).events);

    assert_eq!(told.each_ref().map(Vec::len), [0, 1, 0, 1, 0]);
    let EventKind::Alarm { alarm } = &told[1][0].kind else { panic!("no alarm") };
    assert_eq!((&*alarm.id, &*alarm.rule, alarm.active), ("high", "rule", true));
    assert_eq!((alarm.severity, &*alarm.text), (Severity::Critical, "150.0 W"));
    let EventKind::Alarm { alarm } = &told[3][0].kind else { panic!("no alarm") };
    assert!(!alarm.active);
}

#[test]
fn a_raised_alarm_is_still_raised_after_a_restart() {
    let rule = r#"on("meter/power", |r| if r.value > 1 { alarm("high", #{}) } else { clear("high") });"#;
    let state = Bench::one(rule).power(2.0).state;

    let mut restarted = Bench::start(&[("rule", rule)], |_| {}, state);

    assert_eq!(restarted.power(2.0).events.len(), 0);
    assert_eq!(restarted.power(0.0).events.len(), 1);
}

#[test]
fn hysteresis_goes_on_at_its_upper_and_off_at_its_lower_end() {
    let mut bench =
        Bench::one(r#"on("meter/power", |r| r.value = if hysteresis(r, r.value, 8, 7) { 1 } else { 0 });"#);

    let states = [7.5, 8.0, 7.5, 7.0, 7.5].map(|value| lines(&bench.power(value).forward).remove(0));

    assert_eq!(states.map(|line| line.ends_with("=1")), [false, true, true, false, false]);
}

#[test]
fn a_command_is_a_wish_with_a_whole_number_without_fraction() {
    let mut bench = Bench::one(r#"on("meter/power", |r| command("pump-1/speed", r.value));"#);

    let whole = bench.power(50.0).commands.remove(0);
    let fraction = bench.power(50.5).commands.remove(0);

    assert_eq!((&*whole.rule, whole.target.as_str(), whole.value), ("rule", "pump-1/speed", 50.into()));
    assert_eq!(fraction.value, 50.5);
}

#[test]
fn timers_keep_their_schedule_and_skip_missed_turns() {
    let mut bench = Bench::one(r#"every("10s", || emit("t/ts", now() % 60_000));"#);

    let turns = [9_999, 1, 9_000, 2_000, 35_000, 3_999, 1]
        .map(|millis| lines(&bench.advance(Duration::from_millis(millis)).forward));

    let at = |millis: u32| vec![format!("t/ts={millis}")];
    assert_eq!(turns, [vec![], at(10_000), vec![], at(20_000), at(50_000), vec![], at(0)]);
}
