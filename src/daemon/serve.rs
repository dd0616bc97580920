//! The life of the process: load, start, listen to signals, stop in order.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::{Daemon, StartError};
use crate::{
    adapter::registry::{self, Loaded},
    host::{clock::SystemClock, notify},
    supervisor::Stage,
    telemetry,
};

/// Why the gateway did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is invalid; the report.
    #[error("{0}")]
    Config(String),
    /// Something it needs on this machine is not to be had.
    #[error("{0}")]
    Start(String),
    /// A part that cannot be started again has ended; everything else was stopped in order.
    #[error("{0}: the gateway cannot go on without it")]
    Lost(String),
}

/// Time each stage of the ordered stop may take.
const STAGE_LIMIT: Duration = Duration::from_secs(5);
/// How often status line and rates are renewed, and the longest between two feeds of the watchdog.
const HOUSEKEEPING: Duration = Duration::from_secs(2);

/// Reloads under way and waiting; one signal more finds them all still to come.
const MAX_RELOADS: usize = 2;

/// `tidegate run`: checks first, works until it is told to stop.
pub fn run(path: &Path) -> Result<(), RunError> {
    let loaded = registry::load(path).map_err(|report| {
        notify::status("configuration is invalid: see `tidegate check`");
        RunError::Config(report.to_string())
    })?;
    let lost = live(path, loaded).map_err(|error| {
        let of_start = error.downcast_ref::<StartError>();
        if of_start.is_some_and(StartError::is_of_configuration) {
            RunError::Config(format!("{}: error: {error}", path.display()))
        } else {
            RunError::Start(error.to_string())
        }
    })?;
    lost.map_or(Ok(()), |lost| Err(RunError::Lost(lost)))
}

/// Starts logging and the runtime, and the gateway on it. Gives what was lost when it ended by itself.
fn live(path: &Path, loaded: Loaded) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let (config, _, warnings) = &loaded;
    let log = telemetry::logging::start(&config.log.level)?;
    for warning in warnings {
        warn!(%warning, "Configuration has a warning");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let lost = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let daemon = Daemon::start(path, loaded, Arc::new(SystemClock::new()), log).await?;
        notify::ready();
        info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "Gateway is up");
        let lost = daemon.until_stopped(&mut signals).await;
        notify::stopping();
        let late = daemon.stop().await;
        info!(late = ?late, "Gateway stopped");
        Ok::<_, Box<dyn std::error::Error>>(lost)
    })?;
    runtime.shutdown_timeout(STAGE_LIMIT);
    Ok(lost)
}

/// The signals the daemon listens to.
struct Signals {
    /// SIGTERM: stop.
    terminate: Signal,
    /// SIGINT: stop.
    interrupt: Signal,
    /// SIGHUP: reload.
    hangup: Signal,
}

impl Signals {
    /// Takes the signals from here on.
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

impl Daemon {
    /// Works until a signal asks it to stop, or a thread is lost: then its name and fault.
    async fn until_stopped(&self, signals: &mut Signals) -> Option<String> {
        let watchdog = notify::watchdog_interval();
        let period = watchdog.map_or(HOUSEKEEPING, |limit| HOUSEKEEPING.min(limit / 3));
        let mut housekeeping = tokio::time::interval(period);
        let mut last_total = self.core.live.total();
        // A reload waits for the parts it changes; signals and the watchdog do not wait for it.
        let mut reloads = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                _ = signals.terminate.recv() => return None,
                _ = signals.interrupt.recv() => return None,
                lost = self.core.supervisor.thread_lost() => {
                    error!(%lost, "A part that cannot be started again has ended, the gateway stops");
                    return Some(lost);
                }
                // The result is logged and recorded where the reload happens.
                Some(_) = reloads.next() => {}
                _ = signals.hangup.recv(), if reloads.len() < MAX_RELOADS => reloads.push(self.core.reload()),
                _ = housekeeping.tick() => last_total = self.keep_house(last_total, period).await,
            }
        }
    }

    /// Renews the rate and the status line, and feeds the watchdog if the writer answers and no task is stalled.
    async fn keep_house(&self, last_total: u64, period: Duration) -> u64 {
        let total = self.core.live.total();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (total - last_total) as f64 / period.as_secs_f64();
        *super::lock(&self.core.rate) = rate;
        notify::status(&self.core.status_line(rate));
        if notify::watchdog_interval().is_some() && self.core.is_alive().await {
            notify::watchdog();
        }
        total
    }

    /// Stops in the order readings flow, each stage within its limit; names those that were late.
    pub async fn stop(&self) -> Vec<String> {
        let core = &self.core;
        let mut late = core.supervisor.stop_stage(Stage::Intake, STAGE_LIMIT).await;
        // The rules end when nobody can send them readings any more.
        drop(super::lock(&core.running.intake).take());
        late.extend(core.supervisor.stop_stage(Stage::Rules, STAGE_LIMIT).await);
        core.running.desk.lock().await.1.turn_away_rules().await;
        late.extend(core.supervisor.stop_stage(Stage::Buffer, STAGE_LIMIT).await);
        if core.buffer.flush().await.is_err() {
            warn!("Buffer writer is gone before the last commit");
        }
        late.extend(core.supervisor.stop_stage(Stage::Uplink, STAGE_LIMIT).await);
        core.buffer.close().await;
        for stage in [Stage::Store, Stage::Surface] {
            late.extend(core.supervisor.stop_stage(stage, STAGE_LIMIT).await);
        }
        late
    }
}
