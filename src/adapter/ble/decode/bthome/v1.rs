//! Version 1: each object says its length and how it is to be read, which its number says as well.

use super::{
    super::{
        Format, Why,
        bytes::Cursor,
        cipher::{Nonce, join},
        finding::{Finding, Frame},
    },
    Sealed,
    objects::Objects,
};

pub(in super::super) fn decode_plain(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::BthomeV1);
    objects(Cursor::new(frame.data), finding)
}

pub(in super::super) fn decode_encrypted(frame: &Frame<'_>, finding: &mut Finding) -> Result<(), Why> {
    finding.format = Some(Format::BthomeV1);
    let sealed = Sealed::of(frame.data)?;
    let nonce = Nonce::Twelve(join(&[&frame.advert.address.0, &[0x1E, 0x18], &sealed.counter]));
    let plain = sealed.open(frame.key, nonce, &[0x11])?;
    finding.counter = Some(u32::from_le_bytes(sealed.counter));
    finding.replay = finding.counter;
    objects(Cursor::new(&plain), finding)
}

/// Reads the list. The first byte of an object has its length in five bits, its own number counted, and the form in
/// three: 0 without sign, 1 with sign, 2 float, 3 text, 4 address.
fn objects(mut cursor: Cursor<'_>, finding: &mut Finding) -> Result<(), Why> {
    /// An address, which tells nothing about the sender that is not known.
    const ADDRESS: u8 = 4;
    let mut objects = Objects::default();
    while !cursor.is_empty() {
        let control = cursor.u8()?;
        let (length, form) = (usize::from(control & 0x1F), control >> 5);
        if form == ADDRESS {
            cursor.take(length)?;
            continue;
        }
        let Some((id, data)) = cursor.take(length)?.split_first() else { return Err(Why::Implausible("length")) };
        if !objects.read_v1(*id, form, data, finding)? {
            finding.note = Some(Why::UnknownObject((*id).into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{super::fixtures::service, V1, V1_ENCRYPTED},
        *,
    };

    #[test]
    fn vectors_of_the_specification() {
        let cases = [
            ("23 02 CA09 03 03 BF13", "temperature 25.06 Cel, humidity 50.55 %"),
            ("02 01 61", "battery 97 %"),
            ("04 04 138A01", "pressure 1008.83 hPa"),
            ("04 0A 138A14", "energy 1346.067 kW.h"),
            ("02 10 01", "on true"),
            ("02 3A 01", "button press"),
            ("03 3C 01 03", "dimmer rotate_left, dimmer_steps 3"),
            ("02 00 09 23 02 CA09", "packet_id 9, temperature 25.06 Cel"),
            ("23 08 CA06", "dew_point 17.38 Cel"),
            ("22 02 CA", "temperature -0.54 Cel"),
        ];
        for (objects, readings) in cases {
            service(V1, objects).gives("bthome_v1", readings);
        }
    }

    #[test]
    fn floats_have_two_four_or_eight_bytes() {
        // Made by hand; bthome-ble 3.25 reads the same.
        let floats = [
            ("43 02 6666", "temperature 16.38 Cel"),
            ("45 02 0050C345", "temperature 62.5 Cel"),
            ("49 02 00000000000000C0", "temperature -0.02 Cel"),
            ("43 02 0100", "temperature 0.0 Cel"),
            ("43 12 003C", "co2 1 [ppm]"),
        ];
        for (objects, readings) in floats {
            service(V1, objects).gives("bthome_v1", readings);
        }
        service(V1, "43 02 007C").refuses("bthome_v1", Why::Implausible("float"));
        service(V1, "45 02 0000C07F").refuses("bthome_v1", Why::Implausible("float"));
        service(V1, "44 02 000000").refuses("bthome_v1", Why::UnknownLength(3));
    }

    #[test]
    fn vectors_of_encryption() {
        // <https://bthome.io/v1_encryption>: the worked example.
        let sample = service(V1_ENCRYPTED, "fba435e4d3c312fb0011223357d90a99").from("5448e68f80a5");
        sample.refuses("bthome_v1", Why::KeyNeeded);
        let sample = sample.with_key("231d39c1d7cc1ab1aee224cd096db932");
        sample.gives("bthome_v1", "temperature 25.06 Cel, humidity 50.55 %");
        sample.gives_nothing_when_cut();
    }

    #[test]
    fn a_length_that_lies_makes_the_frame_worthless() {
        service(V1, "2302CA09 0303BF").refuses("bthome_v1", Why::TooShort { got: 7, want: 8 });
        service(V1, "01 02").refuses("bthome_v1", Why::UnknownLength(0));
        service(V1, "02 3C 01").refuses("bthome_v1", Why::TooShort { got: 1, want: 2 });
        service(V1, "00").refuses("bthome_v1", Why::Implausible("length"));
    }

    #[test]
    fn an_unknown_object_is_skipped_because_its_length_is_known() {
        service(V1, "03 BB 0102 02 01 61").gives("bthome_v1", "battery 97 %");
    }
}
