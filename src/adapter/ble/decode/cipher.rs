//! The two ways in which frames are encrypted.

use alloc::vec::Vec;

use aes::{
    Aes128,
    cipher::{KeyInit as _, KeyIvInit as _, StreamCipher as _},
};
use ccm::{
    Ccm,
    aead::{
        AeadInOut as _,
        consts::{U4, U12, U13},
    },
};

use super::Why;

/// Checks the length of a key.
pub(super) fn key<const N: usize>(key: Option<&[u8]>) -> Result<[u8; N], Why> {
    let key = key.ok_or(Why::KeyNeeded)?;
    key.try_into().map_err(|_| Why::KeyLength { got: key.len(), want: N })
}

/// AES-128-CCM with a tag of four bytes (RFC 3610); the nonce has 12 or 13.
pub(super) fn ccm(key: [u8; 16], nonce: &[u8], aad: &[u8], sealed: &[u8], tag: [u8; 4]) -> Result<Vec<u8>, Why> {
    let mut plain = sealed.to_vec();
    let (key, tag) = (key.into(), tag.into());
    let opened = if let Ok(nonce) = <[u8; 13]>::try_from(nonce) {
        Ccm::<Aes128, U4, U13>::new(&key).decrypt_inout_detached(
            &nonce.into(),
            aad,
            plain.as_mut_slice().into(),
            &tag,
        )
    } else {
        let nonce: [u8; 12] = nonce.try_into().expect("a nonce has 12 or 13 bytes");
        Ccm::<Aes128, U4, U12>::new(&key).decrypt_inout_detached(
            &nonce.into(),
            aad,
            plain.as_mut_slice().into(),
            &tag,
        )
    };
    opened.map_err(|_| Why::WrongKey)?;
    Ok(plain)
}

/// AES-128-CTR whose counter is least significant byte first; there is no tag, any key gives something.
pub(super) fn ctr(key: [u8; 16], counter: u16, sealed: &[u8]) -> Vec<u8> {
    let mut plain = sealed.to_vec();
    let start = u128::from(counter).to_le_bytes();
    ctr::Ctr128LE::<Aes128>::new(&key.into(), &start.into()).apply_keystream(&mut plain);
    plain
}
