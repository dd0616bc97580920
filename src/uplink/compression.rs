//! Messages made smaller.
//!
//! One library version makes the same bytes of the same block each time. A new one may not, so after an upgrade a
//! message that is sent again may differ in its bytes, and never in what they unpack to: receivers compare that. The
//! block itself is stored unpacked and is encoded anew, so an upgrade changes nothing else.

use tracing::warn;
use zstd::bulk::Compressor;

use crate::config::Compression;

/// zstd's own default: a hundred readings become a tenth, at a third of the time the JSON took.
const LEVEL: i32 = 3;

/// The user property of a packed message: the content type stays that of what is inside.
pub(super) const PROPERTY: (&str, &str) = ("encoding", "zstd");

/// Packs the messages of one uplink.
pub(super) struct Packer(Option<Compressor<'static>>);

impl Packer {
    /// For an uplink's setting.
    pub(super) fn new(compression: Compression) -> Self {
        match compression {
            Compression::None => Self(None),
            Compression::Zstd => {
                let compressor = Compressor::new(LEVEL);
                Self(compressor.inspect_err(|error| warn!(%error, "Messages go unpacked, zstd did not start")).ok())
            }
        }
    }

    /// The message packed, when it is smaller so. Beginning with zstd's magic 28 B5 2F FD, it cannot be taken for JSON.
    pub(super) fn pack(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        // Out of memory is the one error there is; the message goes as it is.
        let packed = self.0.as_mut()?.compress(message).ok()?;
        (packed.len() < message.len()).then_some(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_smaller_is_small_the_same_way_each_time() {
        let message = br#"{"device":"meter-1","value":1}"#.repeat(20);
        let mut packer = Packer::new(Compression::Zstd);

        let small = packer.pack(&message).unwrap();

        assert!(small.len() < message.len() / 5 && small.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        assert_eq!(packer.pack(&message).unwrap(), small);
        assert_eq!(Packer::new(Compression::Zstd).pack(&message).unwrap(), small);
        assert_eq!(zstd::bulk::decompress(&small, message.len()).unwrap(), message);
    }

    #[test]
    fn what_would_grow_and_what_shall_not_be_packed_stays_as_it_is() {
        assert_eq!(Packer::new(Compression::Zstd).pack(b"{}"), None);
        assert_eq!(Packer::new(Compression::None).pack(&[b' '; 1000]), None);
    }
}
