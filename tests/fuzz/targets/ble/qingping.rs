//! Advertisements of Qingping.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0xFDCD], ..Sender::NOBODY });
