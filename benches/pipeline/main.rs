//! What a reading costs: the whole way through one process as the daemon connects it, its parts alone, and the
//! ceilings that the machine sets, measured in one run so that they can be compared.
//!
//! ```text
//! make bench                                          everything: the table, and target/bench/pipeline.json
//! make bench BENCH_LONG=1                             the same with longer spans and a backlog of 1 GiB
//! cargo bench --bench pipeline -- strict express      some of the cases
//! TIDEGATE_BENCH_PROGRAM=/usr/bin/tidegate cargo bench --bench pipeline -- fleet
//!                                                     cases of the whole daemon, with the one that is installed
//! ```
//! Each case runs in a process of its own, so that memory, processor time and bytes written are its own. The broker
//! is a real mosquitto on a free loopback port, the disk is the one that holds `target/`; where root runs it, what
//! reaches a disk at 1 000 readings/s is also counted on a private one, and the backlog is opened with a cold cache.

mod broker;
mod cases;
mod disk;
mod gateway;
mod load;
mod meter;
mod mqtt;
mod process;
mod report;
mod site;

use std::process::{ExitCode, Stdio};

use cases::CASES;
use report::{Report, Row};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--case", name, ref rest @ ..] => run_case(name, rest),
        ref names => run_all(names),
    }
}

/// In the child: measures and prints one row per line.
fn run_case(name: &str, rest: &[&str]) -> ExitCode {
    let Some((_, run)) = cases::all().find(|(known, _)| *known == name) else {
        eprintln!("there is no case {name}");
        return ExitCode::FAILURE;
    };
    for row in run(rest) {
        println!("{}", row.to_json());
    }
    ExitCode::SUCCESS
}

/// In the parent: a process for each case, then the table.
fn run_all(names: &[&str]) -> ExitCode {
    let mut report = Report::default();
    for (name, _) in CASES.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        eprintln!("measuring {name}");
        let Some(rows) = child(name) else {
            eprintln!("{name} failed");
            return ExitCode::FAILURE;
        };
        report.rows.extend(rows);
    }
    print!("{report}");
    if names.is_empty() {
        report.write(&site::bench_dir().join("pipeline.json"));
    }
    ExitCode::SUCCESS
}

/// The rows of a case; `None` when it failed.
fn child(name: &str) -> Option<Vec<Row>> {
    let output = disk::contained().args(["--case", name]).stderr(Stdio::inherit()).output().expect("a child process");
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().filter_map(Row::from_json).collect())
}
