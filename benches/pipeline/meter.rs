//! Time, processor time, memory and bytes written of this process between two moments.

use std::time::{Duration, Instant};

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

    /// Memory.
    pub(crate) fn rss(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/rss"), "MiB", float(self.rss_bytes) / 1_048_576.0, n, conditions)
    }

    /// Bytes of each.
    pub(crate) fn written(&self, name: &str, n: u64, conditions: &str) -> Row {
        Row::new(format!("{name}/written"), "B/reading", float(self.written_bytes) / float(n), n, conditions)
    }
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
pub(crate) fn float(n: u64) -> f64 {
    n as f64
}
