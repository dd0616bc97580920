//! Buttons, dimmers and remote controls of MiBeacon.

use super::{
    super::{Why, bytes::exactly, finding::Finding},
    objects::Device,
};
use crate::model::Quantity;

/// Products whose property means something else.
const DIMMER: Device = Device(0x03B6);
const CUBE: Device = Device(0x04E1);
const ONE_BUTTON: Device = Device(0x1568);
const TWO_BUTTONS: Device = Device(0x1569);
const THREE_BUTTONS: Device = Device(0x0DFD);
/// Counts its two buttons from 0 in the value of an event.
const XMWS01XS: Device = Device(0x5968);

/// Object 0x1001: which button, a value, and what was done.
pub(super) fn property(device: Device, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [which, value, what] = exactly(data)?;
    match device {
        DIMMER => dimmer(*which, *value, *what, finding),
        CUBE => finding.readings.push(Quantity::Dimmer, if *which == 0 { "rotate_right" } else { "rotate_left" }),
        ONE_BUTTON | TWO_BUTTONS | THREE_BUTTONS => switches(pressed(device, *which), *what, finding),
        _ => {
            if let Some(word) = word(*what) {
                finding.readings.push_nth(Quantity::Button, which.saturating_add(1), word);
            }
        }
    }
    Ok(())
}

/// What was done with a button.
fn word(what: u8) -> Option<&'static str> {
    match what {
        0 | 5 => Some("press"),
        1 => Some("double_press"),
        2 | 6 => Some("long_press"),
        _ => None,
    }
}

/// A dimmer that can be pressed and turned, also both.
fn dimmer(which: u8, value: u8, what: u8, finding: &mut Finding) {
    let (word, steps) = match (what, which) {
        (3, 0) => ("press", None),
        (3, 1) => ("long_press", None),
        (4, 0) if value <= 127 => ("rotate_right", Some(value)),
        (4, 0) => ("rotate_left", Some(value.wrapping_neg())),
        (4, _) if which <= 127 => ("rotate_right_pressed", Some(which)),
        (4, _) => ("rotate_left_pressed", Some(which.wrapping_neg())),
        _ => return,
    };
    finding.readings.push(Quantity::Dimmer, word);
    finding.readings.maybe(Quantity::DimmerSteps, steps);
}

/// Which of several switches are meant, as bits.
fn pressed(device: Device, which: u8) -> u8 {
    let combinations: &[u8] = match device {
        ONE_BUTTON => &[0b001],
        TWO_BUTTONS => &[0b001, 0b010, 0b011],
        _ => &[0b001, 0b010, 0b100, 0b011, 0b110, 0b101, 0b111],
    };
    combinations.get(usize::from(which)).copied().unwrap_or(0)
}

/// Wall switches number long and double the other way round.
fn switches(pressed: u8, what: u8, finding: &mut Finding) {
    let word = match what {
        0 => "press",
        1 => "long_press",
        2 => "double_press",
        _ => return,
    };
    each(pressed, word, finding);
}

/// Objects that are events, whose number says what was done and whose value which button.
pub(super) fn event(device: Device, id: u16, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [which, ..] = data else { return Err(Why::Length { got: 0, want: 1 }) };
    let word = match id & 0xFF {
        0x0C => "press",
        0x0D => "double_press",
        0x0E => "long_press",
        _ if *which == 1 => "press",
        _ => return Ok(()),
    };
    match (id >> 8, which) {
        (0x4A, 0 | 1) if device == XMWS01XS => finding.readings.push_nth(Quantity::Button, which + 1, word),
        // Two buttons, as bits; other products send something else with what they have, a single one.
        (0x4E, 1..=3) => each(*which, word, finding),
        (0x4E, 8) => finding.readings.push(Quantity::Button, "long_press"),
        (0x4E, 15) => finding.readings.push(Quantity::Button, "double_press"),
        // Up to four, counted from 1.
        (0x56, 1..=4) => finding.readings.push_nth(Quantity::Button, *which, word),
        _ => finding.readings.push(Quantity::Button, word),
    }
    Ok(())
}

/// The same for each button of which a bit is set.
fn each(pressed: u8, word: &'static str, finding: &mut Finding) {
    for nth in (1..=3).filter(|nth| pressed >> (nth - 1) & 1 == 1) {
        finding.readings.push_nth(Quantity::Button, nth, word);
    }
}
