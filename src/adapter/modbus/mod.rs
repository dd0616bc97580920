//! Modbus.

pub mod config;
