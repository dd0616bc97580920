//! How large a disk is, and how fast what we write wears it.

use std::{path::Path, time::Duration};

use rustix::fs::statvfs;
use serde::Serialize;

/// How often all of a card can be written before it wears out: what the cheapest kind of flash (QLC, TLC) is good for.
const FULL_WRITES: f64 = 500.0;
/// Bytes a card writes for each that it is given: its pages are far larger than ours.
const AMPLIFICATION: f64 = 4.0;
/// Before this time a rate per day would be a guess.
const SETTLED: Duration = Duration::from_secs(60);
/// A longer life than this means nothing to anybody.
const MAX_YEARS: f64 = 100.0;

/// What this process does to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wear {
    /// Bytes written since the start.
    pub written_bytes: u64,
    /// Bytes written in a day, if it goes on like this; none in the first minute.
    pub bytes_per_day: Option<u64>,
    /// Bytes of the disk.
    pub disk_bytes: Option<u64>,
    /// Years until this process alone has worn the disk out: 500 full writes of it, each byte written four times by a
    /// card with large pages. At most 100.
    pub years: Option<f64>,
}

impl Wear {
    /// Of so many bytes in so long a time, on the disk of a file.
    pub fn of(written_bytes: u64, since: Duration, file: &Path) -> Self {
        Self::on(written_bytes, since, capacity(file))
    }

    fn on(written_bytes: u64, since: Duration, disk_bytes: Option<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate of bytes is an estimate")]
        let per_day = (since >= SETTLED).then(|| written_bytes as f64 * 86_400.0 / since.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "the same")]
        let life = |(per_day, disk): (f64, u64)| {
            let years = disk as f64 * FULL_WRITES / AMPLIFICATION / per_day.max(1.0) / 365.0;
            (years.min(MAX_YEARS) * 10.0).round() / 10.0
        };
        let years = per_day.zip(disk_bytes).map(life);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "neither negative nor that large"
        )]
        let bytes_per_day = per_day.map(|bytes| bytes as u64);
        Self { written_bytes, bytes_per_day, disk_bytes, years }
    }
}

/// Bytes of the disk a file is on; none where the system does not tell.
fn capacity(file: &Path) -> Option<u64> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = statvfs(folder).ok()?;
    Some(disk.f_blocks.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_card_under_a_gigabyte_a_day_lasts_for_years() {
        let day = Duration::from_secs(86_400);

        let wear = Wear::on(1_000_000_000, day, Some(32_000_000_000));

        assert_eq!((wear.bytes_per_day, wear.years), (Some(1_000_000_000), Some(11.0)));
        assert_eq!(Wear::on(0, day, Some(0)).years, Some(0.0));
        assert_eq!(Wear::on(10, Duration::from_secs(5), Some(32_000_000_000)).years, None);
        assert_eq!(Wear::on(1, day, Some(u64::MAX)).years, Some(MAX_YEARS));
        assert!(capacity(Path::new("/proc/self/status")).is_some());
    }
}
