//! The Modbus/TCP frame: seven bytes of header before the PDU.
//!
//! Pure: bytes in; a frame, "need more", or an error out. After an error the place of the next frame is unknown, so
//! the connection has to be closed (MODBUS Messaging on TCP/IP 1.0b, 3.1.3 and 4.2.2).

/// Bytes before the PDU: transaction, protocol, length, unit (MODBUS Messaging on TCP/IP 1.0b, 3.1.3).
pub const HEADER: usize = 7;

/// Longest PDU (MODBUS Application Protocol 1.1b3, 4.1).
pub const MAX_PDU: usize = 253;

/// Bytes up to and including the length field; the length counts what follows.
const PREFIX: usize = 6;

/// One frame, borrowed from the bytes received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Chosen by the client, repeated by the server.
    pub transaction: u16,
    /// The unit asked, repeated by the server.
    pub unit: u8,
    /// Function code and data, 1 to 253 bytes.
    pub pdu: &'a [u8],
}

/// Bytes that are no Modbus/TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The protocol identifier is not Modbus.
    #[error("protocol id is {0:#06x}, Modbus has 0x0000")]
    Protocol(u16),
    /// The length leaves no room for unit and function code, or is more than a frame can hold.
    #[error("frame length is {0}, 2 to 254 are possible")]
    Length(u16),
}

/// The first frame in `bytes` and how many bytes it takes, or `None` when more bytes are needed.
pub fn decode(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
    if let Some(protocol) = word(bytes, 2)
        && protocol != 0
    {
        return Err(FrameError::Protocol(protocol));
    }
    let Some(length) = word(bytes, 4) else { return Ok(None) };
    if !(2..=254).contains(&length) {
        return Err(FrameError::Length(length));
    }
    let end = PREFIX + usize::from(length);
    let (Some(frame), Some(transaction)) = (bytes.get(..end), word(bytes, 0)) else { return Ok(None) };
    Ok(Some((Frame { transaction, unit: frame[PREFIX], pdu: &frame[HEADER..] }, end)))
}

/// Appends a frame; `pdu` writes its bytes behind the header, at most [`MAX_PDU`].
pub fn encode(out: &mut Vec<u8>, transaction: u16, unit: u8, pdu: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&transaction.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, unit]);
    pdu(out);
    let length = u16::try_from(out.len() - start - PREFIX).expect("a PDU has at most 253 bytes");
    out[start + 4..start + PREFIX].copy_from_slice(&length.to_be_bytes());
}

/// The big-endian word at `at`, if it has arrived.
fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Read holding registers 107 to 109 of unit 17 (MODBUS Application Protocol 1.1b3, 6.3, with an MBAP header).
    const REQUEST: [u8; 12] = [0x15, 0x01, 0, 0, 0, 6, 0x11, 3, 0, 0x6b, 0, 3];

    #[test]
    fn a_frame_is_complete_only_with_its_last_byte() {
        for got in 0..REQUEST.len() {
            assert_eq!(decode(&REQUEST[..got]), Ok(None), "{got} bytes");
        }

        let (frame, used) = decode(&REQUEST).unwrap().unwrap();

        assert_eq!(frame, Frame { transaction: 0x1501, unit: 0x11, pdu: &[3, 0, 0x6b, 0, 3] });
        assert_eq!(used, REQUEST.len());
    }

    #[test]
    fn encoding_gives_the_bytes_of_the_specification() {
        let mut out = Vec::new();
        encode(&mut out, 0x1501, 0x11, |out| out.extend_from_slice(&[3, 0, 0x6b, 0, 3]));
        assert_eq!(out, REQUEST);
    }

    #[test]
    fn what_cannot_become_a_frame_is_refused_as_early_as_possible() {
        assert_eq!(decode(b"HTTP"), Err(FrameError::Protocol(0x5450)));
        assert_eq!(decode(&[0, 1, 0, 0, 0, 1]), Err(FrameError::Length(1)));
        assert_eq!(decode(&[0, 1, 0, 0, 0, 255]), Err(FrameError::Length(255)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic_or_overrun(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(Some((frame, used))) = decode(&bytes) {
                prop_assert!(used <= bytes.len());
                prop_assert!((1..=MAX_PDU).contains(&frame.pdu.len()));
            }
        }

        #[test]
        fn frames_come_back_as_they_went(
            transaction: u16, unit: u8, pdu in proptest::collection::vec(any::<u8>(), 1..=MAX_PDU),
        ) {
            let mut out = Vec::new();
            encode(&mut out, transaction, unit, |out| out.extend_from_slice(&pdu));
            prop_assert_eq!(decode(&out), Ok(Some((Frame { transaction, unit, pdu: &pdu }, out.len()))));
        }
    }
}
