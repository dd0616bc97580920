//! Xiaomi thermometers with other firmware, service data 0x181A: the format of ATC1441 and the custom one of pvvx.
//!
//! <https://github.com/atc1441/ATC_MiThermometer#advertising-format-of-the-custom-firmware> (most significant byte first)
//! and <https://github.com/pvvx/ATC_MiThermometer#custom-format-all-data-little-endian>. Nothing but the length tells
//! them apart. The encrypted ones begin with a counter; the nonce is address, length, type, service and counter.

use alloc::vec::Vec;

use super::{
    Format, Why,
    cipher::{self, Nonce, ccm, join},
    finding::{Finding, Frame, Readings},
};
use crate::model::Quantity;

/// Environmental Sensing.
pub(super) const SERVICE: u16 = 0x181A;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let data = frame.data;
    if let Ok(data) = <&[u8; 13]>::try_from(data) {
        // The address stands the other way round in the longer format: this is one that was cut.
        if data[..6] == frame.advert.address.on_air() && data[..6] != frame.advert.address.0 {
            finding.format = Some(Format::Pvvx);
            return Err(Why::Length { got: 13, want: 15 });
        }
        finding.format = Some(Format::Atc1441);
        atc1441(data, finding);
    } else if let Ok(data) = <&[u8; 15]>::try_from(data) {
        finding.format = Some(Format::Pvvx);
        pvvx(data, finding);
    } else if let Ok(data) = <&[u8; 8]>::try_from(data) {
        finding.format = Some(Format::Atc1441);
        atc1441_encrypted(&open(frame, data)?, finding);
        finding.counter = Some(data[0].into());
    } else if let Ok(data) = <&[u8; 11]>::try_from(data) {
        finding.format = Some(Format::Pvvx);
        pvvx_encrypted(&open(frame, data)?, finding);
        finding.counter = Some(data[0].into());
    } else {
        return Err(Why::UnknownLength(data.len()));
    }
    Ok(())
}

/// Address, temperature in 0.1 °C, humidity, battery, millivolts, counter.
fn atc1441(data: &[u8; 13], finding: &mut Finding) {
    let readings = &mut finding.readings;
    readings.decimal(Quantity::Temperature, i16::from_be_bytes([data[6], data[7]]), 1);
    readings.push(Quantity::Humidity, data[8]);
    readings.push(Quantity::Battery, data[9]);
    readings.decimal(Quantity::Voltage, u16::from_be_bytes([data[10], data[11]]), 3);
    finding.counter = Some(data[12].into());
}

/// Address, temperature in 0.01 °C, humidity in 0.01 %, millivolts, battery, counter, flags of its pins.
fn pvvx(data: &[u8; 15], finding: &mut Finding) {
    let readings = &mut finding.readings;
    readings.decimal(Quantity::Temperature, i16::from_le_bytes([data[6], data[7]]), 2);
    readings.decimal(Quantity::Humidity, u16::from_le_bytes([data[8], data[9]]), 2);
    readings.decimal(Quantity::Voltage, u16::from_le_bytes([data[10], data[11]]), 3);
    readings.push(Quantity::Battery, data[12]);
    finding.counter = Some(data[13].into());
    pins(data[14], readings);
}

/// Temperature in 0.5 °C above -40, humidity in 0.5 %, battery with a flag in the highest bit.
fn atc1441_encrypted(plain: &[u8], finding: &mut Finding) {
    let readings = &mut finding.readings;
    readings.decimal(Quantity::Temperature, i64::from(plain[0]) * 5 - 400, 1);
    readings.decimal(Quantity::Humidity, i64::from(plain[1]) * 5, 1);
    readings.push(Quantity::Battery, (plain[2] & 0x7F).min(100));
}

/// Temperature in 0.01 °C, humidity in 0.01 %, battery, flags of its pins.
fn pvvx_encrypted(plain: &[u8], finding: &mut Finding) {
    let readings = &mut finding.readings;
    readings.decimal(Quantity::Temperature, i16::from_le_bytes([plain[0], plain[1]]), 2);
    readings.decimal(Quantity::Humidity, u16::from_le_bytes([plain[2], plain[3]]), 2);
    readings.push(Quantity::Battery, plain[4].min(100));
    pins(plain[5], readings);
}

/// The pin for a reed switch, and the one that triggers switch. Whether a switch that is closed means open is up to who
/// soldered it, so that it is an input. That is also why the events of triggers, in the bits above, say nothing more.
fn pins(flags: u8, readings: &mut Readings) {
    readings.push(Quantity::Input, flags & 1 != 0);
    readings.push(Quantity::Output, flags & 2 != 0);
}

/// Decrypts what lies between the counter and the tag.
fn open<const N: usize>(frame: &Frame<'_>, data: &[u8; N]) -> Result<Vec<u8>, Why> {
    let key = cipher::key(frame.key)?;
    let (rest, tag) = data.split_last_chunk().ok_or(Why::UnknownLength(N))?;
    let (counter, sealed) = rest.split_first().ok_or(Why::UnknownLength(N))?;
    // The advertisement's own length and type are part of the nonce: three more bytes than the data, and 0x16.
    let length = u8::try_from(N + 3).map_err(|_| Why::UnknownLength(N))?;
    let nonce = join(&[&frame.advert.address.on_air(), &[length, 0x16, 0x1A, 0x18, *counter]]);
    ccm(key, Nonce::Eleven(nonce), &[0x11], sealed, *tag)
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::service, *};

    #[test]
    fn vectors() {
        // Frames made by hand; bleparser 3.7 reads the same.
        service(SERVICE, "A4C1388DB2CE 0110 33 4F 0BAD 4C")
            .gives("atc1441", "temperature 27.2 Cel, humidity 51 %, battery 79 %, voltage 2.989 V");
        service(SERVICE, "CEB28D38C1A4 1108 B712 8D0B 55 2C 0F").gives(
            "pvvx",
            "temperature 20.65 Cel, humidity 47.91 %, voltage 2.957 V, battery 85 %, input true, output true",
        );
        service(SERVICE, "A4C1388DB2CE FFF6 33 4F 0BAD 4C")
            .gives("atc1441", "temperature -1.0 Cel, humidity 51 %, battery 79 %, voltage 2.989 V");
    }

    #[test]
    fn vectors_of_encryption() {
        // Encrypted with pycryptodome; bleparser 3.7 reads the same.
        let pvvx = service(SERVICE, "078ff265b15e08ef55d7a1").from("A4C1388DB2CE");
        let atc = service(SERVICE, "0727aa5c0fcaaab7").from("A4C1388DB2CE");
        let key = "000102030405060708090a0b0c0d0e0f";
        pvvx.clone()
            .with_key(key)
            .gives("pvvx", "temperature 20.65 Cel, humidity 47.91 %, battery 85 %, input true, output true");
        atc.clone().with_key(key).gives("atc1441", "temperature 26.5 Cel, humidity 47.5 %, battery 85 %");
        pvvx.refuses("pvvx", Why::KeyNeeded);
        atc.with_key("000102030405060708090a0b0c0d0e0e").refuses("atc1441", Why::WrongKey);
    }

    #[test]
    fn a_frame_of_pvvx_that_was_cut_is_not_taken_for_the_shorter_format() {
        let frame = service(SERVICE, "CEB28D38C1A41108B7128D0B552C0F").from("A4C1388DB2CE");
        frame.gives(
            "pvvx",
            "temperature 20.65 Cel, humidity 47.91 %, voltage 2.957 V, battery 85 %, input true, output true",
        );
        frame.gives_nothing_when_cut();
    }

    #[test]
    fn only_the_known_lengths_are_read() {
        service(SERVICE, "A4C1388DB2CE0110334F0BAD4C").gives_nothing_when_cut();
        assert_eq!(service(SERVICE, "00112233445566778899AABB").decode().why, Some(Why::UnknownLength(12)));
    }
}
