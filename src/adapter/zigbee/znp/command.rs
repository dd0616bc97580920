//! MT commands: what a ZNP coordinator is asked, what it answers, and what it tells by itself.
//!
//! Each subsystem is one table. A request is a type whose `Answer` is the type of its reply, so that an answer can
//! only be read as what was asked for. Both sides of each are here. [`describe`] shows any frame, for tools and logs.

pub mod af;
pub mod app_cnf;
pub mod status;
pub mod sys;
pub mod util;
pub mod zdo;

use super::unpi::{Frame, Kind, Subsystem};
use crate::adapter::zigbee::{
    record::record,
    wire::{Wire, WireError},
};

/// A command of one side. Where it is not a request that is answered, `Answer` is nothing.
pub trait Command: Wire {
    /// The part of the firmware it belongs to.
    const SUBSYSTEM: Subsystem;
    /// Its number there.
    const ID: u8;
    /// Whether it is answered.
    const KIND: Kind;
    /// For people: `SYS.Ping`.
    const NAME: &'static str;
    /// What comes back.
    type Answer: Wire;

    /// As a frame.
    fn to_frame(&self) -> Frame {
        Frame { kind: Self::KIND, subsystem: Self::SUBSYSTEM, id: Self::ID, data: self.to_bytes() }
    }

    /// The frame that answers it.
    fn answer(answer: &Self::Answer) -> Frame {
        Frame { kind: Kind::Srsp, subsystem: Self::SUBSYSTEM, id: Self::ID, data: answer.to_bytes() }
    }

    /// Reads it, if that is what the frame holds.
    fn of(frame: &Frame) -> Option<Result<Self, WireError>> {
        is(frame, Self::KIND, Self::SUBSYSTEM, Self::ID).then(|| Self::from_bytes(&frame.data))
    }

    /// Reads its answer, if that is what the frame holds.
    fn answer_of(frame: &Frame) -> Option<Result<Self::Answer, WireError>> {
        is(frame, Kind::Srsp, Self::SUBSYSTEM, Self::ID).then(|| Self::Answer::from_bytes(&frame.data))
    }
}

/// Whether a frame holds a certain command.
fn is(frame: &Frame, kind: Kind, subsystem: Subsystem, id: u8) -> bool {
    (frame.kind, frame.subsystem, frame.id) == (kind, subsystem, id)
}

/// How a frame of one command and kind is shown.
pub struct Row {
    /// Which frames it is about.
    pub kind: Kind,
    /// The subsystem.
    pub subsystem: Subsystem,
    /// The command.
    pub id: u8,
    /// `SYS.Ping`
    pub name: &'static str,
    /// Its fields as JSON.
    show: fn(&[u8]) -> Result<serde_json::Value, WireError>,
}

/// Fields as JSON.
fn show<T: Wire + serde::Serialize>(bytes: &[u8]) -> Result<serde_json::Value, WireError> {
    let record = T::from_bytes(bytes)?;
    Ok(serde_json::to_value(record).expect("records have text keys and finite numbers"))
}

/// Every command that is known.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [sys::ROWS, af::ROWS, zdo::ROWS, util::ROWS, app_cnf::ROWS].into_iter().flatten()
}

/// The name of a frame's command and its fields, or `None` for one that is not known.
pub fn describe(frame: &Frame) -> Option<(&'static str, Result<serde_json::Value, WireError>)> {
    let row = rows().find(|row| is(frame, row.kind, row.subsystem, row.id))?;
    Some((row.name, (row.show)(&frame.data)))
}

record! {
    /// The coordinator could not read a request; comes as `SRSP` of the subsystem 0 in place of an answer
    /// (Z-Stack Monitor and Test API 1.14, 2.1.4).
    Refusal {
        /// Why: 1 subsystem, 2 command, 3 parameter, 4 length.
        code: u8,
        /// First command byte of the request.
        first: u8,
        /// Second command byte of the request.
        second: u8,
    }
}

/// Makes the types of a subsystem's commands and the rows that show them.
macro_rules! commands {
    (
        $subsystem:ident, $prefix:literal;
        $($(#[$meta:meta])* sreq $request:ident = $id:literal $fields:tt -> $answer:ty;)*
        ---
        $($(#[$areq_meta:meta])* areq $areq:ident = $areq_id:literal $areq_fields:tt;)*
    ) => {
        $($crate::adapter::zigbee::record::record! { $(#[$meta])* $request $fields })*
        $($crate::adapter::zigbee::record::record! { $(#[$areq_meta])* $areq $areq_fields })*

        $(commands!(@impl $subsystem, $prefix, $request, $id, Sreq, $answer);)*
        $(commands!(@impl $subsystem, $prefix, $areq, $areq_id, Areq, ());)*

        /// How each command of the subsystem is shown.
        pub(super) const ROWS: &[$crate::adapter::zigbee::znp::command::Row] = &[
            $(commands!(@row $request, Sreq, $request), commands!(@row $request, Srsp, $answer),)*
            $(commands!(@row $areq, Areq, $areq),)*
        ];
    };
    (@impl $subsystem:ident, $prefix:literal, $name:ident, $id:literal, $kind:ident, $answer:ty) => {
        impl $crate::adapter::zigbee::znp::command::Command for $name {
            const SUBSYSTEM: $crate::adapter::zigbee::znp::unpi::Subsystem =
                $crate::adapter::zigbee::znp::unpi::Subsystem::$subsystem;
            const ID: u8 = $id;
            const KIND: $crate::adapter::zigbee::znp::unpi::Kind = $crate::adapter::zigbee::znp::unpi::Kind::$kind;
            const NAME: &'static str = concat!($prefix, ".", stringify!($name));
            type Answer = $answer;
        }
    };
    (@row $command:ident, $kind:ident, $shown:ty) => {
        $crate::adapter::zigbee::znp::command::Row {
            kind: $crate::adapter::zigbee::znp::unpi::Kind::$kind,
            subsystem: <$command as $crate::adapter::zigbee::znp::command::Command>::SUBSYSTEM,
            id: <$command as $crate::adapter::zigbee::znp::command::Command>::ID,
            name: <$command as $crate::adapter::zigbee::znp::command::Command>::NAME,
            show: $crate::adapter::zigbee::znp::command::show::<$shown>,
        }
    };
}

use commands;

#[cfg(test)]
mod tests;
