//! Fakes shared by tests and the demo: devices and servers without hardware.

#[cfg(feature = "modbus")]
pub mod modbus_unit;
