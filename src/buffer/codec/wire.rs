//! The letters the block format is written in: varints, zigzag, text with its length. Reading checks every length
//! against what is there.

/// Bytes that are no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::buffer) enum WireError {
    /// Fewer bytes than a length says.
    #[error("data ends too early")]
    Truncated,
    /// A number that does not fit where it stands.
    #[error("number is out of range")]
    Range,
    /// Text that is not UTF-8, or no name.
    #[error("text is damaged")]
    Text,
    /// A format this version does not know.
    #[error("unknown format {0}")]
    Format(u8),
    /// Bytes or their row are others than were written.
    #[error("checksum does not match")]
    Checksum,
    /// zstd refused the bytes.
    #[error("compressed data is damaged")]
    Compression,
}

/// Writes seven bits per byte, lowest first.
pub(in crate::buffer) fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Writes a signed number so that small magnitudes stay short.
pub(super) fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Writes a count.
pub(in crate::buffer) fn put_len(out: &mut Vec<u8>, len: usize) {
    put_u64(out, len as u64);
}

/// Writes bytes behind their length.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes `None` as 0, or 1 and the bytes.
pub(super) fn put_option(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_bytes(out, bytes);
    }
}

/// Reads what the functions above wrote.
#[derive(Debug)]
pub(in crate::buffer) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub(in crate::buffer) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether everything was read.
    pub(in crate::buffer) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// One byte.
    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        let (&first, rest) = self.0.split_first().ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(first)
    }

    /// A varint.
    pub(in crate::buffer) fn u64(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(WireError::Range);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Range)
    }

    /// A zigzag varint.
    pub(super) fn i64(&mut self) -> Result<i64, WireError> {
        let raw = self.u64()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// A count of things that each take at least `each` bytes, so that a lie cannot ask for more memory than it sent.
    pub(in crate::buffer) fn len(&mut self, each: usize) -> Result<usize, WireError> {
        let len = usize::try_from(self.u64()?).map_err(|_| WireError::Range)?;
        if len > self.0.len() / each.max(1) { Err(WireError::Truncated) } else { Ok(len) }
    }

    /// A fixed number of bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.len(1)?;
        self.take(len)
    }

    /// Text behind its length.
    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Text)
    }

    /// What [`put_option`] wrote.
    pub(super) fn option(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.bytes().map(Some),
            _ => Err(WireError::Range),
        }
    }
}
