//! The key that seals bodies, and how a store knows its own.
//!
//! XChaCha20-Poly1305: the nonce is long enough to be random, so that no counter has to survive a power cut. What a
//! row says of its body is authenticated with it.
//!
//! ```text
//! sealed = MARK, nonce (24), ciphertext and tag (16)
//! ```
//!
//! A store that was ever opened with a key keeps a check value, which another key does not open: so a wrong key is
//! told before anything is read or changed, and never mistaken for damage. The check value has a checksum of its own,
//! so that damage is never mistaken for a wrong key.

use std::fmt::{self, Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use super::seal::checksum;
use crate::config::SecretError;

/// The first byte of a sealed body; an open one begins with the version of its format, which is never this.
pub(super) const MARK: u8 = 0x80;
const NONCE: usize = 24;
const KEY: usize = 32;

/// Why the key that is configured does not do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read where it is kept.
    #[error("its key cannot be read: {0}")]
    Secret(#[from] SecretError),
    /// What is kept there is no key.
    #[error("its key is not 32 bytes as 64 hex digits or base64 (help: openssl rand -hex 32 makes one)")]
    Form,
    /// The file is sealed, and no key is configured.
    #[error("is sealed and no key is set (help: set [buffer] key; nothing was changed)")]
    Missing,
    /// The file is sealed with another key.
    #[error("is sealed with another key (help: put the old key back, or move the file away; nothing was changed)")]
    Wrong,
}

/// A key that is ready to use.
#[derive(Clone)]
pub(super) struct Cipher(XChaCha20Poly1305);

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Cipher {
    /// From the text of a secret: 64 hex digits, or base64 of 32 bytes.
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = unhex(text).or_else(|| BASE64_STANDARD.decode(text).ok()).ok_or(KeyError::Form)?;
        let key: [u8; KEY] = bytes.try_into().map_err(|_| KeyError::Form)?;
        Ok(Self(XChaCha20Poly1305::new(&key.into())))
    }

    /// A sealed body. Fails when the kernel has no random bytes to give.
    pub(super) fn seal(&self, body: &[u8], facts: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: body, aad: facts };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).expect("a body is far below what a cipher takes");
        Ok([&[MARK], &nonce[..], &sealed].concat())
    }

    /// The body behind [`MARK`]; none when anything is another than it was, or the key is.
    pub(super) fn unseal(&self, sealed: &[u8], facts: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: facts }).ok()
    }

    /// What a store keeps to know its key by.
    pub(super) fn check_value(&self, store: &str) -> Result<String, getrandom::Error> {
        let value = self.seal(b"", store.as_bytes())?;
        Ok(format!("{}{:08x}", hex(&value), checksum(&[&value])))
    }

    /// Whether a check value is of this key; none when it is damaged.
    pub(super) fn knows(&self, value: &str, store: &str) -> Option<bool> {
        let bytes = unhex(value)?;
        let (value, sum) = bytes.split_last_chunk()?;
        let is_whole = checksum(&[value]) == u32::from_be_bytes(*sum) && value.first() == Some(&MARK);
        is_whole.then(|| self.unseal(&value[1..], store.as_bytes()).is_some())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(digit: char) -> Cipher {
        Cipher::parse(&digit.to_string().repeat(64)).unwrap()
    }

    #[test]
    fn a_key_is_read_in_both_forms_and_nothing_else_is_one() {
        let as_base64 = BASE64_STANDARD.encode([0x11; 32]);
        let sealed = Cipher::parse(&as_base64).unwrap().seal(b"body", b"facts").unwrap();

        assert_eq!(cipher('1').unseal(&sealed[1..], b"facts").unwrap(), b"body");
        for wrong in ["", "11", &"1".repeat(63), &"g".repeat(64), &BASE64_STANDARD.encode([0; 31])] {
            assert!(matches!(Cipher::parse(wrong), Err(KeyError::Form)), "{wrong}");
        }
    }

    #[test]
    fn another_bit_another_row_or_another_key_opens_nothing() {
        let sealed = cipher('1').seal(b"body", b"facts").unwrap();

        assert!(!sealed.windows(4).any(|bytes| bytes == b"body"));
        assert_eq!(cipher('2').unseal(&sealed[1..], b"facts"), None);
        assert_eq!(cipher('1').unseal(&sealed[1..], b"other"), None);
        for bit in 0..8 * (sealed.len() - 1) {
            let mut other = sealed[1..].to_vec();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cipher('1').unseal(&other, b"facts"), None, "bit {bit}");
        }
        assert_ne!(sealed, cipher('1').seal(b"body", b"facts").unwrap(), "a nonce came twice");
    }

    #[test]
    fn a_check_value_tells_a_wrong_key_from_damage() {
        let value = cipher('1').check_value("6f2c").unwrap();

        assert_eq!(cipher('1').knows(&value, "6f2c"), Some(true));
        assert_eq!(cipher('2').knows(&value, "6f2c"), Some(false));
        assert_eq!(cipher('1').knows(&value, "another"), Some(false));
        let damaged = value.replacen(|_| true, if value.starts_with('0') { "1" } else { "0" }, 1);
        assert_eq!(cipher('1').knows(&damaged, "6f2c"), None);
        assert_eq!(cipher('1').knows("", "6f2c"), None);
    }
}
