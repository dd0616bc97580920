//! What came beside what was expected.

use std::sync::Arc;

use crate::{
    config::report::Problems,
    model::{Point, Reading, Value},
    profile::{Expected, Vector},
};

/// Reports a reading that is not what the vector expects, with what may be the cause.
pub(super) fn compare(
    vector: &Vector,
    expected: &Expected,
    found: Option<&Reading>,
    points: &[Arc<Point>],
    cause: impl FnOnce() -> Option<String>,
    problems: &mut Problems,
) {
    let Some(point) = points.iter().find(|point| *point.name() == expected.point) else {
        problems.error(&expected.place, format!("the profile has no point {:?}", expected.point.as_str()));
        return;
    };
    let about = format!("in the vector {:?}", vector.about);
    if point.unit.as_deref() != expected.unit.as_deref() {
        let (has, wants) = (shown_unit(point.unit.as_deref()), shown_unit(expected.unit.as_deref()));
        problems.error(&expected.place, format!("{} has {has}, expected {wants}", expected.point)).help(&about);
    }
    let Some(reading) = found else {
        problems.error(&expected.place, format!("{} gave no reading", expected.point)).help(&about);
        return;
    };
    if reading.quality != expected.quality || !is_same(reading.value.as_ref(), expected.value.as_ref()) {
        let message = format!("{} is {}, expected {}", expected.point, shown(reading), shown_expected(expected));
        let help = cause().map_or_else(|| about.clone(), |cause| format!("{about}; {cause}"));
        problems.error(&expected.place, message).help(help);
    }
}

/// Whether a value is the one in JSON. Floats may differ in their last digits, as 0.1 × 3 and 0.3 do; a number that is
/// an integer for one and a float for the other is the same.
pub(super) fn is_same(found: Option<&Value>, expected: Option<&serde_json::Value>) -> bool {
    match (found, expected) {
        (None, None) => true,
        (Some(Value::Float(found)), Some(expected)) => {
            expected.as_f64().is_some_and(|wanted| (found - wanted).abs() <= wanted.abs() * 1e-12)
        }
        (Some(found), Some(expected)) => serde_json::to_value(found).is_ok_and(|found| found == *expected),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// A unit in words.
fn shown_unit(unit: Option<&str>) -> String {
    unit.map_or_else(|| "no unit".to_owned(), |unit| format!("unit {unit:?}"))
}

/// A reading in words.
fn shown(reading: &Reading) -> String {
    reading.value.as_ref().map_or_else(|| reading.quality.to_string(), |value| format!("{value}"))
}

/// An expected reading in words.
fn shown_expected(expected: &Expected) -> String {
    expected.value.as_ref().map_or_else(|| expected.quality.to_string(), |value| format!("{value}"))
}
