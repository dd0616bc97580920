//! What `BlueZ` tells on its way to whoever reads it: advertisements of the radios, or notifications of one device.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use crate::adapter::ble::heard::Heard;

/// Those that wait. When there is no room the oldest goes, counted: the next of the same device is newer.
const CAPACITY: usize = 4096;

/// The queue. It takes without waiting, so that the queue of the connection, which has no bound, stays empty.
#[derive(Debug)]
pub struct Queue<T = Heard> {
    waiting: Mutex<VecDeque<T>>,
    /// Told with each one that comes.
    came: Notify,
    /// Those that went unread.
    shed: Counter,
}

impl<T> Queue<T> {
    /// An empty queue; `shed` counts what goes unread.
    pub fn new(shed: Counter) -> Self {
        Self { waiting: Mutex::new(VecDeque::new()), came: Notify::new(), shed }
    }

    /// Adds one.
    pub fn push(&self, heard: T) {
        let mut waiting = self.locked();
        if waiting.len() >= CAPACITY {
            waiting.pop_front();
            self.shed.inc();
        }
        waiting.push_back(heard);
        drop(waiting);
        self.came.notify_one();
    }

    /// The oldest; waits for one. Safe to cancel.
    pub async fn next(&self) -> T {
        loop {
            let came = self.came.notified();
            if let Some(heard) = self.locked().pop_front() {
                return heard;
            }
            came.await;
        }
    }

    /// Forgets what waits.
    pub(super) fn clear(&self) {
        self.locked().clear();
    }

    /// What waits; a holder that panicked left it whole.
    fn locked(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_goes_when_there_is_no_room() {
        let queue = Queue::new(Counter::default());
        let heard = |rssi| Heard { rssi: Some(rssi), ..Heard::default() };

        for rssi in 0..=i16::try_from(CAPACITY).unwrap() {
            queue.push(heard(rssi));
        }

        assert_eq!(queue.next().await.rssi, Some(1));
        assert_eq!(queue.shed.get(), 1);
    }
}
