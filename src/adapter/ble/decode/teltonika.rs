//! Teltonika EYE sensor and beacon, manufacturer data 0x089A, most significant byte first.
//!
//! Teltonika, EYE SENSOR / BTSMP1, "Sensor advertising": version, flags that tell what follows, and the values in the
//! order of the flags' bits.

use super::{
    Format, Why,
    bytes::Cursor,
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Teltonika.
pub(super) const COMPANY: u16 = 0x089A;

/// What the bits of the flags say.
const TEMPERATURE: u8 = 0x01;
const HUMIDITY: u8 = 0x02;
const MAGNET: u8 = 0x04;
const MAGNET_STATE: u8 = 0x08;
const MOVEMENT: u8 = 0x10;
const ANGLE: u8 = 0x20;
const BATTERY_LOW: u8 = 0x40;
const VOLTAGE: u8 = 0x80;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::TeltonikaEye);
    let mut cursor = Cursor::new(frame.data);
    let version = cursor.u8()?;
    if version != 1 {
        return Err(Why::UnknownVersion(version));
    }
    let flags = cursor.u8()?;
    let readings = &mut finding.readings;
    if flags & TEMPERATURE != 0 {
        readings.decimal(Quantity::Temperature, cursor.i16_be()?, 2);
    }
    if flags & HUMIDITY != 0 {
        readings.push(Quantity::Humidity, cursor.u8()?);
    }
    if flags & MAGNET != 0 {
        readings.push(Quantity::MagneticField, flags & MAGNET_STATE != 0);
    }
    if flags & MOVEMENT != 0 {
        // The state in the highest bit, how often it began in the others.
        let movement = cursor.u16_be()?;
        readings.push(Quantity::Moving, movement & 0x8000 != 0);
        readings.push(Quantity::MovementCount, movement & 0x7FFF);
    }
    if flags & ANGLE != 0 {
        readings.push(Quantity::Pitch, cursor.u8()?.cast_signed());
        readings.push(Quantity::Roll, i64::from(cursor.i16_be()?));
    }
    readings.push(Quantity::BatteryLow, flags & BATTERY_LOW != 0);
    if flags & VOLTAGE != 0 {
        // In 10 mV above 2 V.
        readings.decimal(Quantity::Voltage, i64::from(cursor.u8()?) + 200, 2);
    }
    // What the flags do not speak of makes them doubtful.
    let (got, rest) = (frame.data.len(), cursor.rest().len());
    if rest == 0 { Ok(()) } else { Err(Why::Length { got, want: got - rest }) }
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    /// The example of the documentation.
    const EXAMPLE: &str = "01B708B4120CCB0BFFC767";

    #[test]
    fn vectors() {
        manufacturer(COMPANY, EXAMPLE).gives(
            "teltonika_eye",
            "temperature 22.28 Cel, humidity 18 %, magnetic_field false, moving false, movement_counter 3275, \
             pitch 11 deg, roll -57 deg, battery_low false, voltage 3.03 V",
        );
        manufacturer(COMPANY, "01 5D FF38 8001").gives(
            "teltonika_eye",
            "temperature -2.0 Cel, magnetic_field true, moving true, movement_counter 1, battery_low true",
        );
    }

    #[test]
    fn flags_that_promise_more_or_less_than_there_is_give_nothing() {
        manufacturer(COMPANY, "01 01 08B4 12").refuses("teltonika_eye", Why::Length { got: 5, want: 4 });
        manufacturer(COMPANY, EXAMPLE).gives_nothing_when_cut();
        manufacturer(COMPANY, "02B7").refuses("teltonika_eye", Why::UnknownVersion(2));
    }
}
