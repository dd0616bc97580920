//! The live view: the last reading of every point, active alarms, and a stream of new readings for whoever watches.
//!
//! It never blocks the pipeline: a watcher that falls behind loses the oldest readings and is told how many.

use std::{
    collections::BTreeMap,
    iter,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::broadcast;

use crate::model::{AlarmState, ByPoint, Event, EventKind, PointAddress, Reading};

/// Batches a watcher may fall behind before it loses the oldest. A batch has at most 1 000 readings and is shared.
const WATCH_DEPTH: usize = 64;

/// The last readings and the watchers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    /// By point; as many entries as there are points.
    last: Arc<Mutex<ByPoint<Reading>>>,
    /// Everyone who watches.
    watchers: broadcast::Sender<Arc<[Reading]>>,
    /// Alarms that were raised and not cleared, by rule and id; as many as rules can raise.
    alarms: Arc<Mutex<AlarmTable>>,
    /// Readings since the start.
    total: Arc<AtomicU64>,
}

/// Active alarms by rule and id.
type AlarmTable = BTreeMap<(Arc<str>, Arc<str>), AlarmState>;

impl Live {
    /// Starts with the last readings of the run before; watchers do not see those.
    pub fn new(last: Vec<Reading>) -> Self {
        Self {
            last: Arc::new(Mutex::new(last.into_iter().collect())),
            watchers: broadcast::channel(WATCH_DEPTH).0,
            alarms: Arc::default(),
            total: Arc::default(),
        }
    }

    /// Takes lists of new readings, each in its order, and shows them to the watchers.
    pub fn update<const N: usize>(&self, lists: [&[Reading]; N]) {
        let count: usize = lists.iter().map(|list| list.len()).sum();
        self.total.fetch_add(count as u64, Ordering::Relaxed);
        let mut last = lock(&self.last);
        for reading in oldest_first(lists) {
            last.put(reading.clone());
        }
        drop(last);
        if self.watchers.receiver_count() > 0 && count > 0 {
            // Nobody watching any more is no error.
            let _ = self.watchers.send(oldest_first(lists).cloned().collect());
        }
    }

    /// Forgets points that are gone from the configuration.
    pub fn forget<'a>(&self, points: impl IntoIterator<Item = &'a PointAddress>) {
        let mut last = lock(&self.last);
        for point in points {
            last.remove(point);
        }
    }

    /// Takes note of alarms among new events.
    pub fn note(&self, events: &[Event]) {
        for event in events {
            let EventKind::Alarm { alarm } = &event.kind else { continue };
            let key = (Arc::clone(&alarm.rule), Arc::clone(&alarm.id));
            let mut alarms = lock(&self.alarms);
            if alarm.active { drop(alarms.insert(key, alarm.clone())) } else { drop(alarms.remove(&key)) }
        }
    }

    /// Alarms that were raised and not cleared.
    pub fn alarms(&self) -> Vec<AlarmState> {
        lock(&self.alarms).values().cloned().collect()
    }

    /// Readings since the start.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// The last reading of a point.
    pub fn get(&self, address: &PointAddress) -> Option<Reading> {
        lock(&self.last).get(address).cloned()
    }

    /// Every last reading, in no order.
    pub fn all(&self) -> Vec<Reading> {
        lock(&self.last).iter().cloned().collect()
    }

    /// New readings from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<[Reading]>> {
        self.watchers.subscribe()
    }
}

/// Several lists as one, so that the last reading of a point is its newest whichever list it is in.
fn oldest_first<const N: usize>(mut lists: [&[Reading]; N]) -> impl Iterator<Item = &Reading> {
    iter::from_fn(move || {
        let waiting = lists.iter_mut().filter(|list| !list.is_empty());
        waiting.min_by_key(|list| list[0].ts)?.split_off_first()
    })
}

/// Locks a table; a panic elsewhere cannot have left it half written, so a poisoned lock is taken as it is.
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, Point, PointName, PointType, Timestamp, Value};

    fn reading(value: f64) -> Reading {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new("voltage").unwrap());
        let point = Arc::new(Point::new(device, name, PointType::Float, Some("V")));
        Reading::good(point, Value::Float(value), Timestamp::default())
    }

    #[test]
    fn the_last_reading_wins() {
        let live = Live::new(vec![reading(1.0)]);

        live.update([&[reading(2.0), reading(3.0)]]);

        assert_eq!(live.get(&reading(0.0).point.address), Some(reading(3.0)));
        assert_eq!(live.all().len(), 1);
    }

    #[test]
    fn the_newest_reading_wins_whichever_list_it_is_in() {
        let live = Live::new(Vec::new());
        let mut watcher = live.watch();
        let at = |ms| Reading { ts: Timestamp::from_millis(ms), ..reading(1.0) };

        live.update([&[at(1), at(4)], &[], &[at(2), at(3)]]);

        assert_eq!(live.get(&at(0).point.address), Some(at(4)));
        assert_eq!(*watcher.try_recv().unwrap(), [at(1), at(2), at(3), at(4)]);
        assert_eq!(live.total(), 4);
    }

    #[test]
    fn a_forgotten_point_has_no_reading() {
        let live = Live::new(vec![reading(1.0)]);

        live.forget([&reading(0.0).point.address]);

        assert_eq!(live.all(), []);
    }

    #[test]
    fn a_watcher_sees_what_comes_after_it() {
        let live = Live::new(vec![reading(1.0)]);
        let mut watcher = live.watch();

        live.update([&[reading(2.0)]]);

        assert_eq!(*watcher.try_recv().unwrap(), [reading(2.0)]);
        assert!(watcher.try_recv().is_err());
    }
}
