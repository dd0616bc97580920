//! Advertisements of BTHome version 1, plain and encrypted.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0x181C, 0x181E], ..Sender::NOBODY });
