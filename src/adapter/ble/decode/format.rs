//! The formats by name.

/// Writes the enum and its words from one list.
macro_rules! formats {
    ($($variant:ident = $word:literal, $meaning:literal;)*) => {
        /// A format of advertisements.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $(#[doc = $meaning] $variant,)*
        }

        impl Format {
            /// Every format.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word used in messages and configuration.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

formats! {
    BthomeV1 = "bthome_v1", "BTHome version 1, plain and encrypted.";
    BthomeV2 = "bthome_v2", "BTHome version 2, plain and encrypted; also Shelly BLU.";
    Mibeacon = "mibeacon", "Xiaomi MiBeacon, plain and encrypted.";
    Atc1441 = "atc1441", "ATC firmware for Xiaomi thermometers, plain and encrypted.";
    Pvvx = "pvvx", "Custom format of the pvvx firmware, plain and encrypted.";
    RuuviDf3 = "ruuvi_df3", "RuuviTag data format 3 (RAWv1).";
    RuuviDf5 = "ruuvi_df5", "RuuviTag data format 5 (RAWv2).";
    RuuviDf6 = "ruuvi_df6", "Ruuvi Air data format 6.";
    RuuviE1 = "ruuvi_e1", "Ruuvi Air data format E1.";
    Victron = "victron", "Victron Instant Readout.";
    TeltonikaEye = "teltonika_eye", "Teltonika EYE sensor and beacon.";
    Ela = "ela", "ELA Innovation Blue sensors.";
    Minew = "minew", "Minew sensors.";
    Mikrotik = "mikrotik", "MikroTik TG-BT5 tags.";
    EddystoneUid = "eddystone_uid", "Eddystone UID.";
    EddystoneUrl = "eddystone_url", "Eddystone URL.";
    EddystoneTlm = "eddystone_tlm", "Eddystone telemetry.";
    Ibeacon = "ibeacon", "Apple iBeacon.";
    Govee = "govee", "Govee thermometers and sensors.";
    Switchbot = "switchbot", "SwitchBot meters, contact, motion and leak sensors.";
    Inkbird = "inkbird", "Inkbird thermometers.";
    Sensorpush = "sensorpush", "SensorPush thermometers.";
    Qingping = "qingping", "Qingping sensors.";
    Mopeka = "mopeka", "Mopeka tank sensors.";
    Thermobeacon = "thermobeacon", "ThermoBeacon and ThermoPlus thermometers.";
    Ess = "ess", "Characteristics of the Environmental Sensing Service as service data.";
    MiScale = "mi_scale", "Xiaomi Mi scales.";
    Bluemaestro = "bluemaestro", "Blue Maestro Tempo Discs.";
}
