//! Advertisements of Mopeka.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x0059], uuids: &[0xFEE5], ..Sender::NOBODY });
