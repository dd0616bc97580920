//! Rule files: loading, reloading, checking, the shipped pack and the reference page.

use std::{fs, path::Path, sync::Arc};

use proptest::prelude::*;
use tokio::sync::{mpsc, oneshot, watch};

use super::fixture::{Bench, limits, lines, point, reading};
use crate::{
    model::{Batch, EventKind, PointType, Reading, Receipt, Value},
    rules::{
        Context, Control, Kept, Level, Metrics, Output, RuleState, RuleStatus, RuleThread, check, engine,
        host::Shared, points::Points, state::Store,
    },
    testing::clock::ManualClock,
};

#[test]
fn a_broken_file_leaves_its_last_good_version_running() {
    let mut bench = Bench::one(r#"on("meter/power", |r| r.value = 1);"#);
    bench.write("rule", "on(\"meter/power\", |r| {\n  r.value = ;\n});");

    let report = bench.reload();
    let output = bench.power(9.0);

    let problem = &report.problems[0];
    assert_eq!((problem.line, problem.level), (Some(2), Level::Error));
    assert_eq!(lines(&output.forward), ["meter/power=1"]);
    let EventKind::Gateway { what, .. } = &output.events[0].kind else { panic!("no gateway event") };
    assert_eq!(what, "rule-refused");
    assert_eq!(bench.status().state, RuleState::Refused);
    assert!(bench.reload().problems.is_empty(), "the same text is not tried again");
}

#[test]
fn going_back_to_the_good_version_ends_the_refusal() {
    let good = r#"on("meter/power", |r| r.value = 1);"#;
    let mut bench = Bench::one(good);
    bench.write("rule", "on(");
    bench.reload();
    bench.write("rule", good);

    bench.reload();

    assert_eq!(bench.status().state, RuleState::Running);
}

#[test]
fn a_new_version_takes_over_and_variables_stay() {
    let mut bench = Bench::one(r#"on("meter/power", |r| state.set("n", 41));"#);
    bench.power(1.0);
    bench.write("rule", r#"on("meter/power", |r| r.value = state.incr("n", 1));"#);

    let report = bench.reload();

    assert_eq!(report.loaded, ["rule"]);
    assert_eq!(lines(&bench.power(1.0).forward), ["meter/power=42"]);
}

#[test]
fn a_removed_file_is_a_removed_rule() {
    let mut bench = Bench::one(r#"on("meter/power", |r| r.drop());"#);
    assert_eq!(lines(&bench.power(1.0).dropped), ["meter/power=1"]);
    bench.remove("rule");

    assert_eq!(bench.reload().removed, ["rule"]);
    assert_eq!(bench.power(1.0).forward.len(), 1);
}

#[test]
fn check_tells_every_problem_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.rhai", "let x = 1;\non(\"Meter\", |r| x);");
    write("b.rhai", "on(\"meter/power\", |r| typo + 1);");
    write("c.rhai", "on(\"meter/speed\", |r| r.drop());");
    write("d.rhai", "// nothing");
    write("d_test.rhai", "no rule");
    write("e.rhai", "import \"x\" as y;");
    write("f.rhai", "loop {}");
    write("g.rhai", "drop();");

    let report = check(dir.path(), &limits(dir.path().into()), Some(&[point("meter/power", PointType::Float)]));

    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(report.files, 7);
    assert_eq!(told.len(), 7, "{told:#?}");
    assert!(told[0].contains("a.rhai:2:1: error: ") && told[0].contains("Meter"), "{told:#?}");
    assert!(told[1].contains("b.rhai:1:") && told[1].contains("typo"), "{told:#?}");
    assert!(told[2].contains("c.rhai:1:1: warning: \"meter/speed\" covers no known point"), "{told:#?}");
    assert!(told[3].contains("never runs"), "{told:#?}");
    assert!(!report.is_ok());
}

#[test]
fn check_finds_functions_that_do_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let rule = "fn help(x) {\n  hlep(x)\n}\non(\"a/b\", |r| help(1));\nevery(\"1s\", || throw 1);";
    fs::write(dir.path().join("a.rhai"), rule).unwrap();

    let report = check(dir.path(), &limits(dir.path().into()), None);

    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("a.rhai:2:3: warning: ") && told[0].contains("hlep"), "{told:#?}");
    assert!(report.is_ok());
}

#[test]
fn deeply_nested_text_is_refused_and_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let openings = ["(", "[", "{", "#{a:", "!", "-", "if x {", "|x| ", "/*", "`${", "x.y(", "x+(", "x=", "x??"];
    for (number, opening) in openings.iter().enumerate() {
        fs::write(dir.path().join(format!("{number}.rhai")), opening.repeat(40_000)).unwrap();
    }

    let report = check(dir.path(), &limits(dir.path().into()), None);

    assert_eq!((report.files, report.problems.len()), (openings.len(), openings.len()));
}

#[test]
fn long_chains_do_not_use_up_the_stack() {
    let dir = tempfile::tempdir().unwrap();
    let chains = ["1+1", "+1+1", "&&true", ".x()", "[0]", "else if x {}", ";;", "=>", "x=1;", "1..", "??x", " in x"];
    for (number, link) in chains.iter().enumerate() {
        let text = format!("let x = 1; x {}", link.repeat(20_000));
        fs::write(dir.path().join(format!("{number}.rhai")), text).unwrap();
    }
    fs::write(dir.path().join("if.rhai"), format!("let x = true; if x {{}} {}", "else if x {} ".repeat(15_000)))
        .unwrap();

    let report = check(dir.path(), &limits(dir.path().into()), None);

    assert_eq!(report.files, chains.len() + 1);
}

#[test]
fn a_missing_folder_is_a_problem_for_check_and_none_for_the_daemon() {
    let mut bench = Bench::with(&[]);

    assert!(!check(Path::new("/no/such/folder"), &limits("/".into()), None).is_ok());
    assert_eq!(bench.power(1.0).forward.len(), 1);
}

#[test]
fn the_shipped_pack_passes_the_check() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/rules/demo");
    let floats = ["meter-1/power", "pump-1/speed", "cold-1/temperature", "cold-1/door"];
    let points: Vec<_> = floats.iter().map(|address| point(address, PointType::Float)).collect();

    let report = check(&dir, &limits(dir.clone()), Some(&points));

    assert_eq!(report.problems, []);
    assert!(report.files >= 3);
}

#[test]
fn every_function_is_in_the_reference() {
    let host =
        Shared::new(Arc::new(ManualClock::default()), std::time::Duration::ZERO, Store::default(), Points::default());
    let (_, names) = engine::build(&host, 1);
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md")).unwrap();

    let missing: Vec<_> = names.iter().filter(|name| !page.contains(**name)).collect();

    assert!(missing.is_empty(), "{missing:?} missing in docs/rules.md");
}

/// A rule thread at work on a folder.
struct Running {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    input: mpsc::Sender<Batch>,
    outputs: mpsc::Receiver<Output>,
    control: mpsc::Sender<Control>,
    statuses: watch::Receiver<Vec<RuleStatus>>,
    thread: std::thread::JoinHandle<()>,
}

fn running(rule: &str) -> Running {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.rhai"), rule).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ((input, inputs), (output, outputs)) = (mpsc::channel(8), mpsc::channel(8));
    let ((control, controls), (status, statuses)) = (mpsc::channel(1), watch::channel(Vec::new()));
    let context = Context {
        runtime: runtime.handle().clone(),
        input: inputs,
        output,
        control: controls,
        kept: Kept::default(),
        clock: Arc::new(ManualClock::default()),
        metrics: Metrics::default(),
        status,
    };
    let rules = RuleThread::new(limits(dir.path().into()), context);
    let thread = std::thread::spawn(move || rules.run());
    Running { dir, runtime, input, outputs, control, statuses, thread }
}

fn batch(value: f64) -> Vec<Reading> {
    vec![reading("meter/power", PointType::Float, Value::Float(value), 0)]
}

#[test]
fn the_thread_hands_on_receipts_reloads_on_request_and_drains_at_the_end() {
    let mut running = running(r#"on("meter/power", |r| r.drop());"#);

    let (receipt, _) = Receipt::pair();
    running.input.blocking_send(Batch { readings: batch(1.0), receipt: Some(receipt) }).unwrap();
    let dropped = running.outputs.blocking_recv().unwrap();
    fs::remove_file(running.dir.path().join("a.rhai")).unwrap();
    let (reply, answer) = oneshot::channel();
    running.control.blocking_send(Control::Reload { reply }).unwrap();
    answer.blocking_recv().unwrap();
    running.input.blocking_send(batch(2.0).into()).unwrap();
    drop(running.input);
    running.thread.join().unwrap();

    assert_eq!((dropped.forward.len(), dropped.receipts.len()), (0, 1));
    assert_eq!(lines(&running.outputs.blocking_recv().unwrap().forward), ["meter/power=2"]);
    assert!(running.outputs.blocking_recv().is_none());
    assert!(running.statuses.borrow().is_empty());
}

#[test]
fn a_saved_file_is_taken_up_without_being_asked() {
    let mut running = running(r#"on("meter/power", |r| r.drop());"#);

    fs::write(running.dir.path().join("a.rhai"), r#"on("meter/*", |r| r.value = 7);"#).unwrap();
    let has_changed = |rules: &Vec<RuleStatus>| rules.first().is_some_and(|rule| rule.handlers == ["meter/*"]);
    running.runtime.block_on(running.statuses.wait_for(has_changed)).unwrap();
    running.input.blocking_send(batch(1.0).into()).unwrap();

    assert_eq!(lines(&running.outputs.blocking_recv().unwrap().forward), ["meter/power=7"]);
    drop(running.input);
    running.thread.join().unwrap();
}

#[test]
fn a_rule_that_is_refused_at_the_start_is_told_before_any_reading() {
    let mut running = running("on(");

    let output = running.outputs.blocking_recv().unwrap();

    assert!(matches!(&output.events[0].kind, EventKind::Gateway { what, .. } if what == "rule-refused"));
    drop(running.input);
    running.thread.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_checked_without_panic(text in "(?s).{0,200}", code in "[a-z(){};|\"=+.#\\[\\]0-9 \n]{0,200}") {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.rhai"), text).unwrap();
        fs::write(dir.path().join("b.rhai"), code).unwrap();

        let report = check(dir.path(), &limits(dir.path().into()), None);

        prop_assert_eq!(report.files, 2);
    }
}
