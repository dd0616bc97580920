//! How the value of an attribute becomes the value of a point.

use super::{Finding, Known, Missing, exact::Exact, rules::Rule};
use crate::{
    adapter::zigbee::{
        address::Attribute,
        zcl::{Content, Value as Raw},
    },
    model::{PointType, Quantity, Value},
};

/// A fraction to multiply by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(pub i128, pub i128);

/// The ways there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number times a fraction.
    Number(Ratio),
    /// A number times one attribute, over another.
    Scaled {
        /// What it is multiplied by.
        multiplier: Attribute,
        /// What it is divided by.
        divisor: Attribute,
    },
    /// The power of all phases.
    Total,
    /// What a meter has counted, in the unit it tells.
    Summation,
    /// What goes through a meter now, in the unit it tells.
    Demand,
    /// A pressure with its own power of ten.
    PowerOfTen,
    /// Percent, counted from the other end.
    Remaining,
    /// A logarithm of lux.
    Illuminance,
    /// 0 is off, 1 is on.
    Switch,
    /// True when any of these bits is set.
    Bits(i128),
    /// Numbers that mean yes or no.
    States(&'static [(u8, bool)]),
    /// Numbers that have names.
    Words(&'static [(u8, &'static str)]),
    /// Text.
    Text,
    /// None: the point is set by a command, and the attribute only says that the device can do it.
    Wish(Wish),
}

/// What is said to set a point that nothing is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Yes or no.
    Switch,
    /// A word, which stands for a number.
    Words(&'static [(u8, &'static str)]),
    /// Two numbers, x and y.
    Color,
}

/// What the power of all phases depends on: factors of its own, else those of single phases.
pub(super) const TOTAL_FACTORS: [Attribute; 4] =
    [TOTAL_MULTIPLIER, TOTAL_DIVISOR, Attribute(0x0604), Attribute(0x0605)];
/// What makes kilowatts of a total, together with its divisor (ZCL, 4.9.2.2.5).
pub(in crate::adapter::zigbee) const TOTAL_MULTIPLIER: Attribute = Attribute(0x0402);
/// Its divisor.
pub(in crate::adapter::zigbee) const TOTAL_DIVISOR: Attribute = Attribute(0x0403);
/// What the numbers of a meter depend on (ZCL, 10.4.2.2.4).
pub(super) const METER_FACTORS: [Attribute; 4] = [METER_UNIT, METER_MULTIPLIER, METER_DIVISOR, METER_KIND];
/// Unit of a meter.
const METER_UNIT: Attribute = Attribute(0x0300);
/// What the numbers of a meter are multiplied by.
const METER_MULTIPLIER: Attribute = Attribute(0x0301);
/// What the numbers of a meter are divided by.
const METER_DIVISOR: Attribute = Attribute(0x0302);
/// What a meter measures.
const METER_KIND: Attribute = Attribute(0x0306);
/// Gas, as a kind of meter.
const METER_OF_GAS: i128 = 1;
/// Water, as a kind of meter.
const METER_OF_WATER: i128 = 2;
/// The power of ten of a pressure (ZCL, 4.5.2.2.2.5).
pub(super) const PRESSURE_SCALE: Attribute = Attribute(0x0014);

/// The value of the rule's point, or why there is none; `None` when the attribute feeds no point at all.
pub fn apply(rule: &Rule, raw: &Raw, known: &Known) -> Option<Finding> {
    if matches!(rule.form, Form::Wish(_)) {
        return None;
    }
    if matches!(raw.content(), Content::Invalid | Content::Empty) {
        return Some(Finding { quantity: rule.quantity, nth: rule.nth, value: Err(Missing::NotAvailable) });
    }
    let (quantity, value) = match rule.form {
        Form::Summation | Form::Demand => meter(rule, raw, known),
        _ => (rule.quantity, convert(rule, raw, known)),
    };
    Some(Finding { quantity, nth: rule.nth, value })
}

/// A value in the form of a rule.
fn convert(rule: &Rule, raw: &Raw, known: &Known) -> Result<Value, Missing> {
    let factor = |attribute| factor(rule, known, attribute);
    match rule.form {
        Form::Number(Ratio(numerator, denominator)) => scale(rule, raw, numerator, denominator),
        Form::Scaled { multiplier, divisor } => scale(rule, raw, factor(multiplier)?, factor(divisor)?),
        Form::Total => total(rule, raw, known),
        Form::Summation | Form::Demand => meter(rule, raw, known).1,
        Form::PowerOfTen => pressure(rule, raw, told(rule, known, PRESSURE_SCALE)?),
        Form::Remaining => finish(rule, number(rule, raw)?.minus_from(100)),
        Form::Illuminance => illuminance(integer(rule, raw)?),
        Form::Switch => match integer(rule, raw)? {
            0 => Ok(Value::Bool(false)),
            1 => Ok(Value::Bool(true)),
            _ => Err(Missing::OutOfRange),
        },
        Form::Bits(bits) => Ok(Value::Bool(integer(rule, raw)? & bits != 0)),
        Form::States(states) => look_up(states, integer(rule, raw)?).map(Value::Bool),
        Form::Words(words) => look_up(words, integer(rule, raw)?).map(|word| Value::Text(word.into())),
        Form::Wish(_) => Err(Missing::NotAvailable),
        Form::Text => raw.as_text().map(|text| Value::Text(text.into())).ok_or(Missing::Type(raw.kind())),
    }
}

/// An attribute that the scale of a rule depends on.
fn told(rule: &Rule, known: &Known, attribute: Attribute) -> Result<i128, Missing> {
    known.get(rule.cluster, attribute).ok_or(Missing::Factor(attribute))
}

/// A multiplier or divisor. One of 0 has not been set: it would make every value 0, or none.
fn factor(rule: &Rule, known: &Known, attribute: Attribute) -> Result<i128, Missing> {
    told(rule, known, attribute).and_then(|number| if number > 0 { Ok(number) } else { Err(Missing::OutOfRange) })
}

/// The power of all phases. By the library it is in kilowatts and has factors of its own; devices without those tell it in
/// watts, with the factors of single phases.
fn total(rule: &Rule, raw: &Raw, known: &Known) -> Result<Value, Missing> {
    let [multiplier, divisor, of_phases @ ..] = TOTAL_FACTORS;
    match (told(rule, known, multiplier)?, told(rule, known, divisor)?) {
        (0, _) | (_, 0) => {
            let [multiplier, divisor] = of_phases.map(|attribute| factor(rule, known, attribute));
            scale(rule, raw, multiplier?, divisor?)
        }
        (multiplier, divisor) => scale(rule, raw, multiplier * 1000, divisor),
    }
}

/// What a meter tells. Its unit and kind decide which point that is.
fn meter(rule: &Rule, raw: &Raw, known: &Known) -> (Quantity, Result<Value, Missing>) {
    let Some(unit) = known.get(rule.cluster, METER_UNIT) else {
        return (rule.quantity, Err(Missing::Factor(METER_UNIT)));
    };
    let kind = known.get(rule.cluster, METER_KIND);
    let Some((quantity, Ratio(up, down))) = meaning(rule, unit, kind) else {
        return (rule.quantity, Err(Missing::Unit(unit)));
    };
    let factor = |attribute| factor(rule, known, attribute);
    let value = factor(METER_MULTIPLIER).and_then(|multiplier| {
        let scaled = number(rule, raw)?.times(multiplier, factor(METER_DIVISOR)?);
        finish(rule, scaled.and_then(|scaled| scaled.times(up, down)))
    });
    (quantity, value)
}

/// The point of a meter's number and what makes its unit that of the point (ZCL, tables 10-39 and 10-40). The upper
/// bit of the unit says only that people are to be shown decimal digits. Of other units nothing is made.
fn meaning(rule: &Rule, unit: i128, kind: Option<i128>) -> Option<(Quantity, Ratio)> {
    let point = |quantity, up, down| Some((quantity, Ratio(up, down)));
    match (rule.quantity, unit & 0x7f, kind) {
        (Quantity::Power, 0, _) => point(Quantity::Power, 1000, 1),
        (Quantity::Power, 1, _) => point(Quantity::FlowRate, 1, 1),
        (Quantity::Power, 7, _) => point(Quantity::FlowRate, 1, 1000),
        (quantity, 0, _) => point(quantity, 1, 1),
        (Quantity::Energy, 1, Some(METER_OF_GAS)) => point(Quantity::Gas, 1, 1),
        (Quantity::Energy, 1, Some(METER_OF_WATER)) => point(Quantity::Water, 1000, 1),
        (Quantity::Energy, 1, _) => point(Quantity::VolumeM3, 1, 1),
        (Quantity::Energy, 7, Some(METER_OF_WATER)) => point(Quantity::Water, 1, 1),
        (Quantity::Energy, 7, _) => point(Quantity::Volume, 1, 1),
        _ => None,
    }
}

/// The number in a value, within what is possible.
fn number(rule: &Rule, raw: &Raw) -> Result<Exact, Missing> {
    let number = Exact::of(raw).ok_or(match raw.content() {
        Content::Float(_) => Missing::OutOfRange,
        _ => Missing::Type(raw.kind()),
    })?;
    let (least, most) = rule.raw;
    match number.as_whole() {
        Some(whole) if whole < least || whole > most => Err(Missing::OutOfRange),
        _ => Ok(number),
    }
}

/// A whole number within what is possible.
fn integer(rule: &Rule, raw: &Raw) -> Result<i128, Missing> {
    number(rule, raw)?.as_whole().ok_or(Missing::Type(raw.kind()))
}

/// A number times a fraction.
fn scale(rule: &Rule, raw: &Raw, numerator: i128, denominator: i128) -> Result<Value, Missing> {
    finish(rule, number(rule, raw)?.times(numerator, denominator))
}

/// The number is 10^scale times the pascals (ZCL, 4.5.2.2.2.1); a hundred of them are a hectopascal.
fn pressure(rule: &Rule, raw: &Raw, scale: i128) -> Result<Value, Missing> {
    let power = u32::try_from(scale.unsigned_abs()).ok().filter(|power| *power <= 12);
    let power = 10i128.pow(power.ok_or(Missing::OutOfRange)?);
    let pascals = number(rule, raw)?;
    finish(rule, if scale < 0 { pascals.times(power, 100) } else { pascals.times(1, 100 * power) })
}

/// The number as the point's type has it.
fn finish(rule: &Rule, number: Option<Exact>) -> Result<Value, Missing> {
    let number = number.ok_or(Missing::OutOfRange)?;
    let value = match rule.quantity.kind() {
        PointType::Int => number.as_whole().and_then(to_int),
        _ => Value::finite(number.to_f64()),
    };
    value.ok_or(Missing::OutOfRange)
}

/// A whole number as values have it.
fn to_int(number: i128) -> Option<Value> {
    i64::try_from(number).map(Value::Int).or_else(|_| u64::try_from(number).map(Value::from_u64)).ok()
}

/// `10 000 × log10(lux) + 1`; 0 is too little to be measured (ZCL, 4.2.2.2.1). A step is 0.023 %, so that five digits
/// hold all there is.
fn illuminance(measured: i128) -> Result<Value, Missing> {
    let measured = u16::try_from(measured).map_err(|_| Missing::OutOfRange)?;
    if measured == 0 {
        return Ok(Value::Float(0.0));
    }
    let lux = 10f64.powf((f64::from(measured) - 1.0) / 10_000.0);
    format!("{lux:.4e}").parse().ok().and_then(Value::finite).ok_or(Missing::OutOfRange)
}

/// What a number stands for.
fn look_up<T: Copy>(table: &[(u8, T)], number: i128) -> Result<T, Missing> {
    table.iter().find(|(key, _)| i128::from(*key) == number).map(|(_, found)| *found).ok_or(Missing::OutOfRange)
}
