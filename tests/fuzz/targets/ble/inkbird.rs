//! Advertisements of Inkbird.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x0000, 0xFE0C, 12_884], names: &["sps", "tps", "iBBQ", "ibs-p02b", "ITH-21-B", "x"], ..Sender::NOBODY });
