//! Where a server of ours listens, and whom it serves.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use super::report::Fault;

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// The first address.
    first: IpAddr,
    /// How many bits the others share with it.
    bits: u8,
}

impl Net {
    /// Whether an address is one of them. An IPv4 client of an IPv6 socket counts by its IPv4 address.
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                agree(first.to_bits().into(), other.to_bits().into(), 32 - self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => agree(first.to_bits(), other.to_bits(), 128 - self.bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether two addresses differ in their last bits only.
fn agree(one: u128, other: u128, last: u8) -> bool {
    (one ^ other).checked_shr(last.into()).unwrap_or(0) == 0
}

/// Reads an address, or `address/bits` with nothing behind the bits.
impl FromStr for Net {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let form = || {
            Fault::new(format!("{text:?} is no address")).help("write one address, or the first of many: 10.0.0.0/24")
        };
        let first: IpAddr = first.parse().map_err(|_| form())?;
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).ok().filter(|bits| *bits <= width).ok_or_else(form)?;
        let net = Self { first, bits };
        let start = net.start();
        if start == first {
            return Ok(net);
        }
        Err(Fault::new(format!("{first} is not the first of {bits} bits")).help(format!("write \"{start}/{bits}\"")))
    }
}

impl Net {
    /// The address whose other bits are zero.
    fn start(self) -> IpAddr {
        let keep = |address: u128, last: u8| address.checked_shr(last.into()).unwrap_or(0) << (last % 128);
        match self.first {
            IpAddr::V4(first) => {
                let start = u32::try_from(keep(first.to_bits().into(), 32 - self.bits)).unwrap_or(0);
                IpAddr::V4(start.into())
            }
            IpAddr::V6(first) => IpAddr::V6(keep(first.to_bits(), 128 - self.bits).into()),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// Reads an address and a port, which is not left to chance.
pub(super) fn listen(text: &str) -> Result<SocketAddr, Fault> {
    let help = "write an address of this host, or 0.0.0.0 for all of them, and a port: \"0.0.0.0:1502\"";
    let address = text.parse().ok().filter(|address: &SocketAddr| address.port() != 0);
    address.ok_or_else(|| Fault::new(format!("{text:?} is no address with a port")).help(help))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn has(net: &str, address: &str) -> bool {
        net.parse::<Net>().unwrap().has(address.parse().unwrap())
    }

    #[test]
    fn a_net_has_the_addresses_that_begin_like_it() {
        assert!(has("192.168.1.10", "192.168.1.10") && !has("192.168.1.10", "192.168.1.11"));
        assert!(has("10.0.0.0/24", "10.0.0.255") && !has("10.0.0.0/24", "10.0.1.0"));
        assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "::1"));
        assert!(has("fd00::/8", "fd12::1") && !has("fd00::/8", "fe80::1"));
        assert!(has("::/0", "2001:db8::1") && has("10.0.0.1", "::ffff:10.0.0.1"));
    }

    #[test]
    fn what_is_no_net_is_told_how_to_write_one() {
        let fault = "10.0.0.5/24".parse::<Net>().unwrap_err();
        assert_eq!(fault.message, "10.0.0.5 is not the first of 24 bits");
        assert_eq!(fault.help.as_deref(), Some("write \"10.0.0.0/24\""));
        for text in ["", "plc", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            assert!(text.parse::<Net>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_is_never_left_to_chance() {
        assert!(listen("0.0.0.0:502").is_ok() && listen("[::]:1502").is_ok());
        for text in ["502", ":502", "plc:502", "0.0.0.0", "0.0.0.0:0"] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_start_of_any_net_is_in_it_and_no_text_panics(bits: u128, len in 0..=128u8, text in "\\PC{0,20}") {
            let start = Net { first: IpAddr::V6(bits.into()), bits: len }.start();
            let net: Net = format!("{start}/{len}").parse().unwrap();
            prop_assert!(net.has(IpAddr::V6(bits.into())) || IpAddr::V6(bits.into()).to_canonical().is_ipv4());
            let _ = text.parse::<Net>();
        }
    }
}
