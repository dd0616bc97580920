//! The answer to a line, as JSON. It is written by hand, because this is what `tidegate ble decode` does most: names of points,
//! units and formats are the program's own and hold nothing that JSON would escape.

use serde::Serialize;

use crate::adapter::ble::{
    decode::{Decoded, Format, Value},
    profiled::Read,
};

/// Adds the answer of a decoder.
pub(super) fn of(decoded: &Decoded, out: &mut Vec<u8>) {
    begin(decoded.format.map(Format::as_str), out);
    for reading in &decoded.readings {
        text(br#"{"point":""#, out);
        text(reading.point().as_bytes(), out);
        text(br#"","value":"#, out);
        match &reading.value {
            Value::Float(value) => json(value, out),
            Value::Int(value) => json(value, out),
            Value::Bool(value) => json(value, out),
            Value::Text(value) => json(value, out),
        }
        text(br#","unit":"#, out);
        own(reading.quantity.unit(), out);
        text(b"},", out);
    }
    end(decoded.why.map(|why| why.to_string()).as_deref(), out);
}

/// Adds the answer of a profile, whose names and units are its maker's.
pub(super) fn of_profile(read: &Read, out: &mut Vec<u8>) {
    text(br#"{"format":"#, out);
    json(&read.profile.name, out);
    text(br#","readings":["#, out);
    for (point, value) in &read.readings {
        text(br#"{"point":"#, out);
        json(point.name().as_str(), out);
        text(br#","value":"#, out);
        json(value, out);
        text(br#","unit":"#, out);
        json(&point.unit, out);
        text(b"},", out);
    }
    end(read.why.as_deref(), out);
}

/// Adds the answer to a line that is no advertisement.
pub(super) fn of_fault(why: &str, out: &mut Vec<u8>) {
    begin(None, out);
    end(Some(why), out);
}

/// Everything before the readings.
fn begin(format: Option<&str>, out: &mut Vec<u8>) {
    text(br#"{"format":"#, out);
    own(format, out);
    text(br#","readings":["#, out);
}

/// Everything behind the readings, each of which ends with a comma.
fn end(why: Option<&str>, out: &mut Vec<u8>) {
    out.pop_if(|last| *last == b',');
    text(b"]", out);
    if let Some(why) = why {
        text(br#","why":"#, out);
        json(why, out);
    }
    text(b"}\n", out);
}

/// A word of the program's own.
fn own(word: Option<&str>, out: &mut Vec<u8>) {
    match word {
        None => text(b"null", out),
        Some(word) => {
            text(b"\"", out);
            text(word.as_bytes(), out);
            text(b"\"", out);
        }
    }
}

/// Anything else.
fn json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("numbers and text are JSON, and memory takes all of it");
}

/// JSON as it stands.
fn text(json: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(json);
}

#[cfg(test)]
mod tests {
    use crate::model::vocabulary::QUANTITIES;

    #[test]
    fn words_of_the_program_need_no_escapes() {
        for quantity in QUANTITIES {
            let words = [Some(quantity.name()), quantity.unit()];
            for word in words.into_iter().flatten() {
                assert_eq!(serde_json::to_string(word).unwrap(), format!("\"{word}\""));
            }
        }
    }
}
