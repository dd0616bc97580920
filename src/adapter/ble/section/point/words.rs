//! Characteristics and types as they are typed.

use crate::{
    adapter::ble::{air::Characteristic, decode::Uuid, gatt::layout::Kind},
    config::{Fault, report::suggest},
};

/// Two UUIDs with a slash between.
pub fn characteristic(text: &str) -> Result<Characteristic, Fault> {
    let parsed = text.split_once('/').and_then(|(service, uuid)| {
        Some(Characteristic { service: Uuid::parse(service)?, uuid: Uuid::parse(uuid)? })
    });
    let help = "write service/characteristic, each of 4 hex digits or in full: \"180f/2a19\"";
    parsed.ok_or_else(|| Fault::new(format!("{text:?} is no characteristic")).help(help))
}

/// The types by their words.
pub(super) fn kind(text: &str) -> Result<Kind, Fault> {
    let words = [
        ("bool", Kind::Bool),
        ("u8", Kind::Unsigned(1)),
        ("i8", Kind::Signed(1)),
        ("u16", Kind::Unsigned(2)),
        ("i16", Kind::Signed(2)),
        ("u24", Kind::Unsigned(3)),
        ("i24", Kind::Signed(3)),
        ("u32", Kind::Unsigned(4)),
        ("i32", Kind::Signed(4)),
        ("u64", Kind::Unsigned(8)),
        ("i64", Kind::Signed(8)),
        ("f32", Kind::F32),
        ("f64", Kind::F64),
        ("string", Kind::Text),
        ("bytes", Kind::Bytes),
    ];
    let known = words.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind);
    known.ok_or_else(|| {
        Fault::new(format!("{text:?} is no type")).help(suggest(text, words.iter().map(|(word, _)| *word)))
    })
}
