//! MikroTik TG-BT5 tags, manufacturer data 0x094F, least significant byte first.
//!
//! <https://help.mikrotik.com/docs/display/UM/MikroTik+Tag+advertisement+formats>: version, user data, salt,
//! acceleration of three axes in m/s2 and temperature as signed 8.8 fixed point, uptime, flags, battery. The tag for
//! indoors has no thermometer and sends -128 °C.

use super::{
    Format, Value, Why,
    bytes::exactly,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// MikroTik.
pub(super) const COMPANY: u16 = 0x094F;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::Mikrotik);
    let data: &[u8; 18] = exactly(frame.data)?;
    if data[0] != 1 {
        return Err(Why::UnknownVersion(data[0]));
    }
    if data[1] & 1 == 1 {
        return Err(Why::Encryption);
    }
    let fixed = |at: usize| i16::from_le_bytes([data[at], data[at + 1]]);
    let readings = &mut finding.readings;
    readings.push(Quantity::AccelerationX, Value::binary(fixed(4), 8));
    readings.push(Quantity::AccelerationY, Value::binary(fixed(6), 8));
    readings.push(Quantity::AccelerationZ, Value::binary(fixed(8), 8));
    if fixed(10) != i16::MIN {
        readings.push(Quantity::Temperature, Value::binary(fixed(10), 8));
    }
    readings.push(Quantity::Uptime, u32::from_le_bytes([data[12], data[13], data[14], data[15]]));
    flags(data[16], finding);
    finding.readings.push(Quantity::Battery, data[17]);
    finding.counter = Some(u16::from_le_bytes([data[2], data[3]]).into());
    Ok(())
}

/// Reed switch, tilt, fall, and an impact on any of three axes.
fn flags(flags: u8, finding: &mut Finding) {
    let readings = &mut finding.readings;
    readings.push(Quantity::MagneticField, flags & 0x01 != 0);
    readings.push(Quantity::Tilt, flags & 0x02 != 0);
    readings.push(Quantity::FreeFall, flags & 0x04 != 0);
    readings.push(Quantity::Impact, flags & 0x38 != 0);
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    /// The example of the documentation.
    const EXAMPLE: &str = "0100cea6000000000200a01c91085700005f";

    #[test]
    fn vectors() {
        manufacturer(COMPANY, EXAMPLE).gives(
            "mikrotik",
            "acceleration_x 0.0 m/s2, acceleration_y 0.0 m/s2, acceleration_z 0.0078125 m/s2, temperature 28.625 Cel, \
             uptime 5703825 s, magnetic_field false, tilt false, free_fall false, impact false, battery 95 %",
        );
        manufacturer(COMPANY, "0100cea6FEFF00000001 0080 91085700 38 5f").gives(
            "mikrotik",
            "acceleration_x -0.0078125 m/s2, acceleration_y 0.0 m/s2, acceleration_z 1.0 m/s2, uptime 5703825 s, \
             magnetic_field false, tilt false, free_fall false, impact true, battery 95 %",
        );
    }

    #[test]
    fn what_is_cut_or_encrypted_gives_nothing() {
        manufacturer(COMPANY, EXAMPLE).gives_nothing_when_cut();
        manufacturer(COMPANY, "0101cea6000000000200a01c91085700005f").refuses("mikrotik", Why::Encryption);
    }
}
