//! What devices say of themselves and of the network.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::zigbee::{address::Cluster, describe};
use tidegate_fuzz::Bytes;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let cluster = Cluster(bytes.word());
    let _ = describe::zdo(cluster, bytes.0);
});
