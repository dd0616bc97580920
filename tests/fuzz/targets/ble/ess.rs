//! Advertisements of the Environmental Sensing Service.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { services: &[0x2A6E, 0x2A6F, 0x2A6D, 0x2A7B, 0x2A76, 0x2AFB, 0x2B8C, 0x2A19], names: &["", "P RHT 900001"], ..Sender::NOBODY });
