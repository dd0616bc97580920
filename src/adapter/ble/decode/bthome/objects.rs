//! The objects of BTHome, read as their table says (`table.rs`), for both versions.

use alloc::{format, string::String};

use super::{
    super::{
        Value, Why,
        bytes::{Cursor, hex, signed, unsigned, whole_float},
        finding::Finding,
    },
    table::{BUTTON, COMMAND, DIMMER, Form, row, word},
};
use crate::model::Quantity;

/// Reads objects and counts what can come several times though it says nothing.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Buttons so far, also those that were not used.
    buttons: u8,
    /// Dimmers so far.
    dimmers: u8,
}

impl Objects {
    /// Reads an object whose bytes are all there.
    pub(super) fn read(&mut self, id: u8, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
        let Some((quantity, form)) = row(id) else { return Err(Why::UnknownObject(id.into())) };
        if id == 0 {
            finding.counter = finding.counter.or(data.first().map(|id| u32::from(*id)));
        }
        let readings = &mut finding.readings;
        match form {
            Form::Unsigned(_, factor, digits) => readings.push(quantity, number(unsigned(data) * factor, digits)),
            Form::Signed(_, factor, digits) => readings.push(quantity, number(signed(data) * factor, digits)),
            Form::Switch => readings.push(quantity, data[0] != 0),
            Form::Time => readings.push(quantity, rfc3339(unsigned(data))),
            Form::Text => {
                let text = String::from_utf8(data.to_vec()).map_err(|_| Why::Implausible("text"))?;
                readings.push(quantity, text);
            }
            Form::Raw => readings.push(quantity, hex(data)),
            Form::Version(_) => readings.push(quantity, version(data)),
            Form::Command => readings.maybe(quantity, word(&COMMAND, data[0])),
            Form::Button => self.button(data[0], finding),
            Form::Dimmer => self.dimmer(data[0], data[1], finding),
        }
        Ok(())
    }

    /// Reads an object of version 1, whose form the frame tells as well; false when it is not known.
    pub(super) fn read_v1(&mut self, id: u8, form: u8, data: &[u8], finding: &mut Finding) -> Result<bool, Why> {
        let Some((quantity, known)) = row(id) else { return Ok(false) };
        let (Form::Unsigned(_, factor, digits) | Form::Signed(_, factor, digits)) = known else {
            let needed = match known {
                Form::Time => 4,
                Form::Dimmer => 2,
                Form::Text | Form::Raw => 0,
                _ => 1,
            };
            if data.len() < needed {
                return Err(Why::TooShort { got: data.len(), want: needed });
            }
            return self.read(id, data, finding).map(|()| true);
        };
        if data.is_empty() || data.len() > 8 {
            return Err(Why::UnknownLength(data.len()));
        }
        let value = match form {
            0 => number(unsigned(data).saturating_mul(factor), digits),
            1 => number(signed(data).saturating_mul(factor), digits),
            // In steps of the object, which the float counts.
            2 => number(whole_float(data)?.saturating_mul(factor), digits),
            _ => return Err(Why::UnknownObject(id.into())),
        };
        finding.readings.push(quantity, value);
        Ok(true)
    }

    /// One button of those the device has.
    fn button(&mut self, event: u8, finding: &mut Finding) {
        self.buttons = self.buttons.saturating_add(1);
        if let Some(word) = word(&BUTTON, event) {
            finding.readings.push_nth(Quantity::Button, self.buttons, word);
        }
    }

    /// One dimmer.
    fn dimmer(&mut self, event: u8, steps: u8, finding: &mut Finding) {
        self.dimmers = self.dimmers.saturating_add(1);
        if let Some(word) = word(&DIMMER, event) {
            finding.readings.push_nth(Quantity::Dimmer, self.dimmers, word);
            finding.readings.push_nth(Quantity::DimmerSteps, self.dimmers, steps);
        }
    }
}

/// How long an object is; `None` when it is not known. A length in the frame is read.
pub(super) fn length(id: u8, cursor: &mut Cursor<'_>) -> Result<Option<usize>, Why> {
    let Some((_, form)) = row(id) else { return Ok(None) };
    Ok(Some(match form {
        Form::Unsigned(length, ..) | Form::Signed(length, ..) | Form::Version(length) => length,
        Form::Switch | Form::Button => 1,
        Form::Dimmer => 2,
        Form::Time => 4,
        Form::Text | Form::Raw => cursor.u8()?.into(),
        // The upper three bits are reserved; the command itself is not counted.
        Form::Command => usize::from(cursor.u8()? & 0x1F) + 1,
    }))
}

/// A number without decimals is an integer.
fn number(mantissa: i64, digits: usize) -> Value {
    if digits == 0 { Value::Int(mantissa) } else { Value::decimal(mantissa, digits) }
}

/// `4.2.1.0`, the last part first on the air.
fn version(data: &[u8]) -> String {
    let parts = data.iter().rev().map(|part| format!("{part}"));
    parts.collect::<alloc::vec::Vec<_>>().join(".")
}

/// Seconds since 1970 as RFC 3339; years of 365.2425 days counted from a March (civil calendar, proleptic Gregorian).
fn rfc3339(seconds: i64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_294_967_295, "2106-02-07T06:28:15Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
