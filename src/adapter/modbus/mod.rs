//! Modbus.

pub mod config;
pub mod decode;
pub mod encode;
pub mod exception;
#[cfg(test)]
mod fixtures;
pub mod layout;
pub mod mbap;
pub mod pdu;
pub mod response;
