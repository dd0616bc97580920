//! An encoder for every format: what it wrote is read again, and what is done to it on its way gives no reading that it
//! did not hold. The encoders follow the specifications, not the decoders; their dice are seeded, so that a failure
//! comes again.

mod common;
mod makers;
mod sealed;

use fastrand::Rng;

use super::{fixtures::Sample, *};

/// Frames of each encoder.
const ROUNDS: u64 = 200;

/// What an encoder wrote.
#[derive(Debug, Clone)]
struct Written {
    /// The advertisement, with its key.
    sample: Sample,
    /// Its format.
    format: &'static str,
    /// What it holds, as vectors say it.
    readings: String,
    /// Where in the data a change must be noticed, of a frame with a tag.
    guarded: Option<core::ops::Range<usize>>,
}

/// Writes a frame.
type Encoder = fn(&mut Rng) -> Written;

/// Every encoder.
const ENCODERS: [&[Encoder]; 3] = [common::ENCODERS, makers::ENCODERS, sealed::ENCODERS];

/// A frame without a tag.
fn open(sample: Sample, format: &'static str, readings: String) -> Written {
    Written { sample, format, readings, guarded: None }
}

/// `mantissa / 10^digits` as it prints.
fn decimal(mantissa: impl Into<i64>, digits: usize) -> String {
    let Value::Float(number) = Value::decimal(mantissa.into(), digits) else { unreachable!("a decimal is a float") };
    format!("{number:?}")
}

/// Runs a check on many frames of every encoder.
fn each(mut check: impl FnMut(&Written, &mut Rng)) {
    for (number, encoder) in ENCODERS.into_iter().flatten().enumerate() {
        for round in 0..ROUNDS {
            let mut dice = Rng::with_seed(round << 8 | number as u64);
            check(&encoder(&mut dice), &mut dice);
        }
    }
}

/// What was read, one text for each.
fn read(decoded: &Decoded) -> Vec<String> {
    let readings = decoded.readings.iter();
    readings.map(|reading| format!("{} {:?}", reading.point(), reading.value)).collect()
}

/// Whether all of the shorter is the beginning of the longer.
fn agree(one: &[String], other: &[String]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

#[test]
fn what_an_encoder_wrote_is_read() {
    let mut formats = std::collections::BTreeSet::new();

    each(|written, _| {
        written.sample.gives(written.format, &written.readings);
        formats.insert(written.format);
    });

    let missing: Vec<_> =
        Format::ALL.iter().map(|format| format.as_str()).filter(|format| !formats.contains(format)).collect();
    assert!(missing.is_empty(), "no encoder for {missing:?}");
}

#[test]
fn a_frame_that_was_cut_gives_nothing_that_the_whole_does_not() {
    each(|written, dice| {
        let (whole, mut cut) = (read(&written.sample.decode()), written.sample.clone());
        let part = cut.any_part(dice);
        let length = dice.usize(..part.len());
        part.truncate(length);

        let left = read(&cut.decode());

        // The end of a text is not to be seen.
        let is_text = written.format == "eddystone_url";
        assert!(is_text || left.len() < whole.len() && agree(&left, &whole), "{cut:?}: {left:?}");
    });
}

#[test]
fn a_frame_with_more_behind_it_gives_nothing_else_instead() {
    each(|written, dice| {
        let (whole, mut long) = (read(&written.sample.decode()), written.sample.clone());
        let part = long.any_part(dice);
        part.extend((0..dice.usize(1..230)).map(|_| dice.u8(..)));
        // Nothing but the length tells these formats apart.
        let is_other = matches!(written.format, "atc1441" | "pvvx") && matches!(part.len(), 11 | 13 | 15);

        let found = read(&long.decode());

        let is_text = written.format == "eddystone_url";
        assert!(is_other || is_text || agree(&found, &whole), "{long:?}: {found:?}");
    });
}

#[test]
fn a_bit_that_was_changed_under_a_tag_is_noticed() {
    each(|written, dice| {
        let Some(guarded) = written.guarded.clone() else { return };
        let mut changed = written.sample.clone();
        let at = dice.usize(guarded);
        changed.any_part(dice)[at] ^= 1 << dice.u8(..8);

        assert_eq!(read(&changed.decode()), [""; 0], "{changed:?}");
    });
}

#[test]
fn another_key_opens_nothing_and_none_is_asked_for() {
    each(|written, dice| {
        let Some(length) = written.sample.key.as_ref().map(Vec::len) else { return };
        let mut other = written.sample.clone();
        other.key = Some((0..length).map(|_| dice.u8(1..)).collect());
        let mut none = written.sample.clone();
        none.key = None;

        assert_eq!(none.decode().why, Some(Why::KeyNeeded));
        assert_eq!(other.decode().why, Some(Why::WrongKey), "{other:?}");
        assert!(none.decode().readings.is_empty() && other.decode().readings.is_empty());
    });
}
