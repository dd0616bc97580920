//! H512x and H513x: one block of AES whose key is a time in the frame itself, and a checksum.

use super::super::{Why, cipher::block, finding::Finding};
use crate::model::Quantity;

/// What a model is.
#[derive(Debug, Clone, Copy)]
enum Model {
    /// H5121
    Motion,
    /// H5122, H5125, H5126
    Button,
    /// H5123
    Window,
    /// H5124
    Vibration,
    /// H5130
    Pressure,
}

/// Models by name and by number.
const MODELS: [(&str, u8, Model); 7] = [
    ("GV5121", 3, Model::Motion),
    ("GV5122", 8, Model::Button),
    ("GV5123", 2, Model::Window),
    ("GV5124", 9, Model::Vibration),
    ("GV5125", 10, Model::Button),
    ("GV5126", 11, Model::Button),
    ("GV5130", 13, Model::Pressure),
];

/// Two bytes, a time in milliseconds, the block, its checksum.
pub(super) fn decode(data: &[u8], name: &str, finding: &mut Finding) -> Result<(), Why> {
    let (time, sealed, check) = (&data[2..6], &data[6..22], &data[22..24]);
    if checksum(sealed).to_be_bytes() != *check {
        return Err(Why::Checksum);
    }
    // Key and block are turned round, and so is what comes out.
    let (mut key, mut turned) = ([0; 16], [0; 16]);
    key[..4].copy_from_slice(time);
    turned.copy_from_slice(sealed);
    key.reverse();
    turned.reverse();
    let mut plain = block(key, turned);
    plain.reverse();
    let model = MODELS.iter().find(|model| name.contains(model.0) || model.1 == plain[2]);
    let (_, _, model) = model.ok_or(Why::UnknownModel(plain[2].into()))?;
    finding.readings.push(Quantity::Battery, plain[4]);
    state(*model, plain[5], finding);
    Ok(())
}

/// The state, or what happened.
fn state(model: Model, state: u8, finding: &mut Finding) {
    let readings = &mut finding.readings;
    match model {
        Model::Motion => readings.push(Quantity::Motion, state == 1),
        Model::Window => readings.push(Quantity::Window, state == 2),
        Model::Vibration => readings.push(Quantity::Vibration, state == 1),
        Model::Button => readings.push_nth(Quantity::Button, state.saturating_add(1), "press"),
        Model::Pressure => {
            if state & 0x10 != 0 {
                readings.push(Quantity::Button, "press");
            }
            if state != 0x10 {
                readings.push(Quantity::Presence, state & 0x01 != 0);
            }
        }
    }
}

/// CRC-16 with polynomial 0x1021 from 0x1D0F, bits from the highest.
fn checksum(data: &[u8]) -> u16 {
    data.iter().fold(0x1D0F, |crc, byte| {
        (0..8)
            .fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}
