//! Doors, windows and locks of MiBeacon.

use super::{
    super::{Why, bytes::exactly, finding::Finding},
    objects::Device,
};
use crate::model::Quantity;

/// A safe, the one product whose object 0x100F is known.
const SAFE: Device = Device(0x09B0);

/// Object 0x0007: 0 opened, 1 closed, 2 not closed in time, 3 knock, 4 pried open, 5 stuck.
pub(super) fn event(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state, ..] = data else { return Err(Why::Length { got: 0, want: 1 }) };
    let readings = &mut finding.readings;
    if *state <= 5 {
        readings.push(Quantity::Door, matches!(state, 0 | 2 | 4));
    }
    match state {
        1 | 2 => readings.push(Quantity::LeftOpen, *state == 2),
        3 => readings.push(Quantity::Action, "knock_on_the_door"),
        4 => readings.push(Quantity::Tamper, true),
        5 => readings.push(Quantity::Problem, true),
        _ => {}
    }
    Ok(())
}

/// Object 0x100F: 1 is open.
pub(super) fn state(device: Device, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
    let [state] = exactly(data)?;
    if device == SAFE {
        finding.readings.push(Quantity::Door, *state == 1);
    }
    Ok(device == SAFE)
}

/// What was done with a lock, and whether it is unlocked then; bolts of another kind say nothing of the lock.
const ACTIONS: [(u8, Option<bool>, &str); 10] = [
    (0, Some(true), "unlock_outside_the_door"),
    (1, Some(false), "locked"),
    (2, None, "turn_on_antilock"),
    (3, None, "release_the_antilock"),
    (4, Some(true), "unlock_inside_the_door"),
    (5, Some(false), "lock_inside_the_door"),
    (6, None, "turn_on_child_lock"),
    (7, None, "turn_off_child_lock"),
    (8, Some(false), "lock_outside_the_door"),
    (15, None, "abnormal"),
];

/// Object 0x000B: the action in the lower four bits, how in the upper, then key and time.
pub(super) fn lock(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 9] = exactly(data)?;
    let number = data[0] & 0x0F;
    let (_, is_unlocked, action) =
        ACTIONS.iter().find(|action| action.0 == number).ok_or(Why::UnknownFrame(number.into()))?;
    finding.readings.maybe(Quantity::Lock, *is_unlocked);
    finding.readings.push(Quantity::Action, *action);
    Ok(())
}

/// Object 0x100E: the bolt is out if bit 0 is set.
pub(super) fn bolt(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    finding.readings.push(Quantity::Lock, state & 1 == 0);
    Ok(())
}

/// Object 0x0008: 0 is armed.
pub(super) fn armed(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state, ..] = data else { return Err(Why::Length { got: 0, want: 1 }) };
    finding.readings.push(Quantity::Action, if *state == 0 { "armed" } else { "disarmed" });
    Ok(())
}

/// Object 0x0006: whose finger, and how it was recognised.
pub(super) fn fingerprint(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    /// By number.
    const RESULTS: [&str; 7] = [
        "match_successful",
        "match_failed",
        "timeout",
        "low_quality_too_light_fuzzy",
        "insufficient_area",
        "skin_is_too_dry",
        "skin_is_too_wet",
    ];
    let data: &[u8; 5] = exactly(data)?;
    finding.readings.maybe(Quantity::Action, RESULTS.get(usize::from(data[4])).copied());
    Ok(())
}

/// Object 0x1019: 0 opened, 1 closed, 2 not closed in time, 3 reset.
pub(super) fn opening(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if *state <= 2 {
        finding.readings.push(Quantity::Opening, *state != 1);
    }
    if matches!(state, 1 | 2) {
        finding.readings.push(Quantity::LeftOpen, *state == 2);
    }
    Ok(())
}

/// Objects 0x4804 and 0x4A12: 1 open, 2 closed, which ends "left open" as well.
pub(super) fn opened(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if matches!(state, 1 | 2) {
        finding.readings.push(Quantity::Opening, *state == 1);
    }
    if *state == 2 {
        finding.readings.push(Quantity::LeftOpen, false);
    }
    Ok(())
}

/// Object 0x480C: 0 open, 1 closed.
pub(super) fn closed(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if *state <= 1 {
        finding.readings.push(Quantity::Opening, *state == 0);
    }
    Ok(())
}

/// Object 0x4A1A: 1 when it was not closed in time.
pub(super) fn left_open(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if *state == 1 {
        finding.readings.push(Quantity::Opening, true);
        finding.readings.push(Quantity::LeftOpen, true);
    }
    Ok(())
}

/// Object 0x4A0F: 1 when the sensor was torn off, which counts as open.
pub(super) fn removed(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state] = exactly(data)?;
    if *state == 1 {
        finding.readings.push(Quantity::Opening, true);
    }
    finding.readings.push(Quantity::Tamper, *state == 1);
    Ok(())
}
