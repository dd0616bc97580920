//! Registers as people write them: `holding:0`, counted from 0 or from 1, and the numbers of manuals, `40001`.

use std::{fmt, str::FromStr};

use super::config::{Register, Table};
use crate::config::{Fault, report::suggest};

/// How a register is written.
const FORM: &str = "write coil, discrete, input or holding, and the offset from 0: \"input:0\"";

/// The names of the tables, and the digit that manuals begin their registers with.
const TABLES: [(&str, char, Table); 4] = [
    ("coil", '0', Table::Coil),
    ("discrete", '1', Table::Discrete),
    ("input", '3', Table::Input),
    ("holding", '4', Table::Holding),
];

/// The number of a table's first register where numbers stand after a table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// As on the wire.
    #[default]
    Zero,
    /// As many data sheets count.
    One,
}

/// A register as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `holding:0`: what it means depends on the base.
    Counted(Table, u32),
    /// `40001`: the table's digit, and a number that always counts from 1.
    Manual(Register),
}

impl Notation {
    /// The register that is meant where a table's first register has this number.
    pub fn register(self, base: Base) -> Result<Register, Fault> {
        let (table, number) = match self {
            Self::Manual(register) => return Ok(register),
            Self::Counted(table, number) => (table, number),
        };
        let offset = match base {
            Base::Zero => Some(number),
            Base::One => number.checked_sub(1),
        };
        let offset = offset.and_then(|offset| u16::try_from(offset).ok());
        offset.map(|offset| Register { table, offset }).ok_or_else(|| outside(table, number, base))
    }
}

/// Why a number names no register.
fn outside(table: Table, number: u32, base: Base) -> Fault {
    let limits = if base == Base::One { "1 to 65536" } else { "0 to 65535" };
    let fault = Fault::new(format!("register {number} is outside {limits}"));
    let name = name(table);
    match manual(&number.to_string()) {
        _ if number == 0 => fault.help(format!("with base = 1 the first one is {name}:1")),
        Some(Ok(meant)) => {
            let (meant, digit) = (meant.offset, number.to_string().remove(0));
            fault.help(format!("the {digit} names the table already: write \"{number}\", which is offset {meant}"))
        }
        Some(Err(_)) | None => fault.help(FORM),
    }
}

/// As a configuration names it.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(*self))
    }
}

/// As a configuration with the base 0 names it.
impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.table, self.offset)
    }
}

/// A table's name.
fn name(table: Table) -> &'static str {
    TABLES.iter().find(|(_, _, known)| *known == table).map_or("holding", |(name, ..)| name)
}

/// Five or six digits as in a manual; `None` for any other text.
fn manual(text: &str) -> Option<Result<Register, Fault>> {
    let has_form = matches!(text.len(), 5 | 6) && text.bytes().all(|byte| byte.is_ascii_digit());
    has_form.then(|| manual_register(text))
}

/// The register behind the digits of a manual.
fn manual_register(digits: &str) -> Result<Register, Fault> {
    let (digit, number) = digits.split_at(1);
    let Some((_, _, table)) = TABLES.iter().find(|(_, begins, _)| digit.starts_with(*begins)) else {
        let help =
            "0 begins coils, 1 discrete inputs, 3 input registers, 4 holding registers; or write \"holding:0\"";
        return Err(Fault::new(format!("no table begins with {digit}, as {digits:?} does")).help(help));
    };
    let offset = number.parse().ok().and_then(|number: u32| number.checked_sub(1));
    let Some(offset) = offset.and_then(|offset| u16::try_from(offset).ok()) else {
        let first = format!("{digit}{}1", "0".repeat(number.len() - 1));
        let help = format!("numbers with a table's digit count from 1: {first:?} is {}:0", name(*table));
        return Err(Fault::new(format!("there is no register {digits:?}")).help(help));
    };
    Ok(Register { table: *table, offset })
}

/// Reads `input:0` or `30001`.
impl FromStr for Notation {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Some(manual) = manual(text) {
            return manual.map(Self::Manual);
        }
        let fault = || Fault::new(format!("{text:?} is no register")).help(FORM);
        let (table, number) = text.split_once(':').ok_or_else(fault)?;
        let Some((_, _, table)) = TABLES.iter().find(|(name, ..)| *name == table) else {
            let help = suggest(table, TABLES.map(|(name, ..)| name));
            return Err(Fault::new(format!("unknown table {table:?}")).help(help));
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fault());
        }
        let outside = || Fault::new(format!("register {number} is outside 0 to 65535")).help(FORM);
        number.parse().map(|number| Self::Counted(*table, number)).map_err(|_| outside())
    }
}

/// Reads a register that counts from 0, or one as in a manual.
impl FromStr for Register {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.parse::<Notation>()?.register(Base::Zero)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, base: Base) -> Result<(Table, u16), String> {
        let register = text.parse::<Notation>().and_then(|notation| notation.register(base));
        register.map(|register| (register.table, register.offset)).map_err(|fault| fault.message)
    }

    #[test]
    fn registers_count_from_zero_unless_the_base_says_otherwise() {
        assert_eq!(read("holding:65535", Base::Zero), Ok((Table::Holding, 65_535)));
        assert_eq!(read("holding:65536", Base::One), Ok((Table::Holding, 65_535)));
        assert_eq!(read("input:1", Base::One), Ok((Table::Input, 0)));
        assert_eq!(read("holding:65536", Base::Zero), Err("register 65536 is outside 0 to 65535".into()));
        assert_eq!(read("coil:0", Base::One), Err("register 0 is outside 1 to 65536".into()));
        for text in ["holding:99999999999", "holding:-1", "holding:+1", "holding", "inputs:0", "input:"] {
            assert!(text.parse::<Register>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_manuals_count_from_one_whatever_the_base() {
        for base in [Base::Zero, Base::One] {
            assert_eq!(read("40001", base), Ok((Table::Holding, 0)));
            assert_eq!(read("400001", base), Ok((Table::Holding, 0)));
            assert_eq!(read("30010", base), Ok((Table::Input, 9)));
            assert_eq!(read("00001", base), Ok((Table::Coil, 0)));
            assert_eq!(read("165536", base), Ok((Table::Discrete, 65_535)));
        }
        assert_eq!(read("40000", Base::Zero), Err("there is no register \"40000\"".into()));
        assert_eq!(read("465537", Base::Zero), Err("there is no register \"465537\"".into()));
        assert_eq!(read("20001", Base::Zero), Err("no table begins with 2, as \"20001\" does".into()));
        assert_eq!(read("4001", Base::Zero), Err("\"4001\" is no register".into()));
    }

    #[test]
    fn a_mixed_up_notation_is_told_what_was_meant() {
        let help = "holding:400010".parse::<Register>().unwrap_err().help.unwrap();
        assert_eq!(help, "the 4 names the table already: write \"400010\", which is offset 9");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,20}|(coil|input):[0-9]{0,12}|[0-9]{0,8}", one: bool) {
            let base = if one { Base::One } else { Base::Zero };
            let _ = text.parse::<Notation>().and_then(|notation| notation.register(base));
        }
    }
}
