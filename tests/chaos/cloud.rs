//! One cloud: a broker, the way there, who listens, and the account of what came.

use crate::{
    account::{Account, Allowance, Fate, Served},
    harness::{Broker, Listener, Tap},
    link::Link,
};

/// A broker with everything between it and the gateway, and behind it.
pub(crate) struct Cloud {
    /// The broker.
    pub(crate) broker: Broker,
    /// The way there. Behind it a tap writes down what reaches the broker.
    pub(crate) link: Link,
    /// What reaches the broker.
    tap: Tap,
    /// Who subscribes to everything.
    listener: Listener,
    /// What came.
    pub(crate) account: Account,
    /// Whether the broker runs.
    pub(crate) is_up: bool,
    /// The only unit whose readings it wants; all when there is none.
    pub(crate) unit: Option<u8>,
}

impl Cloud {
    /// A cloud in good order that wants the readings of one unit, or of all.
    pub(crate) fn start(unit: Option<u8>) -> Self {
        let broker = Broker::start();
        let listener = Listener::start(broker.port());
        let tap = Tap::start(broker.port());
        let link = Link::start(tap.port());
        Self { broker, link, tap, listener, account: Account::default(), is_up: true, unit }
    }

    /// Kills the broker, with everything it had not passed on.
    pub(crate) fn kill(&mut self) {
        self.broker.kill();
        self.is_up = false;
    }

    /// Starts the broker again, if it is down.
    pub(crate) fn resume(&mut self) {
        if !self.is_up {
            let sessions = self.listener.sessions();
            self.broker.resume();
            self.listener.wait_sessions(sessions + 1);
            self.is_up = true;
        }
    }

    /// What became of everything it wants of what was handed out.
    pub(crate) fn fate(&mut self, served: &Served, kills: &[Allowance], damaged: Option<&Served>) -> Fate {
        let unit = self.unit.map(|unit| format!("{unit}/")).unwrap_or_default();
        let wanted = served.iter().filter(|(place, _)| place.starts_with(&unit));
        let wanted = wanted.map(|(place, times)| (place.clone(), *times)).collect();
        self.look().fate(&wanted, kills, damaged)
    }

    /// Takes what is new to the account.
    pub(crate) fn look(&mut self) -> &Account {
        self.account.take(&self.listener, &self.tap);
        &self.account
    }
}
