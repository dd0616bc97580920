//! Encoders of the formats of one maker each.

mod industry;
mod ruuvi;

use fastrand::Rng;

use super::{Encoder, Written, decimal, open};
use crate::adapter::ble::decode::{
    Uuid, Value,
    fixtures::{of_company, of_service},
};

pub(super) const ENCODERS: &[Encoder] = &[
    ruuvi::df3,
    ruuvi::df5,
    ruuvi::df6,
    ruuvi::e1,
    industry::teltonika,
    industry::ela,
    industry::minew,
    industry::mikrotik,
    industry::bluemaestro,
    govee,
    switchbot,
    inkbird,
    sensorpush,
    qingping,
    mopeka,
    thermobeacon,
    mi_scale,
];

/// A number that was rounded, as it prints.
fn rounded(value: f64) -> String {
    let Value::Float(number) = Value::rounded(value, 2) else { unreachable!("it is a float") };
    format!("{number:?}")
}

/// Temperature by thousands and humidity as the rest, in tenths, with the sign in the highest of 24 bits.
fn govee(dice: &mut Rng) -> Written {
    let (temperature, humidity, battery) = (dice.i16(-400..=1000), dice.u16(..1000), dice.u8(..=100));
    let size = u32::from(temperature.unsigned_abs()) * 1000 + u32::from(humidity);
    let packed = if temperature < 0 { size | 0x80_0000 } else { size };
    let text = format!(
        "temperature {} Cel, humidity {} %, battery {battery} %",
        decimal(temperature, 1),
        decimal(humidity, 1)
    );
    let data = [&[0][..], &packed.to_be_bytes()[1..], &[battery, 0]].concat();
    open(of_company(0xEC88, data).named("GVH5075_0001"), "govee", text)
}

/// Tenths, whole degrees with the sign of what is above zero, humidity.
fn switchbot(dice: &mut Rng) -> Written {
    let (whole, tenths, is_below) = (dice.u8(..128), dice.u8(1..10), dice.bool());
    let (humidity, battery) = (dice.u8(..=100), dice.u8(..=100));
    let size = i64::from(whole) * 10 + i64::from(tenths);
    let temperature = if is_below { -size } else { size };
    let text = format!("temperature {} Cel, humidity {humidity} %, battery {battery} %", decimal(temperature, 1));
    let degrees = whole | if is_below { 0 } else { 0x80 };
    let data = vec![b'T', 0, battery, tenths, degrees, humidity];
    open(of_service(0xFD3D, data), "switchbot", text)
}

/// The temperature stands where the company belongs.
fn inkbird(dice: &mut Rng) -> Written {
    let (temperature, humidity, battery) = (dice.i16(..), dice.u16(..=10_000), dice.u8(..=100));
    let text = format!(
        "temperature {} Cel, humidity {} %, battery {battery} %",
        decimal(temperature, 2),
        decimal(humidity, 2)
    );
    let data = [&humidity.to_le_bytes()[..], &[0, dice.u8(..), dice.u8(..), battery, 6]].concat();
    open(of_company(temperature.cast_unsigned(), data).named("sps"), "inkbird", text)
}

/// One number, temperature in a base of 66 001 and humidity in one of 40 001, behind page and model.
fn sensorpush(dice: &mut Rng) -> Written {
    let (temperature, humidity) = (dice.u32(..66_001), dice.u32(..40_001));
    let text = format!(
        "temperature {} Cel, humidity {} %",
        rounded(f64::from(temperature) * 0.0025 - 40.0),
        rounded(f64::from(humidity) * 0.0025)
    );
    let [first, rest @ ..] = (temperature + humidity * 66_001).to_le_bytes();
    open(of_company(u16::from_le_bytes([0x04, first]), rest.into()).named("SensorPush HT.w 0CA1"), "sensorpush", text)
}

/// Flags, model, address, then objects of number, length and value.
fn qingping(dice: &mut Rng) -> Written {
    let (temperature, humidity, battery) = (dice.i16(..), dice.u16(..=1000), dice.u8(..=100));
    let text = format!(
        "temperature {} Cel, humidity {} %, battery {battery} %",
        decimal(temperature, 1),
        decimal(humidity, 1)
    );
    let head = [0x88, 0x10, 1, 2, 3, 4, 5, 6, 1, 4];
    let data = [&head[..], &temperature.to_le_bytes(), &humidity.to_le_bytes(), &[2, 1, battery]];
    open(of_service(0xFDCD, data.concat()), "qingping", text)
}

/// A sensor that hears no echo: battery in 1/32 V, degrees above -40, tilt.
fn mopeka(dice: &mut Rng) -> Written {
    // From 92 on it is full.
    let (battery, temperature, x, y) = (dice.u8(92..=127), dice.u8(..128), dice.i8(..), dice.i8(..));
    let text = format!(
        "temperature {} Cel, battery 100.0 %, voltage {:?} V, reading_quality 0, position_x {x}, position_y {y}",
        i16::from(temperature) - 40,
        f64::from(battery) / 32.0
    );
    let data = vec![3, battery, temperature, 0, 0, 1, 2, 3, x.cast_unsigned(), y.cast_unsigned()];
    open(of_company(0x0059, data).with_service_uuid(Uuid::short(0xFEE5)), "mopeka", text)
}

/// Address, millivolts, temperature and humidity in 1/16.
fn thermobeacon(dice: &mut Rng) -> Written {
    let (voltage, temperature, humidity) = (dice.u16(3000..3600), dice.i16(-640..=1600), dice.u16(..=1600));
    let text = format!(
        "temperature {} Cel, humidity {} %, battery 100 %, voltage {} V",
        rounded(f64::from(temperature) / 16.0),
        rounded(f64::from(humidity) / 16.0),
        decimal(voltage, 3)
    );
    let values = [voltage.to_le_bytes(), temperature.to_le_bytes(), humidity.to_le_bytes()].concat();
    let data = [&[0, 0, 1, 2, 3, 4, 5, 6][..], &values, &[0; 4]].concat();
    open(of_company(0x10, data).with_service_uuid(Uuid::short(0xFFF0)), "thermobeacon", text)
}

/// A weight that has settled, in steps of 5 g, and a time.
fn mi_scale(dice: &mut Rng) -> Written {
    let weight = dice.u16(1..);
    let data = [&[0x22][..], &weight.to_le_bytes(), &[0xE5, 7, 4, 11, 16, 19, 1]].concat();
    open(of_service(0x181D, data), "mi_scale", format!("weight {} kg", decimal(i64::from(weight) * 5, 3)))
}
