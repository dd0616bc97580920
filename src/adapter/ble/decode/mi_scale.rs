//! Xiaomi Mi scales, service data 0x181D (first version) and 0x181B (body composition), least significant byte first.
//!
//! Xiaomi publishes nothing; the layouts are those the community found, as Home Assistant's `xiaomi-ble` has them. Only a
//! weight that has settled, with somebody on the scale, is one.

use super::{
    Format, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Weight Scale and Body Composition.
pub(super) const WEIGHT: u16 = 0x181D;
pub(super) const BODY: u16 = 0x181B;

/// Flags: settled, and nobody on it any more.
const SETTLED: u8 = 0x20;
const REMOVED: u8 = 0x80;

/// Flags, weight, time.
pub(super) fn decode_weight(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::MiScale);
    let data: &[u8; 10] = exactly(frame.data)?;
    weight(data[0], data[0] & 0x01 != 0, u16::from_le_bytes([data[1], data[2]]), finding)
}

/// Unit, flags, time, impedance, weight.
pub(super) fn decode_body(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::MiScale);
    let data: &[u8; 13] = exactly(frame.data)?;
    weight(data[1], data[0] & 0x01 != 0, u16::from_le_bytes([data[11], data[12]]), finding)?;
    if data[1] & 0x02 != 0 {
        finding.readings.push(Quantity::Impedance, u16::from_le_bytes([data[9], data[10]]));
    }
    Ok(())
}

/// In 0.01 pounds, or in 0.005 kg, which is also 0.01 catties of half a kilogram.
fn weight(flags: u8, is_pounds: bool, raw: u16, finding: &mut Finding) -> Result<(), Why> {
    if flags & SETTLED == 0 || flags & REMOVED != 0 || raw == 0 {
        return Err(Why::NoValue);
    }
    if is_pounds {
        finding.readings.decimal(Quantity::WeightPounds, raw, 2);
    } else {
        finding.readings.decimal(Quantity::Weight, i64::from(raw) * 5, 3);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::service, *};

    #[test]
    fn vectors() {
        // Frames made by hand; xiaomi-ble 1.21 reads the same.
        service(WEIGHT, "22 9E43 E5 07 04 0B 10 13 01").gives("mi_scale", "weight 86.55 kg");
        service(WEIGHT, "23 9E43 E5 07 04 0B 10 13 01").gives("mi_scale", "weight 173.1 [lb_av]");
        service(BODY, "02 26 B2 07 05 04 0F 02 01 AC 01 86 3B")
            .gives("mi_scale", "weight 76.19 kg, impedance 428 Ohm");
        service(BODY, "02 24 B2 07 05 04 0F 02 01 FD FF 86 3B").gives("mi_scale", "weight 76.19 kg");
    }

    #[test]
    fn a_weight_that_has_not_settled_is_none() {
        service(WEIGHT, "02 9E43 E5 07 04 0B 10 13 01").refuses("mi_scale", Why::NoValue);
        service(WEIGHT, "A2 9E43 E5 07 04 0B 10 13 01").refuses("mi_scale", Why::NoValue);
        service(WEIGHT, "229E43E507040B101301").gives_nothing_when_cut();
        service(BODY, "0226B20705040F0201AC01863B").gives_nothing_when_cut();
    }
}
