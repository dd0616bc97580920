//! Advertisements of Govee.
#![no_main]

use tidegate_fuzz::ble::Sender;

tidegate_fuzz::decoder!(Sender { companies: &[0xEC88, 0x0001, 0x8801, 0x8803, 0x8843, 0x67DD, 0x2730, 0x1B36], names: &["", "GVH5075_1", "GVH5074_1", "GVH5106_1", "GVH5112_1", "GV5140_1", "B5178_1", "GVH5179_1", "GV5123_1", "GVH5182_1"], ..Sender::NOBODY });
