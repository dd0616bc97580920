//! Serial ports: their settings as they are written, and opening them.
//!
//! A port is named by its path, best one of `/dev/serial/by-id`, which a USB adapter has again after it was plugged out
//! and in. It is opened for one program alone. When the device goes away reading fails, which the adapter sees as the end
//! of its connection; it opens the same path again until the device is back.

mod open;
mod options;
mod terminal;

use std::{path::PathBuf, time::Duration};

pub use self::{
    open::{OpenError, SerialStream, open},
    options::Defaults,
    terminal::Terminal,
};

/// A port and how it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The device.
    pub path: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// Bits of a character.
    pub data: DataBits,
    /// The bit that tells whether a character is damaged.
    pub parity: Parity,
    /// Bits after a character.
    pub stop: StopBits,
    /// Who switches an RS-485 driver to sending.
    pub rs485: Rs485,
}

/// Bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataBits {
    /// Seven.
    Seven,
    /// Eight.
    Eight,
}

/// The bit that tells whether a character is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// There is none.
    None,
    /// The number of ones is even.
    Even,
    /// The number of ones is odd.
    Odd,
}

/// Bits after a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
}

/// Who switches an RS-485 driver to sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rs485 {
    /// The hardware, as in nearly all USB adapters.
    Hardware,
    /// The kernel, which raises RTS while it sends.
    Kernel,
    /// The kernel, which lowers RTS while it sends.
    KernelInverted,
}

impl Port {
    /// Time of one character: start bit, data, parity and stop bits.
    pub fn character(&self) -> Duration {
        let data = match self.data {
            DataBits::Seven => 7,
            DataBits::Eight => 8,
        };
        let stop = match self.stop {
            StopBits::One => 1,
            StopBits::Two => 2,
        };
        Duration::from_secs(1 + data + u64::from(self.parity != Parity::None) + stop) / self.baud
    }

    /// The settings in words.
    pub fn settings(&self) -> String {
        let data = match self.data {
            DataBits::Seven => 7,
            DataBits::Eight => 8,
        };
        let parity = match self.parity {
            Parity::None => "no",
            Parity::Even => "even",
            Parity::Odd => "odd",
        };
        let stop = match self.stop {
            StopBits::One => "1 stop bit",
            StopBits::Two => "2 stop bits",
        };
        format!("{} baud, {data} data bits, {parity} parity, {stop}", self.baud)
    }
}
