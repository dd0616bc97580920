//! ZCL, the language of Zigbee applications: frames, values, general commands, and the table of clusters.
//!
//! ```text
//! frame (header, payload) -> general   read, write, report, configure, discover
//!                         -> fields    commands of a cluster, by the table
//! value: every data type, with the markers that say "no value"
//! ```
//!
//! "ZCL" in comments is the Zigbee Cluster Library, revision 8 (07-5123).

pub mod fields;
pub mod frame;
pub mod general;
pub mod kind;
pub mod status;
pub mod table;
pub mod value;

pub use self::{
    frame::{Direction, Frame, Header, Scope},
    general::General,
    kind::Kind,
    status::Status,
    value::{Content, Value},
};
