//! A rule that fails harms nothing but itself.

use std::time::Duration;

use super::fixture::{Bench, lines, point};
use crate::{
    model::{Clock as _, EventKind, PointType, Reading, Timestamp},
    rules::{RuleState, script::Entry},
};

/// The reading passes and the fault is known.
fn passes_in_spite_of(body: &str) -> String {
    let mut bench = Bench::one(&format!("fn deep(n) {{ deep(n + 1) }}\non(\"meter/power\", |r| {{ {body} }});"));

    let output = bench.power(42.0);

    assert_eq!(lines(&output.forward), ["meter/power=42"], "{body}");
    assert_eq!(bench.status().faults, 1, "{body}");
    bench.status().last_error.unwrap()
}

#[test]
fn errors_let_the_reading_pass_with_the_place_of_the_error() {
    assert_eq!(passes_in_spite_of("\n  throw \"broken\""), "broken (line 3:3)");
    assert!(passes_in_spite_of("r.value = 1.0 / 0.0").contains("inf"));
    assert!(passes_in_spite_of("r.value = \"text\"").contains("float point"));
    assert!(passes_in_spite_of("no_such_function(1)").contains("no_such_function"));
    assert!(passes_in_spite_of("emit(\"Not/slug\", 1)").contains("Not"));
    assert!(passes_in_spite_of("emit(\"a/b\", 0.0 / 0.0)").contains("NaN"));
    assert!(passes_in_spite_of("state.set(\"k\", 0.0 / 0.0)").contains("NaN"));
    assert!(passes_in_spite_of("on(\"a/b\", |r| 1)").contains("top level"));
    assert!(passes_in_spite_of("sleep(1)").contains("sleep"));
    assert!(passes_in_spite_of("alarm(\"x\", #{ severity: \"odd\" })").contains("odd"));
}

#[test]
fn limits_stop_loops_bombs_and_recursion() {
    passes_in_spite_of("loop {}");
    passes_in_spite_of("let s = \"x\"; loop { s += s; }");
    passes_in_spite_of("let a = []; loop { a.push(1); }");
    passes_in_spite_of("let a = []; loop { a = [a]; }");
    passes_in_spite_of("let m = #{}; let i = 0; loop { m[`${i}`] = i; i += 1; }");
    passes_in_spite_of("deep(0)");
    passes_in_spite_of("let x = 0; for i in 0..2_000_000_000 { x = i; }");
    passes_in_spite_of("blob(2_000_000_000)");
    passes_in_spite_of("let a = []; a.pad(2_000_000_000, 0)");
    passes_in_spite_of("let s = \"\"; s.pad(2_000_000_000, \"x\")");
    passes_in_spite_of("for i in 0..200 { emit(\"a/b\", i) }");
    passes_in_spite_of("try { loop {} } catch { r.drop() }");
}

#[test]
fn time_is_limited_too() {
    let rule = r#"on("meter/power", |r| { r.drop(); let x = 0; for i in 0..2000 { x += i; } });"#;
    let mut bench = Bench::start(&[("rule", rule)], |config| config.max_time = Duration::ZERO, Vec::new());

    assert_eq!(bench.power(1.0).forward.len(), 1);
    assert!(bench.status().last_error.unwrap().contains("max_time"));
}

#[test]
fn nothing_a_failed_call_did_stays() {
    let body =
        r#"r.value = 1; r.drop(); emit("a/b", 1); command("a/b", 1); alarm("x", #{}); state.set("k", 1); throw 1"#;
    let rule =
        format!(r#"on("meter/power", |r| if r.value > 1 {{ {body} }} else {{ emit("t/k", state.get("k", 0)) }});"#);
    let mut bench = Bench::one(&rule);

    let failed = bench.power(42.0);
    let after = bench.power(1.0);

    assert_eq!(lines(&failed.forward), ["meter/power=42"]);
    assert!(failed.events.is_empty() && failed.commands.is_empty());
    assert_eq!(lines(&after.forward), ["meter/power=1", "t/k=0"]);
}

#[test]
fn a_fault_takes_back_only_what_its_own_rule_did() {
    let mut bench = Bench::with(&[
        ("a", r#"on("meter/power", |r| r.value = 5);"#),
        ("b", r#"on("meter/power", |r| { r.value = 9; throw 1 });"#),
    ]);

    assert_eq!(lines(&bench.power(1.0).forward), ["meter/power=5"]);
}

#[test]
fn too_many_faults_in_a_row_put_a_rule_out_of_service_until_it_changes() {
    let mut bench = Bench::one(r#"on("meter/power", |r| if r.value > 0 { throw 1 } else { r.drop() });"#);
    for _ in 0..9 {
        bench.power(1.0);
    }
    bench.power(0.0);
    assert_eq!(bench.status().state, RuleState::Running);

    let last = (0..10).map(|_| bench.power(1.0)).last().unwrap();

    let EventKind::Gateway { what, .. } = &last.events[0].kind else { panic!("no gateway event") };
    assert_eq!(what, "rule-quarantined");
    assert_eq!(bench.status().state, RuleState::Quarantined);
    assert_eq!(bench.power(0.0).forward.len(), 1, "it is not called any more");
    bench.write("rule", r#"on("meter/power", |r| r.drop());"#);
    bench.reload();
    assert_eq!(bench.status().state, RuleState::Running);
    assert_eq!(lines(&bench.power(1.0).dropped), ["meter/power=1"]);
}

#[test]
fn a_rule_that_fails_on_bad_readings_stays_in_service() {
    let mut bench = Bench::one(r#"on("meter/power", |r| { emit("site/double", r.value * 2.0) });"#);
    let silent = || Reading::bad(point("meter/power", PointType::Float), "timeout", Timestamp::default());

    for _ in 0..50 {
        assert_eq!(lines(&bench.send(silent()).forward), ["meter/power=null"]);
    }

    assert_eq!((bench.status().state, bench.status().faults), (RuleState::Running, 50));
    assert!(bench.status().last_error.unwrap().ends_with("the reading is bad:timeout and has no value"));
    assert_eq!(lines(&bench.power(2.0).forward), ["meter/power=2", "site/double=4"]);
}

#[test]
fn a_failing_timer_counts_like_a_failing_handler() {
    let mut bench = Bench::one(r#"every("1s", || throw 1);"#);

    for _ in 0..10 {
        bench.advance(Duration::from_secs(1));
    }

    assert_eq!(bench.status().state, RuleState::Quarantined);
    assert_eq!(bench.set.next_timer(), None);
}

#[test]
fn a_timer_that_works_does_not_keep_a_broken_handler_going() {
    let mut bench = Bench::one(r#"on("meter/power", |r| throw 1); every("1s", || emit("site/alive", true));"#);

    for _ in 0..10 {
        bench.power(1.0);
        bench.advance(Duration::from_secs(1));
    }

    assert_eq!(bench.status().state, RuleState::Quarantined);
}

#[test]
fn a_fault_that_says_something_new_each_time_is_not_told_each_time() {
    let mut bench = Bench::start(
        &[("rule", r#"on("meter/power", |r| throw r.value);"#)],
        |config| config.quarantine_after = 1_000,
        Vec::new(),
    );
    bench.power(1.0);
    let (rule, first) = (&mut bench.set.rules[0], bench.clock.uptime());

    let told = [1, 59, 61]
        .map(|second| rule.note_fault(Entry::Handler(0), &second.to_string(), first + Duration::from_secs(second)));

    assert_eq!(told, [false, false, true]);
}

#[test]
fn a_reading_kept_from_an_earlier_call_is_refused() {
    let mut bench =
        Bench::one(r#"let old = (); on("meter/power", |r| if old == () { old = r } else { old.drop() });"#);

    bench.power(1.0);
    let output = bench.power(2.0);

    assert_eq!(lines(&output.forward), ["meter/power=2"]);
    assert!(bench.status().last_error.unwrap().contains("earlier call"));
}
