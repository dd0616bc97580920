//! The two ways in which frames are encrypted.

use alloc::vec::Vec;

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt as _, KeyInit as _, KeyIvInit as _, StreamCipher as _},
};
use ccm::{
    Ccm, NonceSize,
    aead::{
        AeadInOut as _,
        array::{Array, ArraySize},
        consts::{U4, U11, U12, U13},
    },
};

use super::Why;

/// A nonce of a length that one of the formats uses.
#[derive(Debug, Clone, Copy)]
pub(super) enum Nonce {
    /// ATC and pvvx.
    Eleven([u8; 11]),
    /// MiBeacon 4 and 5, BTHome 1.
    Twelve([u8; 12]),
    /// BTHome 2.
    Thirteen([u8; 13]),
}

/// Parts one behind the other; what the length leaves open is zero.
pub(super) fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut joined = [0; N];
    for (slot, byte) in joined.iter_mut().zip(parts.iter().copied().flatten()) {
        *slot = *byte;
    }
    joined
}

/// Checks the length of a key.
pub(super) fn key<const N: usize>(key: Option<&[u8]>) -> Result<[u8; N], Why> {
    let key = key.ok_or(Why::KeyNeeded)?;
    key.try_into().map_err(|_| Why::KeyLength { got: key.len(), want: N })
}

/// AES-128-CCM with a tag of four bytes (RFC 3610).
pub(super) fn ccm(key: [u8; 16], nonce: Nonce, aad: &[u8], sealed: &[u8], tag: [u8; 4]) -> Result<Vec<u8>, Why> {
    match nonce {
        Nonce::Eleven(nonce) => open::<U11>(key, &nonce.into(), aad, sealed, tag),
        Nonce::Twelve(nonce) => open::<U12>(key, &nonce.into(), aad, sealed, tag),
        Nonce::Thirteen(nonce) => open::<U13>(key, &nonce.into(), aad, sealed, tag),
    }
}

/// The same for one length of nonce.
fn open<N: NonceSize + ArraySize>(
    key: [u8; 16],
    nonce: &Array<u8, N>,
    aad: &[u8],
    sealed: &[u8],
    tag: [u8; 4],
) -> Result<Vec<u8>, Why> {
    let mut plain = sealed.to_vec();
    let cipher = Ccm::<Aes128, U4, N>::new(&key.into());
    let opened = cipher.decrypt_inout_detached(nonce, aad, plain.as_mut_slice().into(), &tag.into());
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

/// The same as [`ccm()`] without its tag, for frames that have none: any key gives something (RFC 3610, 2.3).
pub(super) fn ccm_without_tag(key: [u8; 16], nonce: [u8; 13], sealed: &[u8]) -> Vec<u8> {
    let mut plain = sealed.to_vec();
    // The length of the length less one, the nonce, and the counter, of which block 0 is for the tag.
    let start: [u8; 16] = join(&[&[1], &nonce, &[0, 1]]);
    ctr::Ctr128BE::<Aes128>::new(&key.into(), &start.into()).apply_keystream(&mut plain);
    plain
}

/// One block of AES-128 as it is.
pub(super) fn block(key: [u8; 16], sealed: [u8; 16]) -> [u8; 16] {
    let mut block = sealed.into();
    Aes128::new(&key.into()).decrypt_block(&mut block);
    block.into()
}

/// The way back of [`ccm()`]: what is sealed, and the tag.
#[cfg(test)]
pub(super) fn seal(key: [u8; 16], nonce: Nonce, aad: &[u8], plain: &[u8]) -> (Vec<u8>, [u8; 4]) {
    /// The same for one length of nonce.
    fn close<N: NonceSize + ArraySize>(key: [u8; 16], nonce: &Array<u8, N>, aad: &[u8], data: &mut [u8]) -> [u8; 4] {
        let cipher = Ccm::<Aes128, U4, N>::new(&key.into());
        cipher.encrypt_inout_detached(nonce, aad, data.into()).expect("a short frame can be sealed").into()
    }
    let mut sealed = plain.to_vec();
    let tag = match nonce {
        Nonce::Eleven(nonce) => close::<U11>(key, &nonce.into(), aad, &mut sealed),
        Nonce::Twelve(nonce) => close::<U12>(key, &nonce.into(), aad, &mut sealed),
        Nonce::Thirteen(nonce) => close::<U13>(key, &nonce.into(), aad, &mut sealed),
    };
    (sealed, tag)
}
