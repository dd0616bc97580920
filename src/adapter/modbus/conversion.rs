//! From the raw number in the registers to the value, and back.

use std::collections::BTreeMap;

use super::counter::Counter;
use crate::model::{Slim, Value};

/// Denominators of the numbers that people write and devices measure.
const TENS: [f64; 9] = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Below this every whole number is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What the raw number of a point means: `raw × scale × 10^exponent + offset`, or a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// Factor from the raw number to the value; 1 leaves integers integers.
    pub scale: f64,
    /// Added after the scale.
    pub offset: f64,
    /// Offset of the register with the power of ten, in the point's table (a `sunssf` of `SunSpec`).
    pub exponent: Option<u16>,
    /// Raw bits that say that there is no value.
    pub invalid: Vec<u64>,
    /// Names for numbers or bits.
    pub names: Names,
    /// How it is counted on beyond its last number, for counters. Few points are, so it takes no room in the others.
    pub counter: Option<Box<Counter>>,
}

/// Text instead of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Names {
    /// The number itself is the value.
    #[default]
    None,
    /// Each number is a state with a name.
    Numbers(BTreeMap<i64, Slim<str>>),
    /// Each bit that is set adds its name.
    Bits(BTreeMap<u8, Slim<str>>),
}

/// Numbers stay as they are.
impl Default for Conversion {
    fn default() -> Self {
        Self { scale: 1.0, offset: 0.0, exponent: None, invalid: Vec::new(), names: Names::None, counter: None }
    }
}

impl Conversion {
    /// Whether numbers stay as they are.
    pub fn is_plain(&self) -> bool {
        is_one(self.scale) && self.offset == 0.0 && self.exponent.is_none()
    }

    /// The same with the power of ten that was read.
    pub(super) fn with_power(&self, power: i32) -> Self {
        Self { scale: scaled_by(self.scale, power), exponent: None, ..self.clone() }
    }

    /// The value of a raw number, for a power of ten of `power`.
    pub fn value(&self, raw: f64, power: i32) -> f64 {
        let scale = Fraction::of(scaled_by(self.scale, power));
        let scaled = Fraction::of(raw).times(scale);
        let value = scaled.plus(Fraction::of(self.offset)).unwrap_or_else(|| {
            let Fraction { numerator, denominator } = scale;
            raw * numerator / denominator + self.offset
        });
        // No negative zero by a negative scale.
        value + 0.0
    }

    /// The raw number of a value.
    pub(super) fn raw(&self, value: f64) -> f64 {
        let Fraction { numerator, denominator } = Fraction::of(self.scale);
        (value - self.offset) * denominator / numerator
    }
}

impl Names {
    /// The text for a raw number. A number without a name is its digits; bits without one are left out.
    pub(super) fn text(&self, raw: &Value) -> Option<Slim<str>> {
        match self {
            Self::None => None,
            Self::Numbers(names) => {
                let name = number(raw).and_then(|number| names.get(&number).cloned());
                Some(name.unwrap_or_else(|| raw.to_string().into()))
            }
            Self::Bits(names) => {
                let bits = bits(raw)?;
                let set = names.iter().filter(|(bit, _)| bits >> **bit & 1 == 1);
                Some(set.map(|(_, name)| &**name).collect::<Vec<_>>().join(",").into())
            }
        }
    }

    /// The raw number for a text, `None` when it names none.
    pub(super) fn number(&self, text: &str) -> Option<i128> {
        match self {
            Self::None => None,
            Self::Numbers(names) => names.iter().find(|(_, name)| &***name == text).map(|(&number, _)| number.into()),
            Self::Bits(names) => {
                let mut set = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                set.try_fold(0, |bits, name| {
                    let bit = names.iter().find(|(_, known)| &***known == name).map(|(&bit, _)| bit)?;
                    Some(bits | 1 << bit)
                })
            }
        }
    }

    /// The names, for a message.
    pub(super) fn known(&self) -> String {
        let names: Vec<&str> = match self {
            Self::None => Vec::new(),
            Self::Numbers(names) => names.values().map(|name| &**name).collect(),
            Self::Bits(names) => names.values().map(|name| &**name).collect(),
        };
        names.join(", ")
    }

    /// The bits that have a name.
    pub(super) fn mask(&self) -> u64 {
        match self {
            Self::None | Self::Numbers(_) => 0,
            Self::Bits(names) => names.keys().fold(0, |mask, bit| mask | 1 << bit),
        }
    }
}

/// A raw number as names are listed by it; a switch is 0 or 1.
fn number(raw: &Value) -> Option<i64> {
    match raw {
        Value::Int(number) => Some(*number),
        Value::Bool(on) => Some(i64::from(*on)),
        _ => None,
    }
}

/// The bits of an integer.
fn bits(raw: &Value) -> Option<u64> {
    match raw {
        Value::Int(number) => Some(number.cast_unsigned()),
        Value::Uint(number) => Some(*number),
        _ => None,
    }
}

/// `scale × 10^power`, by dividing where that rounds once: 1 × 10^-2 is the 0.01 that a person would write.
fn scaled_by(scale: f64, power: i32) -> f64 {
    if power < 0 { scale / 10f64.powi(-power) } else { scale * 10f64.powi(power) }
}

/// A number as a person means it: 0.7 is 7/10. Whole numbers are multiplied and added exactly, and the division at the end
/// rounds once, so that 2301 × 0.1 is 230.1, 3 × 0.7 is 2.1 and 300 - 273.15 is 26.85.
#[derive(Clone, Copy)]
struct Fraction {
    numerator: f64,
    denominator: f64,
}

impl Fraction {
    /// The simplest that is found of these: a whole number, 1/n, or so many tenths, hundredths and so on.
    fn of(number: f64) -> Self {
        if is_whole(number) {
            return Self { numerator: number, denominator: 1.0 };
        }
        let inverse = [(1.0, (1.0 / number).round())];
        let decimals = TENS.into_iter().map(|ten| ((number * ten).round(), ten));
        let is_it = |&(one, other): &(f64, f64)| (one / other).to_bits() == number.to_bits();
        let (numerator, denominator) = inverse.into_iter().chain(decimals).find(is_it).unwrap_or((number, 1.0));
        Self { numerator, denominator }
    }

    fn times(self, other: Self) -> Self {
        Self { numerator: self.numerator * other.numerator, denominator: self.denominator * other.denominator }
    }

    /// The sum as a number, if it is exact up to the division.
    fn plus(self, other: Self) -> Option<f64> {
        let (one, two) = (self.numerator * other.denominator, other.numerator * self.denominator);
        let denominator = self.denominator * other.denominator;
        let is_exact =
            [self.numerator, one, two, denominator].iter().all(|&part| is_whole(part) && part.abs() < EXACT);
        is_exact.then(|| (one + two) / denominator)
    }
}

/// Whether a scale changes nothing.
pub(super) fn is_one(scale: f64) -> bool {
    scale.to_bits() == 1f64.to_bits()
}

/// Whether a number has no fraction.
fn is_whole(number: f64) -> bool {
    number.fract() == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(scale: f64, offset: f64) -> Conversion {
        Conversion { scale, offset, ..Conversion::default() }
    }

    #[test]
    fn an_offset_is_added_after_the_scale_and_rounds_as_a_person_would() {
        assert_eq!(conversion(0.1, -40.0).value(2301.0, 0).to_bits(), 190.1f64.to_bits());
        assert_eq!(conversion(1.0, -273.15).value(300.0, 0).to_bits(), 26.85f64.to_bits());
        assert_eq!(conversion(0.1, -273.15).value(2980.0, 0).to_bits(), 24.85f64.to_bits());
        assert_eq!(conversion(10.0, 5.0).value(7.0, 0).to_bits(), 75f64.to_bits());
    }

    #[test]
    fn a_decimal_scale_gives_the_decimal_that_a_person_works_out() {
        for (scale, raw, wanted) in
            [(0.7, 3.0, 2.1), (1.2, 3.0, 3.6), (0.03, 57.0, 1.71), (-0.1, 3.0, -0.3), (0.3, 3.0, 0.9)]
        {
            assert_eq!(conversion(scale, 0.0).value(raw, 0).to_bits(), f64::to_bits(wanted), "{raw} x {scale}");
            assert_eq!(conversion(scale, 0.0).raw(wanted).round().to_bits(), raw.to_bits());
        }
        assert_eq!(conversion(1000.0, 0.0).value(1.005, 0).to_bits(), f64::to_bits(1005.0), "a float");
        assert_eq!(conversion(0.1, 0.0).value(230.1, 0).to_bits(), f64::to_bits(23.01));
        assert_eq!(conversion(0.3, -40.0).value(1.0, 0).to_bits(), f64::to_bits(-39.7));
        assert_eq!(conversion(-0.1, 0.0).value(0.0, 0).to_bits(), f64::to_bits(0.0), "no negative zero");
        assert_eq!(conversion(1.0 / 3.0, 0.0).value(3.0, 0).to_bits(), f64::to_bits(1.0));
        let odd = std::f64::consts::PI;
        assert_eq!(conversion(odd, 0.5).value(odd, 0).to_bits(), (odd * odd + 0.5).to_bits());
        let large = 1e17;
        assert_eq!(conversion(0.001, 0.0).value(large, 0).to_bits(), (large / 1000.0).to_bits());
    }

    #[test]
    fn a_power_of_ten_gives_the_decimal_that_was_meant() {
        let plain = Conversion::default();
        assert_eq!(plain.value(23_012.0, -2).to_bits(), 230.12f64.to_bits());
        assert_eq!(plain.value(23.0, 2).to_bits(), 2300f64.to_bits());
        assert_eq!(plain.with_power(-2).raw(230.12).round().to_bits(), 23_012f64.to_bits());
    }

    #[test]
    fn a_number_without_a_name_is_its_digits() {
        let names = Names::Numbers([(0, "off".into()), (1, "on".into())].into());
        assert_eq!(names.text(&Value::Int(1)).as_deref(), Some("on"));
        assert_eq!(names.text(&Value::Bool(false)).as_deref(), Some("off"));
        assert_eq!(names.text(&Value::Int(-3)).as_deref(), Some("-3"));
        assert_eq!((names.number("off"), names.number("7")), (Some(0), None));
    }

    #[test]
    fn the_names_of_all_bits_that_are_set_stand_side_by_side() {
        let names = Names::Bits([(0, "alarm".into()), (3, "pump".into()), (63, "test".into())].into());
        assert_eq!(names.text(&Value::Int(0b1111)).as_deref(), Some("alarm,pump"));
        assert_eq!(names.text(&Value::Int(0b0110)).as_deref(), Some(""));
        assert_eq!(names.text(&Value::Uint(1 << 63)).as_deref(), Some("test"));
        assert_eq!((names.number("pump, alarm"), names.number(""), names.number("pumpe")), (Some(9), Some(0), None));
        assert_eq!(names.mask(), 1 << 63 | 0b1001);
    }
}
