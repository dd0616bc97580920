//! What devices ask about firmware, and the answers (ZCL, 11.13). Devices are clients; the gateway is the server.

use super::image::{Header, Image, Model};
use crate::adapter::zigbee::{
    wire::{Reader, Wire as _, WireError},
    zcl::Status,
};

/// Commands by number (ZCL, 11.13.3).
pub mod command {
    /// The server: ask me.
    pub const NOTIFY: u8 = 0x00;
    /// The client: is there anything for me?
    pub const QUERY: u8 = 0x01;
    /// The server's answer to that.
    pub const QUERY_ANSWER: u8 = 0x02;
    /// The client: a part of it, please.
    pub const BLOCK: u8 = 0x03;
    /// The client: many parts in a row, please.
    pub const PAGE: u8 = 0x04;
    /// The server: a part.
    pub const BLOCK_ANSWER: u8 = 0x05;
    /// The client: I have it all, or will not have it.
    pub const END: u8 = 0x06;
    /// The server: then use it.
    pub const END_ANSWER: u8 = 0x07;
}

/// The image is of no use to the device, or was cut off.
pub const ABORT: Status = Status(0x95);
/// What the device loaded is broken.
pub const INVALID_IMAGE: Status = Status(0x96);
/// There is nothing for the device.
pub const NO_IMAGE: Status = Status(0x98);

/// Bytes of an image in one message: what fits into a frame of the air with every header and security around it.
pub const MAX_BLOCK: u8 = 50;

/// What a device says of itself when it asks for firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// What it is.
    pub model: Model,
    /// What it runs.
    pub version: u32,
    /// On which hardware.
    pub hardware: Option<u16>,
}

/// A part that a device wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRequest {
    /// Of which image.
    pub model: Model,
    /// Of which version.
    pub version: u32,
    /// From which byte on.
    pub offset: u32,
    /// At most how many bytes.
    pub most: u8,
}

/// How loading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Whether the device will use it, or why not.
    pub status: Status,
    /// What it loaded.
    pub model: Model,
    /// Which version.
    pub version: u32,
}

/// What a device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Is there anything?
    Query(Query),
    /// A part.
    Block(BlockRequest),
    /// It has ended.
    End(End),
    /// Something that is not served, such as many parts in a row.
    Other,
}

impl Request {
    /// Reads the fields of a command.
    pub fn decode(number: u8, payload: &[u8]) -> Result<Self, WireError> {
        let reader = &mut Reader::new(payload);
        match number {
            command::QUERY => {
                let has_hardware = reader.read::<u8>()? & 1 != 0;
                let (model, version) = (model(reader)?, reader.read()?);
                let hardware = if has_hardware { Some(reader.read()?) } else { None };
                Ok(Self::Query(Query { model, version, hardware }))
            }
            command::BLOCK => {
                // What the bits of the first byte announce stands behind what is needed.
                reader.read::<u8>()?;
                let (model, version) = (model(reader)?, reader.read()?);
                Ok(Self::Block(BlockRequest { model, version, offset: reader.read()?, most: reader.read()? }))
            }
            command::END => {
                let status = reader.read()?;
                Ok(Self::End(End { status, model: model(reader)?, version: reader.read()? }))
            }
            _ => Ok(Self::Other),
        }
    }

    /// Its number and fields, for simulators; something else has none.
    pub fn encode(&self) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        match self {
            Self::Query(query) => {
                u8::from(query.hardware.is_some()).write(&mut out);
                write_model(query.model, query.version, &mut out);
                query.hardware.write(&mut out);
                (command::QUERY, out)
            }
            Self::Block(block) => {
                out.push(0);
                write_model(block.model, block.version, &mut out);
                block.offset.write(&mut out);
                out.push(block.most);
                (command::BLOCK, out)
            }
            Self::End(end) => {
                end.status.write(&mut out);
                write_model(end.model, end.version, &mut out);
                (command::END, out)
            }
            Self::Other => (command::PAGE, out),
        }
    }
}

/// Maker and type.
fn model(reader: &mut Reader<'_>) -> Result<Model, WireError> {
    Ok(Model { manufacturer: reader.read()?, image_type: reader.read()? })
}

/// Maker, type and version.
fn write_model(model: Model, version: u32, out: &mut Vec<u8>) {
    model.manufacturer.write(out);
    model.image_type.write(out);
    version.write(out);
}

/// Asks a device to ask; alone, it need not wait by chance (11.13.3.1: jitter 100).
pub fn notify() -> Vec<u8> {
    vec![0, 100]
}

/// There is this image.
pub fn offer(header: &Header) -> Vec<u8> {
    let mut out = vec![Status::SUCCESS.0];
    write_model(header.model, header.version, &mut out);
    header.size.write(&mut out);
    out
}

/// A part of the image, or why there is none: another image, or behind its end.
pub fn block(image: &Image, wanted: &BlockRequest) -> Result<Vec<u8>, Status> {
    let header = &image.header;
    if (wanted.model, wanted.version) != (header.model, header.version) {
        return Err(NO_IMAGE);
    }
    let part = image.part(wanted.offset, wanted.most.clamp(1, MAX_BLOCK).into()).ok_or(Status::MALFORMED)?;
    let mut out = vec![Status::SUCCESS.0];
    write_model(header.model, header.version, &mut out);
    wanted.offset.write(&mut out);
    out.push(u8::try_from(part.len()).expect("a part is short"));
    out.extend_from_slice(part);
    Ok(out)
}

/// The device may use it at once: both times are 0 (11.13.9).
pub fn use_now(end: &End) -> Vec<u8> {
    let mut out = Vec::new();
    write_model(end.model, end.version, &mut out);
    out.extend_from_slice(&[0; 8]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::image, *};
    use crate::adapter::zigbee::address::Manufacturer;

    const MODEL: Model = Model { manufacturer: Manufacturer(0x1234), image_type: 7 };

    #[test]
    fn requests_come_back_as_they_were_written() {
        let all = [
            Request::Query(Query { model: MODEL, version: 5, hardware: Some(2) }),
            Request::Query(Query { model: MODEL, version: 5, hardware: None }),
            Request::Block(BlockRequest { model: MODEL, version: 6, offset: 100, most: 48 }),
            Request::End(End { status: ABORT, model: MODEL, version: 6 }),
        ];
        for request in all {
            let (number, payload) = request.encode();
            assert_eq!(Request::decode(number, &payload), Ok(request));
        }
        assert_eq!(Request::decode(command::PAGE, &[]), Ok(Request::Other));
    }

    #[test]
    fn a_part_of_another_image_or_behind_the_end_is_refused() {
        let image = Image::read(image::make(MODEL, 6, &[1; 10])).unwrap();
        let wanted = BlockRequest { model: MODEL, version: 6, offset: 0, most: 255 };

        assert_eq!(block(&image, &wanted).unwrap().len(), 14 + usize::from(MAX_BLOCK));
        assert_eq!(block(&image, &BlockRequest { version: 7, ..wanted }), Err(NO_IMAGE));
        assert_eq!(block(&image, &BlockRequest { offset: 72, ..wanted }), Err(Status::MALFORMED));
        let other = Model { image_type: 8, ..MODEL };
        assert_eq!(block(&image, &BlockRequest { model: other, ..wanted }), Err(NO_IMAGE));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_an_error(number in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Request::decode(number, &payload);
        }

        #[test]
        fn any_request_is_answered_with_bytes_of_the_image_or_refused(
            offset in prop_oneof![0u32..100, any::<u32>()], most in any::<u8>(),
        ) {
            let bytes = image::make(MODEL, 6, &[1, 2, 3, 4, 5]);
            let image = Image::read(bytes.clone()).unwrap();
            let wanted = BlockRequest { model: MODEL, version: 6, offset, most };
            match block(&image, &wanted) {
                Ok(answer) => {
                    let (start, length) = (usize::try_from(offset).unwrap(), usize::from(answer[13]));
                    prop_assert!((1..=usize::from(most.clamp(1, MAX_BLOCK))).contains(&length));
                    prop_assert_eq!(&answer[14..], &bytes[start..start + length]);
                }
                Err(status) => {
                    prop_assert_eq!(status, Status::MALFORMED);
                    prop_assert!(usize::try_from(offset).unwrap() >= bytes.len());
                }
            }
        }
    }
}
