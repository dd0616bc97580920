//! The command line as users type it.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, mpsc},
};

use clap::CommandFactory;

use super::*;
use crate::{api::fake::Harness, shutdown::StopSignal};

/// Output that the test reads afterwards.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    /// What was written so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a command line against a gateway that answers from constants; gives its output and how it ended.
fn against_a_gateway(args: &[&str]) -> (String, Result<(), CliError>) {
    let dir = tempfile::tempdir().unwrap();
    let (signal, stop) = StopSignal::pair();
    let (tell, told) = mpsc::sync_channel(1);
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut harness = {
            let _guard = runtime.enter();
            Harness::new(true)
        };
        tell.send(harness.path.clone()).unwrap();
        runtime.block_on(harness.server.take().unwrap().run(stop));
    });
    let config = dir.path().join("tidegate.toml");
    std::fs::write(&config, format!("[api]\nsocket = {:?}\n", told.recv().unwrap())).unwrap();
    let sink = Sink::default();
    let cli = Cli::try_parse_from(std::iter::once(&"tidegate").chain(args)).unwrap();

    let result = cli.command.carry_out(&mut Context::writing_to(config, Box::new(sink.clone())));

    signal.raise();
    server.join().unwrap();
    (sink.text(), result)
}

#[test]
fn listings_are_tables_for_people() {
    let (text, result) = against_a_gateway(&["points", "*/voltage"]);
    assert_eq!(text.lines().nth(1).unwrap().trim_end(), "meter-1/voltage  230.1 V  2 s  float  r");
    result.unwrap();
    assert!(against_a_gateway(&["status"]).0.starts_with("gateway   plant-7 at "));
    assert!(against_a_gateway(&["devices"]).0.contains("\nmeter-1"));
    assert!(against_a_gateway(&["buffer", "status"]).0.contains("\ncommitted           3 readings"));
    let letters = against_a_gateway(&["buffer", "deadletter", "list", "--uplink", "cloud"]).0;
    assert!(letters.starts_with("ID  UPLINK  STREAM") && letters.contains("too large"), "{letters}");
    assert!(against_a_gateway(&["rules", "list"]).0.starts_with("RULE        STATE"));
    assert_eq!(against_a_gateway(&["read", "meter-1/voltage"]).0, "230.2 V\n");
    assert!(against_a_gateway(&["history", "meter-1/voltage", "--from", "-2h"]).0.contains("Z  60       229.5"));
    assert!(against_a_gateway(&["history", "meter-1/voltage", "--chart"]).0.contains("│"));
    assert!(against_a_gateway(&["history", "meter-1/voltage", "--csv"]).0.starts_with("t,n,bad,min"));
}

#[test]
fn dead_letters_are_retried_and_dropped_by_id_or_all_at_once() {
    assert_eq!(against_a_gateway(&["buffer", "deadletter", "retry", "9"]).0, "1 dead letter to be sent again\n");
    assert_eq!(against_a_gateway(&["buffer", "deadletter", "drop", "--all"]).0, "2 dead letters dropped\n");
    assert_eq!(exit(&["buffer", "deadletter", "drop"]), code(64));
    assert_eq!(exit(&["buffer", "deadletter", "retry", "--all", "9"]), code(64));
}

#[test]
fn an_adapter_that_is_not_there_is_a_mistake_in_every_listing() {
    for listing in ["status", "devices"] {
        let (_, result) = against_a_gateway(&[listing, "--adapter", "lin1"]);
        assert!(matches!(&result, Err(CliError::Usage(text)) if text.contains("\"lin1\"")), "{listing}");
    }
}

#[test]
fn every_listing_is_one_json_document_on_request() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/profiles");
    let listings: [&[&str]; 12] = [
        &["profile", "list", "--json", "--dir", dir],
        &["profile", "show", "eastron/sdm120", "--json", "--dir", dir],
        &["profile", "test", "generic/xy-md02", "--json", "--dir", dir],
        &["buffer", "deadletter", "list", "--json"],
        &["history", "meter-1/voltage", "--json"],
        &["status", "--json"],
        &["devices", "--json"],
        &["points", "--json"],
        &["buffer", "status", "--json"],
        &["rules", "list", "--json"],
        &["read", "meter-1/voltage", "--json"],
        &["write", "pump-1/speed", "12", "--json"],
    ];
    for args in listings {
        let (text, _) = against_a_gateway(args);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{args:?}: {text}");
    }
}

#[test]
fn a_command_that_was_not_done_says_why_and_fails() {
    let (text, result) = against_a_gateway(&["write", "pump-1/speed", "12", "--expires", "10s"]);
    assert_eq!(text, "denied: no grant\n");
    assert_eq!(format!("{:?}", result.unwrap_err().exit_code()), code(1));

    let reloaded = against_a_gateway(&["reload"]).1.unwrap_err();
    assert_eq!(format!("{:?}", reloaded.exit_code()), code(error::CONFIG));

    against_a_gateway(&["log-level", "debug"]).1.unwrap();
    let unknown = against_a_gateway(&["history", "meter-1/voltag"]).1.unwrap_err();
    assert!(unknown.to_string().contains("meter-1/voltage"), "{unknown}");
    let refused = against_a_gateway(&["read", "meter-1/nothing"]).1.unwrap_err();
    assert_eq!(format!("{:?}", refused.exit_code()), code(error::UNAVAILABLE));
}

#[test]
fn profiles_are_listed_shown_and_tried() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/profiles");
    let output = |args: &[&str]| against_a_gateway(&[args, &["--dir", dir]].concat());

    assert!(output(&["profile", "list"]).0.contains("\neastron/sdm120  "));
    assert!(output(&["profile", "show", "generic/xy-md02"]).0.contains("temperature  input:1"));
    assert_eq!(output(&["profile", "test", "generic/xy-md02"]).0, "generic/xy-md02: ok, 2 points, 3 vectors\n");
    let near = output(&["profile", "show", "eastron/sdm12"]).1.unwrap_err();
    assert!(near.to_string().contains("did you mean"), "{near}");
    let folder = format!("{dir}/eastron/sdm120");
    assert!(against_a_gateway(&["profile", "test", &folder]).0.starts_with("eastron/sdm120: ok"));
}

/// Runs a command line and gives its exit code as text, because `ExitCode` has no other form.
fn exit(args: &[&str]) -> String {
    let all = std::iter::once("tidegate").chain(args.iter().copied()).map(OsString::from);
    format!("{:?}", main(all))
}

fn code(number: u8) -> String {
    format!("{:?}", ExitCode::from(number))
}

/// Every command with its full name, subcommands included.
fn commands() -> Vec<clap::Command> {
    fn collect(command: &clap::Command, all: &mut Vec<clap::Command>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            all.push(sub.clone());
            collect(sub, all);
        }
    }
    let (mut root, mut all) = (Cli::command(), Vec::new());
    root.build();
    collect(&root, &mut all);
    all
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_argument_is_explained() {
    for command in commands() {
        let name = command.get_display_name().unwrap_or_default();
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
            assert!(argument.get_help().is_some(), "{name} {}", argument.get_id());
        }
    }
}

#[test]
fn every_command_takes_the_configuration() {
    for command in commands() {
        let takes_it = command.get_arguments().any(|argument| argument.get_id() == "config");
        assert!(takes_it, "{:?}", command.get_display_name());
    }
}

#[test]
fn the_page_about_the_commands_names_each_of_them() {
    // A command's own dash (`log-level`) and the one before a subcommand look alike in its full name.
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md")).unwrap().replace('-', " ");
    for command in commands().iter().filter(|command| !command.has_subcommands()) {
        let name = command.get_display_name().unwrap_or_default().replacen("tidegate-", "", 1);
        let words = name.replace('-', " ");
        assert!(page.contains(&format!("`{words}")), "docs/cli.md does not name {words}");
    }
}

#[test]
fn help_and_version_succeed_and_mistakes_exit_64() {
    assert_eq!(exit(&["--version"]), code(0));
    assert_eq!(exit(&["buffer", "status", "--help"]), code(0));
    for wrong in [&["--nonsense"] as &[&str], &[], &["tidy"], &["write", "a/b"], &["tail", "-n", "0"]] {
        assert_eq!(exit(wrong), code(error::USAGE), "{wrong:?}");
    }
    assert_eq!(exit(&["points", "no selector"]), code(error::USAGE));
    assert_eq!(exit(&["write", "a/b", "1", "--expires", "soon"]), code(error::USAGE));
    assert_eq!(exit(&["log-level", "loud"]), code(error::USAGE));
}

#[test]
fn a_negative_value_is_no_option() {
    assert!(Cli::try_parse_from(["tidegate", "write", "a/b", "-5"]).is_ok());
}

#[test]
fn an_unreachable_daemon_is_named_with_a_hint() {
    let socket = std::path::Path::new("/nonexistent/api.sock");
    let client = crate::api::Client::new(socket);

    let error = context::block_on(async { Ok(client.get("/health").await?) }).unwrap_err();

    let text = error.to_string();
    assert!(text.starts_with("cannot reach the daemon at /nonexistent/api.sock: "), "{text}");
    assert!(text.ends_with("; one of your own: tidegate run --config FILE)"), "{text}");
    assert_eq!(format!("{:?}", error.exit_code()), code(error::UNAVAILABLE));
}

#[test]
fn a_configuration_that_was_asked_for_has_to_be_there() {
    let error = seams::socket_path(std::path::Path::new("/nonexistent/tidegate.toml")).unwrap_err();

    assert!(error.to_string().starts_with("/nonexistent/tidegate.toml:1:1: error: cannot read"), "{error}");
    assert_eq!(format!("{:?}", error.exit_code()), code(error::CONFIG));
}

#[test]
fn completions_are_printed_for_the_shells_we_ship() {
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(exit(&["completions", shell]), code(0));
    }
    assert_eq!(exit(&["completions", "tcsh"]), code(error::USAGE));
}

#[test]
fn warnings_of_rules_fail_where_they_are_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("idle.rhai"), "fn unused() {}").unwrap();
    let folder = dir.path().to_str().unwrap();

    let (told, result) = against_a_gateway(&["rules", "check", folder]);
    assert!(result.is_ok() && told.starts_with("rules are valid: 1 rule file"), "{told}");

    let (told, result) = against_a_gateway(&["rules", "check", folder, "--strict", "--json"]);
    assert!(matches!(result, Err(CliError::Config(_))), "{result:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&told).unwrap()["ok"], false);
}
