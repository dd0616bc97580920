//! The objects of MiBeacon that hold one value: number, length, form.

use super::super::{
    Value, Why,
    bytes::{exactly, signed, unsigned},
    finding::Finding,
};
use crate::model::Quantity;

/// Reads an object of these tables; false when it is in none.
pub(super) fn read(id: u16, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
    if let Some((_, length, form, quantity)) = NUMBERS.iter().find(|row| row.0 == id) {
        number(*length, *form, *quantity, data, finding)?;
    } else if let Some((_, digits, quantity)) = FLOATS.iter().find(|row| row.0 == id) {
        finding.readings.push(*quantity, float(*exactly(data)?, *digits)?);
    } else if let Some((_, quantity)) = SWITCHES.iter().find(|row| row.0 == id) {
        let [state] = exactly(data)?;
        finding.readings.push(*quantity, *state != 0);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// How a number is read: with a sign or without, and its decimal digits.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// With a sign in the highest bit.
    Signed(usize),
    /// Without.
    Unsigned(usize),
}

/// Numbers: object, length, form, quantity.
const NUMBERS: [(u16, usize, Form, Quantity); 15] = [
    (0x1004, 2, Form::Signed(1), Quantity::Temperature),
    (0x1006, 2, Form::Unsigned(1), Quantity::Humidity),
    (0x1008, 1, Form::Unsigned(0), Quantity::Moisture),
    (0x1009, 2, Form::Unsigned(0), Quantity::Conductivity),
    (0x100A, 1, Form::Unsigned(0), Quantity::Battery),
    (0x1010, 2, Form::Unsigned(2), Quantity::Formaldehyde),
    (0x1013, 1, Form::Unsigned(0), Quantity::Consumable),
    (0x4802, 1, Form::Unsigned(0), Quantity::Humidity),
    (0x4803, 1, Form::Unsigned(0), Quantity::Battery),
    (0x4C02, 1, Form::Unsigned(0), Quantity::Humidity),
    (0x4C03, 1, Form::Unsigned(0), Quantity::Battery),
    (0x5003, 1, Form::Unsigned(0), Quantity::Battery),
    (0x483D, 4, Form::Unsigned(0), Quantity::Duration),
    (0x4C14, 1, Form::Unsigned(0), Quantity::State),
    (0x5414, 1, Form::Unsigned(0), Quantity::State),
];

/// Brightness as `f32` comes unrounded; four digits are all that such a number has behind a point.
pub(super) const LUX: usize = 4;

/// Numbers as `f32`, with the digits that mean something.
const FLOATS: [(u16, usize, Quantity); 5] = [
    (0x4801, 1, Quantity::Temperature),
    (0x4805, LUX, Quantity::Illuminance),
    (0x4808, 1, Quantity::Humidity),
    (0x4C01, 2, Quantity::Temperature),
    (0x4C08, 4, Quantity::Humidity),
];

/// One byte, not zero is true.
const SWITCHES: [(u16, Quantity); 10] = [
    (0x0003, Quantity::Motion),
    (0x1012, Quantity::On),
    (0x1014, Quantity::WaterLeak),
    (0x1015, Quantity::Smoke),
    (0x1018, Quantity::Light),
    (0x4806, Quantity::WaterLeak),
    (0x483C, Quantity::Occupancy),
    (0x4A01, Quantity::BatteryLow),
    (0x4E01, Quantity::BatteryLow),
    (0x5413, Quantity::Occupancy),
];

/// A number of the table.
fn number(length: usize, form: Form, quantity: Quantity, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    if data.len() != length {
        return Err(Why::Length { got: data.len(), want: length });
    }
    let (mantissa, digits) = match form {
        Form::Signed(digits) => (signed(data), digits),
        Form::Unsigned(digits) => (unsigned(data), digits),
    };
    finding
        .readings
        .push(quantity, if digits == 0 { Value::Int(mantissa) } else { Value::decimal(mantissa, digits) });
    Ok(())
}

/// An `f32` as the decimal it was meant to be.
pub(super) fn float(bytes: [u8; 4], digits: usize) -> Result<Value, Why> {
    let value = f32::from_le_bytes(bytes);
    if value.is_finite() { Ok(Value::rounded(value.into(), digits)) } else { Err(Why::Implausible("number")) }
}
