//! Numbers without rounding: a whole numerator over a whole denominator.
//!
//! `22.3` cannot be had by multiplying `2230` by `0.01`, but by dividing once, at the end, as the nearest float to the
//! exact quotient is the one that prints in those digits.

use crate::adapter::zigbee::zcl::{Content, Kind, Value};

/// A rational number; the denominator is above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// Above the line.
    numerator: i128,
    /// Below the line.
    denominator: i128,
}

/// Powers of ten beyond this are no measurement; it keeps every product far from overflow.
const MAX_EXPONENT: i32 = 15;

impl Exact {
    /// A quotient; `None` for a denominator of 0 or less.
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        (denominator > 0).then_some(Self { numerator, denominator })
    }

    /// A whole number.
    pub fn whole(number: i128) -> Self {
        Self { numerator: number, denominator: 1 }
    }

    /// The number in a value: a whole one as it is, a float as the decimal number it prints as.
    pub fn of(value: &Value) -> Option<Self> {
        match *value.content() {
            Content::Float(number) if value.kind() == Kind::Single => Self::of_single(number),
            Content::Float(number) => Self::of_f64(number),
            _ if is_number(value.kind()) => value.as_integer().map(Self::whole),
            _ => None,
        }
    }

    /// A float as the decimal number it prints as.
    pub fn of_f64(number: f64) -> Option<Self> {
        Self::decimal(&format!("{number:e}"))
    }

    /// A single as its own shortest digits, not as those of the double it was widened to: 230.1, not 230.10000610.
    #[expect(clippy::cast_possible_truncation, reason = "it was a single before it was widened")]
    fn of_single(number: f64) -> Option<Self> {
        Self::decimal(&format!("{:e}", number as f32))
    }

    /// `-5.12e0`; `None` for what is no number, or too large or small to be measured.
    fn decimal(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let exponent: i32 = exponent.parse().ok()?;
        if digits == 0 {
            return Some(Self::whole(0));
        }
        if exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let exponent = exponent - i32::try_from(fraction.len()).ok()?;
        let power = 10i128.checked_pow(exponent.unsigned_abs())?;
        if exponent < 0 { Self::new(digits, power) } else { digits.checked_mul(power).map(Self::whole) }
    }

    /// Times a quotient; `None` when it does not fit any more.
    pub fn times(self, numerator: i128, denominator: i128) -> Option<Self> {
        let numerator = self.numerator.checked_mul(numerator)?;
        let denominator = self.denominator.checked_mul(denominator)?;
        Self::new(numerator, denominator).map(Self::reduced)
    }

    /// Less a whole number.
    pub fn minus_from(self, whole: i128) -> Option<Self> {
        Self::new(whole.checked_mul(self.denominator)?.checked_sub(self.numerator)?, self.denominator)
    }

    /// Plus another; `None` when it does not fit any more.
    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?).map(Self::reduced)
    }

    /// Less another; `None` when it does not fit any more.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { numerator: other.numerator.checked_neg()?, ..other })
    }

    /// Times another; `None` when it does not fit any more.
    pub fn by(self, other: Self) -> Option<Self> {
        self.times(other.numerator, other.denominator)
    }

    /// Over another; `None` for 0, and when it does not fit any more.
    pub fn over(self, other: Self) -> Option<Self> {
        let sign = other.numerator.signum();
        self.times(other.denominator.checked_mul(sign)?, other.numerator.checked_mul(sign)?)
    }

    /// As a whole number, if it is one.
    pub fn as_whole(self) -> Option<i128> {
        let reduced = self.reduced();
        (reduced.denominator == 1).then_some(reduced.numerator)
    }

    /// The nearest float. Where both parts are below 2^53, as all that is measured is, it is the nearest there is.
    #[expect(clippy::cast_precision_loss, reason = "one rounding is the purpose")]
    pub fn to_f64(self) -> f64 {
        let reduced = self.reduced();
        reduced.numerator as f64 / reduced.denominator as f64
    }

    /// The same with the smallest parts.
    fn reduced(self) -> Self {
        let divisor = divisor(self.numerator.unsigned_abs(), self.denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).expect("it divides the denominator, which is an i128");
        Self { numerator: self.numerator / divisor, denominator: self.denominator / divisor }
    }
}

/// Whether a value of a type is a number, not an address or a time.
fn is_number(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::TimeOfDay | Kind::Date | Kind::Utc | Kind::ClusterId | Kind::AttributeId | Kind::BacnetOid | Kind::Ieee
    )
}

/// The greatest common divisor; the second is not 0.
fn divisor(a: u128, b: u128) -> u128 {
    if a == 0 { b } else { divisor(b % a, a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_prints_in_its_own_digits() {
        for (numerator, denominator, text) in
            [(-512, 100, "-5.12"), (2230, 100, "22.3"), (123_456, 1000, "123.456"), (1002, 10, "100.2")]
        {
            assert_eq!(Exact::new(numerator, denominator).unwrap().to_f64().to_string(), text);
        }
    }

    #[test]
    fn sums_and_quotients_are_exact() {
        let number = |text: f64| Exact::of_f64(text).unwrap();
        assert_eq!(number(0.1).plus(number(0.2)).unwrap().to_f64().to_string(), "0.3");
        assert_eq!(number(21.3).minus(number(-2.0)).unwrap().over(number(0.1)).unwrap().as_whole(), Some(233));
        assert_eq!(number(3.0).over(number(-0.5)).unwrap().as_whole(), Some(-6));
        assert_eq!(number(3.0).over(Exact::whole(0)), None);
        assert_eq!(number(0.5).by(number(-0.5)).unwrap().to_f64().to_string(), "-0.25");
    }

    #[test]
    fn a_single_is_the_number_it_prints_as() {
        let ppm = Exact::of(&Value::single(0.000_415)).unwrap().times(1_000_000, 1).unwrap();
        assert_eq!(ppm.as_whole(), Some(415));
        assert_eq!(Exact::of(&Value::single(230.1)).unwrap().to_f64().to_string(), "230.1");
        assert_eq!(Exact::of(&Value::single(-0.0)), Some(Exact::whole(0)));
    }

    #[test]
    fn what_is_no_measurement_is_no_number() {
        assert_eq!(Exact::of(&Value::single(f32::INFINITY)), None);
        assert_eq!(Exact::of(&Value::single(3e38)), None);
        assert_eq!(Exact::of(&Value::invalid(Kind::Uint16)), None);
        assert_eq!(Exact::of(&Value::bits(Kind::Utc, 7).unwrap()), None);
        assert_eq!(Exact::new(1, 0), None);
        assert_eq!(Exact::whole(i128::MAX).times(2, 1), None);
    }
}
