//! Advertisements of Blue Maestro.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x0133], ..Sender::NOBODY });
