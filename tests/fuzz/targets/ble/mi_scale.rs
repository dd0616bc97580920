//! Advertisements of Mi scales.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0x181D, 0x181B], ..Sender::NOBODY });
