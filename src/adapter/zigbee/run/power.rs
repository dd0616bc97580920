//! How strongly the stick sends, where that is configured: it is told at each start, because it forgets. What it makes of that
//! is told, and is never a reason not to work.

use serde_json::{Value as Json, json};
use tracing::{info, warn};

use super::{
    End, LostError,
    world::{Radio, World},
};
use crate::adapter::zigbee::radio::{Power, Radio as _};

/// What the stick says of the power that is wanted.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// On this connection.
    now: Option<Power>,
    /// What was last told, so that it is told once and not at each start.
    told: Option<Power>,
}

impl Sending {
    /// The stick starts: what it was told before, it has forgotten.
    pub(super) fn forget(&mut self) {
        self.now = None;
    }

    /// The stick's word on it. Gives what is to be told of it, if that is new.
    fn take(&mut self, wanted: i8, power: Power) -> Option<String> {
        let text = complaint(wanted, &power);
        let is_new = self.told.as_ref() != Some(&power);
        self.told = Some(power.clone());
        self.now = Some(power);
        text.filter(|_| is_new)
    }

    /// For people and programs; null when nothing is wanted.
    pub(super) fn view(&self, wanted: Option<i8>) -> Json {
        let Some(wanted) = wanted else { return Json::Null };
        let (state, dbm, why) = match &self.now {
            None => ("unset", None, None),
            Some(Power::Sends(dbm)) => ("set", Some(*dbm), None),
            Some(Power::Taken) => ("set", None, None),
            Some(Power::Refused(why)) => ("refused", None, Some(why)),
        };
        json!({ "wanted": wanted, "state": state, "dbm": dbm, "why": why })
    }
}

/// What somebody should know who wanted this.
fn complaint(wanted: i8, power: &Power) -> Option<String> {
    match power {
        Power::Sends(dbm) if *dbm == wanted => None,
        Power::Sends(dbm) => Some(format!("tx_power: the coordinator sends with {dbm} dBm instead of {wanted}")),
        Power::Taken => None,
        Power::Refused(why) => Some(format!("tx_power: the coordinator does not take {wanted} dBm: {why}")),
    }
}

impl World<'_> {
    /// Tells the stick how strongly to send, if that is configured. Without a network nothing is sent, so that it is early
    /// enough when there is one.
    pub(super) async fn set_power(&mut self, radio: &mut Radio) -> Result<(), End> {
        let Some(wanted) = self.config.tx_power else { return Ok(()) };
        let alive = self.alive.clone();
        let power = alive.during(radio.send_with(wanted)).await.map_err(LostError::from)?;
        info!(adapter = self.config.name, wanted, ?power, "Coordinator was told how strongly to send");
        let Some(text) = self.sending.take(wanted, power) else { return Ok(()) };
        warn!(adapter = self.config.name, "{text}");
        self.tell("zigbee-tx-power", format!("adapter {}: {text}", self.config.name)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_once() {
        let mut sending = Sending::default();
        assert_eq!(sending.take(9, Power::Sends(9)), None);
        let told = sending.take(9, Power::Sends(5));
        assert_eq!(told.as_deref(), Some("tx_power: the coordinator sends with 5 dBm instead of 9"));
        sending.forget();
        assert_eq!(sending.take(9, Power::Sends(5)), None);
        let told = sending.take(9, Power::Refused("failure".to_owned()));
        assert_eq!(told.as_deref(), Some("tx_power: the coordinator does not take 9 dBm: failure"));
        assert_eq!(sending.take(9, Power::Taken), None);
    }

    #[test]
    fn the_view_shows_both_sides() {
        let mut sending = Sending::default();
        assert_eq!(sending.view(None), Json::Null);
        assert_eq!(sending.view(Some(9))["state"], "unset");
        sending.take(9, Power::Sends(5));
        assert_eq!(sending.view(Some(9)), json!({ "wanted": 9, "state": "set", "dbm": 5, "why": null }));
        sending.take(9, Power::Refused("failure".to_owned()));
        assert_eq!(sending.view(Some(9)), json!({ "wanted": 9, "state": "refused", "dbm": null, "why": "failure" }));
        sending.forget();
        assert_eq!(sending.view(Some(9))["state"], "unset");
    }
}
