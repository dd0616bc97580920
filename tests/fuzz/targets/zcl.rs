//! Frames of the cluster library, to names and to points.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::zigbee::{
    address::Cluster,
    describe,
    map::{Known, findings},
    zcl::{Frame, General},
};
use tidegate_fuzz::Bytes;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let cluster = Cluster(bytes.word());
    let Ok(frame) = Frame::decode(bytes.0) else { return };
    assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    let _ = describe::zcl(cluster, &frame);
    if let Some(Ok(general)) = General::of(&frame) {
        let payload = general.payload();
        let again = General::decode(frame.header.command, &payload).map(|again| again.payload());
        assert_eq!(again, Ok(payload), "{general:?}");
    }
    let mut known = Known::default();
    for finding in findings(cluster, &frame, &mut known) {
        let _ = format!("{finding:?}");
    }
});
