//! Advertisements of Victron Instant Readout.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x02E1], ..Sender::NOBODY });
