//! The values in `vectors.toml` that no other file has: words, bytes, and whatever a point may say.

use crate::{
    config::{
        Fault,
        report::Problems,
        section::{At, FromNode, Shape, table_of},
        tree::{self, Node},
        values::from_text,
    },
    model::Quality,
};

/// Bytes by what they belong to.
#[derive(Debug, Clone)]
pub(super) struct Data(pub(super) Vec<(At<String>, Vec<u8>)>);

impl FromNode for Data {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let table = table_of(node, problems)?.into_table();
        let all = table.into_iter().filter_map(|(of, entry)| {
            Some((At { value: of, place: entry.key }, Hex::from_node(entry.node, problems)?.0))
        });
        Some(Self(all.collect()))
    }
}

/// Bytes.
#[derive(Debug, Clone)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl FromNode for Hex {
    const SHAPE: Shape = Shape::Text("hexadecimal bytes");

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        from_text(&node, problems, |text| bytes(text).map(Self))
    }
}

/// A number, text or switch.
#[derive(Debug, Clone)]
pub(super) struct Json(pub(super) serde_json::Value);

/// Words by the place of the first one.
#[derive(Debug, Clone)]
pub(super) struct Registers(pub(super) Vec<(At<String>, Vec<u16>)>);

impl FromNode for Json {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        Some(Self(match node.data {
            tree::Data::Text(text) => text.into(),
            tree::Data::Int(number) => number.into(),
            tree::Data::Float(number) => number.into(),
            tree::Data::Bool(flag) => flag.into(),
            data => {
                problems.error(&node.place, format!("expected a value, found {}", data.kind()));
                return None;
            }
        }))
    }
}

impl FromNode for Registers {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let tree::Data::Table(table) = node.data else {
            let help = "write { \"input:0\" = \"4366 199A\" }";
            problems.error(&node.place, format!("expected a table, found {}", node.data.kind())).help(help);
            return None;
        };
        let runs = table.into_iter().filter_map(|(first, entry)| {
            let text = String::from_node(entry.node.clone(), problems)?;
            let words = words(&text).map_err(|fault| problems.fault(&entry.node.place, fault)).ok()?;
            Some((At { value: first, place: entry.key }, words))
        });
        Some(Self(runs.collect()))
    }
}

impl FromNode for Quality {
    const SHAPE: Shape = Shape::Text("good, uncertain:why or bad:why");

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        from_text(&node, problems, |text| {
            let help = "write good, uncertain:WHY or bad:WHY";
            Self::parse(text).ok_or_else(|| Fault::new(format!("{text:?} is no quality")).help(help))
        })
    }
}

/// Hexadecimal words with spaces between them.
fn words(text: &str) -> Result<Vec<u16>, Fault> {
    let word = |part: &str| {
        let is_word = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = is_word.then(|| u16::from_str_radix(part, 16).ok()).flatten();
        word.ok_or_else(|| Fault::new(format!("{part:?} is no word")).help("write up to four hexadecimal digits"))
    };
    text.split_whitespace().map(word).collect()
}

/// Hexadecimal bytes with or without spaces between them.
fn bytes(text: &str) -> Result<Vec<u8>, Fault> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let all = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>();
    let fault = || Fault::new(format!("{text:?} is no bytes")).help("write two hexadecimal digits for each");
    all.filter(|_| rest.is_empty()).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_hexadecimal() {
        assert_eq!(words("4366 199A 0"), Ok(vec![0x4366, 0x199a, 0]));
        for text in ["12345", "0x12", "g", "+1", "-1"] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
