//! The daemon under test, as it is shipped.

use std::{
    path::Path,
    process::{Command, ExitStatus},
    time::Duration,
};

use rustix::process::Signal;

use super::{Site, process::Process};

/// Longest time an ordered stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running daemon.
pub(crate) struct Gateway(Process);

impl Gateway {
    /// Starts it on a site.
    pub(crate) fn start(site: &Site) -> Self {
        Self::start_with(&site.write())
    }

    /// Starts it with a configuration file, there or not.
    pub(crate) fn start_with(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.arg("run").arg("--config").arg(config);
        Self(Process::start("tidegate", &mut command))
    }

    /// Waits until its log contains `text`.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.0.wait_for_log(text)
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.0.log()
    }

    /// How many lines of its log contain `text`.
    pub(crate) fn count_in_log(&self, text: &str) -> usize {
        self.0.count_in_log(text)
    }

    /// Makes it read its configuration again.
    pub(crate) fn reload(&self, site: &Site) {
        site.write();
        self.0.signal(Signal::HUP);
    }

    /// Ends it as systemd would, and waits.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.0.signal(Signal::TERM);
        self.0.wait_exit(STOP_LIMIT)
    }

    /// Waits until it ends by itself, and says how, and what it said.
    pub(crate) fn wait_exit(mut self) -> (ExitStatus, String) {
        let status = self.0.wait_exit(STOP_LIMIT);
        (status, self.0.log())
    }

    /// Ends it with SIGKILL, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.0.kill();
    }
}
