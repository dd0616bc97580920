//! The real daemon against real peers: pymodbus as device, mosquitto as broker, and faults in between.
//!
//! `make test` sets the peers up. `TIDEGATE_LONG=1` runs the scenarios at their full length.

#![cfg(feature = "modbus")]

#[cfg(feature = "ble")]
mod bluetooth;
mod commands;
mod commissioning;
mod crashes;
mod delivery;
mod faults;
mod harness;
mod lifecycle;
mod links;
mod loss;
mod profiles;
mod proof;
mod republish;
mod setup;
mod types;
mod writes;
#[cfg(feature = "zigbee")]
mod zigbee;
