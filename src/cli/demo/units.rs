//! The simulated site behind Modbus registers: what `demo.toml` reads and writes.

use std::time::Duration;

use crate::testing::{
    modbus_unit::{Bank, Fault},
    site::Site,
};

/// Unit id of the power meter.
const METER: u8 = 1;
/// Unit id of the pump.
const PUMP: u8 = 2;
/// Unit id of the cold store.
const COLD_STORE: u8 = 3;

/// The cold store's radio link drops out this often…
const DROP_OUT_EVERY: Duration = Duration::from_secs(25);
/// … for so long, …
const DROP_OUT: Duration = Duration::from_secs(4);
/// … the first time after this.
const FIRST_DROP_OUT: Duration = Duration::from_secs(8);

/// Three units and the site they measure.
pub(super) struct Units {
    /// The registers.
    bank: std::sync::Arc<Bank>,
    /// What they stand for.
    site: Site,
    /// Time since the start.
    elapsed: Duration,
}

impl Units {
    /// Units that show the site as it is at the start.
    pub(super) fn new(seed: u64) -> Self {
        let bank = std::sync::Arc::new(Bank::new(&[METER, PUMP, COLD_STORE]));
        let site = Site::new(seed);
        bank.set_holdings(PUMP, 0, &[tenths(site.pump.setpoint)]);
        bank.set_holdings(COLD_STORE, 0, &[tenths(site.cold_store.setpoint)]);
        let units = Self { bank, site, elapsed: Duration::ZERO };
        units.show();
        units
    }

    /// The registers, for the server.
    pub(super) fn bank(&self) -> std::sync::Arc<Bank> {
        std::sync::Arc::clone(&self.bank)
    }

    /// Lets time pass: takes what was written, moves the site, shows what it came to.
    pub(super) fn step(&mut self, dt: Duration) {
        self.elapsed += dt;
        self.site.pump.setpoint = self.bank.holding(PUMP, 0).map_or(0.0, from_tenths);
        self.site.cold_store.setpoint = self.bank.holding(COLD_STORE, 0).map_or(4.0, from_tenths);
        self.site.step(dt);
        self.show();
        self.bank.set_fault(COLD_STORE, if is_dropped_out(self.elapsed) { Fault::Silent } else { Fault::None });
    }

    /// Writes the site into the registers.
    fn show(&self) {
        let Site { meter, pump, cold_store, .. } = &self.site;
        self.bank.set_input_f32(METER, 0, single(meter.voltage));
        self.bank.set_input_f32(METER, 2, single(meter.current));
        self.bank.set_input_f32(METER, 4, single(meter.power));
        self.bank.set_inputs(METER, 6, &[hundredths(meter.frequency)]);
        self.bank.set_inputs(METER, 8, &double(meter.energy));
        self.bank.set_inputs(PUMP, 0, &[hundredths(pump.flow), hundredths(pump.pressure)]);
        self.bank.set_discrete(PUMP, 0, pump.speed > 1.0);
        self.bank.set_inputs(COLD_STORE, 0, &[hundredths(cold_store.temperature)]);
        self.bank.set_discrete(COLD_STORE, 0, cold_store.is_door_open);
        self.bank.set_discrete(COLD_STORE, 1, cold_store.is_compressor_on);
    }
}

/// Whether the cold store is out of reach at this moment.
fn is_dropped_out(elapsed: Duration) -> bool {
    let Some(since_first) = elapsed.checked_sub(FIRST_DROP_OUT) else { return false };
    since_first.as_secs_f64() % DROP_OUT_EVERY.as_secs_f64() < DROP_OUT.as_secs_f64()
}

/// A register that counts hundredths, two's complement.
fn hundredths(value: f64) -> u16 {
    register(value * 100.0)
}

/// A register that counts tenths, two's complement.
fn tenths(value: f64) -> u16 {
    register(value * 10.0)
}

/// The number behind a register that counts tenths.
fn from_tenths(word: u16) -> f64 {
    f64::from(word.cast_signed()) / 10.0
}

/// The nearest register value; the site's signals are far inside the range.
#[expect(clippy::cast_possible_truncation, reason = "rounded and held inside the range")]
fn register(value: f64) -> u16 {
    (value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16).cast_unsigned()
}

/// The nearest single-precision number.
#[expect(clippy::cast_possible_truncation, reason = "a meter has seven digits")]
fn single(value: f64) -> f32 {
    (value * 100.0).round() as f32 / 100.0
}

/// Four registers, most significant first.
fn double(value: f64) -> [u16; 4] {
    let bits = ((value * 1000.0).round() / 1000.0).to_bits();
    [48, 32, 16, 0].map(|shift| u16::try_from(bits >> shift & 0xffff).expect("16 bits are masked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_moves_the_site() {
        let mut units = Units::new(1);

        units.bank.set_holdings(PUMP, 0, &[600]);
        for _ in 0..300 {
            units.step(Duration::from_millis(100));
        }

        assert!((units.site.pump.speed - 60.0).abs() < 0.1, "{:?}", units.site.pump);
    }

    #[test]
    fn registers_keep_sign_and_digits() {
        assert!((from_tenths(tenths(-4.5)) - -4.5).abs() < 1e-9);
        assert_eq!(hundredths(4.21), 421);
        assert_eq!(double(1.0), [0x3ff0, 0, 0, 0]);
    }

    #[test]
    fn one_unit_drops_out_now_and_then() {
        let out: Vec<u64> = (0..40).filter(|&s| is_dropped_out(Duration::from_secs(s))).collect();

        assert_eq!(out, [8, 9, 10, 11, 33, 34, 35, 36]);
    }
}
