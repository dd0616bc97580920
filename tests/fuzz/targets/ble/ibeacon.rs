//! Advertisements of iBeacon.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x004C], ..Sender::NOBODY });
