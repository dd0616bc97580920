//! Which network is wanted, which one a stick holds, and whether they are the same.
//!
//! A difference is told with both sides and never overwritten: forming a network where another one is would turn every
//! device into a stranger. The key is a secret: it is compared, and told apart only as "another".

use std::{fmt, str::FromStr};

use super::{
    address::{ExtendedPan, Pan},
    radio::Network,
    wire::unhex,
};

/// The key of a network, most significant byte first. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    /// From its bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the stick.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text that is no key; it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network key is 32 hex digits")]
pub struct KeyError;

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = unhex(text.trim()).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(KeyError)
    }
}

/// The network in a stick's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Channel and names.
    pub network: Network,
    /// Its key.
    pub key: Key,
}

/// What the configuration says of the network; what it leaves out may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// 11 to 26.
    pub channel: Option<u8>,
    /// Its short name.
    pub pan: Option<Pan>,
    /// Its long name.
    pub extended_pan: Option<ExtendedPan>,
    /// Its key.
    pub key: Option<Key>,
}

/// Channels that new networks take when none is wanted: those between the usual ones of wireless LANs.
const QUIET_CHANNELS: [u8; 3] = [15, 20, 25];

impl Wish {
    /// What the stick holds and the configuration does not want, each with both sides; empty when they agree.
    pub fn differences(&self, held: &Held) -> Vec<String> {
        let network = &held.network;
        let channel = difference("channel", self.channel.as_ref(), &network.channel);
        let pan = difference("pan_id", self.pan.as_ref(), &network.pan);
        let extended_pan = difference("extended_pan_id", self.extended_pan.as_ref(), &network.extended_pan);
        let is_other = self.key.as_ref().is_some_and(|key| *key != held.key);
        let key = is_other.then(|| "key: the coordinator has another".to_owned());
        [channel, pan, extended_pan, key].into_iter().flatten().collect()
    }

    /// A whole network: what is wanted, and chance where nothing is.
    pub fn plan(&self) -> Result<Held, getrandom::Error> {
        let mut chance = [0; 27];
        getrandom::fill(&mut chance)?;
        let [channel, pan_low, pan_high, rest @ ..] = chance;
        let (extended_pan, key) = rest.split_at(8);
        let channel = self.channel.unwrap_or(QUIET_CHANNELS[usize::from(channel) % QUIET_CHANNELS.len()]);
        let pan = self.pan.unwrap_or(Pan(u16::from_le_bytes([pan_low, pan_high]).clamp(1, 0xfffe)));
        let extended_pan = self
            .extended_pan
            .unwrap_or_else(|| ExtendedPan(u64::from_le_bytes(extended_pan.try_into().expect("eight bytes"))));
        let key = self.key.clone().unwrap_or_else(|| Key::new(key.try_into().expect("sixteen bytes")));
        Ok(Held { network: Network { channel, pan, extended_pan }, key })
    }
}

/// Both sides of something, when they differ.
fn difference<T: fmt::Display + PartialEq>(what: &str, wanted: Option<&T>, held: &T) -> Option<String> {
    let wanted = wanted.filter(|wanted| *wanted != held)?;
    Some(format!("{what}: configured {wanted}, the coordinator has {held}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held {
        let network = Network { channel: 15, pan: Pan(0x1a62), extended_pan: ExtendedPan(0xdddd_dddd_dddd_dddd) };
        Held { network, key: Key::new([7; 16]) }
    }

    #[test]
    fn what_is_not_said_may_be_anything() {
        assert_eq!(Wish::default().differences(&held()), [""; 0]);
        let same = Wish { channel: Some(15), key: Some(Key::new([7; 16])), ..Wish::default() };
        assert_eq!(same.differences(&held()), [""; 0]);
    }

    #[test]
    fn a_difference_names_both_sides_but_no_key() {
        let other = Wish { pan: Some(Pan(1)), key: Some(Key::new([8; 16])), ..Wish::default() };
        assert_eq!(
            other.differences(&held()),
            ["pan_id: configured 0x0001, the coordinator has 0x1a62", "key: the coordinator has another"]
        );
        assert!(!format!("{other:?}").contains('8'));
    }

    #[test]
    fn a_plan_keeps_what_is_wanted_and_draws_the_rest() {
        let wish = Wish { channel: Some(11), pan: Some(Pan(2)), ..Wish::default() };
        let (one, two) = (wish.plan().unwrap(), wish.plan().unwrap());
        assert_eq!((one.network.channel, one.network.pan), (11, Pan(2)));
        assert_ne!(one.key, two.key);
    }

    #[test]
    fn a_key_is_32_digits_and_nothing_else() {
        assert_eq!("07".repeat(16).parse(), Ok(Key::new([7; 16])));
        assert_eq!("07".repeat(15).parse::<Key>(), Err(KeyError));
        assert_eq!("zz".repeat(16).parse::<Key>(), Err(KeyError));
    }
}
