//! Advertisements of Xiaomi MiBeacon.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0xFE95], ..Sender::NOBODY });
