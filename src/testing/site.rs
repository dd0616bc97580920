//! A small site with lifelike signals: a power meter, a pump and a cold store that act on each other.
//!
//! The pump's speed is set from outside; flow, pressure and power follow it with the inertia of real water. The cold
//! store warms through its walls and faster with its door open, and its compressor works between two temperatures.
//! The meter sees what both draw, on a mains that is never quite 230 V. Everything comes from one seed, so a
//! rehearsal repeats exactly.

use std::{f64::consts::TAU, time::Duration};

/// The whole site at one moment.
#[derive(Debug, Clone)]
pub struct Site {
    /// The power meter at the mains.
    pub meter: Meter,
    /// The pump.
    pub pump: Pump,
    /// The cold store.
    pub cold_store: ColdStore,
    /// Source of noise and of the moments somebody opens the door.
    rng: fastrand::Rng,
    /// Time since the start, in seconds.
    elapsed: f64,
}

/// A single-phase power meter.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// Mains voltage in V.
    pub voltage: f64,
    /// Current in A.
    pub current: f64,
    /// Active power in W.
    pub power: f64,
    /// Energy since the meter was made, in kWh; it only rises.
    pub energy: f64,
    /// Mains frequency in Hz.
    pub frequency: f64,
}

/// A pump with a frequency converter.
#[derive(Debug, Clone, Copy)]
pub struct Pump {
    /// Speed asked for in percent, written from outside.
    pub setpoint: f64,
    /// Speed it has in percent.
    pub speed: f64,
    /// Flow in m3/h.
    pub flow: f64,
    /// Pressure in bar.
    pub pressure: f64,
}

/// A room that is kept cold.
#[derive(Debug, Clone, Copy)]
pub struct ColdStore {
    /// Air temperature in degrees Celsius.
    pub temperature: f64,
    /// Temperature asked for, written from outside.
    pub setpoint: f64,
    /// True while the door stands open.
    pub is_door_open: bool,
    /// True while the compressor runs.
    pub is_compressor_on: bool,
    /// Seconds until somebody opens or closes the door.
    door_timer: f64,
}

impl Site {
    /// A site in mid-afternoon: everything has been running for a while.
    pub fn new(seed: u64) -> Self {
        Self {
            meter: Meter { voltage: 230.0, current: 0.0, power: 0.0, energy: 18_204.37, frequency: 50.0 },
            pump: Pump { setpoint: 35.0, speed: 35.0, flow: 0.0, pressure: 0.0 },
            cold_store: ColdStore {
                temperature: 4.2,
                setpoint: 4.0,
                is_door_open: false,
                is_compressor_on: true,
                door_timer: 6.0,
            },
            rng: fastrand::Rng::with_seed(seed),
            elapsed: 0.0,
        }
    }

    /// Lets time pass. Steps of up to a second keep the signals smooth.
    pub fn step(&mut self, dt: Duration) {
        let dt = dt.as_secs_f64();
        self.elapsed += dt;
        self.step_pump(dt);
        self.step_cold_store(dt);
        self.step_meter(dt);
    }

    /// The rotor follows its setpoint in about two seconds; flow is linear in speed, pressure quadratic.
    fn step_pump(&mut self, dt: f64) {
        let noise = self.noise();
        let pump = &mut self.pump;
        pump.speed += (pump.setpoint.clamp(0.0, 100.0) - pump.speed) * (dt / 2.0).min(1.0);
        let share = pump.speed / 100.0;
        pump.flow = (42.0 * share * (1.0 + 0.01 * noise)).max(0.0);
        pump.pressure = (0.4 + 5.6 * share * share * (1.0 + 0.005 * noise)).max(0.0);
    }

    /// Heat leaks in from 21 degrees outside; the compressor switches within half a degree of the setpoint.
    fn step_cold_store(&mut self, dt: f64) {
        self.step_door(dt);
        let noise = self.noise();
        let room = &mut self.cold_store;
        let leak = if room.is_door_open { 1.0 / 45.0 } else { 1.0 / 600.0 };
        let cooling = if room.is_compressor_on { 0.22 } else { 0.0 };
        room.temperature += dt * ((21.0 - room.temperature) * leak - cooling) + 0.01 * noise * dt.sqrt();
        if room.temperature > room.setpoint + 0.5 {
            room.is_compressor_on = true;
        } else if room.temperature < room.setpoint - 0.5 {
            room.is_compressor_on = false;
        }
    }

    /// Somebody fetches something every half minute or so and is seldom quick about closing the door.
    fn step_door(&mut self, dt: f64) {
        let chance = self.rng.f64();
        let room = &mut self.cold_store;
        room.door_timer -= dt;
        if room.door_timer <= 0.0 {
            room.is_door_open = !room.is_door_open;
            room.door_timer = if room.is_door_open { 4.0 + 12.0 * chance } else { 12.0 + 25.0 * chance };
        }
    }

    /// Lights and office, plus what pump and compressor draw, at a power factor of 0.92.
    fn step_meter(&mut self, dt: f64) {
        let noise = self.noise();
        let pump = 6_000.0 * (self.pump.speed / 100.0).powi(3);
        let compressor = if self.cold_store.is_compressor_on { 1_450.0 } else { 0.0 };
        let lights = 380.0 + 60.0 * (self.elapsed * TAU / 90.0).sin() + 15.0 * noise;
        let meter = &mut self.meter;
        meter.power = lights + pump + compressor;
        meter.voltage = 230.0 + 1.8 * (self.elapsed * TAU / 47.0).sin() - meter.power * 0.0004 + 0.15 * noise;
        meter.current = meter.power / meter.voltage / 0.92;
        meter.energy += meter.power * dt / 3_600_000.0;
        meter.frequency = 50.0 + 0.02 * (self.elapsed * TAU / 31.0).sin() + 0.003 * noise;
    }

    /// Between -1 and 1, more often near 0.
    fn noise(&mut self) -> f64 {
        self.rng.f64() - self.rng.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u32, seed: u64) -> Site {
        let mut site = Site::new(seed);
        for _ in 0..seconds * 10 {
            site.step(Duration::from_millis(100));
        }
        site
    }

    #[test]
    fn signals_stay_in_the_range_of_the_real_thing() {
        for seed in 0..20 {
            let site = after(300, seed);
            assert!((220.0..240.0).contains(&site.meter.voltage), "{:?}", site.meter);
            assert!((49.9..50.1).contains(&site.meter.frequency), "{:?}", site.meter);
            assert!((0.0..15.0).contains(&site.cold_store.temperature), "{:?}", site.cold_store);
            assert!(site.meter.energy > 18_204.37);
        }
    }

    #[test]
    fn the_pump_follows_its_setpoint_and_the_meter_sees_it() {
        let mut site = after(30, 1);
        let before = site.meter.power;

        site.pump.setpoint = 90.0;
        for _ in 0..300 {
            site.step(Duration::from_millis(100));
        }

        assert!((site.pump.speed - 90.0).abs() < 0.1, "{:?}", site.pump);
        assert!(site.meter.power > before + 1_000.0);
    }

    #[test]
    fn one_seed_gives_one_history() {
        assert_eq!(after(60, 7).meter.energy.to_bits(), after(60, 7).meter.energy.to_bits());
    }
}
