//! `tidegate demo`: the whole gateway on a simulated site and a broker of its own.
//!
//! Nothing in it is special: the gateway is the one that `run` starts, with the configuration `demo.toml`, in a folder
//! that is removed at the end. Only what is outside a gateway is simulated: Modbus units, and a broker whose messages
//! a small consumer checks for completeness.

mod site;
mod units;
mod watch;

use std::time::{Duration, Instant};

use tokio::{
    runtime::Runtime,
    signal::ctrl_c,
    time::{MissedTickBehavior, interval},
};

use self::{site::DemoSite, watch::Watch};
use super::{error::CliError, screen::Screen};

/// Time between two views.
const FRAME: Duration = Duration::from_millis(500);

/// Show the whole gateway at work: simulated Modbus units, the shipped rules, the buffer, and a broker of its own.
/// Nothing has to be installed and no network is needed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after this many seconds; without it, at Ctrl-C.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let runtime = Runtime::new()?;
    runtime.block_on(show(args.seconds.map(Duration::from_secs)))
}

/// Starts the site, shows it until the time is over, stops it in order and sums up.
async fn show(length: Option<Duration>) -> Result<(), CliError> {
    let site = DemoSite::start().await?;
    let mut watch = Watch::new(&site);
    let mut screen = Screen::stdout()?;
    let start = Instant::now();
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut end = std::pin::pin!(until(length));
    loop {
        tokio::select! {
            biased;
            () = &mut end => break,
            _ = frames.tick() => screen.draw(&watch.look(&site, start.elapsed()))?,
        }
    }
    let elapsed = start.elapsed();
    let accepted = site.stop().await;
    let summary = watch.sum_up(&site, accepted, elapsed);
    screen.finish(&summary)?;
    if summary.lost > 0 {
        return Err(CliError::Failed(format!("{} readings did not arrive", summary.lost)));
    }
    Ok(())
}

/// Resolves when the time is over, or at Ctrl-C.
async fn until(length: Option<Duration>) {
    let over = async {
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => {}
        // Without a signal handler Ctrl-C ends the process at once, which is what was asked for.
        _ = ctrl_c() => {}
    }
}
