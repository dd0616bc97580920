//! Values as the frame meant them.

use alloc::borrow::Cow;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number with a fraction.
    Float(f64),
    /// An integer.
    Int(i64),
    /// True is detected, open, unlocked or on.
    Bool(bool),
    /// Text.
    Text(Cow<'static, str>),
}

/// Powers of ten that a double holds exactly.
const TEN: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

impl Value {
    /// `mantissa / 10^digits`.
    pub(super) fn decimal(mantissa: i64, digits: usize) -> Self {
        Self::quotient(mantissa, TEN[digits])
    }

    /// `mantissa / 2^bits`, for fixed-point numbers with a binary fraction.
    pub(super) fn binary(mantissa: i16, bits: u32) -> Self {
        Self::quotient(mantissa.into(), f64::from(1_u32 << bits))
    }

    /// `mantissa / divisor`. Both are exact, so the quotient is the double nearest to the decimal, and prints as it.
    #[expect(clippy::cast_precision_loss, reason = "mantissas come from at most five bytes times a small factor")]
    pub(super) fn quotient(mantissa: i64, divisor: f64) -> Self {
        Self::Float(mantissa as f64 / divisor)
    }

    /// A number that was worked out, rounded to decimals that mean something.
    pub(super) fn rounded(value: f64, digits: usize) -> Self {
        Self::Float(round(value * TEN[digits]) / TEN[digits])
    }
}

/// To the nearest integer, halves to the even one (IEEE 754, 4.3.1), so that many readings are not biased.
///
/// `core` has no `f64::round_ties_even`, but an addition rounds like that: above 2^52 no fraction is left.
pub(super) fn round(value: f64) -> f64 {
    /// 1.5 times 2^52.
    const NO_FRACTION: f64 = 6_755_399_441_055_744.0;
    (value + NO_FRACTION) - NO_FRACTION
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u8> for Value {
    fn from(value: u8) -> Self {
        Self::Int(value.into())
    }
}

impl From<i8> for Value {
    fn from(value: i8) -> Self {
        Self::Int(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<alloc::string::String> for Value {
    fn from(value: alloc::string::String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_as_they_were_meant() {
        for (mantissa, digits, text) in [(2230, 2, "22.3"), (-1, 2, "-0.01"), (100_044, 2, "1000.44"), (7, 0, "7.0")]
        {
            let Value::Float(number) = Value::decimal(mantissa, digits) else { panic!("a float") };
            assert_eq!(format!("{number:?}"), text);
        }
    }

    #[test]
    fn halves_go_to_the_even_side() {
        for (value, rounded) in
            [(2.675_1, 2.68), (-2.675_1, -2.68), (30.125, 30.12), (-30.125, -30.12), (30.375, 30.38), (0.004, 0.0)]
        {
            assert_eq!(Value::rounded(value, 2), Value::Float(rounded));
        }
    }
}
