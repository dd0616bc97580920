use proptest::prelude::*;

use super::*;

const MODEL: Model = Model { manufacturer: Manufacturer(0x1234), image_type: 7 };

#[test]
fn an_image_is_what_its_header_says() {
    let image = Image::read(make(MODEL, 0x0102_0304, &[9; 100])).unwrap();

    let header = &image.header;
    assert_eq!((header.model, header.version, header.size), (MODEL, 0x0102_0304, 162));
    assert_eq!(header.name, "tidegate test image");
    assert_eq!(image.part(160, 50), Some(&[9, 9][..]));
    assert_eq!(image.part(162, 50), None);
    assert_eq!(image.part(u32::MAX, 50), None);
}

#[test]
fn optional_fields_are_read_where_the_header_says_so() {
    let mut bytes = make(MODEL, 1, &[1]);
    // Credentials, one device, hardware 2 to 5: 13 bytes behind the size.
    bytes[8] = 0b111;
    bytes[6] += 13;
    bytes[52] += 13;
    let fields = [&[2][..], &0x0012_4b00_0000_0009_u64.to_le_bytes(), &[2, 0, 5, 0]].concat();
    bytes.splice(56..56, fields);

    let header = Header::read(&bytes).unwrap();

    assert_eq!(header.hardware, Some((2, 5)));
    assert_eq!(header.destination.map(|ieee| ieee.0), Some(0x0012_4b00_0000_0009));
}

#[test]
fn a_file_that_is_no_image_is_refused_with_its_reason() {
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = make(MODEL, 1, &[7; 40]);
        change(&mut bytes);
        Image::read(bytes).unwrap_err().to_string()
    };

    assert_eq!(refused(&|bytes| bytes[0] = 0), "no image: it begins with 0x0beef100, not 0x0beef11e");
    assert_eq!(refused(&|bytes| bytes[5] = 2), "header version 0x0200 is unknown");
    assert_eq!(refused(&|bytes| bytes.truncate(20)), "header: 32 bytes are announced at byte 20, 0 are left");
    assert_eq!(refused(&|bytes| bytes.truncate(90)), "the header announces 102 bytes, the file has 90");
    assert_eq!(refused(&|bytes| bytes.push(0)), "the header announces 102 bytes, the file has 103");
    assert_eq!(refused(&|bytes| bytes[6] = 20), "the header says that it has 20 bytes, its fields have 56");
    assert_eq!(refused(&|bytes| bytes[7] = 0xff), "the part at byte 65336 does not fit into the file");
    assert_eq!(refused(&|bytes| bytes[58] = 0xff), "the part at byte 56 does not fit into the file");
    assert_eq!(refused(&|bytes| bytes[58] = 38), "the part at byte 100 does not fit into the file");
    let only_header = |bytes: &mut Vec<u8>| {
        bytes.truncate(56);
        bytes[52] = 56;
    };
    assert_eq!(refused(&only_header), "it has a header and nothing else");
}

proptest! {
    #[test]
    fn any_bytes_are_an_image_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Image::read(bytes);
    }

    #[test]
    fn a_changed_byte_never_makes_an_image_of_another_length(
        content in prop::collection::vec(any::<u8>(), 1..80), at in 0usize..62, byte in any::<u8>(),
    ) {
        let mut bytes = make(MODEL, 3, &content);
        bytes[at] = byte;
        if let Ok(image) = Image::read(bytes.clone()) {
            prop_assert_eq!(usize::try_from(image.header.size), Ok(bytes.len()));
        }
    }

    #[test]
    fn parts_of_any_size_make_up_the_whole(content in prop::collection::vec(any::<u8>(), 1..300), most in 1usize..80) {
        let bytes = make(MODEL, 3, &content);
        let image = Image::read(bytes.clone()).unwrap();
        let mut loaded = Vec::new();
        while let Some(part) = image.part(u32::try_from(loaded.len()).unwrap(), most) {
            loaded.extend_from_slice(part);
        }
        prop_assert_eq!(loaded, bytes);
    }
}
