//! What a register may be together with those behind it: for the comments of a draft, which somebody compares with a
//! data sheet.

use std::collections::BTreeMap;

use super::forms::{self, Order};
use crate::{
    adapter::modbus::{config::DataType, decode, layout::registers},
    model::Value,
};

/// Sizes of a number that somebody may have meant: what is no float seldom falls between them.
const PLAUSIBLE: std::ops::Range<f64> = 1e-3..1e7;

/// Whole numbers that are tried, with the sizes between which registers that belong to no such number seldom fall.
const WHOLE: [(DataType, DataType, f64); 2] =
    [(DataType::U32, DataType::I32, 1e7), (DataType::U64, DataType::I64, 1e12)];

/// Orders of words: of bytes that are swapped within them nearly every number is small in one.
const WORD_ORDERS: [&str; 4] = ["ABCD", "CDAB", "ABCDEFGH", "GHEFCDAB"];

/// Fewest registers of a text: in three the bytes of floats are often printable (230 V begins with `Cf`).
const SHORTEST_TEXT: usize = 4;

/// Most registers of a text in a comment, which stays one line on a screen.
const LONGEST_TEXT: usize = 32;

/// What the register at an address may be, as a comment that begins with a semicolon; nothing where nothing is likely.
pub(super) fn guesses(words: &BTreeMap<u16, u16>, address: u16) -> String {
    let text = if is_inside_text(words, address) { Some("text, see above".to_owned()) } else { text(words, address) };
    let whole: Vec<String> = WHOLE.iter().flat_map(|forms| whole(words, address, forms)).collect();
    let float = float(words, address, !whole.is_empty());
    let guesses = [text, float].into_iter().flatten().chain(whole);
    guesses.fold(String::new(), |told, guess| format!("{told}; {guess}"))
}

/// The bytes of registers that all can be read.
fn wire(words: &BTreeMap<u16, u16>, address: u16, count: u16) -> Option<Vec<u8>> {
    let end = address.checked_add(count - 1)?;
    let wire: Vec<u8> = words.range(address..=end).flat_map(|(_, word)| word.to_be_bytes()).collect();
    (wire.len() == usize::from(count) * 2).then_some(wire)
}

/// The float that it may be, in the commonest order that fits; where it may be something else, in a common one.
fn float(words: &BTreeMap<u16, u16>, address: u16, is_something: bool) -> Option<String> {
    let wire = wire(words, address, 2)?;
    let is_tried = |order: &Order| !is_something || WORD_ORDERS.contains(&&*order.name);
    forms::orders(DataType::F32).into_iter().filter(is_tried).find_map(|order| {
        let Ok(Value::Float(number)) = decode::plain(DataType::F32, &order.order, &wire) else { return None };
        PLAUSIBLE.contains(&number.abs()).then(|| format!("with the next as f32 {}: {number}", order.name))
    })
}

/// The whole numbers that it may be.
fn whole(
    words: &BTreeMap<u16, u16>,
    address: u16,
    (unsigned, signed, most): &(DataType, DataType, f64),
) -> Vec<String> {
    let Some(wire) = wire(words, address, registers(*unsigned)) else { return Vec::new() };
    let next = if registers(*unsigned) == 2 { "with the next" } else { "with the next three" };
    let guess = |order: Order| {
        let number = decode::plain(*signed, &order.order, &wire).ok()?;
        let size = number.as_f64()?;
        let data = if size < 0.0 { signed } else { unsigned };
        (size.abs() < *most).then(|| format!("{next} as {data} {}: {number}", order.name))
    };
    let orders = forms::orders(*unsigned).into_iter().filter(|order| WORD_ORDERS.contains(&&*order.name));
    orders.filter_map(guess).collect()
}

/// The text that begins here.
fn text(words: &BTreeMap<u16, u16>, address: u16) -> Option<String> {
    let run = text_run(words, address);
    if run.len() < SHORTEST_TEXT {
        return None;
    }
    let bytes: Vec<u8> = run.iter().flat_map(|word| word.to_be_bytes()).filter(|byte| *byte != 0).collect();
    Some(format!("with the next {} as string:{}: {}", run.len() - 1, run.len() * 2, forms::text(&bytes)))
}

/// Registers of printable bytes from an address on; one with a NUL behind its first byte ends them.
fn text_run(words: &BTreeMap<u16, u16>, address: u16) -> Vec<u16> {
    let mut run: Vec<u16> = Vec::new();
    for (at, (&next, &word)) in (address..=u16::MAX).zip(words.range(address..)) {
        let [high, low] = word.to_be_bytes();
        let is_text = at == next && is_printable(high) && (is_printable(low) || low == 0);
        if !is_text || run.len() == LONGEST_TEXT {
            break;
        }
        run.push(word);
        if low == 0 {
            break;
        }
    }
    run
}

/// Whether a text that began before is long enough to be one and has not ended here.
fn is_inside_text(words: &BTreeMap<u16, u16>, address: u16) -> bool {
    let is_open =
        |at: u16| words.get(&at).is_some_and(|word| word.to_be_bytes().iter().all(|&byte| is_printable(byte)));
    let before = (1..).take(LONGEST_TEXT).map_while(|back| address.checked_sub(back)).take_while(|&at| is_open(at));
    let Some(start) = before.last() else { return false };
    let run = text_run(words, start);
    run.len() >= SHORTEST_TEXT && usize::from(address - start) < run.len()
}

/// Whether a byte is a character of a text.
fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is guessed of the first of these registers.
    fn of(words: &[u16]) -> String {
        guesses(&(7..).zip(words.iter().copied()).collect(), 7)
    }

    #[test]
    fn likely_numbers_are_told_in_their_type_and_order() {
        assert_eq!(of(&[0x4366, 0x199a]), "; with the next as f32 ABCD: 230.1");
        assert_eq!(of(&[0xcfc7, 0xffff]), "; with the next as i32 CDAB: -12345");
        assert_eq!(of(&[2, 0x3456]), "; with the next as u32 ABCD: 144470");
        assert_eq!(of(&[0xcd15, 0x075b, 0, 0]), "; with the next three as u64 GHEFCDAB: 123456789");
        assert_eq!(of(&[0x9a1b, 0x7ad2, 0x77f1, 0x8123]), "");
        assert_eq!(of(&[0x9a3b]), "", "there is no next one");
    }

    #[test]
    fn a_text_is_told_once() {
        let words: BTreeMap<u16, u16> = (200..).zip([0x4e4c, 0x372d, 0x3230, 0x3236, 0x2d00, 0x1234]).collect();

        assert!(
            guesses(&words, 200).starts_with("; with the next 4 as string:10: NL7-2026-"),
            "{}",
            guesses(&words, 200)
        );
        assert!(guesses(&words, 203).starts_with("; text, see above"));
        assert!(guesses(&words, 204).starts_with("; text, see above"));
        assert_eq!(guesses(&words, 205), "");
    }

    proptest! {
        #[test]
        fn no_registers_panic(words in proptest::collection::btree_map(prop_oneof![0u16..50, 65_500u16..], any::<u16>(), 0..60)) {
            for address in words.keys() {
                prop_assert!(!guesses(&words, *address).contains('\n'));
            }
        }
    }
}
