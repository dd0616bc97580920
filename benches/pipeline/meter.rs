//! Time, processor time, memory and bytes written of this process between two moments.

use std::{
    fs,
    time::{Duration, Instant},
};

use tidegate::host::process::Usage;

use crate::report::Row;

/// A moment.
pub(crate) struct Meter {
    started: Instant,
    usage: Usage,
}

/// What has been used since.
pub(crate) struct Used {
    /// Time that passed.
    pub(crate) elapsed: Duration,
    /// Processor time of all threads.
    pub(crate) cpu: Duration,
    /// Resident memory at the end, in bytes.
    pub(crate) rss_bytes: u64,
    /// The most that the process has had, in bytes.
    pub(crate) peak_bytes: u64,
    /// Bytes this process caused to be written.
    pub(crate) written_bytes: u64,
}

impl Meter {
    /// From now on.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), usage: Usage::now() }
    }

    /// Until now.
    pub(crate) fn read(&self) -> Used {
        let now = Usage::now();
        Used {
            elapsed: self.started.elapsed(),
            cpu: now.cpu.saturating_sub(self.usage.cpu),
            rss_bytes: now.rss_bytes,
            peak_bytes: peak_rss("self"),
            written_bytes: now.written_bytes - self.usage.written_bytes,
        }
    }
}

impl Used {
    /// So many per second.
    pub(crate) fn rate(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/rate"), "readings/s", float(n) / self.elapsed.as_secs_f64(), n, conditions)
    }

    /// Processor time of each.
    pub(crate) fn cpu(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/cpu"), "us/reading", self.cpu_us(n), n, conditions)
    }

    /// Microseconds of processor time of each.
    pub(crate) fn cpu_us(&self, n: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / float(n)
    }

    /// Memory at the end.
    pub(crate) fn rss(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/rss"), "MiB", float(self.rss_bytes) / 1_048_576.0, n, conditions)
    }

    /// The most memory.
    pub(crate) fn peak(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/rss"), "MiB", float(self.peak_bytes) / 1_048_576.0, n, conditions)
    }

    /// Bytes of each.
    pub(crate) fn written(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/written"), "B/reading", float(self.written_bytes) / float(n), n, conditions)
    }
}

/// The most resident memory that a process has had, in bytes; the process is a number, or `self`.
pub(crate) fn peak_rss(process: &str) -> u64 {
    status_bytes(process, "VmHWM")
}

/// A figure of `/proc/<pid>/status` that is given in KiB, in bytes.
pub(crate) fn status_bytes(process: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("its memory");
    let kib: u64 = value.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib << 10
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
pub(crate) fn float(n: u64) -> f64 {
    n as f64
}
