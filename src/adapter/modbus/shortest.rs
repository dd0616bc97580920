//! Which decimal a 32-bit float stands for: 230.1, not 230.10000610351563.
//!
//! Devices measure with a few decimals, which are found with a multiplication or two; everything else goes through
//! text, which finds the same at more than ten times the cost.

use std::io::Write as _;

/// Powers of ten that are tried. A float has 24 bits, so that its product with each of them is exact.
const TENS: [f64; 5] = [1e1, 1e2, 1e3, 1e4, 1e5];

/// Below this a decimal has at most six digits. No two of those are the same 32-bit float (`FLT_DIG` of C), so that
/// one that is found is the only one.
const SURE: f64 = 1e6;

/// From here on not every whole number is a 32-bit float, so that a rounder one than the exact may be the shortest.
const SPARSE: f32 = 16_777_216.0;

/// The nearest `f64` to the shortest decimal that names this `f32`.
pub(super) fn shortest(value: f32) -> f64 {
    let is_exact = value.trunc().to_bits() == value.to_bits() && value.abs() <= SPARSE;
    if !value.is_finite() || is_exact {
        return f64::from(value);
    }
    few_digits(value).or_else(|| any_digits(value)).unwrap_or(f64::from(value))
}

/// The same, if it has at most six digits.
#[expect(clippy::cast_possible_truncation, reason = "whether it is the same float is the question")]
fn few_digits(value: f32) -> Option<f64> {
    let exact = f64::from(value);
    let scaled = TENS.iter().map(|ten| (exact * ten, ten)).take_while(|(scaled, _)| scaled.abs() < SURE);
    // Both are whole numbers, so that the quotient is what reading the decimal as text would give.
    let mut decimals = scaled.map(|(scaled, ten)| scaled.round() / ten);
    decimals.find(|&decimal| (decimal as f32).to_bits() == value.to_bits())
}

/// The same for every float.
fn any_digits(value: f32) -> Option<f64> {
    // The longest shortest form, "-1.17549435e-38", has 15 bytes.
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    write!(rest, "{value:e}").ok()?;
    let len = 32 - rest.len();
    std::str::from_utf8(&text[..len]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_same(value: f32) -> bool {
        few_digits(value).is_none_or(|few| Some(few.to_bits()) == any_digits(value).map(f64::to_bits))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn both_ways_find_the_same_decimal(bits: u32, whole in -2_000_000_i32..2_000_000, decimals in 0..7_i32) {
            let any = f32::from_bits(bits);
            prop_assert!(!any.is_finite() || is_same(any));
            #[expect(clippy::cast_possible_truncation, reason = "the nearest float is meant")]
            let measured = (f64::from(whole) / 10_f64.powi(decimals)) as f32;
            prop_assert!(is_same(measured), "{measured}");
            prop_assert!(is_same(f32::from_bits(measured.to_bits() + 1)));
        }
    }

    #[test]
    fn a_large_float_is_told_with_the_digits_that_name_it() {
        for (value, wanted) in [(f32::MAX, 3.402_823_5e38), (-1e16, -1e16), (123_456_790.0, 123_456_790.0)] {
            assert_eq!(shortest(value).to_bits(), f64::to_bits(wanted));
        }
        for exact in [16_777_215.0, -16_777_216.0, 4711.0, 0.0, -0.0] {
            assert_eq!(shortest(exact).to_bits(), f64::from(exact).to_bits());
        }
    }

    #[test]
    fn what_was_measured_needs_no_text() {
        for value in [230.1_f32, -0.05, 49.98, 21.375, 0.00001] {
            assert_eq!(few_digits(value).map(|few| few.to_string()), Some(value.to_string()));
        }
        assert_eq!(few_digits(1.0 / 3.0), None);
    }
}
