//! mosquitto on a loopback port of its own: stopped, killed, and started again on the same port.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{free_port, process::Process};

/// A broker, running or not.
pub(crate) struct Broker {
    /// Its configuration.
    dir: TempDir,
    /// Where it listens whenever it runs.
    port: u16,
    /// The process, while it runs.
    process: Option<Process>,
}

impl Broker {
    /// A running broker that lets everybody in who names no user.
    pub(crate) fn start() -> Self {
        let mut broker = Self { dir: TempDir::new().unwrap(), port: free_port(), process: None };
        broker.resume();
        broker
    }

    /// A running broker that lets everybody in who names no user, and one user with this password.
    pub(crate) fn start_with_user(user: &str, password: &str) -> Self {
        let mut broker = Self { dir: TempDir::new().unwrap(), port: free_port(), process: None };
        let mut tool = Command::new("mosquitto_passwd");
        tool.args(["-c", "-b"]).arg(broker.passwords()).args([user, password]);
        assert!(tool.status().unwrap().success());
        broker.resume();
        broker
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until somebody has subscribed to this topic; what is sent to it before is for nobody.
    pub(crate) fn wait_for_subscription(&self, topic: &str) {
        self.process.as_ref().expect("a running broker").wait_for_log(&format!("{topic} (QoS"));
    }

    /// Ends it at once, with everything it had not passed on.
    pub(crate) fn kill(&mut self) {
        // Dropping a process kills it.
        self.process = None;
    }

    /// Starts it again on the same port.
    pub(crate) fn resume(&mut self) {
        self.process = None;
        let config = self.dir.path().join("mosquitto.conf");
        fs::write(&config, self.config()).unwrap();
        let process = Process::start("mosquitto", Command::new(program()).arg("-c").arg(config));
        process.wait_for_log(" running");
        self.process = Some(process);
    }

    /// No limits but the client's own, so that what is missing was not shed here.
    fn config(&self) -> String {
        let mut config = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nuser root\nlog_dest stderr\nlog_type all\n\
             max_queued_messages 0\npersistence false\n",
            self.port
        );
        let passwords = self.passwords();
        if passwords.exists() {
            writeln!(config, "password_file {}", passwords.display()).unwrap();
        }
        config
    }

    /// Its users, if it has any.
    fn passwords(&self) -> PathBuf {
        self.dir.path().join("passwords")
    }
}

/// Debian keeps it where an ordinary user's PATH does not look.
fn program() -> &'static str {
    let debian = "/usr/sbin/mosquitto";
    if Path::new(debian).exists() { debian } else { "mosquitto" }
}
