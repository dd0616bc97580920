//! What the raw number means, as it is typed.

use std::collections::BTreeMap;

use super::{
    counter::counter,
    names::{NameTable, width},
    point::{PointKeys, is_number},
};
use crate::{
    adapter::modbus::{
        config::{Conversion, DataType, Names},
        conversion::is_one,
        encode::integer_bits,
    },
    config::{Fault, Place, report::Problems, section::At},
    model::Slim,
};

/// Scale, offset, markers and names; the power of ten is found elsewhere.
pub(super) fn conversion(keys: &PointKeys, problems: &mut Problems) -> Conversion {
    check_numbers(keys, problems);
    Conversion {
        scale: keys.scale.value,
        offset: keys.offset.value,
        exponent: None,
        invalid: markers(keys, problems),
        names: names(keys, problems),
        counter: counter(keys, problems),
    }
}

/// Scale and limits make sense and belong to a number.
fn check_numbers(keys: &PointKeys, problems: &mut Problems) {
    let scale = &keys.scale;
    if scale.value == 0.0 {
        problems.error(&scale.place, "a scale of 0 makes every value 0").help("leave it out for 1");
    }
    if let (Some(min), Some(max)) = (&keys.min, &keys.max)
        && min.value > max.value
    {
        let message = format!("min {} is above max {}", min.value, max.value);
        problems.error(&min.place, message).help("swap them");
    }
    let is_number = keys.r#type.as_ref().is_none_or(|data| is_number(data.value));
    let has_names = keys.r#enum.is_some() || keys.flags.is_some();
    for place in number_keys(keys) {
        if !is_number {
            problems.error(place, "only numbers have a scale and limits").help("leave it out");
        } else if has_names {
            problems.error(place, "a point with names has no scale and limits").help("leave it out");
        }
    }
}

/// Where keys stand that only numbers have.
fn number_keys(keys: &PointKeys) -> impl Iterator<Item = &Place> {
    let limits = [&keys.min, &keys.max].into_iter().flatten();
    let scale = (!is_one(keys.scale.value)).then_some(&keys.scale);
    let offset = (keys.offset.value != 0.0).then_some(&keys.offset);
    let power = keys.scale_from.as_ref().map(|source| &source.place);
    limits.chain(scale).chain(offset).map(|at| &at.place).chain(power)
}

/// The bits that stand for no value.
fn markers(keys: &PointKeys, problems: &mut Problems) -> Vec<u64> {
    let Some(At { value: data, .. }) = &keys.r#type else { return Vec::new() };
    if let Some(first) = keys.invalid.value.first().filter(|_| width(*data).is_none()) {
        problems.error(&first.place, "only numbers have markers for no value").help("leave invalid out");
        return Vec::new();
    }
    let bits = |at: &At<super::names::Marker>, problems: &mut Problems| {
        at.value.bits(*data).map_err(|fault| problems.fault(&at.place, fault)).ok().flatten()
    };
    keys.invalid.value.iter().filter_map(|marker| bits(marker, problems)).collect()
}

/// The names of numbers or of bits.
fn names(keys: &PointKeys, problems: &mut Problems) -> Names {
    let data = keys.r#type.as_ref().map(|data| data.value);
    match (&keys.r#enum, &keys.flags) {
        (None, None) => Names::None,
        (Some(_), Some(flags)) => {
            let help = "add a second point on the same register; it costs no further request";
            problems.error(&flags.place, "a point has names for numbers or for bits").help(help);
            Names::None
        }
        (Some(numbers), None) => of_numbers(numbers, data, keys.access.value.can_write(), problems),
        (None, Some(bits)) => of_bits(bits, data, problems),
    }
}

/// Names of states; a name that can be written stands for one number.
fn of_numbers(typed: &At<NameTable>, data: Option<DataType>, is_written: bool, problems: &mut Problems) -> Names {
    let names = &typed.value.0;
    if matches!(data, Some(DataType::F16 | DataType::F32 | DataType::F64 | DataType::String(_))) {
        problems.error(&typed.place, "only whole numbers and switches have names").help("leave enum out");
    } else if let Some(fault) = data.and_then(|data| names.keys().find_map(|&number| misfit(data, number))) {
        problems.fault(&typed.place, fault);
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = names.values().find(|name| !seen.insert(&***name)).filter(|_| is_written) {
        let help = "give each number its own name, so that a command says which is meant";
        problems.error(&typed.place, format!("two numbers are named {:?}", &**twice)).help(help);
    }
    Names::Numbers(names.clone())
}

/// Why a number with a name never comes, if it does not.
fn misfit(data: DataType, number: i64) -> Option<Fault> {
    let can_be = |number: i128| match data {
        DataType::Bool => matches!(number, 0 | 1),
        _ => integer_bits(data, number).is_some(),
    };
    if can_be(number.into()) {
        return None;
    }
    let fault = Fault::new(format!("{number} cannot be in the point's registers"));
    let signed =
        width(data).map(|width| i128::from(number) - (1 << width)).filter(|&signed| signed < 0 && can_be(signed));
    Some(signed.into_iter().fold(fault, |fault, signed| fault.help(format!("the type is signed: write {signed}"))))
}

/// Names of bits that the type has.
fn of_bits(typed: &At<NameTable>, data: Option<DataType>, problems: &mut Problems) -> Names {
    let bits = data.and_then(bit_count);
    if data.is_some() && bits.is_none() {
        problems.error(&typed.place, "only u16, u32, u64 and bits have flags").help("leave flags out");
    }
    let checked: Result<BTreeMap<u8, Slim<str>>, Fault> =
        typed.value.0.iter().map(|(&bit, name)| flag(bit, name, bits.unwrap_or(64))).collect();
    match checked {
        Ok(names) => Names::Bits(names),
        Err(fault) => {
            problems.fault(&typed.place, fault);
            Names::None
        }
    }
}

/// How many flags a type can have.
fn bit_count(data: DataType) -> Option<u8> {
    let is_unsigned = matches!(data, DataType::U16 | DataType::U32 | DataType::U64 | DataType::Bits { .. });
    is_unsigned.then(|| width(data)).flatten()
}

/// One bit and its name.
fn flag(bit: i64, name: &Slim<str>, bits: u8) -> Result<(u8, Slim<str>), Fault> {
    let fitting = u8::try_from(bit).ok().filter(|&bit| bit < bits);
    let Some(bit) = fitting else {
        let help = format!("bits count from 0, the lowest, to {}", bits - 1);
        return Err(Fault::new(format!("the point has no bit {bit}")).help(help));
    };
    if name.contains(',') || name.trim() != &**name {
        return Err(Fault::new(format!("{name:?} cannot be the name of a bit")).help("commas part the names"));
    }
    Ok((bit, name.clone()))
}
