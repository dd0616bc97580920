//! Advertisements of ATC1441 and pvvx.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0x181A], ..Sender::NOBODY });
