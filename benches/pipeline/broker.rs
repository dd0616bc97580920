//! mosquitto as Debian ships it, on a loopback port of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{disk::sbin, meter::peak_rss};

/// A running broker; it ends with its owner.
pub(crate) struct Broker {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Broker {
    /// Starts it and waits until it listens. Nothing is shed and nothing is written to the disk.
    pub(crate) fn start() -> Self {
        Self::start_on(free_port(), "")
    }

    /// The same on this port, with further lines of configuration.
    pub(crate) fn start_on(port: u16, more: &str) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let config = dir.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nlog_dest stderr\n{more}"
        );
        fs::write(&config, text).expect("a configuration file");
        let mut command = Command::new(sbin("mosquitto"));
        let mut child = command.arg("-c").arg(config).stderr(Stdio::piped()).spawn().expect("mosquitto");
        let mut log = BufReader::new(child.stderr.take().expect("its log")).lines();
        let is_running = log.any(|line| line.is_ok_and(|line| line.ends_with(" running")));
        assert!(is_running, "mosquitto does not run");
        // It writes little more than who comes and goes, which fits the pipe; without a reader it would end.
        std::mem::forget(log);
        Self { child, port, _dir: dir }
    }

    /// The most memory it has had, in bytes.
    pub(crate) fn peak_rss(&self) -> u64 {
        peak_rss(&self.child.id().to_string())
    }

    /// Stops it for a while, or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a running broker");
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
