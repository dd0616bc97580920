//! What values of the keys look like.

use crate::{
    adapter::zigbee::{
        address::{ExtendedPan, Ieee, Pan},
        config::Accept,
        link::Link,
        tuya::Clock,
    },
    config::{
        Fault,
        report::Problems,
        section::{FromNode, Shape},
        tree::{Data, Node},
        values::{from_integer, from_text, text_values, word_values},
    },
};

/// A channel of the 2.4 GHz band.
#[derive(Debug, Clone, Copy)]
pub struct Channel(pub(super) u8);

impl FromNode for Channel {
    const SHAPE: Shape = Shape::Integer { min: 11, max: 26 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 11, 26)?;
        u8::try_from(number).ok().map(Self)
    }
}

/// Parts of firmware in a second.
#[derive(Debug, Clone, Copy)]
pub struct PartsPerSecond(pub(super) u8);

impl FromNode for PartsPerSecond {
    const SHAPE: Shape = Shape::Integer { min: 1, max: 200 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 1, 200)?;
        u8::try_from(number).ok().map(Self)
    }
}

/// How strongly a stick sends, in dBm. The chips that Z-Stack knows, with and without an amplifier, go from -22 to 22.
#[derive(Debug, Clone, Copy)]
pub struct Dbm(pub(super) i8);

impl FromNode for Dbm {
    const SHAPE: Shape = Shape::Integer { min: -22, max: 22 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, -22, 22)?;
        i8::try_from(number).ok().map(Self)
    }
}

/// How the stick is spoken to.
#[derive(Debug, Clone, Copy)]
pub enum Family {
    /// What answers decides; so far that can only be [`Family::Znp`].
    Auto,
    /// Texas Instruments.
    Znp,
}

impl FromNode for Family {
    const SHAPE: Shape = Shape::Words(&["auto", "znp"]);

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        from_text(&node, problems, |text| match text {
            "auto" => Ok(Self::Auto),
            "znp" => Ok(Self::Znp),
            "ember" => Err(Fault::new("\"ember\" is not in this version")
                .help("this version speaks to coordinators with a TI chip only: CC2652, CC1352, CC2531")),
            _ => Err(Fault::new(format!("{text:?} is no family")).help("give auto or znp")),
        })
    }
}

word_values! {
    Clock: ["1970" => Self::Unix, "2000" => Self::Zigbee], later [];
    Accept: ["all" => Self::All, "listed" => Self::Listed], later [];
}

text_values! {
    Link: "serial:///dev/…?baud=115200 or tcp://host:6638", str::parse;
    Ieee: "0x and 16 hex digits", |text| digits(text, 16).map(Self);
    ExtendedPan: "16 hex digits", |text| match digits(text, 16)? {
        0 | u64::MAX => Err(Fault::new(format!("{text:?} names no network")).help("give another")),
        name => Ok(Self(name)),
    };
}

impl FromNode for Pan {
    const SHAPE: Shape = Shape::Either(&[Shape::Text("0x and 4 hex digits"), Shape::Integer { min: 0, max: 0xfffe }]);

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        if matches!(node.data, Data::Int(_)) {
            let number = from_integer(&node, problems, 0, 0xfffe)?;
            return u16::try_from(number).ok().map(Self);
        }
        from_text(&node, problems, |text| match u16::try_from(digits(text, 4)?) {
            Ok(name) if name != 0xffff => Ok(Self(name)),
            Ok(_) | Err(_) => Err(Fault::new(format!("{text:?} names no network")).help("give 0x0000 to 0xfffe")),
        })
    }
}

/// So many hex digits, with or without `0x`.
pub(super) fn digits(text: &str, count: usize) -> Result<u64, Fault> {
    let bare = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = bare.len() == count && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hex.then(|| u64::from_str_radix(bare, 16).ok()).flatten();
    number.ok_or_else(|| Fault::new(format!("{text:?} is not {count} hex digits")).help("0x may stand before them"))
}
