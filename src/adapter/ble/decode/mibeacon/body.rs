//! Scales, thermometers and toothbrushes of MiBeacon: what is about a body.

use core::f64::consts::LN_2;

use super::super::{Value, Why, bytes::exactly, finding::Finding};
use crate::model::Quantity;

/// Object 0x4E16, a scale: profile, weight in 0.01 kg, time.
pub(super) fn weight(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 9] = exactly(data)?;
    let weight = u32::from_le_bytes([data[1], data[2], data[3], data[4]]);
    if weight != 0 {
        finding.readings.decimal(Quantity::Weight, weight, 2);
    }
    Ok(())
}

/// Object 0x6E16, a scale that looks into the body: profile; eleven bits of weight in 0.1 kg, seven of the pulse above
/// 50, and the impedance in 0.1 Ohm; time. A weight of 0 or with all bits set is none; the impedance that comes without
/// weight and pulse is that of the higher frequency.
pub(super) fn composition(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let data: &[u8; 9] = exactly(data)?;
    let packed = u32::from_le_bytes([data[1], data[2], data[3], data[4]]);
    let (weight, pulse, impedance) = (packed & 0x7FF, packed >> 11 & 0x7F, packed >> 18);
    let weight = if weight == 0x7FF { 0 } else { weight };
    let readings = &mut finding.readings;
    if weight != 0 {
        readings.decimal(Quantity::Weight, weight, 1);
    }
    if !matches!(pulse, 0 | 0x7F) {
        readings.push(Quantity::HeartRate, pulse + 50);
    }
    if impedance != 0 {
        let nth = if weight == 0 && pulse == 0 { 2 } else { 1 };
        readings.push_nth(Quantity::Impedance, nth, Value::decimal(impedance.into(), 1));
    }
    Ok(())
}

/// Object 0x000A, a clinical thermometer, in 0.01 °C; 0 is no measurement.
pub(super) fn clinical(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let raw = i16::from_le_bytes(*exactly(data)?);
    if raw != 0 {
        finding.readings.decimal(Quantity::Temperature, raw, 2);
    }
    Ok(())
}

/// Object 0x2000, a thermometer that is worn: two temperatures in 0.01 °C, and the battery. The temperature of the body
/// follows from both; the formula is the community's, an approximation to what the maker's application shows.
pub(super) fn worn(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [a0, a1, b0, b1, battery] = exactly(data)?;
    let degrees = |raw: [u8; 2]| f64::from(i16::from_le_bytes(raw)) / 100.0;
    let (skin, back) = (degrees([*a0, *a1]), degrees([*b0, *b1]));
    let body = 3.719_34e-11 * exp(LN_2 * skin) - 1.028_01e-8 * exp(0.538_71 * back) + 36.413;
    // The approximation holds where a body can be, and runs away where none is.
    if (30.0..45.0).contains(&body) {
        finding.readings.push(Quantity::Temperature, Value::rounded(body, 2));
    }
    finding.readings.push(Quantity::Battery, *battery);
    Ok(())
}

/// The exponential function, which `core` has not: the series for a 1024th, squared ten times.
fn exp(x: f64) -> f64 {
    let part = x / 1024.0;
    let series = (1..=8).rev().fold(1.0, |sum, n| 1.0 + part / f64::from(n) * sum);
    (0..10).fold(series, |power, _| power * power)
}

/// Objects 0x0010 and 0x3003, a toothbrush: 0 when brushing begins, else it ends.
pub(super) fn brushing(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let [state, ..] = data else { return Err(Why::Length { got: 0, want: 1 }) };
    finding.readings.push(Quantity::Running, *state == 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for x in [-20.0, -1.0, 0.0, 0.5, 25.6, 30.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-11, "{x}");
        }
    }
}
