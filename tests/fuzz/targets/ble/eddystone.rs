//! Advertisements of Eddystone.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0xFEAA], ..Sender::NOBODY });
