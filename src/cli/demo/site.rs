//! Everything the demo runs: simulated units, a broker, and the gateway between them.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc};

use super::units::Units;
use crate::{
    adapter::registry,
    api::Gateway,
    cli::error::CliError,
    daemon::Daemon,
    host::clock::SystemClock,
    model::SharedClock,
    supervisor::{Restart, Stage, Supervisor},
    telemetry,
    testing::{
        broker::{self, Broker},
        modbus_unit,
    },
};

/// The configuration, with places for the ports and the folder.
const CONFIG: &str = include_str!("demo.toml");
/// The rule pack that is shown.
const RULES: [(&str, &str); 3] = [
    ("cold-store.rhai", include_str!("../../../plugins/rules/demo/cold-store.rhai")),
    ("pump-limit.rhai", include_str!("../../../plugins/rules/demo/pump-limit.rhai")),
    ("site-power.rhai", include_str!("../../../plugins/rules/demo/site-power.rhai")),
];
/// How finely the site's time passes.
const STEP: Duration = Duration::from_millis(100);
/// Time the simulators may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// The running demo.
pub(super) struct DemoSite {
    /// The gateway.
    daemon: Daemon,
    /// The broker in place of a cloud.
    pub(super) broker: Broker,
    /// Runs the simulators, apart from the gateway's own tasks.
    simulators: Supervisor,
    /// Where the gateway keeps its files.
    _folder: Folder,
}

impl DemoSite {
    /// Starts simulators and gateway on free loopback ports.
    pub(super) async fn start() -> Result<Self, CliError> {
        let clock: SharedClock = Arc::new(SystemClock::new());
        let simulators = Supervisor::new(mpsc::channel(1).0, Arc::clone(&clock));
        let broker = Broker::default();
        let modbus = start_units(&simulators).await?;
        let mqtt = start_broker(&simulators, &broker).await?;
        let folder = Folder::new()?;
        let config = folder.fill(modbus, mqtt)?;
        let loaded = registry::load(&config).map_err(|report| CliError::Config(report.to_string()))?;
        let log = telemetry::logging::start("error").map_err(|error| CliError::Unavailable(error.to_string()))?;
        let daemon = Daemon::start(&config, loaded, clock, log)
            .await
            .map_err(|error| CliError::Unavailable(error.to_string()))?;
        Ok(Self { daemon, broker, simulators, _folder: folder })
    }

    /// The gateway as its API shows it.
    pub(super) fn gateway(&self) -> Arc<dyn Gateway> {
        self.daemon.gateway()
    }

    /// Stops the gateway in order, so that everything it holds arrives, then the simulators. Gives how many readings
    /// the gateway had accepted for its uplinks.
    pub(super) async fn stop(&self) -> u64 {
        self.daemon.stop().await;
        let accepted = self.daemon.accepted();
        self.simulators.stop(STOP_LIMIT).await;
        accepted
    }
}

/// Serves the simulated units and lets their time pass.
async fn start_units(simulators: &Supervisor) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let units = Units::new(fastrand::u64(..));
    let bank = units.bank();
    let listener = once(listener);
    simulators.spawn(Stage::Surface, "simulated units", Restart::Never, move |stop| {
        let (bank, listener) = (Arc::clone(&bank), listener());
        async move {
            if let Some(listener) = listener {
                modbus_unit::serve(listener, bank, stop).await;
            }
            Ok::<(), io::Error>(())
        }
    });
    let units = once(units);
    simulators.spawn(Stage::Surface, "simulated site", Restart::Never, move |mut stop| {
        let units = units();
        async move {
            let (Some(mut units), mut steps) = (units, tokio::time::interval(STEP)) else { return Ok(()) };
            loop {
                tokio::select! {
                    biased;
                    () = stop.requested() => return Ok::<(), io::Error>(()),
                    _ = steps.tick() => units.step(STEP),
                }
            }
        }
    });
    Ok(address)
}

/// Serves the broker.
async fn start_broker(simulators: &Supervisor, broker: &Broker) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (broker, listener) = (broker.clone(), once(listener));
    simulators.spawn(Stage::Surface, "broker", Restart::Never, move |stop| {
        let (broker, listener) = (broker.clone(), listener());
        async move {
            match listener {
                Some(listener) => broker::serve(listener, broker, stop).await,
                None => Ok(()),
            }
        }
    });
    Ok(address)
}

/// Gives a value to the first start of a task; simulators are not started twice.
fn once<T: Send>(value: T) -> impl Fn() -> Option<T> + Send + Sync {
    let value = std::sync::Mutex::new(Some(value));
    move || value.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
}

/// A folder of its own for the gateway's files, removed when the demo ends.
struct Folder(PathBuf);

impl Folder {
    /// Makes the folder, readable by this user alone.
    fn new() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("tidegate-demo-{}", uuid::Uuid::new_v4()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Writes configuration and rules; gives the configuration's path.
    fn fill(&self, modbus: SocketAddr, broker: SocketAddr) -> io::Result<PathBuf> {
        let rules = self.0.join("rules");
        fs::create_dir(&rules)?;
        for (name, text) in RULES {
            fs::write(rules.join(name), text)?;
        }
        let path = self.0.join("tidegate.toml");
        fs::write(&path, config(&self.0, modbus, broker))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The configuration with its places filled in.
fn config(folder: &Path, modbus: SocketAddr, broker: SocketAddr) -> String {
    CONFIG
        .replace("{dir}", &folder.display().to_string())
        .replace("{modbus}", &modbus.to_string())
        .replace("{broker}", &broker.to_string())
}
