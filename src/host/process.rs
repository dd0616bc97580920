//! What the kernel knows of this process: memory, processor time, bytes written.

use std::{fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::clock::span;

/// Figures of this process. What the kernel does not tell is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Processor time of all threads since the start.
    pub cpu: Duration,
    /// Bytes this process caused to be written to disk since the start.
    pub written_bytes: u64,
}

impl Usage {
    /// Reads the figures of this moment.
    pub fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            rss_bytes: figure(&read("/proc/self/status"), "VmRSS").unwrap_or(0).saturating_mul(1024),
            cpu: span(clock_gettime(ClockId::ProcessCPUTime)),
            written_bytes: figure(&read("/proc/self/io"), "write_bytes").unwrap_or(0),
        }
    }
}

/// The number of a `name: number [unit]` line, as in `/proc/<pid>/status` and `/proc/<pid>/io` (proc(5)).
fn figure(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        if key != name {
            return None;
        }
        value.split_whitespace().next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_are_found_by_their_whole_name() {
        let status = "Name:\ttidegate\nVmHWM:\t   9000 kB\nVmRSS:\t   8192 kB\n";
        assert_eq!(figure(status, "VmRSS"), Some(8192));
        assert_eq!(figure(status, "VmSwap"), None);

        let io = "wchar: 5\ncancelled_write_bytes: 1\nwrite_bytes: 4096\n";
        assert_eq!(figure(io, "write_bytes"), Some(4096));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(Usage::now().rss_bytes > 0);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = figure(&text, "VmRSS");
        }
    }
}
