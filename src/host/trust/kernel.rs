//! The kernel's word on its own clock.

use std::time::Duration;

use rtime_clock::adjtime::{Timex, adjtimex};

/// The kernel gives up a clock whose largest error is beyond this (`NTP_PHASE_LIMIT` in its `timex.h`).
const MAX_ERROR: Duration = Duration::from_secs(16);
/// What adjtimex(2) answers, and the bit in the status, for a clock that is not synchronised.
const TIME_ERROR: i32 = 5;
const STA_UNSYNC: i32 = 0x40;

/// A look at the kernel's clock that changes nothing. A sandbox may refuse it; the files have the word then.
pub(super) fn ask() -> Option<bool> {
    let mut timex = Timex::new();
    let state = adjtimex(&mut timex).ok()?;
    let max_error = Duration::from_micros(u64::try_from(timex.0.maxerror).ok()?);
    Some(state != TIME_ERROR && timex.0.status & STA_UNSYNC == 0 && max_error < MAX_ERROR)
}
