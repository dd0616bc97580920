//! Frames of devices that have a profile: data points, attributes and scripts to values, and values back to frames.
#![no_main]

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use libfuzzer_sys::fuzz_target;
use tidegate::{
    adapter::zigbee::{
        address::Cluster,
        quirk::{Quirk, Quirks, Scripts},
        tuya::{self, Data},
        zcl::Frame,
    },
    config::report::Problems,
    profile::Library,
};
use tidegate_fuzz::Bytes;

/// A profile with data points, and one with a script.
static QUIRKS: OnceLock<[Arc<Quirk>; 2]> = OnceLock::new();
/// Their scripts, compiled once.
static SCRIPTS: Mutex<Option<Scripts>> = Mutex::new(None);

/// The shipped profiles.
fn quirks() -> [Arc<Quirk>; 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/profiles");
    let all = Quirks::of(&mut Library::new(vec![folder]), &mut Problems::default());
    let of = |maker, model| all.find(maker, model).expect("it is shipped");
    [of("_TZE200_g9a3awaj", "TS0601"), of("LUMI", "lumi.weather")]
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let cluster = Cluster(bytes.pick(&[tuya::CLUSTER.0, 0x0000, 0x0402]));
    if let Ok(data) = Data::decode(bytes.0) {
        assert_eq!(data.encode(), bytes.0);
    }
    let Ok(frame) = Frame::decode(bytes.0) else { return };
    let mut scripts = SCRIPTS.lock().expect("no other thread");
    let scripts = scripts.get_or_insert_default();
    for quirk in QUIRKS.get_or_init(quirks) {
        let (found, _) = scripts.read(quirk, 1, cluster, &frame);
        for found in found {
            let Ok(value) = found.value else { continue };
            let Ok((_, order)) = scripts.order(quirk, found.point, &value) else { continue };
            let sent = order.encode(1);
            let sent = Frame::decode(&sent).expect("what is sent is a frame");
            assert!(Data::decode(sent.payload).is_ok_and(|data| data.records.len() == 1));
        }
    }
});
