//! A SunSpec device's list of models, so that a simulated unit is found as a real one is.

use super::modbus_unit::Bank;
use crate::adapter::modbus::{config::Device, layout::extent, sunspec::BASES};

/// Registers of the common model, which every device has first.
const COMMON: u16 = 65;

/// Where the model of the points is: behind the mark and the common model.
const START: u16 = BASES[0] + 4 + COMMON;

/// Writes the list of models, and moves the device's points to where their model is. Other devices stay as they are.
pub fn place(device: &mut Device, bank: &Bank) {
    let Some(&model) = device.sunspec.first() else { return };
    let ends = device.points.iter().map(|mapped| {
        let own = extent(mapped);
        own.start.saturating_add(own.count)
    });
    let end = ends.max().unwrap_or(2).max(2);
    bank.set_holdings(device.unit, BASES[0], &[0x5375, 0x6e53, 1, COMMON]);
    bank.set_holdings(device.unit, START, &[model, end - 2]);
    bank.set_holdings(device.unit, START.saturating_add(end), &[u16::MAX, 0]);
    for mapped in &mut device.points {
        mapped.register.offset = mapped.register.offset.saturating_add(START);
        mapped.conversion.exponent = mapped.conversion.exponent.map(|at| at.saturating_add(START));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{profile::Library, testing::profiled};

    #[test]
    fn a_model_lies_behind_the_mark_and_its_points_in_it() {
        let mut library = Library::new(vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles")]);
        let units = [(&"sunspec/storage".parse().unwrap(), Some(9))];
        let mut storage = profiled::units(&mut library, "tcp://plc", &units).unwrap().devices.remove(0);
        let bank = Bank::new(&[9]);

        place(&mut storage, &bank);

        let words = |at| [bank.holding(9, at), bank.holding(9, at + 1)].map(Option::unwrap);
        // The power of ten of the voltage is the last register that is read, at 24.
        assert_eq!([words(40_000), words(40_069), words(40_094)], [[0x5375, 0x6e53], [124, 23], [u16::MAX, 0]]);
        assert_eq!(storage.points[0].register.offset, 40_069 + 8);
    }
}
