//! Encoders of makers for industry.

use fastrand::Rng;

use super::super::{Written, decimal, open};
use crate::adapter::ble::decode::fixtures::{of_company, of_service};

/// Temperature and voltage always, humidity and movement now and then.
pub(in super::super) fn teltonika(dice: &mut Rng) -> Written {
    let (temperature, voltage) = (dice.i16(..), dice.u8(..));
    let (mut flags, mut data) = (0x81, Vec::from(temperature.to_be_bytes()));
    let mut texts = vec![format!("temperature {} Cel", decimal(temperature, 2))];
    if dice.bool() {
        let humidity = dice.u8(..=100);
        flags |= 0x02;
        data.push(humidity);
        texts.push(format!("humidity {humidity} %"));
    }
    if dice.bool() {
        let movement = dice.u16(..);
        flags |= 0x10;
        data.extend(movement.to_be_bytes());
        texts.push(format!("moving {}, movement_counter {}", movement >= 0x8000, movement & 0x7FFF));
    }
    texts.push(format!("battery_low false, voltage {} V", decimal(2000 + i64::from(voltage) * 10, 3)));
    let data = [&[1, flags][..], &data, &[voltage]].concat();
    open(of_company(0x089A, data), "teltonika_eye", texts.join(", "))
}

/// Humidity in percent, then temperature in hundredths.
pub(in super::super) fn ela(dice: &mut Rng) -> Written {
    let (humidity, temperature) = (dice.u8(..=100), dice.i16(..));
    let text = format!("temperature {} Cel, humidity {humidity} %", decimal(temperature, 2));
    open(of_company(0x0757, [&[0x21, humidity, 0x12][..], &temperature.to_le_bytes()].concat()), "ela", text)
}

/// Both as 8.8 fixed point.
pub(in super::super) fn minew(dice: &mut Rng) -> Written {
    let (battery, temperature, humidity) = (dice.u8(..=100), dice.i16(..), dice.i16(0..25_600));
    let text = format!(
        "temperature {:?} Cel, humidity {:?} %, battery {battery} %",
        f64::from(temperature) / 256.0,
        f64::from(humidity) / 256.0
    );
    let values = [temperature.to_be_bytes(), humidity.to_be_bytes()].concat();
    open(of_service(0xFFE1, [&[0xA1, 1, battery][..], &values, &[1, 2, 3, 4, 5, 6]].concat()), "minew", text)
}

/// Salt, three axes and a temperature as 8.8 fixed point, uptime, flags, battery.
pub(in super::super) fn mikrotik(dice: &mut Rng) -> Written {
    let axes = [(); 3].map(|()| dice.i16(..));
    let (temperature, uptime, flags, battery) = (dice.i16(-32_767..), dice.u32(..), dice.u8(..64), dice.u8(..=100));
    let [x, y, z] = axes.map(|axis| f64::from(axis) / 256.0);
    let text = format!(
        "acceleration_x {x:?} m/s2, acceleration_y {y:?} m/s2, acceleration_z {z:?} m/s2, temperature {:?} Cel, \
         uptime {uptime} s, magnetic_field {}, tilt {}, free_fall {}, impact {}, battery {battery} %",
        f64::from(temperature) / 256.0,
        flags & 1 != 0,
        flags & 2 != 0,
        flags & 4 != 0,
        flags >= 8
    );
    let axes = axes.map(i16::to_le_bytes).concat();
    let head = [1, 0, dice.u8(..), dice.u8(..)];
    let data = [&head[..], &axes, &temperature.to_le_bytes(), &uptime.to_le_bytes(), &[flags, battery]];
    open(of_company(0x094F, data.concat()), "mikrotik", text)
}

/// Disc THD, in tenths.
pub(in super::super) fn bluemaestro(dice: &mut Rng) -> Written {
    let (battery, values) = (dice.u8(..=100), [(); 3].map(|()| dice.i16(..)));
    let [temperature, humidity, dew_point] = values.map(|value| decimal(value, 1));
    let text = format!(
        "temperature {temperature} Cel, humidity {humidity} %, dew_point {dew_point} Cel, battery {battery} %"
    );
    let values = values.map(i16::to_be_bytes).concat();
    let data = [&[0x17, battery, 14, 16, dice.u8(..), dice.u8(..)][..], &values, &[1, 0]].concat();
    open(of_company(0x0133, data), "bluemaestro", text)
}
