//! Advertisements of RuuviTag and Ruuvi Air.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x0499], ..Sender::NOBODY });
