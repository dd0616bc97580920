//! Encoders of Ruuvi's four formats, most significant byte first.

use fastrand::Rng;

use super::super::{Written, decimal, open};
use crate::adapter::ble::decode::fixtures::of_company;

/// Acceleration of three axes in mg.
fn acceleration(dice: &mut Rng) -> (Vec<u8>, String) {
    let axes = [(); 3].map(|()| dice.i16(-32_767..));
    let [x, y, z] = axes.map(|axis| decimal(i64::from(axis) * 980_665, 8));
    let text = format!("acceleration_x {x} m/s2, acceleration_y {y} m/s2, acceleration_z {z} m/s2");
    (axes.map(i16::to_be_bytes).concat(), text)
}

/// Temperature in 0.005 °C, humidity in 0.0025 %, pressure in Pa above 50 000.
fn climate(dice: &mut Rng) -> (Vec<u8>, String) {
    let (temperature, humidity, pressure) = (dice.i16(-32_767..), dice.u16(..=40_000), dice.u16(..0xFFFF));
    let text = format!(
        "temperature {} Cel, humidity {} %, pressure {} hPa",
        decimal(i64::from(temperature) * 5, 3),
        decimal(i64::from(humidity) * 25, 4),
        decimal(i64::from(pressure) + 50_000, 2)
    );
    ([temperature.to_be_bytes(), humidity.to_be_bytes(), pressure.to_be_bytes()].concat(), text)
}

/// Particles in 0.1 µg/m³, of these points.
fn particles<const N: usize>(dice: &mut Rng, points: [&str; N]) -> (Vec<u8>, String) {
    let counts = [(); N].map(|()| dice.u16(..0xFFFF));
    let texts: Vec<_> =
        points.iter().zip(counts).map(|(point, count)| format!("{point} {} ug/m3", decimal(count, 1))).collect();
    (counts.map(u16::to_be_bytes).concat(), texts.join(", "))
}

/// Indexes of nine bits: the upper eight of each, the flags with the lowest ones.
fn indexes(dice: &mut Rng) -> ([u8; 2], u8, String) {
    let high = [dice.u8(..=250), dice.u8(..=250)];
    let (voc_low, nox_low) = (dice.u8(..2), dice.u8(..2));
    let index = |high: u8, low: u8| u16::from(high) * 2 + u16::from(low);
    let text = format!("voc_index {}, nox_index {}", index(high[0], voc_low), index(high[1], nox_low));
    (high, voc_low << 6 | nox_low << 7, text)
}

pub(in super::super) fn df3(dice: &mut Rng) -> Written {
    let (humidity, whole, part, is_below) = (dice.u8(..=200), dice.u8(..128), dice.u8(1..100), dice.bool());
    let (pressure, (axes, acceleration), voltage) = (dice.u16(..), acceleration(dice), dice.u16(..));
    let size = i64::from(whole) * 100 + i64::from(part);
    let text = format!(
        "temperature {} Cel, humidity {} %, pressure {} hPa, {acceleration}, voltage {} V",
        decimal(if is_below { -size } else { size }, 2),
        decimal(i64::from(humidity) * 5, 1),
        decimal(i64::from(pressure) + 50_000, 2),
        decimal(voltage, 3)
    );
    let head = [3, humidity, whole | if is_below { 0x80 } else { 0 }, part];
    let data = [&head[..], &pressure.to_be_bytes(), &axes, &voltage.to_be_bytes()].concat();
    open(of_company(0x0499, data), "ruuvi_df3", text)
}

pub(in super::super) fn df5(dice: &mut Rng) -> Written {
    let ((values, climate), (axes, acceleration)) = (climate(dice), acceleration(dice));
    let (voltage, power, moves) = (dice.u16(..0x7FF), dice.u16(..0x1F), dice.u8(..0xFF));
    let text = format!(
        "{climate}, {acceleration}, voltage {} V, tx_power {} dB[mW], movement_counter {moves}",
        decimal(i64::from(voltage) + 1600, 3),
        i64::from(power) * 2 - 40
    );
    let rest = [moves, dice.u8(..), dice.u8(..), 1, 2, 3, 4, 5, 6];
    let data = [&[5][..], &values, &axes, &(voltage << 5 | power).to_be_bytes(), &rest].concat();
    open(of_company(0x0499, data), "ruuvi_df5", text)
}

pub(in super::super) fn df6(dice: &mut Rng) -> Written {
    let ((values, climate), (dust, particles)) = (climate(dice), particles(dice, ["pm25"]));
    let (co2, (high, flags, indexes)) = (dice.u16(..0xFFFF), indexes(dice));
    let text = format!("{climate}, {particles}, co2 {co2} [ppm], {indexes}");
    // Light is not available.
    let rest = [0xFF, 0xFF, dice.u8(..), flags, 4, 5, 6];
    let data = [&[6][..], &values, &dust, &co2.to_be_bytes(), &high, &rest].concat();
    open(of_company(0x0499, data), "ruuvi_df6", text)
}

pub(in super::super) fn e1(dice: &mut Rng) -> Written {
    let ((values, climate), (dust, particles)) = (climate(dice), particles(dice, ["pm1", "pm25", "pm4", "pm10"]));
    let (co2, (high, flags, indexes), light) = (dice.u16(..0xFFFF), indexes(dice), dice.u32(..0xFF_FFFF));
    let text = format!("{climate}, {particles}, co2 {co2} [ppm], {indexes}, illuminance {} lx", decimal(light, 2));
    let sequence = [dice.u8(..), dice.u8(..), dice.u8(..)];
    let light = light.to_be_bytes();
    let tail = [0xFF; 5];
    let data = [
        &[0xE1][..],
        &values,
        &dust,
        &co2.to_be_bytes(),
        &high,
        &light[1..],
        &[0xFF; 3],
        &sequence,
        &[flags],
        &tail,
        &[7; 6],
    ];
    open(of_company(0x0499, data.concat()), "ruuvi_e1", text)
}
