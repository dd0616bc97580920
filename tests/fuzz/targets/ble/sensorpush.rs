//! Advertisements of SensorPush.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x0000, 0x0004, 0x0008, 0x7F00], names: &["HTP.xw", "HT.w", "TC.x"], ..Sender::NOBODY });
