//! Eddystone, service data 0xFEAA, most significant byte first.
//!
//! <https://github.com/google/eddystone>: `eddystone-uid`, `eddystone-url`, `eddystone-tlm/tlm-plain.md`. Encrypted
//! telemetry and ephemeral identifiers are known by their keepers alone.

use alloc::string::String;

use super::{
    Format, Value, Why,
    bytes::{exactly, hex},
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Google.
pub(super) const SERVICE: u16 = 0xFEAA;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    match frame.data.first() {
        Some(0x00) => uid(frame.data, finding),
        Some(0x10) => url(frame.data, finding),
        Some(0x20) => telemetry(frame.data, finding),
        Some(0x30) => Err(Why::Encryption),
        Some(other) => Err(Why::UnknownFrame((*other).into())),
        None => Err(Why::TooShort { got: 0, want: 1 }),
    }
}

/// Power, namespace of ten bytes, instance of six, and two bytes that some leave out.
fn uid(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::EddystoneUid);
    if data.len() != 18 && data.len() != 20 {
        return Err(Why::Length { got: data.len(), want: 20 });
    }
    finding.readings.push(Quantity::BeaconId, hex(&data[2..18]));
    finding.readings.push(Quantity::TxPower, data[1].cast_signed());
    Ok(())
}

/// Power, a scheme, and characters of which some stand for an ending.
fn url(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    /// `eddystone-url`, frame specification: how many characters there can be.
    const LONGEST: usize = 17;
    /// `eddystone-url`, URL scheme prefix and HTTP URL encoding.
    const SCHEMES: [&str; 4] = ["http://www.", "https://www.", "http://", "https://"];
    const ENDINGS: [&str; 14] = [
        ".com/", ".org/", ".edu/", ".net/", ".info/", ".biz/", ".gov/", ".com", ".org", ".edu", ".net", ".info",
        ".biz", ".gov",
    ];
    finding.format = Some(Format::EddystoneUrl);
    let [_, power, scheme, rest @ ..] = data else { return Err(Why::TooShort { got: data.len(), want: 4 }) };
    if rest.is_empty() {
        return Err(Why::TooShort { got: data.len(), want: 4 });
    }
    if rest.len() > LONGEST {
        return Err(Why::Length { got: data.len(), want: LONGEST + 3 });
    }
    let mut url = String::from(*SCHEMES.get(usize::from(*scheme)).ok_or(Why::Implausible("scheme"))?);
    for code in rest {
        match ENDINGS.get(usize::from(*code)) {
            Some(ending) => url.push_str(ending),
            None if code.is_ascii_graphic() => url.push(char::from(*code)),
            None => return Err(Why::Implausible("url")),
        }
    }
    finding.readings.push(Quantity::Url, url);
    finding.readings.push(Quantity::TxPower, power.cast_signed());
    Ok(())
}

/// Millivolts (0 is not available), temperature as 8.8 fixed point (0x8000 is not available), two counters.
fn telemetry(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::EddystoneTlm);
    match data.get(1) {
        Some(0) | None => {}
        Some(1) => return Err(Why::Encryption),
        Some(other) => return Err(Why::UnknownVersion(*other)),
    }
    let data: &[u8; 14] = exactly(data)?;
    let readings = &mut finding.readings;
    let (voltage, temperature) = (u16::from_be_bytes([data[2], data[3]]), i16::from_be_bytes([data[4], data[5]]));
    if voltage != 0 {
        readings.decimal(Quantity::Voltage, voltage, 3);
    }
    if temperature != i16::MIN {
        readings.push(Quantity::Temperature, Value::binary(temperature, 8));
    }
    readings.push(Quantity::PacketCount, u32::from_be_bytes([data[6], data[7], data[8], data[9]]));
    // Tenths of a second.
    readings.decimal(Quantity::Uptime, u32::from_be_bytes([data[10], data[11], data[12], data[13]]), 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::service, *};

    #[test]
    fn vectors_of_telemetry() {
        service(SERVICE, "2000 0BB8 1580 00000100 00001000")
            .gives("eddystone_tlm", "voltage 3.0 V, temperature 21.5 Cel, packet_counter 256, uptime 409.6 s");
        service(SERVICE, "2000 0000 8000 00000001 0000000A").gives("eddystone_tlm", "packet_counter 1, uptime 1.0 s");
        service(SERVICE, "2000 0BB8 FF80 00000100 00001000")
            .gives("eddystone_tlm", "voltage 3.0 V, temperature -0.5 Cel, packet_counter 256, uptime 409.6 s");
        service(SERVICE, "20010BB81580000001000000100000000000").refuses("eddystone_tlm", Why::Encryption);
        service(SERVICE, "20000BB815800000010000001000").gives_nothing_when_cut();
    }

    #[test]
    fn vectors_of_beacons() {
        service(SERVICE, "00 EE 00112233445566778899 AABBCCDDEEFF 0000")
            .gives("eddystone_uid", "beacon_id 00112233445566778899aabbccddeeff, tx_power -18 dB[mW]");
        service(SERVICE, "10 BA 03 676F6F2E676C2F 53384237")
            .gives("eddystone_url", "url https://goo.gl/S8B7, tx_power -70 dB[mW]");
        service(SERVICE, "10 00 00 676F6F676C65 07")
            .gives("eddystone_url", "url http://www.google.com, tx_power 0 dB[mW]");
        service(SERVICE, "10 00 00 20").refuses("eddystone_url", Why::Implausible("url"));
        service(SERVICE, &format!("10 00 03 {}", "41".repeat(18)))
            .refuses("eddystone_url", Why::Length { got: 21, want: 20 });
        service(SERVICE, "10 00 09 41").refuses("eddystone_url", Why::Implausible("scheme"));
    }
}
