//! The demo from its start to its sum: a view twice a second, then the ordered stop.

use std::time::{Duration, Instant};

use tokio::{
    runtime::Runtime,
    signal::ctrl_c,
    time::{MissedTickBehavior, interval},
};

use super::{site::DemoSite, watch::Watch};
use crate::cli::{error::CliError, screen::Screen};

/// Time between two views.
const FRAME: Duration = Duration::from_millis(500);

/// Runs the demo for this long, or until Ctrl-C.
pub(super) fn run(length: Option<Duration>) -> Result<(), CliError> {
    Runtime::new()?.block_on(show(length))
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
