//! The records, field by field in the order of the document.

use super::{
    super::{Value, Why, finding::Finding},
    bits::Bits,
};
use crate::model::Quantity;

/// Reads a record.
pub(super) type Reader = fn(&mut Bits<'_>, &mut Finding) -> Result<(), Why>;

/// The reader of a record type.
pub(super) fn reader(record: u8) -> Option<Reader> {
    Some(match record {
        0x01 => solar_charger,
        0x02 => battery_monitor,
        0x03 => inverter,
        0x04 => dc_dc_converter,
        0x05 => smart_lithium,
        0x06 => inverter_rs,
        0x08 => ac_charger,
        0x09 => smart_battery_protect,
        0x0A => lynx_smart_bms,
        0x0B => multi_rs,
        0x0C => ve_bus,
        0x0D => dc_energy_meter,
        0x0F => orion_xs,
        _ => return None,
    })
}

/// Adds a number of the record, if it is available.
fn put(finding: &mut Finding, quantity: Quantity, raw: Option<i64>, digits: usize) {
    let value = raw.map(|raw| if digits == 0 { Value::Int(raw) } else { Value::decimal(raw, digits) });
    finding.readings.maybe(quantity, value);
}

/// State and error, with which most records begin.
fn state_and_error(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    put(finding, Quantity::State, bits.unsigned(8)?, 0);
    put(finding, Quantity::Error, bits.unsigned(8)?, 0);
    Ok(())
}

/// Degrees above -40.
fn temperature(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    let raw = bits.unsigned(7)?;
    put(finding, Quantity::Temperature, raw.map(|raw| raw - 40), 0);
    Ok(())
}

fn solar_charger(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    state_and_error(bits, finding)?;
    put(finding, Quantity::Voltage, bits.signed(16)?, 2);
    put(finding, Quantity::Current, bits.signed(16)?, 1);
    put(finding, Quantity::Energy, bits.unsigned(16)?, 2);
    put(finding, Quantity::Power, bits.unsigned(16)?, 0);
    put(finding, Quantity::LoadCurrent, bits.unsigned(9)?, 1);
    Ok(())
}

fn battery_monitor(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    let (remaining, voltage, alarm) = (bits.unsigned(16)?, bits.signed(16)?, bits.raw(16)?);
    let (auxiliary, mode) = (bits.raw(16)?, bits.raw(2)?);
    let (current, consumed, charge) = (bits.current()?, bits.unsigned(20)?, bits.unsigned(10)?);
    put(finding, Quantity::Voltage, voltage, 2);
    put(finding, Quantity::Current, current, 3);
    put(finding, Quantity::Battery, charge, 1);
    put(finding, Quantity::ConsumedCharge, consumed.map(|raw| -raw), 1);
    put(finding, Quantity::RemainingTime, remaining, 0);
    put(finding, Quantity::Alarm, Some(alarm.into()), 0);
    auxiliary_input(auxiliary, mode, finding)
}

/// The auxiliary input: 0 starter voltage (with sign), 1 voltage of the middle, 2 temperature in 0.01 K, 3 nothing.
fn auxiliary_input(raw: u32, mode: u32, finding: &mut Finding) -> Result<(), Why> {
    let low = u16::try_from(raw).map_err(|_| Why::Implausible("auxiliary input"))?;
    match mode {
        0 if low != 0x7FFF => put(finding, Quantity::StarterVoltage, Some(low.cast_signed().into()), 2),
        1 if low != u16::MAX => put(finding, Quantity::MidpointVoltage, Some(low.into()), 2),
        2 if low != u16::MAX && low != 0 => put(finding, Quantity::Temperature, Some(i64::from(low) - 27_315), 2),
        _ => {}
    }
    Ok(())
}

fn inverter(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    put(finding, Quantity::State, bits.unsigned(8)?, 0);
    put(finding, Quantity::Alarm, Some(bits.raw(16)?.into()), 0);
    put(finding, Quantity::Voltage, bits.signed(16)?, 2);
    put(finding, Quantity::ApparentPower, bits.unsigned(16)?, 0);
    put(finding, Quantity::AcVoltage, bits.unsigned(15)?, 2);
    put(finding, Quantity::AcCurrent, bits.unsigned(11)?, 1);
    Ok(())
}

fn dc_dc_converter(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    state_and_error(bits, finding)?;
    put(finding, Quantity::InputVoltage, bits.unsigned(16)?, 2);
    put(finding, Quantity::OutputVoltage, bits.signed(16)?, 2);
    put(finding, Quantity::OffReason, Some(bits.raw(32)?.into()), 0);
    Ok(())
}

/// Cells below 2.61 V and above 3.85 V send a marker for that, which is no number.
fn smart_lithium(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    put(finding, Quantity::BmsFlags, Some(bits.raw(32)?.into()), 0);
    put(finding, Quantity::Error, Some(bits.raw(16)?.into()), 0);
    for cell in 1..=8 {
        let raw = bits.raw(7)?;
        if (0x01..0x7E).contains(&raw) {
            finding.readings.push_nth(Quantity::CellVoltage, cell, Value::decimal(i64::from(raw) + 260, 2));
        }
    }
    put(finding, Quantity::Voltage, bits.unsigned(12)?, 2);
    put(finding, Quantity::BalancerState, bits.unsigned(4)?, 0);
    temperature(bits, finding)
}

fn inverter_rs(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    state_and_error(bits, finding)?;
    put(finding, Quantity::Voltage, bits.signed(16)?, 2);
    put(finding, Quantity::Current, bits.signed(16)?, 1);
    put(finding, Quantity::Power, bits.unsigned(16)?, 0);
    put(finding, Quantity::Energy, bits.unsigned(16)?, 2);
    put(finding, Quantity::AcOutputPower, bits.signed(16)?, 0);
    Ok(())
}

/// Three outputs, of which most chargers have one.
fn ac_charger(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    state_and_error(bits, finding)?;
    for output in 1..=3 {
        let (voltage, current) = (bits.unsigned(13)?, bits.unsigned(11)?);
        if let Some(raw) = voltage {
            finding.readings.push_nth(Quantity::Voltage, output, Value::decimal(raw, 2));
        }
        if let Some(raw) = current {
            finding.readings.push_nth(Quantity::Current, output, Value::decimal(raw, 1));
        }
    }
    temperature(bits, finding)?;
    put(finding, Quantity::AcCurrent, bits.unsigned(9)?, 1);
    Ok(())
}

fn smart_battery_protect(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    put(finding, Quantity::State, bits.unsigned(8)?, 0);
    put(finding, Quantity::OutputState, bits.unsigned(8)?, 0);
    put(finding, Quantity::Error, bits.unsigned(8)?, 0);
    put(finding, Quantity::Alarm, Some(bits.raw(16)?.into()), 0);
    put(finding, Quantity::Warning, Some(bits.raw(16)?.into()), 0);
    put(finding, Quantity::InputVoltage, bits.signed(16)?, 2);
    put(finding, Quantity::OutputVoltage, bits.unsigned(16)?, 2);
    put(finding, Quantity::OffReason, Some(bits.raw(32)?.into()), 0);
    Ok(())
}

fn lynx_smart_bms(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    put(finding, Quantity::Error, Some(bits.raw(8)?.into()), 0);
    put(finding, Quantity::RemainingTime, bits.unsigned(16)?, 0);
    put(finding, Quantity::Voltage, bits.signed(16)?, 2);
    put(finding, Quantity::Current, bits.signed(16)?, 1);
    put(finding, Quantity::IoState, Some(bits.raw(16)?.into()), 0);
    put(finding, Quantity::Alarm, Some(bits.raw(18)?.into()), 0);
    put(finding, Quantity::Battery, bits.unsigned(10)?, 1);
    let consumed = bits.unsigned(20)?;
    put(finding, Quantity::ConsumedCharge, consumed.map(|raw| -raw), 1);
    temperature(bits, finding)
}

fn multi_rs(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    state_and_error(bits, finding)?;
    put(finding, Quantity::Current, bits.signed(16)?, 1);
    put(finding, Quantity::Voltage, bits.unsigned(14)?, 2);
    put(finding, Quantity::AcInput, bits.unsigned(2)?, 0);
    put(finding, Quantity::AcInputPower, bits.signed(16)?, 0);
    put(finding, Quantity::AcOutputPower, bits.signed(16)?, 0);
    put(finding, Quantity::Power, bits.unsigned(16)?, 0);
    put(finding, Quantity::Energy, bits.unsigned(16)?, 2);
    Ok(())
}

fn ve_bus(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    state_and_error(bits, finding)?;
    put(finding, Quantity::Current, bits.signed(16)?, 1);
    put(finding, Quantity::Voltage, bits.unsigned(14)?, 2);
    put(finding, Quantity::AcInput, bits.unsigned(2)?, 0);
    put(finding, Quantity::AcInputPower, bits.signed(19)?, 0);
    put(finding, Quantity::AcOutputPower, bits.signed(19)?, 0);
    put(finding, Quantity::Alarm, bits.unsigned(2)?, 0);
    temperature(bits, finding)?;
    put(finding, Quantity::Battery, bits.unsigned(7)?, 0);
    Ok(())
}

fn dc_energy_meter(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    put(finding, Quantity::MeterType, bits.signed(16)?, 0);
    put(finding, Quantity::Voltage, bits.signed(16)?, 2);
    let (alarm, auxiliary, mode) = (bits.raw(16)?, bits.raw(16)?, bits.raw(2)?);
    put(finding, Quantity::Current, bits.current()?, 3);
    put(finding, Quantity::Alarm, Some(alarm.into()), 0);
    auxiliary_input(auxiliary, mode, finding)
}

/// Not in the document, but found on devices by others. Whether the output has a sign they do not agree on, so the
/// markers of both count; no converter comes near them.
fn orion_xs(bits: &mut Bits<'_>, finding: &mut Finding) -> Result<(), Why> {
    let with_either_marker = |raw: Option<i64>| raw.filter(|raw| *raw != 0x7FFF);
    state_and_error(bits, finding)?;
    put(finding, Quantity::OutputVoltage, with_either_marker(bits.unsigned(16)?), 2);
    put(finding, Quantity::OutputCurrent, with_either_marker(bits.unsigned(16)?), 1);
    put(finding, Quantity::InputVoltage, bits.unsigned(16)?, 2);
    put(finding, Quantity::InputCurrent, bits.unsigned(16)?, 1);
    put(finding, Quantity::OffReason, Some(bits.raw(32)?.into()), 0);
    Ok(())
}
