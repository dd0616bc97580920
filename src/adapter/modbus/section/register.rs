//! Where a point is, and where its power of ten is.

use std::{collections::HashMap, str::FromStr};

use super::point::{Factor, Outer, PointKeys, is_number};
use crate::{
    adapter::modbus::{
        config::{DataType, Register, Table},
        layout::{is_bits, registers},
        notation::{Base, Notation},
        pdu::MAX_READ_REGISTERS,
    },
    config::{
        Fault,
        report::{Problems, suggest},
        section::{At, FromNode, Shape},
        tree::Node,
        values::text_values,
    },
    model::PointName,
};

text_values! {
    Notation: "coil, discrete, input or holding, and the offset from 0: input:0; or as in a manual: 30001", str::parse;
    Source: "the name of a point, or a register", str::parse;
}

/// Where a power of ten comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Another point of the device.
    Point(PointName),
    /// A register that needs no point.
    Register(Notation),
}

impl FromStr for Source {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.contains(':') || text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Register);
        }
        let fault = |error: &dyn std::fmt::Display| Fault::new(format!("{text:?} is no name: {error}"));
        PointName::new(text).map(Self::Point).map_err(|error| fault(&error))
    }
}

/// `base = 0` or `base = 1`.
impl FromNode for Base {
    const SHAPE: Shape = Shape::Integer { min: 0, max: 1 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let place = node.place.clone();
        match u8::from_node(node, problems)? {
            0 => Some(Self::Zero),
            1 => Some(Self::One),
            other => {
                let help = "0 counts registers as on the wire, 1 as many data sheets do";
                problems.error(&place, format!("{other} is outside 0 to 1")).help(help);
                None
            }
        }
    }
}

/// Table, offset, type and access fit each other; the register, if there is one.
pub(super) fn check_register(keys: &PointKeys, base: Base, problems: &mut Problems) -> Option<Register> {
    let At { value: notation, place } = keys.register.as_ref()?;
    let register = notation.register(base).map_err(|fault| problems.fault(place, fault)).ok()?;
    let Register { table, offset } = register;
    if let Some(At { value: data, place: type_place }) = &keys.r#type {
        let last = u32::from(offset) + u32::from(registers(*data)) - 1;
        if is_bits(table) && *data != DataType::Bool {
            problems.error(type_place, "coils and discrete inputs are single bits").help("use type = \"bool\"");
        } else if last > 65_535 {
            let message = format!("the value ends at register {last}, the last one is 65535");
            problems.error(place, message).help("offsets count from 0, without the table's digit");
        }
    }
    if keys.access.value.can_write() && matches!(table, Table::Discrete | Table::Input) {
        let help = "use access = \"r\", or a coil or holding register";
        problems.error(&keys.access.place, "discrete inputs and input registers cannot be written").help(help);
    }
    Some(register)
}

/// Offset of the register with the point's power of ten.
pub(super) fn factor(
    keys: &PointKeys,
    register: Register,
    outer: Outer,
    factors: &HashMap<PointName, Factor>,
    problems: &mut Problems,
) -> Option<u16> {
    let At { value: source, place } = keys.scale_from.as_ref()?;
    let data = keys.r#type.as_ref()?.value;
    let found = match source {
        Source::Register(notation) => {
            notation.register(outer.base).map(|register| Factor { register, data: DataType::I16, order: outer.order })
        }
        Source::Point(name) => factors.get(name).copied().ok_or_else(|| {
            let mut known: Vec<&str> = factors.keys().map(PointName::as_str).collect();
            known.sort_unstable();
            let help = suggest(name.as_str(), known);
            Fault::new(format!("the device has no point {:?}", name.as_str())).help(help)
        }),
    };
    let checked = found.and_then(|factor| reachable(data, register, outer, factor));
    checked.map_err(|fault| problems.fault(place, fault)).ok()
}

/// Whether value and power come in one answer and are read the same way.
fn reachable(data: DataType, register: Register, outer: Outer, factor: Factor) -> Result<u16, Fault> {
    let Register { table, offset } = factor.register;
    if !is_number(data) || is_bits(register.table) {
        return Err(Fault::new("only numbers have a power of ten").help("leave it out"));
    }
    if factor.data != DataType::I16 || factor.order.two != outer.order.two {
        return Err(Fault::new("a power of ten is an i16 in the order of its value"));
    }
    let last = register.offset.saturating_add(registers(data) - 1).max(offset);
    let is_near = last - register.offset.min(offset) < MAX_READ_REGISTERS;
    if table != register.table || !is_near {
        let help = "a value and its power of ten are read in one request of at most 125 registers of one table";
        return Err(Fault::new("the power of ten is too far from its value").help(help));
    }
    Ok(offset)
}
