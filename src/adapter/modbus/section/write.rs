//! How a point is set, as it is typed.

use std::time::Duration;

use super::point::PointKeys;
use crate::{
    adapter::modbus::{
        config::{Conversion, DataType, Names, Table, Verify, WriteFunction, Writing},
        layout::{is_part, registers},
        pdu::MAX_WRITE_REGISTERS,
    },
    config::{
        Place,
        report::Problems,
        section::{At, FromNode, Keyed as _, Shape, section},
        tree::{Data, Node},
        values::{SpanOrZero, word_values},
    },
};

/// The longest pulse. It is far below the time a command's answer is waited for, and the pulse's end is the answer.
const LONGEST_PULSE: Duration = Duration::from_secs(10);

/// The longest wait before a point is read back, likewise.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

word_values! {
    WriteFunction: [
        "single" => WriteFunction::Single, "multiple" => WriteFunction::Multiple, "mask" => WriteFunction::Mask
    ], later [];
}

section! {
    /// The look after a write.
    struct VerifyTable {
        /// Largest difference at which the number read back is still the one that was set.
        tolerance: f64 = default("0.0");
        /// Wait before it is read back, at most 10 s.
        delay: SpanOrZero = default("\"0\"");
    }
}

/// `true`, `false`, or how.
#[derive(Debug, Clone)]
pub struct VerifyKeys(Option<Verify>);

impl FromNode for VerifyKeys {
    const SHAPE: Shape = Shape::Either(&[Shape::Bool, Shape::Table(&VerifyTable::KEYS)]);

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        if let Data::Bool(is_wanted) = node.data {
            return Some(Self(is_wanted.then_some(Verify { tolerance: 0.0, delay: Duration::ZERO })));
        }
        let VerifyTable { tolerance, delay } = VerifyTable::from_node(node, problems)?;
        if tolerance.value < 0.0 {
            problems.error(&tolerance.place, "a tolerance below 0 lets nothing pass").help("leave it out for 0");
        }
        if delay.value.0 > LONGEST_DELAY {
            problems.error(&delay.place, "the delay is longer than 10s");
        }
        Some(Self(Some(Verify { tolerance: tolerance.value, delay: delay.value.0 })))
    }
}

/// The keys for writing, which fit the point.
pub(super) fn writing(
    keys: &PointKeys,
    table: Option<Table>,
    conversion: &Conversion,
    problems: &mut Problems,
) -> Writing {
    check_access(keys, problems);
    if let (Some(table), Some(data)) = (table, &keys.r#type) {
        check_function(keys, table, data.value, &conversion.names, problems);
    }
    let verify = keys.verify.as_ref().and_then(|verify| verify.value.0);
    if let Some(pulse) = &keys.pulse {
        check_pulse(keys, &pulse.place, pulse.value.0, verify.is_some(), problems);
    }
    Writing {
        function: keys.write.as_ref().map_or(WriteFunction::Fitting, |function| function.value),
        verify,
        pulse: keys.pulse.as_ref().map(|pulse| pulse.value.0),
    }
}

/// What is said of writing belongs to a point that is written.
fn check_access(keys: &PointKeys, problems: &mut Problems) {
    let places = [
        keys.write.as_ref().map(|at| &at.place),
        keys.verify.as_ref().map(|at| &at.place),
        keys.pulse.as_ref().map(|at| &at.place),
    ];
    if !keys.access.value.can_write() {
        for place in places.into_iter().flatten() {
            problems.error(place, "the point is read-only").help("add access = \"rw\"");
        }
    } else if let Some(verify) = keys.verify.as_ref().filter(|_| !keys.access.value.can_read()) {
        problems.error(&verify.place, "a point that is only written cannot be read back").help("use access = \"rw\"");
    }
}

/// The function can set the point, and leaves the rest of its register alone.
fn check_function(keys: &PointKeys, table: Table, data: DataType, names: &Names, problems: &mut Problems) {
    let is_part = is_part(data);
    let has_flags = matches!(names, Names::Bits(_));
    match keys.write.as_ref().map(|At { value, place }| (*value, place)) {
        Some((WriteFunction::Mask, place)) if table != Table::Holding || !(is_part || has_flags) => {
            let help = "it is for i8l, i8h, bits:FROM+LEN and flags in a holding register";
            problems.error(place, "a mask sets a part of a register").help(help);
        }
        Some((WriteFunction::Mask, place)) if registers(data) > 1 => {
            problems.error(place, "a mask sets bits of one register, the point has more").help("use bits:FROM+LEN");
        }
        Some((WriteFunction::Single, place)) if registers(data) > 1 => {
            let message = format!("the point has {} registers, function 6 sets one", registers(data));
            problems.error(place, message).help("leave write out");
        }
        Some((WriteFunction::Mask, _)) => {}
        _ if keys.access.value.can_write() && has_flags => {
            let help = "add write = \"mask\", which leaves the bits without a name as they are";
            problems.error(&keys.access.place, "flags are written with a mask").help(help);
        }
        _ if keys.access.value.can_write() && is_part && registers(data) > 1 => {
            let help = "name the register that has them, and count the bits from its lowest";
            problems.error(&keys.access.place, "only bits within one register can be written").help(help);
        }
        _ if keys.access.value.can_write() && is_part => {
            let message = "the point is a part of a register; commands for it will be refused";
            problems.warning(&keys.access.place, message).help("add write = \"mask\" if the unit knows function 22");
        }
        _ if keys.access.value.can_write() && registers(data) > MAX_WRITE_REGISTERS => {
            let message = format!("the point has {} registers, function 16 sets 123 at most", registers(data));
            problems.error(&keys.access.place, message).help("use string:246 or shorter, or leave access out");
        }
        _ => {}
    }
}

/// A pulse is short and ends by itself.
fn check_pulse(keys: &PointKeys, place: &Place, pulse: Duration, is_verified: bool, problems: &mut Problems) {
    if pulse > LONGEST_PULSE {
        let help = "for longer times let a rule send a second command";
        problems.error(place, "a pulse lasts at most 10s").help(help);
    }
    if is_verified {
        problems.error(place, "a pulse is over before it could be read back").help("leave verify out");
    }
    if matches!(keys.r#type, Some(At { value: DataType::String(_), .. })) {
        problems.error(place, "text has no pulse").help("leave it out");
    }
}
