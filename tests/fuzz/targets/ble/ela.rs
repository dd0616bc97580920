//! Advertisements of ELA Blue PUCK and COIN.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0x0757], ..Sender::NOBODY });
