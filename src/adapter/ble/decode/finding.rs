//! What a decoder is given and what it fills in.

use alloc::{borrow::Cow, vec::Vec};

use super::{Advertisement, Decoded, Format, Value, Why};
use crate::model::Quantity;

/// One value with its point.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it is of.
    pub quantity: Quantity,
    /// Which of that name in the frame, counted from 1.
    pub nth: u8,
    /// The value.
    pub value: Value,
}

impl Reading {
    /// The point's name: `temperature`, `temperature_2`.
    pub fn point(&self) -> Cow<'static, str> {
        self.quantity.point(self.nth)
    }
}

/// Readings in the order of the frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings(Vec<Reading>);

impl Readings {
    /// Adds a value; a second one of a name is counted.
    pub(super) fn push(&mut self, quantity: Quantity, value: impl Into<Value>) {
        let same = self.0.iter().filter(|reading| reading.quantity.name() == quantity.name()).count();
        self.push_nth(quantity, u8::try_from(same + 1).unwrap_or(u8::MAX), value);
    }

    /// Adds a value whose place among its like is known, because others of them may be missing.
    pub(super) fn push_nth(&mut self, quantity: Quantity, nth: u8, value: impl Into<Value>) {
        self.0.push(Reading { quantity, nth, value: value.into() });
    }

    /// Adds `mantissa / 10^digits`.
    pub(super) fn decimal(&mut self, quantity: Quantity, mantissa: impl Into<i64>, digits: usize) {
        self.push(quantity, Value::decimal(mantissa.into(), digits));
    }

    /// Adds a value if there is one.
    pub(super) fn maybe(&mut self, quantity: Quantity, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.push(quantity, value);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> core::slice::Iter<'_, Reading> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Readings {
    type Item = &'a Reading;
    type IntoIter = core::slice::Iter<'a, Reading>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What a decoder looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// The whole advertisement.
    pub(super) advert: &'a Advertisement<'a>,
    /// The part that made the decoder a candidate.
    pub(super) data: &'a [u8],
    /// The device's key.
    pub(super) key: Option<&'a [u8]>,
}

/// What a decoder fills in.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Set as soon as the frame is recognised.
    pub(super) format: Option<Format>,
    /// What was read.
    pub(super) readings: Readings,
    /// Number of the measurement or replay counter.
    pub(super) counter: Option<u32>,
    /// A counter that its sender must never use twice.
    pub(super) replay: Option<u32>,
    /// Why not everything was read, though something was.
    pub(super) note: Option<Why>,
}

impl Finding {
    /// The answer, with what was tried before.
    pub(super) fn into_decoded(self, tried: Vec<(Option<Format>, Why)>) -> Decoded {
        let Self { format, readings, counter, replay, note } = self;
        Decoded { format, readings, counter, replay, why: note, tried }
    }
}
