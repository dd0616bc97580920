//! Configuration: as typed, as meant, and a report of everything that is wrong with it.
//!
//! `file` states every key once, `section` makes readers, schema and reference from it, `check*` turns what was typed
//! into what is meant ([`Config`]). A run reports every problem with its place and never stops at the first. Reading
//! touches files alone: no hardware, no network, so that a configuration can be proved anywhere.
//!
//! Adapters read their own keys: [`read`] leaves their tables in the [`Draft`], `adapter::registry` hands each to its
//! kind, and [`Draft::finish`] gives the result.

mod check;
mod check_grant;
mod check_republish;
mod check_uplink;
mod checked;
mod draft;
mod file;
mod net;
mod parse;
mod redact;
mod reference;
pub mod report;
mod schema;
mod secret;
pub mod section;
mod tls;
pub mod tree;
mod units;
pub mod values;

pub use check::{Unique, in_order};
pub use checked::{
    Api, Backlog, Buffer, Commands, Compression, Config, Durability, Encoding, Gateway, Log, MqttProtocol, OnBad,
    Order, Policy, Pressure, Priority, Profiles, Republish, RepublishPoint, Rules, Secret, Tls, Transport, Uplink,
    UplinkUrl,
};
pub use draft::{AdapterDraft, DeviceDraft, Draft, GroupDraft, Loaded, NamedPoint, read, read_text};
pub use net::Net;
pub use redact::{HIDDEN, Redacted, redacted, without_logins};
pub use reference::reference;
pub use report::{Fault, Place, Problem, Report, Severity};
pub use schema::schema;
pub use secret::{SecretError, SecretText};
pub use section::AdapterKind;
pub use tls::TlsKeys;
pub use units::{duration, host_port};
