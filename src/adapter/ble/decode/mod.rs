//! Advertisements to readings, as pure functions.
//!
//! [`decode`] looks up who could have sent an advertisement (`table.rs`), lets each candidate try, and gives the readings
//! of the first that succeeds. It does no I/O, keeps nothing between calls and needs nothing but `core` and `alloc`.
//! One file per format holds its layout, where that is written down, and its vectors.
//!
//! What every decoder keeps to:
//!
//! - The length is checked before anything is read. A frame that is too short, or lies about its length, gives no
//!   reading at all, because what is left of it may be anything.
//! - A marker for "not available" gives no reading.
//! - Values are made of integers and a power of ten by one division, so that they print as the device meant them.
//! - Replay counters are handed out ([`Decoded::replay`]), not judged: that needs a memory, and belongs to the scanner.

mod advertisement;
mod bytes;
mod cipher;
mod finding;
mod format;
mod table;
mod value;
mod why;

mod atc;
mod bluemaestro;
mod bthome;
mod eddystone;
mod ela;
mod ess;
mod govee;
mod ibeacon;
mod inkbird;
mod mi_scale;
mod mibeacon;
mod mikrotik;
mod minew;
mod mopeka;
mod qingping;
mod ruuvi;
mod sensorpush;
mod switchbot;
mod teltonika;
mod thermobeacon;
mod victron;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use advertisement::{Address, Advertisement, Uuid};
pub use finding::{Reading, Readings};
pub use format::Format;
pub use value::Value;
pub use why::Why;

use finding::{Finding, Frame};

/// What came out of one advertisement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The format that was recognised, also when nothing could be read.
    pub format: Option<Format>,
    /// What was read, in the order of the frame.
    pub readings: Readings,
    /// Number of the measurement or replay counter, for who drops what was seen before.
    pub counter: Option<u32>,
    /// A counter under encryption that goes up and never comes twice, for who refuses replays.
    pub replay: Option<u32>,
    /// Why there is nothing, or not everything.
    pub why: Option<Why>,
    /// Every format that was tried without success, and what it said.
    pub tried: Vec<(Option<Format>, Why)>,
}

/// Decodes an advertisement with the key of its sender, if there is one.
pub fn decode(advert: &Advertisement<'_>, key: Option<&[u8]>) -> Decoded {
    let mut decoded = Decoded::default();
    for (attempt, data) in table::candidates(advert) {
        let mut finding = Finding::default();
        match attempt(&Frame { advert, data, key }, &mut finding) {
            Ok(()) if !finding.readings.is_empty() => return finding.into_decoded(decoded.tried),
            Ok(()) => decoded.tried.push((finding.format, finding.note.unwrap_or(Why::NoValue))),
            Err(why) => decoded.tried.push((finding.format, why)),
        }
    }
    decoded.settle();
    decoded
}

impl Decoded {
    /// Takes over what the first format that recognised the advertisement said, else the first that looked at it.
    fn settle(&mut self) {
        let recognised = self.tried.iter().find(|(format, _)| format.is_some()).or(self.tried.first());
        (self.format, self.why) =
            recognised.map_or((None, Some(Why::UnknownFormat)), |(format, why)| (*format, Some(*why)));
    }
}
