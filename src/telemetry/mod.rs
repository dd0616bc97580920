//! What the gateway says of itself: logs for people and the journal, metrics for machines.
//!
//! Nothing here knows another module. Logging is started once; its level can be changed while the gateway runs.

mod level;
pub mod logging;
pub mod metrics;
mod throttle;

pub use level::{LevelError, parse as parse_levels};
pub use throttle::Throttle;
