//! iBeacon, manufacturer data 0x004C with type 0x02 and length 0x15, most significant byte first.
//!
//! Apple, Proximity Beacon Specification R1, 2.1. Apple's other types are not about sensors.

use super::{
    Format, Why,
    bytes::{exactly, hex},
    finding::{Finding, Frame},
};
use crate::model::Quantity;

/// Apple.
pub(super) const COMPANY: u16 = 0x004C;

pub(super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    let [0x02, 0x15, ..] = frame.data else {
        return Err(frame.data.first().map_or(Why::NoValue, |kind| Why::UnknownFrame((*kind).into())));
    };
    finding.format = Some(Format::Ibeacon);
    let data: &[u8; 23] = exactly(frame.data)?;
    let readings = &mut finding.readings;
    readings.push(Quantity::BeaconId, hex(&data[2..18]));
    readings.push(Quantity::Major, u16::from_be_bytes([data[18], data[19]]));
    readings.push(Quantity::Minor, u16::from_be_bytes([data[20], data[21]]));
    readings.push(Quantity::TxPower, data[22].cast_signed());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::manufacturer, *};

    #[test]
    fn vectors() {
        let sample = manufacturer(COMPANY, "0215 E2C56DB5DFFB48D2B060D0F5A71096E0 0001 0102 C5");
        sample
            .gives("ibeacon", "beacon_id e2c56db5dffb48d2b060d0f5a71096e0, major 1, minor 258, tx_power -59 dB[mW]");
        sample.gives_nothing_when_cut();
    }

    #[test]
    fn other_types_of_apple_are_no_beacon() {
        let decoded = manufacturer(COMPANY, "1005031C9B7F3A").decode();
        assert_eq!((decoded.format, decoded.why), (None, Some(Why::UnknownFrame(0x10))));
    }
}
