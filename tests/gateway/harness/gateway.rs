//! The daemon under test, as it is shipped.

use std::{
    path::Path,
    process::{Command, ExitStatus},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{Site, process::Process};

/// Longest time an ordered stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running daemon.
pub(crate) struct Gateway {
    /// The program.
    process: Process,
    /// The folder it works in, for a site nobody else keeps.
    _place: Option<Arc<TempDir>>,
}

impl Gateway {
    /// Starts it on a site.
    pub(crate) fn start(site: &Site) -> Self {
        Self::start_in(site, &[])
    }

    /// Starts it on a site with these variables in its environment.
    pub(crate) fn start_in(site: &Site, environment: &[(&str, String)]) -> Self {
        Self { _place: Some(site.hold()), ..Self::spawn(&site.write(), environment) }
    }

    /// Starts it with a configuration file, there or not.
    pub(crate) fn start_with(config: &Path) -> Self {
        Self::spawn(config, &[])
    }

    /// Starts the program.
    fn spawn(config: &Path, environment: &[(&str, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.arg("run").arg("--config").arg(config);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self { process: Process::start("tidegate", &mut command), _place: None }
    }

    /// Its process id.
    #[allow(dead_code, reason = "only the scenarios of many Zigbee devices ask")]
    pub(crate) fn id(&self) -> i32 {
        self.process.id()
    }

    /// Whether it has ended, by itself.
    #[allow(dead_code, reason = "only the chaos runner lets it run unattended")]
    pub(crate) fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    /// Waits until its log contains `text`.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.process.wait_for_log(text)
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// How many lines of its log contain `text`.
    pub(crate) fn count_in_log(&self, text: &str) -> usize {
        self.process.count_in_log(text)
    }

    /// Makes it read its configuration again.
    pub(crate) fn reload(&self, site: &Site) {
        site.write();
        self.process.signal(Signal::HUP);
    }

    /// Ends it as systemd would, and waits.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.wait_exit(STOP_LIMIT)
    }

    /// Waits until it ends by itself, and says how, and what it said.
    pub(crate) fn wait_exit(mut self) -> (ExitStatus, String) {
        let status = self.process.wait_exit(STOP_LIMIT);
        (status, self.process.log())
    }

    /// Ends it with SIGKILL, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.kill();
    }
}
