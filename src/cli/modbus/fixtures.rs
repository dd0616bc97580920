//! A command line against simulated units, for the tests of the tools.

use std::{
    fs,
    sync::{Arc, mpsc},
};

use clap::Parser as _;
use tokio::net::TcpListener;

use crate::{
    cli::{Cli, context::Context, error::CliError, tests::Sink},
    shutdown::StopSignal,
    testing::modbus_unit::{self, Bank},
};

/// Runs `tidegate modbus ARGS` while the bank is served over TCP. `LINK` among the arguments becomes its link, which is
/// also that of the adapter `line1` of the configuration.
pub(super) fn against(bank: Bank, args: &[&str]) -> (String, Result<(), CliError>) {
    let (signal, stop) = StopSignal::pair();
    let (tell, told) = mpsc::sync_channel(1);
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
            modbus_unit::serve(listener, Arc::new(bank), stop).await;
        });
    });
    let link = told.recv().unwrap();
    let args: Vec<&str> = args.iter().map(|&arg| if arg == "LINK" { link.as_str() } else { arg }).collect();

    let done = carry_out(&args, &link);

    signal.raise();
    server.join().unwrap();
    done
}

/// Runs a command line with a configuration that has one adapter.
fn carry_out(args: &[&str], link: &str) -> (String, Result<(), CliError>) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tidegate.toml");
    fs::write(&config, format!("[[adapter]]\nname = \"line1\"\nkind = \"modbus\"\nlink = \"{link}\"\n")).unwrap();
    let sink = Sink::default();
    let cli = Cli::try_parse_from(["tidegate", "modbus"].iter().chain(args)).unwrap();
    let result = cli.command.carry_out(&mut Context::writing_to(config, Box::new(sink.clone())));
    (sink.text(), result)
}
