//! Device profiles: what a model of device offers, written down once, so that a configuration names it in a word.
//!
//! A profile is a folder `<vendor>/<model>` that holds `profile.toml`, the points and where they are, and
//! `vectors.toml`, register contents or messages with the readings they have to give. Where a table cannot say what a
//! message means, `decode.rhai` and `encode.rhai` do, within limits (`script/`). It is no second configuration language: what
//! it says takes the place of keys that the device does not set, before the adapter's kind reads the device. So a
//! profile has every key its kind has, and a mistake in it is reported with its own file, line and column.

mod fill;
mod library;
mod pack;
mod script;
mod vectors;

pub use fill::fill;
pub use library::{Library, ProfileName};
pub use pack::Pack;
pub use script::{Answer, Argument, CallError, Runner, Script};
pub use vectors::{Advert, Expected, Frame, Sent, Vector, Vectors, Write, read as read_vectors};
