//! The buffer: every reading, event and outcome between the rules and the uplinks, in one SQLite file.
//!
//! **Durable.** A block is durable when the commit that holds it is synced: at once with `strict`, after at most 10 s
//! with `balanced` and 10 min with `wear`. Events and outcomes are committed and synced at once. A receipt is spoken
//! after the commit that holds its readings. A commit comes every `commit`, earlier when blocks gather.
//!
//! **Order.** Blocks have ids that rise without holes, and per stream and epoch a `seq` that rises from 1 without
//! holes. Both are given when the block is cut and never given twice: the epoch is raised, synced, at each open.
//! Readings keep the order in which they were appended.
//!
//! **Two clocks.** With `express` a block is published when it is cut. If every uplink that wants it has acknowledged
//! it by the time its commit is due, it is safe without the disk and joins the history within a minute, many blocks in
//! one row; what is not acknowledged by then is committed.
//!
//! **Power cut.** It may take what was appended within the loss window (`commit` plus the sync interval) and no uplink
//! has; the window is logged at open and part of [`Status`]. A killed process loses at most one `commit`. What was
//! published and then lost takes its id with it: it dies with its epoch.
//!
//! **Bounds.** Blocks that nobody is owed go first, then the oldest owed readings, then events. Whoever is owed a
//! block that goes gets a gap event in the same transaction.
//!
//! **Uplinks.** A new one is owed everything the store holds, or nothing of it if it has a filter; one that is configured no more is forgotten. With none,
//! every block counts as delivered. Blocks kept locally are owed to nobody and stay as long as the history.
//!
//! **Wrong clock.** Nothing is ordered by wall time. What a clock stamped that is not trusted, and what has not left the
//! gateway when it is, is set right before it leaves; of what has left an event tells how far it is off.
//!
//! While the database refuses, everything stays in memory; beyond 16 MiB [`Buffer::append`] waits.

#[cfg(test)]
mod asides_test;
mod cipher;
mod codec;
mod commit;
mod copy;
mod core;
mod cutter;
pub mod damage;
mod delivery;
mod evict;
#[cfg(test)]
mod express_test;
mod fault;
#[cfg(test)]
mod fault_test;
mod handle;
mod head;
mod history;
mod kept;
mod last;
mod letters;
mod mark;
mod marking;
mod metrics;
#[cfg(test)]
mod migration_test;
#[cfg(test)]
mod model_test;
mod opening;
mod pack;
mod ranges;
#[cfg(test)]
mod remount_test;
#[cfg(test)]
mod retime_test;
mod ring;
mod rollup;
mod route;
mod rows;
mod seal;
mod shelf;
mod sight;
mod status;
mod store;
mod thin;
mod trail;
mod writer;

pub use cipher::KeyError;
pub use copy::copy;
pub use fault::OpenError;
pub use handle::{Append, Buffer, Feed, FetchError, Origin, Stopped, open};
pub use history::{
    Answer, Archive, ArchiveError, Bucket, Every, History, HistoryError, Period, Rows, Step, Wish, parse_time,
};
pub use letters::{Letter, Letters};
pub use metrics::Metrics;
pub use status::{Identity, Owed, Salvaging, Status};
pub use writer::Writer;
