//! Advertisements of SwitchBot, whose values are in two places.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0xFD3D, 0x0D00], companies: &[0x0969], ..Sender::NOBODY });
