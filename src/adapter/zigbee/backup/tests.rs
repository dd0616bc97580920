use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::{shelf::Shelf, *};
use crate::adapter::zigbee::{
    address::{ExtendedPan, Pan},
    radio::Network,
};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// A coordinator with two devices, one of them with a key of its own.
pub(in crate::adapter::zigbee) fn backup() -> Backup {
    let network = Network { channel: 15, pan: Pan(0x1a62), extended_pan: ExtendedPan(0xdddd_dddd_dddd_dddd) };
    let link = LinkKey { key: Key::new([9; 16]), received: 7, sent: 8 };
    Backup {
        made: Some(NOW),
        ieee: Ieee(0x0012_4b00_14d9_a7b1),
        held: Held { network, key: Key::new([0xab; 16]) },
        key_number: 1,
        frame_counter: 66_781,
        update_id: 2,
        security_level: 5,
        channels: Channels(1 << 15 | 1 << 20),
        seed: Some(Key::new([0xcd; 16])),
        members: vec![
            Member { ieee: Ieee(1), nwk: Some(Nwk(0x0a)), is_child: true, link: Some(link) },
            Member { ieee: Ieee(2), nwk: Some(Nwk(0x1001)), is_child: false, link: None },
        ],
    }
}

/// The document with something else at a place.
fn with(pointer: &str, value: Value) -> Result<Backup, BackupError> {
    let mut document = backup().document();
    *document.pointer_mut(pointer).unwrap() = value;
    Backup::read(&document)
}

#[test]
fn a_document_comes_back_as_it_was() {
    assert_eq!(Backup::read(&backup().document()).unwrap(), backup());
}

#[test]
fn what_other_programs_write_is_read() {
    // Short addresses without zeros before them, no word of a parent, an empty place for a seed.
    let mut document = backup().document();
    document["pan_id"] = json!("62");
    document["metadata"]["internal"] = json!({ "creation_time": "2026-11-20T12:00:00+00:00" });
    document["stack_specific"] = json!({ "ezsp": { "hashed_tclk": "00" } });
    document["devices"] =
        json!([{ "ieee_address": "00:12:4b:00:00:00:00:09", "nwk_address": null, "link_key": null }]);

    let read = Backup::read(&document).unwrap();

    assert_eq!((read.held.network.pan, read.seed), (Pan(0x62), None));
    assert_eq!(read.made, Some(Timestamp::parse("2026-11-20T12:00:00Z").unwrap()));
    let member = Member { ieee: Ieee(0x0012_4b00_0000_0009), nwk: None, is_child: true, link: None };
    assert_eq!(read.members, [member]);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_without_keys() {
    let told = |pointer, value| with(pointer, value).unwrap_err().to_string();
    assert_eq!(told("/network_key/key", json!("abab")), "network_key.key is not 32 hex digits");
    assert_eq!(told("/devices/0/link_key/key", json!(7)), "devices[0].link_key.key is not 32 hex digits");
    assert_eq!(
        told("/devices/1/ieee_address", json!("0000000000000001")),
        "devices[1] has the address of a device before it"
    );
    assert_eq!(told("/channel", json!(27)), "channel is not a number from 11 to 26");
    assert_eq!(told("/channel_mask", json!([])), "channel_mask is not a list of channels");
    assert_eq!(told("/pan_id", json!("ffff")), "pan_id is not the name of a network");
    assert_eq!(told("/pan_id", json!("+a62")), "pan_id is not up to 4 hex digits");
    assert_eq!(
        told("/network_key/frame_counter", json!(-1)),
        "network_key.frame_counter is not a number from 0 to 4294967295"
    );
    assert_eq!(told("/metadata/version", json!(2)), "metadata.version is 2; version 1 is known");
    let foreign = Backup::read(&json!({ "adapterType": "zStack" })).unwrap_err().to_string();
    assert!(foreign.starts_with("metadata.format is null"), "{foreign}");
    assert_eq!(
        Backup::parse(b"{").unwrap_err().to_string(),
        "no JSON: EOF while parsing an object at line 1 column 1"
    );
}

#[test]
fn nothing_but_the_document_shows_a_key() {
    let text = format!("{:?}", backup());
    assert!(text.contains("***") && !text.contains("171") && !text.contains("ab, ab"), "{text}");
}

#[test]
fn the_counter_goes_beyond_what_was_used_since() {
    let made = backup();
    assert_eq!(made.next_counter(NOW), 66_781 + 2500);
    assert_eq!(made.next_counter(NOW.moved(3_600_000)), 66_781 + 2500 + 7200);
    // A clock that is behind takes nothing away, one that is far ahead not everything.
    assert_eq!(made.next_counter(NOW.moved(-3_600_000)), 66_781 + 2500);
    assert!(made.next_counter(NOW.moved(i64::MAX)) < 70_000_000);
    assert_eq!(Backup { frame_counter: u32::MAX - 1, ..made }.next_counter(NOW), u32::MAX);
}

#[test]
fn counters_and_times_make_no_other_network() {
    let mut later = backup();
    (later.made, later.frame_counter) = (None, 99_999);
    later.members[0].link.as_mut().unwrap().sent = 100;
    assert!(later.is_like(&backup()));
    later.members.pop();
    assert!(!later.is_like(&backup()));
}

#[tokio::test]
async fn a_shelf_keeps_the_newest_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path().join("zb.backups"), 2);
    assert_eq!(shelf.newest().await, None);

    for (hours, counter) in [(1, 10), (2, 20), (3, 30)] {
        let backup = Backup { frame_counter: counter, ..backup() };
        shelf.put(&backup, NOW.moved(hours * 3_600_000)).await.unwrap();
    }

    assert_eq!(shelf.newest().await.unwrap().frame_counter, 30);
    let files: Vec<_> = std::fs::read_dir(folder.path().join("zb.backups")).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Backup::parse(text.as_bytes());
    }

    #[test]
    fn any_value_at_any_place_is_read_or_refused(
        place in prop::sample::select(vec![
            "/metadata", "/metadata/internal", "/devices", "/devices/0", "/devices/0/nwk_address", "/network_key",
            "/channel_mask", "/extended_pan_id", "/stack_specific", "/stack_specific/zstack/tclk_seed",
        ]),
        text in "\\PC{0,40}",
        number in any::<i64>(),
    ) {
        for value in [json!(text), json!(number), json!([number, text]), json!({ "a": text }), Value::Null] {
            let _ = with(place, value);
        }
    }
}

/// The rules of the form, as its schema says them: what has to be there, hex of a length, and numbers in their ranges.
fn assert_keeps_to_the_form(document: &Value) {
    let hex = |value: &Value, length: usize| {
        let text = value.as_str().unwrap_or_else(|| panic!("{value} is no text"));
        assert!(
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{text} is not {length} digits"
        );
    };
    let number = |value: &Value, least: u64, most: u64| {
        let number = value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"));
        assert!((least..=most).contains(&number), "{number} is not within {least} to {most}");
    };
    let counter = |value: &Value| number(value, 0, u32::MAX.into());
    assert_eq!(document["metadata"]["format"], "zigpy/open-coordinator-backup");
    number(&document["metadata"]["version"], 1, 1);
    assert!(document["metadata"]["source"].as_str().unwrap().contains('@'));
    assert!(document["metadata"]["internal"].is_object());
    if let Some(seed) = document.pointer("/stack_specific/zstack/tclk_seed") {
        hex(seed, 32);
    }
    hex(&document["coordinator_ieee"], 16);
    hex(&document["pan_id"], 4);
    hex(&document["extended_pan_id"], 16);
    number(&document["nwk_update_id"], 0, 255);
    number(&document["security_level"], 0, 7);
    number(&document["channel"], 11, 26);
    document["channel_mask"].as_array().unwrap().iter().for_each(|channel| number(channel, 11, 26));
    hex(&document["network_key"]["key"], 32);
    number(&document["network_key"]["sequence_number"], 0, 255);
    counter(&document["network_key"]["frame_counter"]);
    for device in document["devices"].as_array().unwrap() {
        hex(&device["nwk_address"], 4);
        hex(&device["ieee_address"], 16);
        if let Some(link) = device.get("link_key") {
            hex(&link["key"], 32);
            counter(&link["tx_counter"]);
            counter(&link["rx_counter"]);
        }
    }
}

proptest! {
    #[test]
    fn every_document_keeps_to_the_form(
        (pan, extended_pan, channel, channels) in (any::<u16>(), any::<u64>(), 11u8..=26, any::<u32>()),
        (key_number, frame_counter, update_id, security_level) in (any::<u8>(), any::<u32>(), any::<u8>(), 0u8..=7),
        members in prop::collection::vec((any::<u64>(), any::<Option<u16>>(), any::<Option<(u32, u32)>>()), 0..5),
        has_seed in any::<bool>(),
    ) {
        let network = Network { channel, pan: Pan(pan), extended_pan: ExtendedPan(extended_pan) };
        let member = |(ieee, nwk, counters): (u64, Option<u16>, Option<(u32, u32)>)| {
            let link = counters.map(|(received, sent)| LinkKey { key: Key::new([7; 16]), received, sent });
            Member { ieee: Ieee(ieee), nwk: nwk.map(Nwk), is_child: false, link }
        };
        let backup = Backup {
            held: Held { network, key: Key::new([0xab; 16]) },
            key_number, frame_counter, update_id, security_level,
            channels: Channels(channels & Channels::ALL.0),
            seed: has_seed.then(|| Key::new([1; 16])),
            members: members.into_iter().map(member).collect(),
            ..backup()
        };

        assert_keeps_to_the_form(&backup.document());
    }
}
