//! Stand-ins for the outside world, shared by tests, the demo and rehearsals of a site.

pub mod blocks;
pub mod broker;
pub mod clock;
pub mod consumer;
#[cfg(feature = "modbus")]
pub mod modbus_unit;
#[cfg(test)]
pub(crate) mod page;
#[cfg(feature = "modbus")]
pub mod profiled;
#[cfg(feature = "modbus")]
pub mod rehearsal;
#[cfg(feature = "modbus")]
pub mod signals;
pub mod site;
#[cfg(feature = "modbus")]
pub mod sunspec;
#[cfg(feature = "zigbee")]
pub mod zigbee;
