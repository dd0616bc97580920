//! What is under way to devices: at most one question per device, so that sleepers and the mute cost nobody else
//! anything, and a bounded number in all.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{order::Order, put_aside::end_overdue};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Endpoint, Ieee},
        interview::Step,
    },
    model::Timestamp,
};

/// Questions under way at once. More would fill the buffers of the stick, which then refuses.
const MAX_UNDER_WAY: usize = 6;

/// Of these, questions to sleepers that have not been heard just now: most of them find nobody, and hold their place until
/// that is known.
const MAX_GUESSES: usize = 2;

/// How long after it was heard a sleeper is most likely still awake.
const AWAKE: Duration = Duration::from_secs(3);

/// Commands that wait for one device; a further one is refused.
pub(super) const MAX_ORDERS: usize = 16;

/// Commands that wait for all devices together; a further one is refused.
pub(super) const MAX_WAITING: usize = 512;

/// How long an answer may take. A parent keeps a message for a sleeping child for 7.68 s (Zigbee R21, 3.6.1.7).
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// First and longest rest of a device that does not answer; each one doubles. Hearing of it ends the rest.
const REST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(600));

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A step of the interview.
    Step(Step),
    /// The command that is first in the queue, or its value read back.
    Order,
    /// Is it there?
    Check,
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Asked {
    /// What.
    pub(super) what: What,
    /// The number its answer repeats.
    pub(super) number: u8,
    /// Of which endpoint; 0 for ZDO.
    pub(super) endpoint: Endpoint,
    /// Of which cluster.
    pub(super) cluster: Cluster,
    /// When it is given up.
    pub(super) deadline: Instant,
    /// Whether the device is not known to be awake.
    is_guess: bool,
}

impl Asked {
    /// The same, given up at another time.
    pub(super) fn until(self, deadline: Instant) -> Self {
        Self { deadline, ..self }
    }
}

/// The way to one device.
#[derive(Debug)]
pub(super) struct Line {
    /// The question under way.
    pub(super) asked: Option<Asked>,
    /// Commands that wait.
    pub(super) orders: VecDeque<Order>,
    /// Until when nothing is asked.
    pub(super) rests_until: Instant,
    /// Questions without an answer since it was last heard.
    pub(super) failures: u32,
    /// Whether it shall be asked if it is there.
    pub(super) is_doubted: bool,
    /// When it was last heard on this connection.
    heard_at: Option<Instant>,
}

impl Default for Line {
    fn default() -> Self {
        let orders = VecDeque::new();
        Self { asked: None, orders, rests_until: Instant::now(), failures: 0, is_doubted: false, heard_at: None }
    }
}

impl Line {
    /// A question is under way from now on.
    pub(super) fn ask(&mut self, what: What, number: u8, endpoint: Endpoint, cluster: Cluster, is_guess: bool) {
        let deadline = Instant::now() + ANSWER_LIMIT;
        self.asked = Some(Asked { what, number, endpoint, cluster, deadline, is_guess });
    }

    /// Whether it was heard just now.
    pub(super) fn is_awake(&self) -> bool {
        self.heard_at.is_some_and(|at| at.elapsed() < AWAKE)
    }

    /// Whether its first order is under way.
    fn is_order_asked(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.what == What::Order)
    }

    /// When something is due about orders that are not under way.
    fn orders_due(&self) -> Option<Instant> {
        self.orders.iter().skip(usize::from(self.is_order_asked())).filter_map(Order::due).min()
    }

    /// Tells who waits for long by now, and ends orders whose time is over. One that is under way gets its answer.
    fn look_at_orders(&mut self, now: Timestamp) {
        self.orders.iter_mut().for_each(|order| order.tell_late(Instant::now()));
        let under_way = if self.is_order_asked() { self.orders.pop_front() } else { None };
        end_overdue(&mut self.orders, now);
        if let Some(order) = under_way {
            self.orders.push_front(order);
        }
    }

    /// It did not answer, and is left alone for a while.
    pub(super) fn fail(&mut self) {
        self.asked = None;
        self.rests_until = Instant::now() + REST.0.saturating_mul(1 << self.failures.min(16)).min(REST.1);
        self.failures = self.failures.saturating_add(1);
    }

    /// It was heard: it is there and awake.
    pub(super) fn heard(&mut self) {
        self.failures = 0;
        self.is_doubted = false;
        self.rests_until = Instant::now();
        self.heard_at = Some(self.rests_until);
    }
}

/// The ways to all devices.
#[derive(Debug, Default)]
pub(super) struct Calls {
    lines: BTreeMap<Ieee, Line>,
    /// Devices for which there may be something to do.
    pub(super) busy: BTreeSet<Ieee>,
    /// The last number given.
    number: u8,
}

impl Calls {
    /// The way to a device.
    pub(super) fn line(&mut self, ieee: Ieee) -> &mut Line {
        self.lines.entry(ieee).or_default()
    }

    /// There may be something to do for a device.
    pub(super) fn wake(&mut self, ieee: Ieee) {
        self.busy.insert(ieee);
    }

    /// Forgets a device; gives what waited for it.
    pub(super) fn forget(&mut self, ieee: Ieee) -> VecDeque<Order> {
        self.busy.remove(&ieee);
        self.lines.remove(&ieee).map_or_else(VecDeque::new, |line| line.orders)
    }

    /// The lines, when the connection has ended.
    pub(super) fn into_lines(self) -> BTreeMap<Ieee, Line> {
        self.lines
    }

    /// How many orders wait.
    pub(super) fn waiting(&self) -> usize {
        self.lines.values().map(|line| line.orders.len()).sum()
    }

    /// Tells who waits for long by now, and ends orders whose time is over.
    pub(super) fn look_at_orders(&mut self, now: Timestamp) {
        self.lines.values_mut().for_each(|line| line.look_at_orders(now));
    }

    /// Whether one more question may go out: to anybody, or to a sleeper that may not hear it.
    pub(super) fn has_room(&self, is_guess: bool) -> bool {
        let under_way = self.lines.values().filter_map(|line| line.asked.as_ref());
        let guesses = under_way.clone().filter(|asked| asked.is_guess).count();
        under_way.count() < MAX_UNDER_WAY && (!is_guess || guesses < MAX_GUESSES)
    }

    /// A number that no question under way has.
    pub(super) fn number(&mut self) -> u8 {
        let used = |number| self.lines.values().any(|line| line.asked.as_ref().is_some_and(|a| a.number == number));
        let next = (1..=u8::MAX).map(|step| self.number.wrapping_add(step)).find(|number| !used(*number));
        self.number = next.expect("fewer questions are under way than there are numbers");
        self.number
    }

    /// Whose question has this number.
    pub(super) fn asked_as(&self, number: u8) -> Option<Ieee> {
        let has = |line: &Line| line.asked.as_ref().is_some_and(|asked| asked.number == number);
        self.lines.iter().find(|(_, line)| has(line)).map(|(ieee, _)| *ieee)
    }

    /// Devices whose question is to be given up.
    pub(super) fn late(&self, now: Instant) -> Vec<Ieee> {
        let late = |line: &Line| line.asked.as_ref().is_some_and(|asked| asked.deadline <= now);
        self.lines.iter().filter(|(_, line)| late(line)).map(|(ieee, _)| *ieee).collect()
    }

    /// When something is due next: a question to be given up, or the end of a rest.
    pub(super) fn due(&self) -> Option<Instant> {
        let deadlines = self.lines.values().filter_map(|line| line.asked.as_ref().map(|asked| asked.deadline));
        let now = Instant::now();
        let rests = self.busy.iter().filter_map(|ieee| self.lines.get(ieee));
        let rests = rests.filter(|line| line.asked.is_none()).map(|line| line.rests_until);
        let orders = self.lines.values().filter_map(Line::orders_due);
        deadlines.chain(rests.filter(|until| *until > now)).chain(orders).min()
    }
}
