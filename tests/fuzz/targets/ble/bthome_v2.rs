//! Advertisements of BTHome version 2.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0xFCD2], ..Sender::NOBODY });
