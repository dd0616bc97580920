//! Whether the time of readings can be believed.

use super::{Finding, site::Site};
use crate::{
    host::SystemClock,
    model::{Clock as _, ClockQuality},
};

/// The clock of this machine, which has no files to look at.
pub(super) fn check(_: &Site) -> Vec<Finding> {
    let clock = SystemClock::new();
    vec![judge(clock.quality(), &clock.now().to_string())]
}

/// What a quality means.
fn judge(quality: ClockQuality, now: &str) -> Finding {
    let fix = "apt install systemd-timesyncd, or see timedatectl why it does not reach its server";
    match quality {
        ClockQuality::Ntp => Finding::ok("clock", format!("synchronised: {now}")),
        ClockQuality::Rtc => {
            Finding::note("clock", format!("from the battery-backed clock, not synchronised: {now}"), fix)
        }
        ClockQuality::Estimated => Finding::note("clock", format!("not synchronised: {now}"), fix),
        ClockQuality::None => Finding::wrong("clock", format!("not set: {now}"), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Level;

    #[test]
    fn only_a_clock_that_is_not_set_is_wrong() {
        let levels = [ClockQuality::Ntp, ClockQuality::Rtc, ClockQuality::Estimated, ClockQuality::None]
            .map(|quality| judge(quality, "").level);
        assert_eq!(levels, [Level::Ok, Level::Note, Level::Note, Level::Wrong]);
    }
}
