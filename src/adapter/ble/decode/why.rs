//! Why an advertisement gave nothing, in words for the person who wonders.

/// The reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No format that is known here.
    #[error("no known format")]
    UnknownFormat,
    /// The frame ends before its data do.
    #[error("frame ends after {got} bytes, its data need {want}")]
    TooShort {
        /// How long it is.
        got: usize,
        /// How long it should at least be.
        want: usize,
    },
    /// The frame has another length than the format says.
    #[error("frame has {got} bytes, the format says {want}")]
    Length {
        /// How long it is.
        got: usize,
        /// How long it should be.
        want: usize,
    },
    /// The frame has a length that no variant of the format has.
    #[error("no variant of the format has {0} bytes")]
    UnknownLength(usize),
    /// The frame is encrypted and there is no key.
    #[error("the frame is encrypted: a key is needed")]
    KeyNeeded,
    /// The key has another length than the format says.
    #[error("the key has {got} bytes, the format says {want}")]
    KeyLength {
        /// How long it is.
        got: usize,
        /// How long it should be.
        want: usize,
    },
    /// The frame does not decrypt with this key.
    #[error("wrong key, or the frame was changed on its way")]
    WrongKey,
    /// A checksum in the frame is wrong.
    #[error("the checksum is wrong")]
    Checksum,
    /// A version of the format that is not known here.
    #[error("version {0} of the format is not known")]
    UnknownVersion(u8),
    /// A device model that is not known here.
    #[error("model {0:#04x} is not known")]
    UnknownModel(u16),
    /// A kind of frame that is not known here or holds no measurements.
    #[error("frame type {0:#04x} is not known")]
    UnknownFrame(u16),
    /// What follows an object of unknown length cannot be read.
    #[error("object {0:#04x} is not known")]
    UnknownObject(u16),
    /// An encrypted variant that is not supported.
    #[error("this kind of encryption is not supported")]
    Encryption,
    /// The address in the frame is not the sender's.
    #[error("the frame was made by another device")]
    OtherDevice,
    /// A value that cannot be, so that the frame is damaged.
    #[error("{0} is out of range: the frame is damaged")]
    Implausible(&'static str),
    /// The device itself reports that its measurement failed.
    #[error("the device reports a failed measurement")]
    Failed,
    /// The frame holds no value, or only markers for "not available".
    #[error("the frame holds no value")]
    NoValue,
}
