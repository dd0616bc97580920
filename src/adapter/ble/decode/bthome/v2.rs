//! Version 2: a byte of flags, then objects whose length their number tells.

use super::{
    super::{
        Format, Why,
        bytes::Cursor,
        cipher::{Nonce, join},
        finding::{Finding, Frame},
    },
    Sealed,
    objects::{Objects, length},
};

/// Flags of the first byte: encrypted, address included, and the version in the top three bits.
const ENCRYPTED: u8 = 0x01;
const WITH_ADDRESS: u8 = 0x02;

pub(in super::super) fn decode(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::BthomeV2);
    let mut cursor = Cursor::new(frame.data);
    let flags = cursor.u8()?;
    if flags >> 5 != 2 {
        return Err(Why::UnknownVersion(flags >> 5));
    }
    let mut address = frame.advert.address.0;
    if flags & WITH_ADDRESS != 0 {
        address = cursor.array()?;
        address.reverse();
    }
    if flags & ENCRYPTED == 0 {
        return objects(Cursor::new(cursor.rest()), finding);
    }
    let sealed = Sealed::of(cursor.rest())?;
    let nonce = Nonce::Thirteen(join(&[&address, &[0xD2, 0xFC, flags], &sealed.counter]));
    let plain = sealed.open(frame.key, nonce, &[])?;
    finding.counter = Some(u32::from_le_bytes(sealed.counter));
    finding.replay = finding.counter;
    objects(Cursor::new(&plain), finding)
}

/// Reads the list.
fn objects(mut cursor: Cursor<'_>, finding: &mut Finding) -> Result<(), Why> {
    let mut objects = Objects::default();
    while !cursor.is_empty() {
        let id = cursor.u8()?;
        let Some(length) = length(id, &mut cursor)? else {
            finding.note = Some(Why::UnknownObject(id.into()));
            return Ok(());
        };
        objects.read(id, cursor.take(length)?, finding)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::fixtures::{Sample, service},
            V2,
        },
        *,
    };

    fn sealed() -> Sample {
        // <https://bthome.io/encryption>: the worked example.
        service(V2, "41a47266c95f730011223378237214")
            .from("5448e68f80a5")
            .with_key("231d39c1d7cc1ab1aee224cd096db932")
    }

    #[test]
    fn vectors_of_the_specification() {
        let cases = [
            ("02CA09 03BF13", "temperature 25.06 Cel, humidity 50.55 %"),
            ("0161", "battery 97 %"),
            ("04138A01", "pressure 1008.83 hPa"),
            ("05138A14", "illuminance 13460.67 lx"),
            ("065E1F", "weight 80.3 kg"),
            ("073E1D", "weight 74.86 [lb_av]"),
            ("08CA06", "dew_point 17.38 Cel"),
            ("0960", "count 96"),
            ("0A138A14", "energy 1346.067 kW.h"),
            ("0B021B00", "power 69.14 W"),
            ("0C020C", "voltage 3.074 V"),
            ("0D120C", "pm25 3090 ug/m3"),
            ("0E021C", "pm10 7170 ug/m3"),
            ("0F01", "generic true"),
            ("1001", "on true"),
            ("1100", "opening false"),
            ("12E204", "co2 1250 [ppm]"),
            ("133301", "volatile_organic_compounds 307 ug/m3"),
            ("14020C", "moisture 30.74 %"),
            ("1501", "battery_low true"),
            ("1F01", "lock true"),
            ("2001", "water_leak true"),
            ("2D01", "window true"),
            ("2E23", "humidity 35 %"),
            ("2F23", "moisture 35 %"),
            ("3D0960", "count 24585"),
            ("3E2A2C0960", "count 1611213866"),
            ("3F020C", "rotation 307.4 deg"),
            ("400C00", "distance 12 mm"),
            ("414E00", "distance 7.8 m"),
            ("424E3400", "duration 13.39 s"),
            ("434E34", "current 13.39 A"),
            ("444E34", "speed 133.9 m/s"),
            ("451101", "temperature 27.3 Cel"),
            ("4632", "uv_index 5.0"),
            ("478756", "volume 2215.1 L"),
            ("48DC87", "volume 34780 mL"),
            ("49DC87", "volume_flow_rate 34.78 m3/h"),
            ("4A020C", "voltage 307.4 V"),
            ("4B138A14", "gas 1346.067 m3"),
            ("4C41018A01", "gas 25821.505 m3"),
            ("4D12138A14", "energy 344593.17 kW.h"),
            ("4E87562A01", "volume 19551.879 L"),
            ("4F87562A01", "water 19551.879 L"),
            ("505D396164", "timestamp 2023-05-14T19:41:17Z"),
            ("518756", "acceleration 22.151 m/s2"),
            ("528756", "gyroscope 22.151 deg/s"),
            ("530C48656C6C6F20576F726C6421", "text Hello World!"),
            ("540C48656C6C6F20576F726C6421", "raw 48656c6c6f20576f726c6421"),
            ("5587562A01", "volume_storage 19551.879 L"),
            ("56E803", "conductivity 1000 uS/cm"),
            ("57EA", "temperature -22 Cel"),
            ("58EA", "temperature -7.7 Cel"),
            ("59EA", "count -22"),
            ("5AEAEA", "count -5398"),
            ("5BEA0234EA", "count -365690134"),
            ("5C02FBFFFF", "power -12.78 W"),
            ("5DEAEA", "current -5.398 A"),
            ("5E9F8C", "direction 359.99 deg"),
            ("5F0100", "precipitation 0.1 mm"),
            ("6001", "channel 1"),
            ("61AC0D", "rotational_speed 3500 /min"),
            ("3A04", "button long_press"),
            ("3C0103", "dimmer rotate_left, dimmer_steps 3"),
            ("F00100", "device_type 1"),
            ("F100010204", "firmware_version 4.2.1.0"),
            ("F2000106", "firmware_version 6.1.0"),
            ("0009", "packet_id 9"),
        ];
        for (objects, readings) in cases {
            service(V2, &format!("40{objects}")).gives("bthome_v2", readings);
        }
    }

    #[test]
    fn vectors_of_encryption() {
        sealed().gives("bthome_v2", "temperature 25.06 Cel, humidity 50.55 %");
        assert_eq!(sealed().decode().counter, Some(0x3322_1100));
    }

    #[test]
    fn a_key_that_is_missing_wrong_or_short_is_told() {
        let sample = service(V2, "41a47266c95f730011223378237214").from("5448e68f80a5");
        sample.refuses("bthome_v2", Why::KeyNeeded);
        sample.clone().with_key("00").refuses("bthome_v2", Why::KeyLength { got: 1, want: 16 });
        sample.with_key("00000000000000000000000000000000").refuses("bthome_v2", Why::WrongKey);
        sealed().from("5448e68f80a6").refuses("bthome_v2", Why::WrongKey);
        sealed().gives_nothing_when_cut();
    }

    #[test]
    fn a_second_of_a_kind_is_counted_also_when_the_first_says_nothing() {
        service(V2, "40 02CA09 020000 45F601")
            .gives("bthome_v2", "temperature 25.06 Cel, temperature_2 0.0 Cel, temperature_3 50.2 Cel");
        service(V2, "44 0055 0164 3A00 3A01 3A00 3A80")
            .gives("bthome_v2", "packet_id 85, battery 100 %, button_2 press, button_4 hold_press");
        service(V2, "40 3C0000 3C0205").gives("bthome_v2", "dimmer_2 rotate_right, dimmer_steps_2 5");
    }

    #[test]
    fn the_address_in_the_frame_is_skipped() {
        service(V2, "42 A5808FE64854 02CA09").gives("bthome_v2", "temperature 25.06 Cel");
    }

    #[test]
    fn an_object_that_is_cut_makes_the_frame_worthless() {
        service(V2, "40 02CA09 03BF").refuses("bthome_v2", Why::TooShort { got: 5, want: 6 });
        service(V2, "40 02CA09 530C4865").refuses("bthome_v2", Why::TooShort { got: 7, want: 17 });
        service(V2, "").refuses("bthome_v2", Why::TooShort { got: 0, want: 1 });
        service(V2, "40").refuses("bthome_v2", Why::NoValue);
        service(V2, "2002CA09").refuses("bthome_v2", Why::UnknownVersion(1));
    }

    #[test]
    fn an_unknown_object_ends_the_list_and_is_told() {
        let decoded = service(V2, "40 0161 BB0102").decode();
        assert_eq!(decoded.readings.iter().count(), 1);
        assert_eq!(decoded.why, Some(Why::UnknownObject(0xBB)));
        service(V2, "40 BB0102").refuses("bthome_v2", Why::UnknownObject(0xBB));
    }
}
