//! Encoders of the formats that many makers use.

use fastrand::Rng;

use super::{Encoder, Written, decimal, open};
use crate::adapter::ble::decode::fixtures::{Sample, of_company, of_service};

pub(super) const ENCODERS: &[Encoder] =
    &[bthome_v2, bthome_v1, mibeacon, atc1441, pvvx, ess, eddystone_tlm, eddystone_uid, eddystone_url, ibeacon];

/// Temperature and humidity in hundredths.
pub(super) fn climate(dice: &mut Rng) -> (i16, u16, String) {
    let (temperature, humidity) = (dice.i16(-27_000..), dice.u16(..=10_000));
    let text = format!("temperature {} Cel, humidity {} %", decimal(temperature, 2), decimal(humidity, 2));
    (temperature, humidity, text)
}

/// The objects of BTHome 2.
pub(super) fn bthome_objects(dice: &mut Rng) -> (Vec<u8>, String) {
    let (battery, (temperature, humidity, text)) = (dice.u8(..=100), climate(dice));
    let objects = [&[1, battery, 2][..], &temperature.to_le_bytes(), &[3], &humidity.to_le_bytes()].concat();
    (objects, format!("battery {battery} %, {text}"))
}

fn bthome_v2(dice: &mut Rng) -> Written {
    let (objects, text) = bthome_objects(dice);
    open(of_service(0xFCD2, [&[0x40][..], &objects].concat()), "bthome_v2", text)
}

/// The objects of BTHome 1: length and form, number, value.
pub(super) fn bthome_v1_objects(dice: &mut Rng) -> (Vec<u8>, String) {
    let (temperature, humidity, text) = climate(dice);
    let objects = [&[0x23, 2][..], &temperature.to_le_bytes(), &[0x03, 3], &humidity.to_le_bytes()].concat();
    (objects, text)
}

fn bthome_v1(dice: &mut Rng) -> Written {
    let (objects, text) = bthome_v1_objects(dice);
    open(of_service(0x181C, objects), "bthome_v1", text)
}

/// Version 2 with address and a temperature with humidity, in tenths.
fn mibeacon(dice: &mut Rng) -> Written {
    let (address, temperature, humidity) = (address(dice), dice.i16(..), dice.u16(..=1000));
    let text = format!("temperature {} Cel, humidity {} %", decimal(temperature, 1), decimal(humidity, 1));
    let mut turned = address;
    turned.reverse();
    let data = [
        &[0x50, 0x20, 0xAA, 0x01, dice.u8(..)][..],
        &turned,
        &[0x0D, 0x10, 4],
        &temperature.to_le_bytes(),
        &humidity.to_le_bytes(),
    ];
    open(of_service(0xFE95, data.concat()).at(address), "mibeacon", text)
}

/// An address.
pub(super) fn address(dice: &mut Rng) -> [u8; 6] {
    [(); 6].map(|()| dice.u8(..))
}

fn atc1441(dice: &mut Rng) -> Written {
    let (address, temperature, humidity) = (address(dice), dice.i16(..), dice.u8(..=100));
    let (battery, voltage) = (dice.u8(..=100), dice.u16(..));
    let text = format!(
        "temperature {} Cel, humidity {humidity} %, battery {battery} %, voltage {} V",
        decimal(temperature, 1),
        decimal(voltage, 3)
    );
    let data =
        [&address[..], &temperature.to_be_bytes(), &[humidity, battery], &voltage.to_be_bytes(), &[dice.u8(..)]];
    open(of_service(0x181A, data.concat()).at(address), "atc1441", text)
}

fn pvvx(dice: &mut Rng) -> Written {
    let (address, (temperature, humidity, text)) = (address(dice), climate(dice));
    let (battery, voltage) = (dice.u8(..=100), dice.u16(..));
    let pins = dice.u8(..);
    let text = format!("{text}, voltage {} V, battery {battery} %, {}", decimal(voltage, 3), pins_text(pins));
    let mut turned = address;
    turned.reverse();
    let rest = [battery, dice.u8(..), pins];
    let data = [&turned[..], &temperature.to_le_bytes(), &humidity.to_le_bytes(), &voltage.to_le_bytes(), &rest];
    open(of_service(0x181A, data.concat()).at(address), "pvvx", text)
}

/// The pins in the flags of pvvx.
pub(super) fn pins_text(flags: u8) -> String {
    format!("input {}, output {}", flags & 1 == 1, flags & 2 == 2)
}

fn ess(dice: &mut Rng) -> Written {
    let (temperature, humidity, text) = climate(dice);
    let sample = of_service(0x2A6E, temperature.to_le_bytes().into());
    open(sample.and_service(0x2A6F, humidity.to_le_bytes().into()), "ess", text)
}

/// Eddystone's service.
fn eddystone(data: &[&[u8]]) -> Sample {
    of_service(0xFEAA, data.concat())
}

fn eddystone_tlm(dice: &mut Rng) -> Written {
    let (voltage, temperature, packets, time) = (dice.u16(1..), dice.i16(-32_767..), dice.u32(..), dice.u32(..));
    let text = format!(
        "voltage {} V, temperature {:?} Cel, packet_counter {packets}, uptime {} s",
        decimal(voltage, 3),
        f64::from(temperature) / 256.0,
        decimal(time, 1)
    );
    let data: [&[u8]; 5] =
        [&[0x20, 0], &voltage.to_be_bytes(), &temperature.to_be_bytes(), &packets.to_be_bytes(), &time.to_be_bytes()];
    open(eddystone(&data), "eddystone_tlm", text)
}

fn eddystone_uid(dice: &mut Rng) -> Written {
    let (power, id) = (dice.i8(..), dice.u128(..));
    let text = format!("beacon_id {id:032x}, tx_power {power} dB[mW]");
    open(eddystone(&[&[0, power.cast_unsigned()], &id.to_be_bytes()]), "eddystone_uid", text)
}

fn eddystone_url(dice: &mut Rng) -> Written {
    let (power, host) = (dice.i8(..), (0..dice.usize(1..15)).map(|_| dice.lowercase()).collect::<String>());
    let text = format!("url https://{host}.org/, tx_power {power} dB[mW]");
    open(eddystone(&[&[0x10, power.cast_unsigned(), 3], host.as_bytes(), &[1]]), "eddystone_url", text)
}

fn ibeacon(dice: &mut Rng) -> Written {
    let (id, major, minor, power) = (dice.u128(..), dice.u16(..), dice.u16(..), dice.i8(..));
    let text = format!("beacon_id {id:032x}, major {major}, minor {minor}, tx_power {power} dB[mW]");
    let data: [&[u8]; 5] =
        [&[2, 0x15], &id.to_be_bytes(), &major.to_be_bytes(), &minor.to_be_bytes(), &[power.cast_unsigned()]];
    open(of_company(0x004C, data.concat()), "ibeacon", text)
}
