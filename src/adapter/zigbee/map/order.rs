//! From a value for a point to the frame that sets it.

use super::{
    exact::Exact,
    form::{Form, Ratio, Wish},
    rules::Rule,
};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Manufacturer},
        tuya,
        zcl::{self, Frame, General, Header, Kind, Scope, general::Assignment, kind::Layout, table},
    },
    model::Value,
};

/// What sets a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The cluster it goes to.
    pub cluster: Cluster,
    /// Whose addition to the cluster it uses.
    pub manufacturer: Option<Manufacturer>,
    /// How.
    pub action: Action,
}

/// How a point is set.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// By a command of the cluster.
    Command {
        /// Which.
        command: u8,
        /// Its fields.
        fields: Vec<u8>,
    },
    /// By writing an attribute.
    Write(Assignment),
    /// By a data point, as Tuya devices have them.
    DataPoint(tuya::Record),
}

/// Why a value cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The point is read only.
    #[error("the point cannot be set")]
    ReadOnly,
    /// The value is not of the point's type.
    #[error("{0} does not fit the point")]
    Type(String),
    /// The value is outside what the cluster can say.
    #[error("{0} is out of range")]
    Range(String),
    /// The value falls between two that can be said.
    #[error("{value} is no multiple of {step}")]
    Step {
        /// The value.
        value: String,
        /// The smallest step.
        step: String,
    },
    /// The value is no word the cluster has.
    #[error("{found:?} is none of {words}")]
    Word {
        /// What was given.
        found: String,
        /// What there is.
        words: String,
    },
}

/// No transition: at once.
const AT_ONCE: [u8; 2] = [0, 0];

/// The highest part of a colour (ZCL, 5.2.2.2.1.4).
const MOST_COLOR: u16 = 0xfeff;

/// Starts a siren as for a burglar (ZCL, 8.4.2.3.1): high, with its lamp at half the time and as bright, for half an
/// hour at most; the device has a limit of its own as well.
const ALARM: [u8; 5] = [0x16, 0x08, 0x07, 50, 2];
/// Stops it.
const SILENCE: [u8; 5] = [0, 0, 0, 0, 0];

/// What sets the rule's point to a value.
pub fn order(rule: &Rule, value: &Value) -> Result<Order, Refused> {
    if !rule.access.can_write() {
        return Err(Refused::ReadOnly);
    }
    if matches!(kind(rule), Some(kind) if matches!(kind.layout(), Layout::Float(_))) {
        let number = single(value).ok_or_else(|| Refused::Type(value.to_string()))?;
        let action = Action::Write(Assignment::new(rule.attribute, number));
        return Ok(Order::new(rule.cluster, action));
    }
    let raw = raw(rule, value)?;
    let action = match by_command(rule, raw) {
        Some((command, fields)) => Action::Command { command, fields },
        None => Action::Write(assignment(rule, raw, value)?),
    };
    Ok(Order::new(rule.cluster, action))
}

/// The command that sets the rule's point, with its fields, where it is not set by writing its attribute. Raw numbers are in
/// the range of the rule, which is that of the fields.
fn by_command(rule: &Rule, raw: i128) -> Option<(u8, Vec<u8>)> {
    let [first, second, third, fourth, ..] = raw.to_le_bytes();
    let [now, later] = AT_ONCE;
    Some(match (rule.cluster.0, rule.attribute.0) {
        (0x0006, _) | (0x0102, 0x0000) => (first, Vec::new()),
        // With on and off: a lamp that is set to 0 is off.
        (0x0008, _) => (0x04, vec![first, now, later]),
        // 2 is unlocked; the PIN is empty.
        (0x0101, _) => (u8::from(raw != 1), vec![0]),
        (0x0102, 0x0008) => (0x05, vec![first]),
        (0x0102, _) => (0x08, vec![first]),
        // By the shorter way round the circle.
        (0x0300, 0x0000) => (0x00, vec![first, 0, now, later]),
        (0x0300, 0x4000) => (0x40, vec![first, second, 0, now, later]),
        (0x0300, 0x0001) => (0x03, vec![first, now, later]),
        (0x0300, 0x0003) => (0x07, vec![first, second, third, fourth, now, later]),
        (0x0300, _) => (0x0a, vec![first, second, now, later]),
        (0x0502, _) => (0x00, if raw == 1 { ALARM } else { SILENCE }.to_vec()),
        _ => return None,
    })
}

impl Order {
    /// What the library itself has.
    pub fn new(cluster: Cluster, action: Action) -> Self {
        Self { cluster, manufacturer: None, action }
    }

    /// The frame's bytes.
    pub fn encode(&self, sequence: u8) -> Vec<u8> {
        let manufacturer = self.manufacturer;
        match &self.action {
            Action::Write(assignment) => General::Write(vec![assignment.clone()])
                .encode(Header { manufacturer, ..Header::request(sequence, 0) }),
            Action::DataPoint(record) => tuya::request(sequence, vec![record.clone()]),
            Action::Command { command, fields } => {
                // The default response is what tells that it was done.
                let header = Header {
                    scope: Scope::Cluster,
                    manufacturer,
                    disable_default_response: false,
                    ..Header::request(sequence, *command)
                };
                Frame { header, payload: fields }.encode()
            }
        }
    }
}

/// The number on the wire that a value stands for.
fn raw(rule: &Rule, value: &Value) -> Result<i128, Refused> {
    let raw = match rule.form {
        Form::Number(Ratio(numerator, denominator)) => unscale(value, numerator, denominator)?,
        Form::Remaining => 100 - unscale(value, 1, 1)?,
        Form::Switch | Form::Wish(Wish::Switch) => i128::from(boolean(value)?),
        Form::States(states) => key(states, boolean(value)?).ok_or_else(|| range(value))?,
        Form::Words(words) | Form::Wish(Wish::Words(words)) => word(words, value)?,
        Form::Wish(Wish::Color) => color(value)?,
        _ => return Err(Refused::ReadOnly),
    };
    let (least, most) = rule.raw;
    if raw < least || raw > most { Err(range(value)) } else { Ok(raw) }
}

/// A number over a fraction; it has to come out whole.
fn unscale(value: &Value, numerator: i128, denominator: i128) -> Result<i128, Refused> {
    let number = match value {
        Value::Int(number) => Exact::whole((*number).into()),
        Value::Uint(number) => Exact::whole((*number).into()),
        Value::Float(number) => Exact::of_f64(*number).ok_or_else(|| range(value))?,
        _ => return Err(Refused::Type(value.to_string())),
    };
    let raw = number.times(denominator, numerator).ok_or_else(|| range(value))?;
    let step = Exact::new(numerator, denominator).map(Exact::to_f64).unwrap_or_default();
    raw.as_whole().ok_or_else(|| Refused::Step { value: value.to_string(), step: step.to_string() })
}

/// Chromaticity x and y, each in 65 536ths, as one number: y above x (ZCL, 5.2.2.2.1.4). The nearest step of each is taken,
/// as no decimal number is a multiple of one.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and has 16 bits at most")]
fn color(value: &Value) -> Result<i128, Refused> {
    let misfit = || Refused::Type(value.to_string());
    let Value::Text(text) = value else { return Err(misfit()) };
    let part = |part: &str| {
        let number: f64 = part.parse().ok()?;
        let parts = (number * 65_536.0).round();
        (0.0..=f64::from(MOST_COLOR)).contains(&parts).then_some(parts as i128)
    };
    let parts: Option<Vec<i128>> = text.split([' ', ',']).filter(|part| !part.is_empty()).map(part).collect();
    match parts.as_deref() {
        Some([x, y]) => Ok(x | y << 16),
        _ => Err(misfit()),
    }
}

/// A value that is true or false.
fn boolean(value: &Value) -> Result<bool, Refused> {
    match value {
        Value::Bool(value) => Ok(*value),
        _ => Err(Refused::Type(value.to_string())),
    }
}

/// The last number that stands for a state; earlier ones are in between.
fn key(states: &[(u8, bool)], wanted: bool) -> Option<i128> {
    states.iter().rev().find(|(_, state)| *state == wanted).map(|(key, _)| (*key).into())
}

/// The number of a word.
fn word(words: &[(u8, &str)], value: &Value) -> Result<i128, Refused> {
    let Value::Text(text) = value else { return Err(Refused::Type(value.to_string())) };
    let found = words.iter().find(|(_, word)| **word == **text);
    found.map(|(key, _)| (*key).into()).ok_or_else(|| Refused::Word {
        found: text.to_string(),
        words: words.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", "),
    })
}

/// A value beyond what can be said.
fn range(value: &Value) -> Refused {
    Refused::Range(value.to_string())
}

/// The attribute with the number in its own type.
fn assignment(rule: &Rule, raw: i128, value: &Value) -> Result<Assignment, Refused> {
    let kind = kind(rule).ok_or(Refused::ReadOnly)?;
    let typed = match kind.layout() {
        Layout::Signed(_) => i64::try_from(raw).ok().and_then(|raw| zcl::Value::signed(kind, raw)),
        _ => u64::try_from(raw).ok().and_then(|raw| zcl::Value::bits(kind, raw)),
    };
    let typed = typed.filter(|typed| *typed != zcl::Value::invalid(kind)).ok_or_else(|| range(value))?;
    Ok(Assignment::new(rule.attribute, typed))
}

/// The type of the rule's attribute.
fn kind(rule: &Rule) -> Option<Kind> {
    let cluster = table::cluster(rule.cluster)?;
    cluster.attribute(rule.attribute, None).map(|attribute| attribute.kind)
}

/// A number as a single.
#[expect(clippy::cast_possible_truncation, reason = "a single is what the attribute holds")]
fn single(value: &Value) -> Option<zcl::Value> {
    value.as_f64().map(|number| number as f32).filter(|number| number.is_finite()).map(zcl::Value::single)
}
