//! The machine below: its clock, its service manager, its names, and what it knows of this process.
//!
//! Everything here is asked of Linux through `/proc`, `/sys`, `/run` and system calls, and read defensively: a file
//! that is missing or says something unknown gives a modest answer, never an error that stops the gateway. The text
//! of each file is parsed by a pure function beside its reader.

pub mod bluetooth;
pub mod clock;
pub mod disk;
pub mod identity;
pub mod machine;
pub mod notify;
pub mod process;
pub mod processes;
pub mod root;
pub mod serial;
mod trust;

pub use clock::SystemClock;
pub use root::Root;
