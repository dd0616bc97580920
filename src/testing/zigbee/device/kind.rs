//! Kinds of devices, and what they measure at first.

use std::{collections::BTreeMap, str::FromStr};

use crate::adapter::zigbee::{
    address::{Attribute, Cluster},
    tuya::{self, Record},
    zcl::{self, Value},
};

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A socket that switches and meters.
    Plug,
    /// Temperature and humidity, on a battery.
    Thermometer,
    /// Movement, on a battery.
    Motion,
    /// A lamp of any white.
    Bulb,
    /// A remote control, on a battery.
    Button,
    /// Carbon dioxide.
    Co2,
    /// A radiator valve, on a battery.
    Valve,
    /// A wall thermostat of Tuya, which has data points instead of clusters.
    Tuya,
}

/// Every kind with its name.
const KINDS: [(&str, Kind); 8] = [
    ("plug", Kind::Plug),
    ("thermometer", Kind::Thermometer),
    ("motion", Kind::Motion),
    ("bulb", Kind::Bulb),
    ("button", Kind::Button),
    ("co2", Kind::Co2),
    ("valve", Kind::Valve),
    ("tuya", Kind::Tuya),
];

impl Kind {
    /// One of each.
    pub fn all() -> Vec<Self> {
        KINDS.iter().map(|(_, kind)| *kind).collect()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether its receiver is off most of the time.
    pub(super) fn sleeps(self) -> bool {
        matches!(self, Self::Thermometer | Self::Motion | Self::Button | Self::Valve)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = KINDS.map(|(name, _)| name).join(", ");
        let found = KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
        found.ok_or_else(|| format!("there is no {text:?} (help: {names})"))
    }
}

/// Maker and model of the thermostat, by which it is told from hundreds of others of the same model.
const TUYA: (&str, &str) = ("_TZE200_g9a3awaj", "TS0601");

/// What data points of a kind hold at first.
pub(super) fn data_points(kind: Kind) -> BTreeMap<u8, Record> {
    use tuya::Type as T;
    let all = match kind {
        Kind::Tuya => vec![
            (1, T::Bool, 1),
            (2, T::Enum, 1),
            (10, T::Bool, 0),
            (16, T::Value, 215),
            (24, T::Value, 198),
            (36, T::Enum, 1),
        ],
        _ => Vec::new(),
    };
    let records = all.into_iter().filter_map(|(dp, kind, number)| Record::of_number(dp, kind, number));
    records.map(|record| (record.dp, record)).collect()
}

/// What a kind measures at first.
pub(super) fn attributes(kind: Kind) -> BTreeMap<(Cluster, Attribute), Value> {
    use zcl::Kind as K;
    let bits = |kind, bits| Value::bits(kind, bits).expect("it fits its type");
    let signed = |number| Value::signed(K::Int16, number).expect("it fits its type");
    let text = |text: &str| Value::text(text).expect("short");
    let own = match kind {
        Kind::Plug => vec![
            (0x0006, 0x0000, bits(K::Bool, 1)),
            (0x0702, 0x0000, bits(K::Uint48, 123_456)),
            (0x0702, 0x0300, bits(K::Enum8, 0)),
            (0x0702, 0x0301, bits(K::Uint24, 1)),
            (0x0702, 0x0302, bits(K::Uint24, 1000)),
            (0x0b04, 0x050b, signed(1002)),
            (0x0b04, 0x0604, bits(K::Uint16, 1)),
            (0x0b04, 0x0605, bits(K::Uint16, 10)),
        ],
        Kind::Thermometer => vec![
            (0x0001, 0x0021, bits(K::Uint8, 200)),
            (0x0402, 0x0000, signed(-512)),
            (0x0405, 0x0000, bits(K::Uint16, 5012)),
        ],
        Kind::Motion => vec![
            (0x0406, 0x0000, bits(K::Bitmap8, 1)),
            (0x0500, 0x0000, bits(K::Enum8, 0)),
            (0x0500, 0x0001, bits(K::Enum16, 0x000d)),
            (0x0500, 0x0002, bits(K::Bitmap16, 0)),
            (0x0500, 0x0010, bits(K::Ieee, 0)),
        ],
        Kind::Bulb => vec![
            (0x0006, 0x0000, bits(K::Bool, 0)),
            (0x0008, 0x0000, bits(K::Uint8, 128)),
            (0x0300, 0x0007, bits(K::Uint16, 370)),
        ],
        Kind::Button => vec![(0x0001, 0x0021, bits(K::Uint8, 180))],
        Kind::Co2 => vec![(0x040d, 0x0000, Value::single(0.000_415))],
        Kind::Valve => vec![
            // It wakes every ten minutes.
            (0x0020, 0x0000, bits(K::Uint32, 2400)),
            (0x0201, 0x0000, signed(2150)),
            (0x0201, 0x0012, signed(2000)),
        ],
        // Nothing but what identifies it; no attribute of its own cluster can be read.
        Kind::Tuya => vec![(0xef00, 0x0000, Value::invalid(K::NoData))],
    };
    let (maker, model) = if kind == Kind::Tuya { TUYA } else { ("Tidegate", kind.name()) };
    let basic = [(0x0000, 0x0004, text(maker)), (0x0000, 0x0005, text(model))];
    let all = basic.into_iter().chain(own);
    all.map(|(cluster, attribute, value)| ((Cluster(cluster), Attribute(attribute)), value)).collect()
}
