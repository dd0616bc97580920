//! Advertisements of ThermoBeacon.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x10, 0x11, 0x14, 0x15, 0x18, 0x1B, 0x30], uuids: &[0xFFF0], ..Sender::NOBODY });
