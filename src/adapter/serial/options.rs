//! A port as it is written behind `rtu://`: `/dev/ttyUSB0?baud=9600&parity=even&stop=1&data=8&rs485=kernel`.

use std::path::PathBuf;

use super::{DataBits, Parity, Port, Rs485, StopBits};
use crate::config::{Fault, report::suggest};

/// Speeds taken; beyond the last no driver goes.
const BAUD: std::ops::RangeInclusive<u32> = 50..=4_000_000;

/// The options there are.
const NAMES: [&str; 5] = ["baud", "parity", "stop", "data", "rs485"];

/// What an option is when it is not written and the protocol decides.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Bits per second.
    pub baud: u32,
    /// Bits of a character.
    pub data: DataBits,
    /// The bit that tells whether a character is damaged.
    pub parity: Parity,
    /// Bits after a character; `None` for as many as keep its length.
    pub stop: Option<StopBits>,
}

impl Port {
    /// Reads a path and options. Where the protocol does not decide there is one stop bit, or two where there is no
    /// parity, so that a character always has the same length (MODBUS over serial line 1.02, 2.5.1).
    pub fn parse(text: &str, defaults: Defaults) -> Result<Self, Fault> {
        let (path, options) = text.split_once('?').unwrap_or((text, ""));
        let typed = Typed::parse(options)?;
        let parity = typed.parity.unwrap_or(defaults.parity);
        let same_length = if parity == Parity::None { StopBits::Two } else { StopBits::One };
        Ok(Self {
            path: device(path)?,
            baud: typed.baud.unwrap_or(defaults.baud),
            data: typed.data.unwrap_or(defaults.data),
            parity,
            stop: typed.stop.or(defaults.stop).unwrap_or(same_length),
            rs485: typed.rs485.unwrap_or(Rs485::Hardware),
        })
    }
}

impl Port {
    /// The same port at another speed.
    pub fn at_baud(&self, rate: u32) -> Result<Self, Fault> {
        Ok(Self { baud: baud(&rate.to_string())?, ..self.clone() })
    }
}

/// The path of a device.
fn device(text: &str) -> Result<PathBuf, Fault> {
    if !text.starts_with('/') || text.ends_with('/') || text.contains('\0') {
        let help = "write three slashes: …:///dev/serial/by-id/…, or …:///dev/ttyUSB0";
        return Err(Fault::new(format!("{text:?} is no path of a device")).help(help));
    }
    Ok(PathBuf::from(text))
}

/// The options that are there.
#[derive(Default)]
struct Typed {
    baud: Option<u32>,
    data: Option<DataBits>,
    parity: Option<Parity>,
    stop: Option<StopBits>,
    rs485: Option<Rs485>,
}

impl Typed {
    /// Reads all options.
    fn parse(options: &str) -> Result<Self, Fault> {
        let mut typed = Self::default();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            typed.take(name, value)?;
        }
        Ok(typed)
    }

    /// Reads one option.
    fn take(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "baud" => set(&mut self.baud, name, baud(value)?),
            "data" => set(&mut self.data, name, word(name, value, [("7", DataBits::Seven), ("8", DataBits::Eight)])?),
            "parity" => {
                let words = [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];
                set(&mut self.parity, name, word(name, value, words)?)
            }
            "stop" => set(&mut self.stop, name, word(name, value, [("1", StopBits::One), ("2", StopBits::Two)])?),
            "rs485" => {
                let words = [
                    ("hardware", Rs485::Hardware),
                    ("kernel", Rs485::Kernel),
                    ("kernel-inverted", Rs485::KernelInverted),
                ];
                set(&mut self.rs485, name, word(name, value, words)?)
            }
            "low_latency" => {
                let help = "leave it out; a udev rule sets it, docs/modbus.md shows which";
                Err(Fault::new("low_latency is no option of a link").help(help))
            }
            _ => Err(Fault::new(format!("unknown link option {name:?}")).help(suggest(name, NAMES))),
        }
    }
}

/// Sets what was not set.
fn set<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), Fault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::new(format!("link option {name:?} is there twice"))),
    }
}

/// Bits per second.
fn baud(value: &str) -> Result<u32, Fault> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let baud = is_number.then(|| value.parse().ok()).flatten().filter(|baud| BAUD.contains(baud));
    let help = format!("give {} to {}", BAUD.start(), BAUD.end());
    baud.ok_or_else(|| Fault::new(format!("{value:?} is no baud rate")).help(help))
}

/// One of a few words.
fn word<T: Copy, const N: usize>(name: &str, value: &str, words: [(&'static str, T); N]) -> Result<T, Fault> {
    let known = words.iter().find(|(word, _)| *word == value).map(|(_, meant)| *meant);
    known.ok_or_else(|| {
        let all = words.map(|(word, _)| word);
        Fault::new(format!("{value:?} is no value of {name}")).help(format!("give {}", all.join(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Defaults = Defaults { baud: 19_200, data: DataBits::Eight, parity: Parity::Even, stop: None };

    fn refused(text: &str) -> String {
        Port::parse(text, DEFAULTS).unwrap_err().message
    }

    #[test]
    fn every_option_can_be_said() {
        let port = Port::parse("/dev/ttyS1?baud=9600&parity=odd&stop=2&data=7&rs485=kernel", DEFAULTS).unwrap();
        assert_eq!(port.settings(), "9600 baud, 7 data bits, odd parity, 2 stop bits");
        assert_eq!((port.path.to_str(), port.rs485), (Some("/dev/ttyS1"), Rs485::Kernel));
    }

    #[test]
    fn without_parity_a_second_stop_bit_takes_its_place() {
        let settings = |text: &str| Port::parse(text, DEFAULTS).unwrap().settings();
        assert_eq!(settings("/dev/ttyS1"), "19200 baud, 8 data bits, even parity, 1 stop bit");
        assert_eq!(settings("/dev/ttyS1?parity=none"), "19200 baud, 8 data bits, no parity, 2 stop bits");
        assert_eq!(settings("/dev/ttyS1?stop=1&parity=none"), "19200 baud, 8 data bits, no parity, 1 stop bit");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(refused("dev/ttyS0"), "\"dev/ttyS0\" is no path of a device");
        assert_eq!(refused("/dev/ttyS0?baud=12"), "\"12\" is no baud rate");
        assert_eq!(refused("/dev/ttyS0?baud=+9600"), "\"+9600\" is no baud rate");
        assert_eq!(refused("/dev/ttyS0?parity=mark"), "\"mark\" is no value of parity");
        assert_eq!(refused("/dev/ttyS0?stop=1&stop=2"), "link option \"stop\" is there twice");
        assert_eq!(refused("/dev/ttyS0?speed=9600"), "unknown link option \"speed\"");
        assert_eq!(refused("/dev/ttyS0?low_latency=1"), "low_latency is no option of a link");
    }

    #[test]
    fn a_character_takes_its_time() {
        let port = |text: &str| Port::parse(text, DEFAULTS).unwrap().character().as_micros();
        assert_eq!(port("/dev/ttyS0?baud=9600"), 1145);
        assert_eq!(port("/dev/ttyS0?baud=1200&data=7"), 8333);
    }
}
