//! mosquitto as Debian ships it, on a loopback port of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// A running broker; it ends with its owner.
pub(crate) struct Broker {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Broker {
    /// Starts it and waits until it listens. Nothing is shed and nothing is written to the disk.
    pub(crate) fn start() -> Self {
        let (dir, port) = (TempDir::new().expect("a temporary folder"), free_port());
        let config = dir.path().join("mosquitto.conf");
        let text =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nlog_dest stderr\n");
        fs::write(&config, text).expect("a configuration file");
        let mut command = Command::new(program());
        let mut child = command.arg("-c").arg(config).stderr(Stdio::piped()).spawn().expect("mosquitto");
        let mut log = BufReader::new(child.stderr.take().expect("its log")).lines();
        let is_running = log.any(|line| line.is_ok_and(|line| line.ends_with(" running")));
        assert!(is_running, "mosquitto does not run");
        // It writes little more than who comes and goes, which fits the pipe; without a reader it would end.
        std::mem::forget(log);
        Self { child, port, _dir: dir }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("its number").port()
}

/// Debian keeps it where an ordinary user's PATH does not look.
fn program() -> &'static str {
    let debian = "/usr/sbin/mosquitto";
    if Path::new(debian).exists() { debian } else { "mosquitto" }
}
