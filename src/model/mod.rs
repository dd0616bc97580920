//! The shared vocabulary: what a device, a point, a reading and a command are.
//!
//! Everything here is data with its rules. Nothing does I/O, and nothing imports another module of ours, so that
//! adapters, rules, buffer, uplink and command can all speak it without knowing each other.

mod batch;
mod block;
mod by_point;
mod clock;
mod command;
mod event;
mod grant;
mod ident;
mod point;
mod quality;
mod reading;
mod replay;
mod request;
mod selector;
mod slim;
mod time;
mod value;
pub mod vocabulary;

pub use batch::{Batch, Receipt, StateChange};
pub use block::{Block, BlockBody, BlockId, EpochEnd, Lane, Stream, Wanted};
pub use by_point::{ByPoint, OfPoint};
pub use clock::{Clock, SharedClock};
pub use command::{Command, CommandId, Envelope, Outcome, OutcomeStatus, Payload, ResponseTo, Source};
pub use event::{
    AlarmState, ClockChange, ClockSpan, ClockWord, DeviceChange, DeviceFacts, Event, EventKind, Gap, GapReason,
    GapSpan, Severity,
};
pub use grant::{Authorized, Denied, Grant, GrantId, Grants, Rate};
pub use ident::{DeviceId, IdentError, PointName};
pub use point::{Access, Domain, Point, PointAddress, PointType};
pub use quality::{Grade, Quality};
pub use reading::Reading;
pub use replay::Replay;
pub use request::{
    Confidential, DeviceRequest, EnergyScan, NetworkWish, Restoration, Told, WriteAnswer, WriteError, WriteReply,
    Written,
};
pub use selector::{Selector, SelectorError};
pub use slim::Slim;
pub use time::{BootId, ClockQuality, Timestamp, TimestampError};
pub use value::{Value, ValueError};
pub use vocabulary::Quantity;
