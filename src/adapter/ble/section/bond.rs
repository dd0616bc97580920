//! How a device is paired, as its keys say it.

use crate::{
    adapter::ble::config::Bond,
    config::{Secret, report::Problems, section::At},
};

/// How a device is paired. One that is never connected to cannot be.
pub(super) fn bond(
    pair: &At<bool>,
    passkey: Option<At<Secret>>,
    is_apart: bool,
    problems: &mut Problems,
) -> Option<Bond> {
    let place = passkey.as_ref().map_or(&pair.place, |passkey| &passkey.place).clone();
    let bond = passkey.map(|passkey| Bond::Passkey(passkey.value)).or(pair.value.then_some(Bond::Open))?;
    if is_apart {
        let help = "give it a point with a characteristic, or leave the pairing out";
        problems.error(&place, "the device is never connected to, so it is not paired").help(help);
    }
    Some(bond)
}
