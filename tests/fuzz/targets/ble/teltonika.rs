//! Advertisements of Teltonika EYE.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x089A], ..Sender::NOBODY });
