//! When a device is to be connected to, and what was last told of its points: no I/O.

use std::time::Duration;

use tokio::time::Instant;

use crate::adapter::ble::config::Device;

/// Shortest and longest rest after a failure. It doubles with each, so that a device that is away costs little.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(120));

/// One device.
#[derive(Debug)]
pub(super) struct Outlook {
    /// When each point is to be read next; `None` for those that are not.
    due: Vec<Option<Instant>>,
    /// Why each point was bad when it was told last.
    bad: Vec<Option<String>>,
    /// Failures in a row.
    failures: u32,
    /// No attempt before this, after a failure.
    rest: Option<Instant>,
}

impl Outlook {
    /// Everything that can be read is due now.
    pub(super) fn new(device: &Device, now: Instant) -> Self {
        let due = device.behind.iter().map(|behind| behind.point.access.can_read().then_some(now)).collect();
        Self { due, bad: vec![None; device.behind.len()], failures: 0, rest: None }
    }

    /// When something is to be done; never for a device that is only written to.
    pub(super) fn next(&self) -> Option<Instant> {
        let due = self.due.iter().flatten().min().copied()?;
        Some(self.rest.map_or(due, |rest| rest.max(due)))
    }

    /// No attempt is to be made before this.
    pub(super) fn rest(&self) -> Option<Instant> {
        self.rest
    }

    /// The points that are due.
    pub(super) fn due(&self, now: Instant) -> Vec<usize> {
        (0..self.due.len()).filter(|point| self.due[*point].is_some_and(|due| due <= now)).collect()
    }

    /// A point was read, or told by the device; it is to be read again after its interval, if it has one.
    pub(super) fn was_read(&mut self, point: usize, interval: Option<Duration>, now: Instant) {
        if self.due[point].is_some() {
            self.due[point] = interval.map(|interval| now + interval);
        }
    }

    /// The device was connected to.
    pub(super) fn reached(&mut self) {
        (self.failures, self.rest) = (0, None);
    }

    /// It could not be connected to, or was lost: everything that can be read is due again after a rest.
    pub(super) fn failed(&mut self, device: &Device, now: Instant) {
        let longest = (REST.0 * 2_u32.saturating_pow(self.failures)).min(REST.1);
        self.failures = self.failures.saturating_add(1);
        // Not in step with other devices that were lost together.
        self.rest = Some(now + longest.mul_f64(0.5 + fastrand::f64() / 2.0));
        for (due, behind) in self.due.iter_mut().zip(&device.behind) {
            *due = behind.point.access.can_read().then_some(now);
        }
    }

    /// Whether it is news that a point is bad.
    pub(super) fn turns_bad(&mut self, point: usize, why: &str) -> bool {
        let is_news = self.bad[point].as_deref() != Some(why);
        self.bad[point] = Some(why.to_owned());
        is_news
    }

    /// A point is good.
    pub(super) fn is_good(&mut self, point: usize) {
        self.bad[point] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::ble::gatt::keeper::fixtures::device;

    #[tokio::test(start_paused = true)]
    async fn what_was_read_is_due_after_its_interval_and_what_is_told_never() {
        let (device, start) = (device(), Instant::now());
        let mut outlook = Outlook::new(&device, start);
        assert_eq!(outlook.due(start), [0, 1]);

        outlook.was_read(0, Some(Duration::from_secs(60)), start);
        outlook.was_read(1, None, start);

        assert_eq!(outlook.due(start), [0; 0]);
        assert_eq!(outlook.next(), Some(start + Duration::from_secs(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn rests_grow_to_their_limit_and_end_with_a_connection() {
        let (device, start) = (device(), Instant::now());
        let mut outlook = Outlook::new(&device, start);

        outlook.failed(&device, start);
        assert!(outlook.next().unwrap() - start <= REST.0);
        for _ in 0..40 {
            outlook.failed(&device, start);
        }
        let rest = outlook.next().unwrap() - start;
        assert!(rest >= REST.1 / 2 && rest <= REST.1, "{rest:?}");

        outlook.reached();
        assert_eq!(outlook.next(), Some(start));
    }

    #[test]
    fn a_fault_is_news_once() {
        let mut outlook = Outlook::new(&device(), Instant::now());

        assert!(outlook.turns_bad(0, "device-offline") && !outlook.turns_bad(0, "device-offline"));
        assert!(outlook.turns_bad(0, "timeout"));
        outlook.is_good(0);
        assert!(outlook.turns_bad(0, "timeout"));
    }
}
