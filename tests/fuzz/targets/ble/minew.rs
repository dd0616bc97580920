//! Advertisements of Minew.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0xFFE1], ..Sender::NOBODY });
