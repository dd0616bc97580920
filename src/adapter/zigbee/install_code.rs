//! Install codes: what a label tells of the key that a device joins with (Zigbee base device behaviour 3.0, 10.1).
//!
//! A code has a check sum, so that a slip of the pen is found before anything is sent. The key is made of all of it. Both
//! are secrets and are printed nowhere, not even in errors.

use std::{fmt, str::FromStr};

use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};

use super::{address::Ieee, network::Key, wire::unhex};

/// Lengths a code can have, without its check sum (10.1.1).
const LENGTHS: [usize; 4] = [6, 8, 12, 16];

/// A code whose check sum is right, with the check sum.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallCode(Vec<u8>);

/// For whom a code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joiner {
    /// The device.
    pub ieee: Ieee,
    /// What its label says.
    pub code: InstallCode,
}

/// Why something is no install code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallCodeError {
    /// There is no address before it.
    #[error("a device and its code are IEEE:CODE, 16 hex digits, a colon, and what the label says")]
    Device,
    /// It has other characters.
    #[error("an install code is hex digits; blanks and colons may stand between them")]
    Digits,
    /// It is of no length that codes have.
    #[error("an install code has 6, 8, 12 or 16 bytes and 2 of a check sum, not {0} bytes")]
    Length(usize),
    /// A digit is wrong.
    #[error("the check sum of the install code is wrong (help: compare each digit with the label)")]
    CheckSum,
}

impl InstallCode {
    /// The key that its device joins with (10.1.2): the Matyas-Meyer-Oseas hash of the code with its check sum.
    pub fn key(&self) -> Key {
        Key::new(hash(&self.0))
    }
}

impl FromStr for InstallCode {
    type Err = InstallCodeError;

    fn from_str(text: &str) -> Result<Self, InstallCodeError> {
        let bare: String = text.chars().filter(|character| !matches!(character, ' ' | ':' | '-')).collect();
        let bytes = unhex(&bare).ok_or(InstallCodeError::Digits)?;
        let Some((code, sum)) = bytes.split_last_chunk::<2>().filter(|(code, _)| LENGTHS.contains(&code.len()))
        else {
            return Err(InstallCodeError::Length(bytes.len()));
        };
        if check_sum(code) != u16::from_le_bytes(*sum) {
            return Err(InstallCodeError::CheckSum);
        }
        Ok(Self(bytes))
    }
}

impl FromStr for Joiner {
    type Err = InstallCodeError;

    fn from_str(text: &str) -> Result<Self, InstallCodeError> {
        let (ieee, code) = text.split_once(':').ok_or(InstallCodeError::Device)?;
        let bare = ieee.trim().trim_start_matches("0x");
        let ieee = bare.parse().ok().filter(|_| bare.len() == 16).ok_or(InstallCodeError::Device)?;
        Ok(Self { ieee, code: code.parse()? })
    }
}

impl fmt::Debug for InstallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// CRC-16/X.25 (10.1.1).
fn check_sum(bytes: &[u8]) -> u16 {
    let step = |sum: u16, byte: &u8| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 == 0 { sum >> 1 } else { (sum >> 1) ^ 0x8408 })
    };
    !bytes.iter().fold(0xffff, step)
}

/// The hash of up to 8 KiB (Zigbee R21, B.6): blocks are enciphered with the hash so far and added to it.
fn hash(bytes: &[u8]) -> [u8; 16] {
    let bits = u16::try_from(bytes.len() * 8).expect("a code is short");
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 16 != 14 {
        padded.push(0);
    }
    padded.extend_from_slice(&bits.to_be_bytes());
    padded.chunks_exact(16).fold([0; 16], |hash, chunk| {
        let mut block: [u8; 16] = chunk.try_into().expect("16 bytes");
        let mut enciphered = block.into();
        Aes128::new(&hash.into()).encrypt_block(&mut enciphered);
        block.iter_mut().zip(enciphered).for_each(|(byte, other)| *byte ^= other);
        block
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification (10.1.1 and 10.1.2).
    const CODE: &str = "83FE D340 7A93 9723 A5C6 39B2 6916 D505 C3B5";

    #[test]
    fn the_code_of_the_specification_makes_its_key() {
        let code: InstallCode = CODE.parse().unwrap();

        let key = unhex("66b6900981e1ee3ca4206b6b861c02bb").unwrap();
        assert_eq!(code.key().expose().as_slice(), key);
        assert_eq!(format!("{code:?}"), "***");
    }

    #[test]
    fn the_hash_is_that_of_the_specification() {
        // Zigbee R21, C.5: one byte, and sixteen.
        assert_eq!(hash(&[0xc0]).as_slice(), unhex("ae3a102a28d43ee0d4a09e22788b206c").unwrap());
        let sixteen: Vec<u8> = (0xc0..0xd0).collect();
        assert_eq!(hash(&sixteen).as_slice(), unhex("a7977e88bc0b61e8210827109a228f2d").unwrap());
    }

    #[test]
    fn a_slip_of_the_pen_is_found_and_not_repeated() {
        let wrong = |text: &str| text.parse::<InstallCode>().unwrap_err();
        assert_eq!(wrong(&CODE.replace("83FE", "83FF")), InstallCodeError::CheckSum);
        assert_eq!(wrong("83FED3"), InstallCodeError::Length(3));
        assert_eq!(wrong("what the label says"), InstallCodeError::Digits);
        assert!(!wrong(&CODE.replace("83FE", "83FF")).to_string().contains("83"));
    }

    #[test]
    fn a_device_and_its_code_are_read_together() {
        let joiner: Joiner = format!("0x00124b0014d9a7b1:{CODE}").parse().unwrap();
        assert_eq!(joiner.ieee, Ieee(0x0012_4b00_14d9_a7b1));
        assert_eq!(CODE.parse::<Joiner>().unwrap_err(), InstallCodeError::Device);
        assert_eq!(format!("1234:{CODE}").parse::<Joiner>().unwrap_err(), InstallCodeError::Device);
    }

    proptest! {
        #[test]
        fn any_text_is_a_code_or_an_error(text in ".{0,60}") {
            let _ = text.parse::<Joiner>();
        }

        #[test]
        fn a_changed_bit_is_always_found(code in prop::collection::vec(any::<u8>(), 16), bit in 0usize..144) {
            let mut bytes = [&code[..], &check_sum(&code).to_le_bytes()].concat();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let text = crate::adapter::zigbee::wire::hex(&bytes);
            prop_assert_eq!(text.parse::<InstallCode>(), Err(InstallCodeError::CheckSum));
        }
    }
}
