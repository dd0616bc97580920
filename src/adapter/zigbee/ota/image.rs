//! An image file: what its header says, and whether the file is what the header says (ZCL, 11.4).

use serde::Serialize;

use crate::adapter::zigbee::{
    address::{Ieee, Manufacturer},
    wire::{Reader, WireError},
};

/// What every image begins with (11.4.2.1).
const MAGIC: u32 = 0x0bee_f11e;
/// The only version of the header (11.4.2.2).
const HEADER_VERSION: u16 = 0x0100;
/// Bits that say which fields follow (11.4.2.4).
mod field {
    pub(super) const CREDENTIALS: u16 = 1;
    pub(super) const DESTINATION: u16 = 1 << 1;
    pub(super) const HARDWARE: u16 = 1 << 2;
}

/// The largest file that is read. Devices have flash for a part of that.
pub const MAX_BYTES: u64 = 4 << 20;

/// What an image is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Model {
    /// Whose devices it is for.
    pub manufacturer: Manufacturer,
    /// Which of them, by their maker's count.
    pub image_type: u16,
}

/// What the header of an image says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// For which devices.
    #[serde(flatten)]
    pub model: Model,
    /// Higher is newer.
    pub version: u32,
    /// What its maker calls it.
    pub name: String,
    /// The length of all of it.
    pub size: u32,
    /// The hardware that it is for, from one version to another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<(u16, u16)>,
    /// The one device that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Ieee>,
}

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It begins as no image does.
    #[error("no image: it begins with {0:#010x}, not 0x0beef11e")]
    Magic(u32),
    /// A header that nobody has specified.
    #[error("header version {0:#06x} is unknown")]
    Version(u16),
    /// It ends within its header.
    #[error("header: {0}")]
    Header(#[from] WireError),
    /// The header is not as long as it says.
    #[error("the header says that it has {says} bytes, its fields have {has}")]
    HeaderLength {
        /// What it says.
        says: u16,
        /// What its fields have.
        has: usize,
    },
    /// The file is not as long as its header says: it was not copied to its end, or something was added.
    #[error("the header announces {says} bytes, the file has {has}")]
    Length {
        /// What the header says.
        says: u32,
        /// How long the file is.
        has: usize,
    },
    /// What is behind the header does not fill the file.
    #[error("the part at byte {at} does not fit into the file")]
    Part {
        /// Where it begins.
        at: usize,
    },
    /// There is nothing behind the header.
    #[error("it has a header and nothing else")]
    Empty,
    /// Beyond [`MAX_BYTES`].
    #[error("{0} bytes are more than an image can have here (4 MiB)")]
    TooLarge(u64),
}

/// A file whose header and length are right.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// What it says of itself.
    pub header: Header,
    /// All of it, the header as well: devices want that too.
    bytes: Vec<u8>,
}

impl Image {
    /// Takes the bytes of a file if they are an image.
    pub fn read(bytes: Vec<u8>) -> Result<Self, ImageError> {
        let header = Header::read(&bytes)?;
        Ok(Self { header, bytes })
    }

    /// Up to so many bytes from a place on; `None` behind the end.
    pub fn part(&self, offset: u32, most: usize) -> Option<&[u8]> {
        let rest = self.bytes.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())?;
        Some(&rest[..rest.len().min(most)])
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Image").field(&self.header).finish_non_exhaustive()
    }
}

impl Header {
    /// Reads the header of a whole file, and holds the file against it.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let mut reader = Reader::new(bytes);
        let magic = reader.read()?;
        if magic != MAGIC {
            return Err(ImageError::Magic(magic));
        }
        let version = reader.read()?;
        if version != HEADER_VERSION {
            return Err(ImageError::Version(version));
        }
        let says: u16 = reader.read()?;
        let header = Self::fields(&mut reader)?;
        let has = bytes.len() - reader.left();
        // A longer header has fields that are not known here, and ends where it says.
        if usize::from(says) < has {
            return Err(ImageError::HeaderLength { says, has });
        }
        if usize::try_from(header.size) != Ok(bytes.len()) {
            return Err(ImageError::Length { says: header.size, has: bytes.len() });
        }
        parts(bytes, usize::from(says))?;
        Ok(header)
    }

    /// The fields behind the length of the header (11.4.2.4 to 11.4.2.14).
    fn fields(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let control: u16 = reader.read()?;
        let has = |bit: u16| control & bit != 0;
        let model = Model { manufacturer: reader.read()?, image_type: reader.read()? };
        let version = reader.read()?;
        let _stack: u16 = reader.read()?;
        let name = name(reader.take(32)?);
        let size = reader.read()?;
        if has(field::CREDENTIALS) {
            reader.read::<u8>()?;
        }
        let destination = if has(field::DESTINATION) { Some(reader.read()?) } else { None };
        let hardware = if has(field::HARDWARE) { Some((reader.read()?, reader.read()?)) } else { None };
        Ok(Self { model, version, name, size, hardware, destination })
    }
}

/// The name, which zeros fill up; what cannot be printed is left out.
fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).chars().filter(|character| !character.is_control()).collect()
}

/// Goes over the parts behind the header, each a tag, a length and so many bytes (11.4.3); they have to fill the file.
fn parts(bytes: &[u8], start: usize) -> Result<(), ImageError> {
    let behind = bytes.get(start..).ok_or(ImageError::Part { at: start })?;
    let mut reader = Reader::new(behind);
    if reader.is_at_end() {
        return Err(ImageError::Empty);
    }
    while !reader.is_at_end() {
        let at = bytes.len() - reader.left();
        let part = |reader: &mut Reader<'_>| {
            let _tag: u16 = reader.read()?;
            let length: u32 = reader.read()?;
            reader.take(usize::try_from(length).unwrap_or(usize::MAX)).map(drop)
        };
        part(&mut reader).map_err(|_: WireError| ImageError::Part { at })?;
    }
    Ok(())
}

/// An image with one part, for tests and simulators.
pub fn make(model: Model, version: u32, content: &[u8]) -> Vec<u8> {
    use crate::adapter::zigbee::wire::Wire as _;
    const LENGTH: u16 = 56;
    let size = usize::from(LENGTH) + 6 + content.len();
    let mut out = Vec::with_capacity(size);
    MAGIC.write(&mut out);
    for number in [HEADER_VERSION, LENGTH, 0] {
        number.write(&mut out);
    }
    model.manufacturer.write(&mut out);
    model.image_type.write(&mut out);
    version.write(&mut out);
    2u16.write(&mut out);
    out.extend_from_slice(b"tidegate test image\0\0\0\0\0\0\0\0\0\0\0\0\0");
    u32::try_from(size).expect("a short image").write(&mut out);
    0u16.write(&mut out);
    u32::try_from(content.len()).expect("a short image").write(&mut out);
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests;
