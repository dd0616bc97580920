//! The retained `state` message: who is there, and which earlier epochs are complete.

use serde::Serialize;

use super::GatewayInfo;
use crate::model::EpochEnd;

/// A `state` message; fields in the order of the contract.
#[derive(Debug, Serialize)]
struct Message<'a> {
    v: u8,
    gateway: &'a str,
    state: &'static str,
    store: &'a str,
    epoch: u64,
    #[serde(flatten)]
    online: Option<Online<'a>>,
}

#[derive(Debug, Serialize)]
struct Online<'a> {
    boot: &'a str,
    version: &'a str,
    started: String,
    previous: &'a [EpochEnd],
}

/// Said on each connect.
pub(super) fn online(gateway: &GatewayInfo, (store, epoch): (&str, u64), previous: &[EpochEnd]) -> Vec<u8> {
    let (boot, version, started) = (gateway.boot.as_str(), gateway.version, gateway.started.to_string());
    let online = Some(Online { boot, version, started, previous });
    encode(&Message { v: 1, gateway: &gateway.id, state: "online", store, epoch, online })
}

/// The last will, also said before a planned disconnect.
pub(super) fn offline(gateway: &GatewayInfo, (store, epoch): (&str, u64)) -> Vec<u8> {
    encode(&Message { v: 1, gateway: &gateway.id, state: "offline", store, epoch, online: None })
}

fn encode(message: &Message<'_>) -> Vec<u8> {
    serde_json::to_vec(message).expect("texts and numbers always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BootId, Timestamp};

    #[test]
    fn online_names_the_open_epochs_and_offline_only_who_left() {
        let started = Timestamp::from_millis(0);
        let gateway = GatewayInfo { id: "plant-7".into(), version: "0.1.0", boot: BootId::new("b"), started };
        let filtered = [("data.cloud".into(), 7)].into();
        let previous = [EpochEnd { epoch: 41, data: Some(9120), event: Some(3), outcome: None, filtered }];

        let online = String::from_utf8(online(&gateway, ("6f2c", 42), &previous)).unwrap();
        let offline = String::from_utf8(offline(&gateway, ("6f2c", 42))).unwrap();

        assert_eq!(
            online,
            r#"{"v":1,"gateway":"plant-7","state":"online","store":"6f2c","epoch":42,"boot":"b","version":"0.1.0","started":"1970-01-01T00:00:00.000Z","previous":[{"epoch":41,"data":9120,"event":3,"data.cloud":7}]}"#
        );
        assert_eq!(offline, r#"{"v":1,"gateway":"plant-7","state":"offline","store":"6f2c","epoch":42}"#);
    }
}
