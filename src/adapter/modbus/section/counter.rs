//! How a counter counts, as it is typed.

use super::point::PointKeys;
use crate::{
    adapter::modbus::{config::DataType, counter::Counter},
    config::{
        Fault,
        report::Problems,
        section::{At, FromNode, Keyed as _, Shape, section},
        tree::{Data, Node},
        values::from_integer,
    },
};

section! {
    /// A counter that does not use the whole range of its type, or has a step of its own.
    struct CounterTable {
        /// How many numbers it has: after `modulus` − 1 comes 0.
        modulus: Numbers = optional("all numbers of the type");
        /// The most it counts between two readings, before scaling. A fall that takes more is a reset.
        step: Numbers = optional("a quarter of the modulus");
    }
}

/// A count of things, 1 at least.
#[derive(Debug, Clone, Copy)]
struct Numbers(u64);

impl FromNode for Numbers {
    const SHAPE: Shape = Shape::Integer { min: 1, max: i64::MAX };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 1, i64::MAX)?;
        u64::try_from(number).ok().map(Self)
    }
}

/// `true`, `false`, or how.
#[derive(Debug, Clone)]
pub struct CounterKeys(Option<CounterTable>);

impl FromNode for CounterKeys {
    const SHAPE: Shape = Shape::Either(&[Shape::Bool, Shape::Table(&CounterTable::KEYS)]);

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        if let Data::Bool(is_wanted) = node.data {
            return Some(Self(is_wanted.then_some(CounterTable { modulus: None, step: None })));
        }
        CounterTable::from_node(node, problems).map(|table| Self(Some(table)))
    }
}

/// The counter that a point is, if it is one.
pub(super) fn counter(keys: &PointKeys, problems: &mut Problems) -> Option<Box<Counter>> {
    let At { value: CounterKeys(table), place } = keys.counter.as_ref()?;
    let table = table.as_ref()?;
    let data = keys.r#type.as_ref()?.value;
    let checked = fits(keys, data).and_then(|last| checked(table, last));
    checked.map(Box::new).map_err(|fault| problems.fault(place, fault)).ok()
}

/// The largest number of a type that counts, in a point that can be a counter.
fn fits(keys: &PointKeys, data: DataType) -> Result<u64, Fault> {
    let help = "use u16, u32, u64, bcd16, bcd32 or bits";
    let last = largest(data).ok_or_else(|| Fault::new(format!("a counter is no {data}")).help(help))?;
    if keys.r#enum.is_some() || keys.flags.is_some() {
        return Err(Fault::new("a counter has no names").help("leave enum and flags out"));
    }
    if keys.access.value.can_write() {
        let help = "add a second point on the same register to write it; it costs no further request";
        return Err(Fault::new("what was counted in all cannot be written").help(help));
    }
    Ok(last)
}

/// The largest number of a type that begins at 0.
fn largest(data: DataType) -> Option<u64> {
    match data {
        DataType::U16 => Some(u16::MAX.into()),
        DataType::U32 => Some(u32::MAX.into()),
        DataType::U64 => Some(u64::MAX),
        DataType::Bcd16 => Some(9999),
        DataType::Bcd32 => Some(99_999_999),
        DataType::Bits { len, .. } => Some(u64::MAX >> (64 - len.clamp(1, 64))),
        DataType::Bool
        | DataType::I8l
        | DataType::I8h
        | DataType::I16
        | DataType::I32
        | DataType::I64
        | DataType::F16
        | DataType::F32
        | DataType::F64
        | DataType::String(_) => None,
    }
}

/// Modulus and step fit the type and each other.
fn checked(table: &CounterTable, largest: u64) -> Result<Counter, Fault> {
    let last = table.modulus.as_ref().map_or(largest, |modulus| modulus.value.0 - 1);
    if last > largest || last == 0 {
        let message = format!("the modulus is outside 2 to {}", u128::from(largest) + 1);
        return Err(Fault::new(message).help("it is how many numbers the counter has; leave it out for all"));
    }
    let step = table.step.as_ref().map_or(last / 4 + 1, |step| step.value.0);
    if step > last {
        return Err(Fault::new("the step is as long as the whole range, so that no reset could be told"));
    }
    Ok(Counter { last, step })
}
