//! Advertisements of MikroTik TG-BT5.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x094F], ..Sender::NOBODY });
