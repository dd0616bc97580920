//! The one table of point names and units that every adapter with formats of its own uses.
//!
//! A name is Home Assistant's device class where there is one, the unit is UCUM, and what is true is detected, open,
//! unlocked or on. `docs/points.md` is made from this table and compared with it by a test. A second value of a kind
//! in one message is `name_2`; see [`Quantity::point`].
//!
//! Nothing here allocates except for that suffix, so that the decoders that use it stay free of an operating system.

use alloc::{borrow::Cow, format};

use super::PointType;

/// Writes the enum and its table from one list, so that no entry can lack its name, type or meaning.
macro_rules! vocabulary {
    ($($variant:ident = $name:literal, $kind:ident, $unit:expr, $meaning:literal;)*) => {
        /// What a value is of: a point name with its unit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Quantity {
            $(#[doc = $meaning] $variant,)*
        }

        /// Every quantity, in the order of the page.
        pub const QUANTITIES: &[Quantity] = &[$(Quantity::$variant,)*];

        impl Quantity {
            /// Name, type, unit and meaning.
            const fn row(self) -> (&'static str, PointType, Option<&'static str>, &'static str) {
                match self {
                    $(Self::$variant => ($name, PointType::$kind, $unit, $meaning),)*
                }
            }
        }
    };
}

vocabulary! {
    Temperature = "temperature", Float, Some("Cel"), "Temperature of the air, the probe or the device.";
    Humidity = "humidity", Float, Some("%"), "Relative humidity of the air.";
    Pressure = "pressure", Float, Some("hPa"), "Pressure of the air.";
    DewPoint = "dew_point", Float, Some("Cel"), "Dew point, when the device works it out.";
    OutdoorTemperature = "outdoor_temperature", Float, Some("Cel"), "Temperature outside, as a thermostat knows it.";
    DeviceTemperature = "device_temperature", Float, Some("Cel"), "Temperature inside the device.";
    Illuminance = "illuminance", Float, Some("lx"), "Brightness of the light that falls on the device.";
    LightLevel = "light_level", Int, None, "Brightness as a step of the device's own scale.";
    UvIndex = "uv_index", Float, None, "UV index.";
    Moisture = "moisture", Float, Some("%"), "Moisture of soil or material.";
    Conductivity = "conductivity", Float, Some("uS/cm"), "Electrical conductivity of soil or liquid.";
    Co2 = "co2", Float, Some("[ppm]"), "Carbon dioxide in the air.";
    Pm1 = "pm1", Float, Some("ug/m3"), "Particles up to 1 µm.";
    Pm25 = "pm25", Float, Some("ug/m3"), "Particles up to 2.5 µm.";
    Pm4 = "pm4", Float, Some("ug/m3"), "Particles up to 4 µm.";
    Pm10 = "pm10", Float, Some("ug/m3"), "Particles up to 10 µm.";
    Voc = "volatile_organic_compounds", Float, Some("ug/m3"), "Volatile organic compounds in the air.";
    VocIndex = "voc_index", Int, None, "Volatile organic compounds, as an index without unit.";
    NoxIndex = "nox_index", Int, None, "Nitrogen oxides, as an index without unit.";
    VocParts = "volatile_organic_compounds_parts", Float, Some("[ppb]"), "Volatile organic compounds in the air, as parts of it.";
    Formaldehyde = "formaldehyde", Float, Some("mg/m3"), "Formaldehyde in the air.";
    SoundLevel = "sound_pressure", Float, Some("dB"), "Sound pressure level.";

    Battery = "battery", Float, Some("%"), "Charge of the battery.";
    BatteryLow = "battery_low", Bool, None, "The battery is low.";
    BatteryCharging = "battery_charging", Bool, None, "The battery is being charged.";
    Voltage = "voltage", Float, Some("V"), "Voltage of the battery or of what is measured.";
    BatteryVoltage = "battery_voltage", Float, Some("V"), "Voltage of the battery, of a device that measures another as well.";
    MainsVoltage = "mains_voltage", Float, Some("V"), "Voltage of the mains that a device runs on.";
    Current = "current", Float, Some("A"), "Electric current.";
    NeutralCurrent = "neutral_current", Float, Some("A"), "Current in the neutral conductor.";
    Power = "power", Float, Some("W"), "Active power.";
    TotalPower = "total_power", Float, Some("W"), "Active power of all phases.";
    ReactivePower = "reactive_power", Float, Some("var"), "Reactive power.";
    TotalReactivePower = "total_reactive_power", Float, Some("var"), "Reactive power of all phases.";
    ApparentPower = "apparent_power", Float, Some("V.A"), "Apparent power.";
    TotalApparentPower = "total_apparent_power", Float, Some("V.A"), "Apparent power of all phases.";
    PowerFactor = "power_factor", Float, None, "Active over apparent power, from -1 to 1.";
    VoltageB = "voltage_b", Float, Some("V"), "Voltage of phase B.";
    CurrentB = "current_b", Float, Some("A"), "Current of phase B.";
    PowerB = "power_b", Float, Some("W"), "Active power of phase B.";
    ReactivePowerB = "reactive_power_b", Float, Some("var"), "Reactive power of phase B.";
    ApparentPowerB = "apparent_power_b", Float, Some("V.A"), "Apparent power of phase B.";
    PowerFactorB = "power_factor_b", Float, None, "Active over apparent power of phase B.";
    VoltageC = "voltage_c", Float, Some("V"), "Voltage of phase C.";
    CurrentC = "current_c", Float, Some("A"), "Current of phase C.";
    PowerC = "power_c", Float, Some("W"), "Active power of phase C.";
    ReactivePowerC = "reactive_power_c", Float, Some("var"), "Reactive power of phase C.";
    ApparentPowerC = "apparent_power_c", Float, Some("V.A"), "Apparent power of phase C.";
    PowerFactorC = "power_factor_c", Float, None, "Active over apparent power of phase C.";
    DcVoltage = "dc_voltage", Float, Some("V"), "Voltage of a direct current.";
    DcCurrent = "dc_current", Float, Some("A"), "Direct current.";
    DcPower = "dc_power", Float, Some("W"), "Power of a direct current.";
    Energy = "energy", Float, Some("kW.h"), "Energy, counted; begins again when the device says so, some do every day.";
    EnergyProduced = "energy_produced", Float, Some("kW.h"), "Energy that was given back, counted.";
    Frequency = "frequency", Float, Some("Hz"), "Frequency of an alternating current.";
    ConsumedCharge = "consumed_charge", Float, Some("A.h"), "Charge taken from a battery since it was full; negative.";
    RemainingTime = "remaining_time", Int, Some("min"), "Time until a battery is empty at this load.";
    InputVoltage = "input_voltage", Float, Some("V"), "Voltage at the input.";
    InputCurrent = "input_current", Float, Some("A"), "Current at the input.";
    OutputVoltage = "output_voltage", Float, Some("V"), "Voltage at the output.";
    OutputCurrent = "output_current", Float, Some("A"), "Current at the output.";
    LoadCurrent = "load_current", Float, Some("A"), "Current of the load output.";
    AcVoltage = "ac_voltage", Float, Some("V"), "Voltage of the alternating current.";
    AcCurrent = "ac_current", Float, Some("A"), "Alternating current.";
    AcInputPower = "ac_input_power", Float, Some("W"), "Active power at the AC input.";
    AcOutputPower = "ac_output_power", Float, Some("W"), "Active power at the AC output.";
    StarterVoltage = "starter_voltage", Float, Some("V"), "Voltage of a starter battery.";
    MidpointVoltage = "midpoint_voltage", Float, Some("V"), "Voltage in the middle of a battery bank.";
    CellVoltage = "cell_voltage", Float, Some("V"), "Voltage of a cell; the cells are counted from the first.";
    State = "state", Int, None, "Operating state, by the numbers of the device's maker.";
    Error = "error", Int, None, "Error code, by the numbers of the device's maker; 0 is none.";
    Alarm = "alarm", Int, None, "Reasons of an alarm as bits, by the device's maker; 0 is none.";
    Warning = "warning", Int, None, "Reasons of a warning as bits, by the device's maker; 0 is none.";
    OffReason = "off_reason", Int, None, "Reasons for being off as bits, by the device's maker; 0 is none.";
    OutputState = "output_state", Int, None, "State of the output, by the numbers of the device's maker.";
    AcInput = "ac_input", Int, None, "Which AC input is in use, by the numbers of the device's maker.";
    MeterType = "meter_type", Int, None, "What a meter measures, by the numbers of the device's maker.";
    BalancerState = "balancer_state", Int, None, "State of the cell balancer, by the numbers of the device's maker.";
    BmsFlags = "bms_flags", Int, None, "State of a battery management system as bits.";
    IoState = "io_state", Int, None, "Inputs and outputs as bits.";
    AnalogInput = "analog_input", Float, None, "Number at an input, in the unit that its device is set up for.";
    AnalogOutput = "analog_output", Float, None, "Number at an output, in the unit that its device is set up for.";

    Brightness = "brightness", Int, None, "Brightness of a lamp, 0 to 254.";
    ColorTemperature = "color_temp", Int, Some("/MK"), "Colour temperature of a lamp in mireds: a million over the kelvins.";
    Hue = "hue", Int, None, "Hue of a lamp, 0 to 254 once round the colour circle.";
    Saturation = "saturation", Int, None, "Saturation of a lamp's colour, 0 to 254.";
    EnhancedHue = "enhanced_hue", Int, None, "Hue of a lamp in finer steps, 0 to 65534 once round the colour circle.";
    Color = "color", Text, None, "Colour that a lamp is set to, as chromaticity x and y: `0.3127 0.329`.";
    ColorX = "color_x", Float, None, "Chromaticity x of a lamp (CIE 1931).";
    ColorY = "color_y", Float, None, "Chromaticity y of a lamp (CIE 1931).";
    Setpoint = "setpoint", Float, Some("Cel"), "Temperature that is heated to.";
    CoolingSetpoint = "cooling_setpoint", Float, Some("Cel"), "Temperature that is cooled to.";
    TemperatureOffset = "temperature_offset", Float, Some("Cel"), "Added to the measured temperature.";
    HeatingDemand = "heating_demand", Float, Some("%"), "How much heat is asked for.";
    CoolingDemand = "cooling_demand", Float, Some("%"), "How much cooling is asked for.";
    Mode = "mode", Text, None, "What a thermostat does: `off auto cool heat emergency_heat precool fan_only dry sleep`.";
    FanMode = "fan_mode", Text, None, "What a fan does: `off low medium high on auto smart`.";
    Position = "position", Float, Some("%"), "How far a blind, curtain or door is open.";
    TiltPosition = "tilt_position", Float, Some("%"), "How far the slats of a blind are open.";
    Movement = "movement", Text, None, "What a blind is told: `open close stop`.";

    Acceleration = "acceleration", Float, Some("m/s2"), "Acceleration.";
    AccelerationX = "acceleration_x", Float, Some("m/s2"), "Acceleration along the first axis.";
    AccelerationY = "acceleration_y", Float, Some("m/s2"), "Acceleration along the second axis.";
    AccelerationZ = "acceleration_z", Float, Some("m/s2"), "Acceleration along the third axis.";
    Gyroscope = "gyroscope", Float, Some("deg/s"), "Rate of turning.";
    Rotation = "rotation", Float, Some("deg"), "Angle by which something is turned.";
    RotationalSpeed = "rotational_speed", Float, Some("/min"), "Revolutions per minute.";
    Pitch = "pitch", Float, Some("deg"), "Pitch of the device.";
    Roll = "roll", Float, Some("deg"), "Roll of the device.";
    PositionX = "position_x", Int, None, "Inclination along the first axis, in steps of the device's own scale.";
    PositionY = "position_y", Int, None, "Inclination along the second axis, in steps of the device's own scale.";
    Direction = "direction", Float, Some("deg"), "Compass direction.";
    Speed = "speed", Float, Some("m/s"), "Speed.";
    Distance = "distance", Float, Some("m"), "Distance.";
    DistanceMm = "distance", Float, Some("mm"), "Distance, from devices that measure it in millimetres.";
    TankLevel = "tank_level", Float, Some("mm"), "Height of the liquid in a tank.";
    ReadingQuality = "reading_quality", Int, None, "How sure the device is of its measurement, from 0.";
    Duration = "duration", Float, Some("s"), "A time span.";
    Uptime = "uptime", Float, Some("s"), "Time since the device started.";
    Timestamp = "timestamp", Text, None, "A time the device gives, RFC 3339 in UTC.";
    Weight = "weight", Float, Some("kg"), "Weight.";
    WeightPounds = "weight", Float, Some("[lb_av]"), "Weight, from devices that are set to pounds.";
    Impedance = "impedance", Float, Some("Ohm"), "Impedance of the body.";
    HeartRate = "heart_rate", Float, Some("/min"), "Beats of a heart per minute.";
    Volume = "volume", Float, Some("L"), "Volume.";
    VolumeMl = "volume", Float, Some("mL"), "Volume, from devices that measure it in millilitres.";
    VolumeM3 = "volume", Float, Some("m3"), "Volume, from meters that count in cubic metres.";
    VolumeStorage = "volume_storage", Float, Some("L"), "Volume that is stored.";
    FlowRate = "volume_flow_rate", Float, Some("m3/h"), "Volume per time.";
    Gas = "gas", Float, Some("m3"), "Gas, counted.";
    Water = "water", Float, Some("L"), "Water, counted.";
    Precipitation = "precipitation", Float, Some("mm"), "Rain or snow.";
    Count = "count", Int, None, "A count.";
    MovementCount = "movement_counter", Int, None, "How often the device was moved; begins again after its last number.";
    PressCount = "button_counter", Int, None, "How often a button was pressed; begins again after its last number.";
    PacketCount = "packet_counter", Int, None, "How many packets the device has sent since it started.";
    PacketId = "packet_id", Int, None, "Number of the measurement; begins again after its last number.";
    SettingsRevision = "settings_revision", Int, None, "Number of the settings in force.";
    Consumable = "consumable", Int, Some("%"), "What is left of something that is used up.";
    Channel = "channel", Int, None, "Which channel a message is about.";

    Occupancy = "occupancy", Bool, None, "Somebody is there.";
    Presence = "presence", Bool, None, "Somebody or something is at home.";
    Motion = "motion", Bool, None, "Motion was detected.";
    Moving = "moving", Bool, None, "The device itself moves.";
    Opening = "opening", Bool, None, "Something is open.";
    Door = "door", Bool, None, "A door is open.";
    GarageDoor = "garage_door", Bool, None, "A garage door is open.";
    Window = "window", Bool, None, "A window is open.";
    LeftOpen = "left_open", Bool, None, "A door or window has been open for too long.";
    Lock = "lock", Bool, None, "A lock is unlocked.";
    Light = "light", Bool, None, "There is light.";
    Smoke = "smoke", Bool, None, "Smoke was detected.";
    WaterLeak = "water_leak", Bool, None, "Water was detected where none should be.";
    CarbonMonoxide = "carbon_monoxide", Bool, None, "Carbon monoxide was detected.";
    GasDetected = "gas_leak", Bool, None, "Gas was detected.";
    Heat = "heat", Bool, None, "It is hot.";
    Cold = "cold", Bool, None, "It is cold.";
    Heating = "heating", Bool, None, "It is being heated.";
    Cooling = "cooling", Bool, None, "It is being cooled.";
    Vibration = "vibration", Bool, None, "Vibration was detected.";
    Impact = "impact", Bool, None, "The device was hit.";
    Tilt = "tilt", Bool, None, "The device was tilted.";
    FreeFall = "free_fall", Bool, None, "The device fell.";
    Sound = "sound", Bool, None, "Sound was detected.";
    Tamper = "tamper", Bool, None, "The device was tampered with.";
    Problem = "problem", Bool, None, "The device has a problem.";
    Safety = "safety", Bool, None, "It is unsafe.";
    Running = "running", Bool, None, "Something runs.";
    Plug = "plug", Bool, None, "A plug is in.";
    Connectivity = "connectivity", Bool, None, "The device is connected.";
    MagneticField = "magnetic_field", Bool, None, "A magnet is near.";
    Input = "input", Bool, None, "A digital input is on.";
    Output = "output", Bool, None, "A digital output is on.";
    On = "on", Bool, None, "Something is on.";
    Siren = "siren", Bool, None, "A siren sounds.";
    Generic = "generic", Bool, None, "A state the device does not name.";

    Button = "button", Text, None, "A button was used: `press double_press long_press on off toggle step_up …`.";
    Dimmer = "dimmer", Text, None, "A dimmer was turned: `rotate_left`, `rotate_right`, or pressed.";
    DimmerSteps = "dimmer_steps", Int, None, "By how many steps a dimmer was turned.";
    Command = "command", Text, None, "A remote control sent: `off on toggle step_up step_down`.";
    Action = "action", Text, None, "What a person did with the device, in its own words.";
    Text = "text", Text, None, "Text.";
    Raw = "raw", Text, None, "Bytes whose meaning only the device knows, as hex.";
    Firmware = "firmware_version", Text, None, "Version of the device's firmware.";
    DeviceType = "device_type", Int, None, "Number of the model.";
    BeaconId = "beacon_id", Text, None, "Which beacon it is, as hex: namespace and instance, or UUID.";
    Major = "major", Int, None, "Major number of a beacon.";
    Minor = "minor", Int, None, "Minor number of a beacon.";
    Url = "url", Text, None, "Address a beacon tells.";
    TxPower = "tx_power", Int, Some("dB[mW]"), "Power the device sends with, or which is received at its reference distance.";
    Rssi = "rssi", Int, Some("dB[mW]"), "Power with which the last message was received.";
    Lqi = "lqi", Int, None, "Quality of the last message's reception, 0 to 255.";
}

impl Quantity {
    /// The point's name, without a suffix.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The type of the point.
    pub const fn kind(self) -> PointType {
        self.row().1
    }

    /// The UCUM unit; counts, switches and text have none.
    pub const fn unit(self) -> Option<&'static str> {
        self.row().2
    }

    /// What it is, in a sentence.
    pub const fn meaning(self) -> &'static str {
        self.row().3
    }

    /// What a point's name says it is of; the number of a second one of a kind is left aside.
    pub fn named(name: &str) -> Option<Self> {
        let base = name.rsplit_once('_').filter(|(_, number)| number.parse::<u8>().is_ok_and(|number| number > 1));
        let is = |name: &str| QUANTITIES.iter().copied().find(|quantity| quantity.name() == name);
        is(name).or_else(|| is(base?.0))
    }

    /// The name of the `nth` point of this name in a message, counted from 1: `temperature`, `temperature_2`.
    pub fn point(self, nth: u8) -> Cow<'static, str> {
        if nth <= 1 { Cow::Borrowed(self.name()) } else { Cow::Owned(format!("{}_{nth}", self.name())) }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _};

    use super::*;
    use crate::{model::PointName, testing::page::assert_shows};

    /// The table as Markdown.
    fn table() -> String {
        let mut table = "| point | type | unit | meaning |\n|---|---|---|---|\n".to_owned();
        for quantity in QUANTITIES {
            let unit = quantity.unit().map(|unit| format!("`{unit}`")).unwrap_or_default();
            let (name, kind, meaning) = (quantity.name(), quantity.kind().as_str(), quantity.meaning());
            writeln!(table, "| `{name}` | {kind} | {unit} | {meaning} |").unwrap();
        }
        table
    }

    #[test]
    fn the_page_shows_the_table() {
        let lines = ("<!-- points: made from the code -->\n", "<!-- end of points -->\n");
        assert_shows("docs/points.md", lines, &table());
    }

    #[test]
    fn a_name_and_a_unit_stand_in_the_table_once() {
        let mut seen = BTreeSet::new();
        for quantity in QUANTITIES {
            assert!(seen.insert((quantity.name(), quantity.unit())), "{quantity:?}");
        }
    }

    #[test]
    fn names_are_point_names_and_numbers_with_a_unit_are_no_switches() {
        for quantity in QUANTITIES {
            assert!(PointName::new(quantity.point(2).as_ref()).is_ok(), "{quantity:?}");
            let is_number = matches!(quantity.kind(), PointType::Float | PointType::Int);
            assert!(is_number || quantity.unit().is_none(), "{quantity:?}");
        }
    }

    #[test]
    fn the_second_of_a_kind_has_a_suffix() {
        assert_eq!(Quantity::Temperature.point(1), "temperature");
        assert_eq!(Quantity::Temperature.point(2), "temperature_2");
        assert_eq!(Quantity::named("temperature_2"), Some(Quantity::Temperature));
        assert_eq!(Quantity::named("pm25"), Some(Quantity::Pm25));
        assert_eq!((Quantity::named("temperature_1"), Quantity::named("temperature_x")), (None, None));
    }
}
