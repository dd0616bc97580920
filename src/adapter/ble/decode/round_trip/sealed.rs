//! Encoders of the formats that encrypt.

use fastrand::Rng;

use super::{
    Encoder, Written,
    common::{address, bthome_objects, bthome_v1_objects, climate, pins_text},
    decimal,
};
use crate::adapter::ble::decode::{
    cipher::{Nonce, ccm_without_tag, ctr, join, seal},
    fixtures::{Sample, of_company, of_service},
};

pub(super) const ENCODERS: &[Encoder] = &[bthome_v2, bthome_v1, mibeacon_5, mibeacon_3, atc1441, pvvx, victron];

/// A key.
fn key(dice: &mut Rng) -> [u8; 16] {
    dice.u128(..).to_be_bytes()
}

/// A frame in whose data, but for so many bytes at the front, every bit is under a tag.
fn guarded(sample: Sample, format: &'static str, readings: String, from: usize, length: usize) -> Written {
    Written { sample, format, readings, guarded: Some(from..length) }
}

/// <https://bthome.io/encryption>: the nonce is address, service, flags and counter.
fn bthome_v2(dice: &mut Rng) -> Written {
    let (address, key, counter) = (address(dice), key(dice), dice.u32(..).to_le_bytes());
    let (objects, text) = bthome_objects(dice);
    let nonce = Nonce::Thirteen(join(&[&address, &[0xD2, 0xFC, 0x41], &counter]));
    let (sealed, tag) = seal(key, nonce, &[], &objects);
    let data = [&[0x41][..], &sealed, &counter, &tag].concat();
    let length = data.len();
    guarded(of_service(0xFCD2, data).at(address).keyed(&key), "bthome_v2", text, 1, length)
}

/// <https://bthome.io/v1_encryption>: the nonce is address, service and counter.
fn bthome_v1(dice: &mut Rng) -> Written {
    let (address, key, counter) = (address(dice), key(dice), dice.u32(..).to_le_bytes());
    let (objects, text) = bthome_v1_objects(dice);
    let nonce = Nonce::Twelve(join(&[&address, &[0x1E, 0x18], &counter]));
    let (sealed, tag) = seal(key, nonce, &[0x11], &objects);
    let data = [&sealed[..], &counter, &tag].concat();
    let length = data.len();
    guarded(of_service(0x181E, data).at(address).keyed(&key), "bthome_v1", text, 0, length)
}

/// A temperature in tenths, as `MiBeacon` has it.
fn mibeacon_object(dice: &mut Rng) -> (Vec<u8>, String) {
    let temperature = dice.i16(..);
    let object = [&[0x04, 0x10, 2][..], &temperature.to_le_bytes()].concat();
    (object, format!("temperature {} Cel", decimal(temperature, 1)))
}

/// The address as it stands in frames.
fn turned(mut address: [u8; 6]) -> [u8; 6] {
    address.reverse();
    address
}

/// The nonce is the address as sent, product, counter, and its other three bytes.
fn mibeacon_5(dice: &mut Rng) -> Written {
    let (address, key, more) = (address(dice), key(dice), [(); 3].map(|()| dice.u8(..)));
    let (head, (object, text)) = ([0x58, 0x58, 0x6F, 0x06, dice.u8(..)], mibeacon_object(dice));
    let nonce = Nonce::Twelve(join(&[&turned(address), &head[2..], &more]));
    let (sealed, tag) = seal(key, nonce, &[0x11], &object);
    let data = [&head[..], &turned(address), &sealed, &more, &tag].concat();
    let length = data.len();
    guarded(of_service(0xFE95, data).at(address).keyed(&key), "mibeacon", text, 11, length)
}

/// The nonce is control, product, counter, its other three bytes and five of the address; there is no tag.
fn mibeacon_3(dice: &mut Rng) -> Written {
    let (address, key, more) = (address(dice), key(dice), [(); 3].map(|()| dice.u8(..)));
    let (head, (object, text)) = ([0x58, 0x30, 0xB6, 0x03, dice.u8(..)], mibeacon_object(dice));
    let whole = join(&[&key[..6], &[0x8D, 0x3D, 0x3C, 0x97], &key[6..12]]);
    let sealed = ccm_without_tag(whole, join(&[&head, &more, &turned(address)[..5]]), &object);
    let data = [&head[..], &turned(address), &sealed, &more, &[dice.u8(..)]].concat();
    let sample = of_service(0xFE95, data).at(address).keyed(&key[..12]);
    Written { sample, format: "mibeacon", readings: text, guarded: None }
}

/// Seals what the two other firmwares send: the nonce is address, length, type, service and counter.
fn custom(dice: &mut Rng, plain: &[u8], format: &'static str, readings: String) -> Written {
    let (address, key, counter) = (address(dice), key(dice), dice.u8(..));
    let length = plain.len() + 5;
    let whole = u8::try_from(length + 3).expect("a short frame");
    let nonce = Nonce::Eleven(join(&[&turned(address), &[whole, 0x16, 0x1A, 0x18, counter]]));
    let (sealed, tag) = seal(key, nonce, &[0x11], plain);
    let data = [&[counter][..], &sealed, &tag].concat();
    guarded(of_service(0x181A, data).at(address).keyed(&key), format, readings, 0, length)
}

fn atc1441(dice: &mut Rng) -> Written {
    let (temperature, humidity, battery) = (dice.u8(..), dice.u8(..=200), dice.u8(..=100));
    let (celsius, percent) = (i64::from(temperature) * 5 - 400, i64::from(humidity) * 5);
    let text =
        format!("temperature {} Cel, humidity {} %, battery {battery} %", decimal(celsius, 1), decimal(percent, 1));
    custom(dice, &[temperature, humidity, battery], "atc1441", text)
}

fn pvvx(dice: &mut Rng) -> Written {
    let ((temperature, humidity, text), battery) = (climate(dice), dice.u8(..=100));
    let pins = dice.u8(..);
    let plain = [&temperature.to_le_bytes()[..], &humidity.to_le_bytes(), &[battery, pins]].concat();
    custom(dice, &plain, "pvvx", format!("{text}, battery {battery} %, {}", pins_text(pins)))
}

/// A solar charger: fields of so many bits, the lowest first.
fn victron(dice: &mut Rng) -> Written {
    let (mut key, counter, load) = (key(dice), dice.u16(..), dice.u16(..0x1FF));
    // The one byte that tells a wrong key; the keys of the test that tries others begin otherwise.
    key[0] = 0;
    let (state, error) = (dice.u8(..0xFF), dice.u8(..0xFF));
    let (voltage, current) = (dice.i16(..i16::MAX), dice.i16(..i16::MAX));
    let (energy, power) = (dice.u16(..u16::MAX), dice.u16(..u16::MAX));
    let text = format!(
        "state {state}, error {error}, voltage {} V, current {} A, energy {} kW.h, power {power} W, load_current {} A",
        decimal(voltage, 2),
        decimal(current, 1),
        decimal(energy, 2),
        decimal(load, 1)
    );
    let record = [
        &[state, error][..],
        &voltage.to_le_bytes(),
        &current.to_le_bytes(),
        &energy.to_le_bytes(),
        &power.to_le_bytes(),
        &load.to_le_bytes(),
    ];
    let sealed = ctr(key, counter, &record.concat());
    let [low, high] = counter.to_le_bytes();
    let data = [&[0x10, 0x02, 0x42, 0xA0, 0x01, low, high, key[0]][..], &sealed].concat();
    Written { sample: of_company(0x02E1, data).keyed(&key), format: "victron", readings: text, guarded: None }
}
