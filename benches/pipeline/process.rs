//! The real daemon in a process of its own, watched from outside: what it takes is its own and nobody else's.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    meter::{Used, peak_rss, status_bytes},
    site::Site,
};

/// The program that is measured, instead of the one that was built along: what is shipped is linked as a whole.
const PROGRAM: &str = "TIDEGATE_BENCH_PROGRAM";
/// How often the daemon is asked whether something has come true, and how often at most.
const LOOK: (Duration, u32) = (Duration::from_millis(100), 1_200);
/// The unit of processor time in `/proc/<pid>/stat`: 100 a second on every Linux (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICK: Duration = Duration::from_millis(10);

/// Which daemon is measured.
fn program() -> OsString {
    env::var_os(PROGRAM).unwrap_or_else(|| env!("CARGO_BIN_EXE_tidegate").into())
}

/// A running daemon; it ends with its owner.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
}

/// A moment of it.
pub(crate) struct Moment {
    at: Instant,
    cpu: Duration,
    written_bytes: u64,
}

impl Daemon {
    /// Starts it with the site's configuration and the environment that its unit for systemd gives it.
    pub(crate) fn start(site: &Site) -> Self {
        let mut command = Command::new(program());
        command.env("MALLOC_ARENA_MAX", "2");
        command.env("MALLOC_MMAP_THRESHOLD_", "131072").env("MALLOC_TRIM_THRESHOLD_", "131072");
        command.arg("run").arg("--config").arg(site.write()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().expect("the daemon"), socket: site.path("api.sock") }
    }

    /// Waits until a metric has reached a value, all its labels together.
    pub(crate) fn wait_for(&self, metric: &str, value: u64) {
        let has_come = (0..LOOK.1).any(|_| {
            thread::park_timeout(LOOK.0);
            self.metrics().is_some_and(|text| sum(&text, metric) >= value)
        });
        assert!(has_come, "{metric} has not reached {value}");
    }

    /// The sums of these metrics over all their labels.
    pub(crate) fn sums<const N: usize>(&self, names: [&str; N]) -> [u64; N] {
        let text = self.metrics().expect("a daemon that answers");
        names.map(|name| sum(&text, name))
    }

    /// Now.
    pub(crate) fn moment(&self) -> Moment {
        Moment { at: Instant::now(), cpu: self.cpu(), written_bytes: self.written() }
    }

    /// What it has used since a moment.
    pub(crate) fn used_since(&self, before: &Moment) -> Used {
        let process = self.child.id().to_string();
        Used {
            elapsed: before.at.elapsed(),
            cpu: self.cpu().saturating_sub(before.cpu),
            rss_bytes: status_bytes(&process, "VmRSS"),
            peak_bytes: peak_rss(&process),
            written_bytes: self.written() - before.written_bytes,
        }
    }

    /// All its metrics, once it answers.
    fn metrics(&self) -> Option<String> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// Processor time of all its threads.
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a running daemon");
        // Behind the name, which may hold anything, utime and stime are the 12th and 13th.
        let (_, rest) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("a number"));
        TICK * ticks.sum::<u32>()
    }

    /// Bytes that it caused to be written.
    fn written(&self) -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id())).expect("a running daemon");
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).expect("what it wrote");
        line.parse().expect("a number")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // What it holds is worth nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sum of a metric's samples.
fn sum(text: &str, metric: &str) -> u64 {
    let sample = |line: &str| {
        let rest = line.strip_prefix(metric)?;
        let is_whole = rest.starts_with(['{', ' ']);
        is_whole.then(|| rest.rsplit(' ').next()?.parse::<u64>().ok())?
    };
    text.lines().filter_map(sample).sum()
}
