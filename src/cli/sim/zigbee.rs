//! `tidegate sim zigbee`: a coordinator with devices.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, time::interval};

use super::until_ended;
use crate::{
    cli::{
        context::{Context, block_on},
        error::CliError,
    },
    shutdown::StopSignal,
    testing::zigbee::{Kind, Sim, serve},
};

/// How often devices report what they shall.
const REPORTS: Duration = Duration::from_secs(10);

/// A simulated coordinator.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6638")]
    tcp: SocketAddr,
    /// Which devices there are: plug, thermometer, motion, bulb, button, co2, valve, tuya; one of each by default.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    devices: Vec<Kind>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let kinds = if args.devices.is_empty() { Kind::all() } else { args.devices.clone() };
    let sim = Sim::new(&kinds);
    block_on(async {
        let listener = TcpListener::bind(args.tcp)
            .await
            .map_err(|error| CliError::Unavailable(format!("cannot listen on {}: {error}", args.tcp)))?;
        let names = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        context.print(&format!("listening on tcp://{}: no network yet, {names}\n", listener.local_addr()?))?;
        let (_signal, stop) = StopSignal::pair();
        let reports = async {
            let mut reports = interval(REPORTS);
            loop {
                reports.tick().await;
                sim.with(crate::testing::zigbee::Stick::report_all);
            }
        };
        tokio::select! {
            ended = until_ended() => ended,
            () = serve(listener, sim.clone(), stop) => Ok(()),
            () = reports => Ok(()),
        }
    })
}
