//! `APP_CNF`: how a network is formed and devices are taken in (Z-Stack 3, base device behaviour).

use super::{commands, status::Status, sys::Done};
use crate::adapter::zigbee::{
    address::{Channels, Ieee},
    wire::{Reader, Wire, WireError},
};

/// Form a network; the mode of [`StartCommissioning`].
pub const FORM: u8 = 0x04;

commands! {
    APP_CNF, "APP_CNF";
    /// Remembers the key that an install code makes, for one device that is to join.
    sreq AddInstallCode = 0x04 {
        /// For whom.
        code: InstallCode,
    } -> Done;
    /// Begins to form or to join, as the mode says; [`CommissioningInd`] tells how it goes.
    sreq StartCommissioning = 0x05 {
        /// [`FORM`].
        mode: u8,
    } -> Done;
    /// On which channels to form.
    sreq SetChannel = 0x08 {
        /// Whether these are the first to try, or those after them.
        is_primary: bool,
        /// Which.
        channels: Channels,
    } -> Done;
    /// Whether devices that do not fetch a key of their own are sent away.
    sreq RequireKeyExchange = 0x09 {
        /// Whether.
        is_required: bool,
    } -> Done;
    /// Sets the counter of outgoing frames; only before the network starts.
    sreq SetFrameCounter = 0xff {
        /// The next number.
        counter: u32,
    } -> Done;
    ---
    /// How forming goes.
    areq CommissioningInd = 0x80 {
        /// 0 success.
        status: Status,
        /// Which step; older firmware leaves it out.
        mode: Option<u8>,
        /// What is still to be done.
        remaining: Option<u8>,
    };
}

/// What a device's label tells of its first key. Never printed: a key is a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum InstallCode {
    /// The code with its check sum, 18 bytes; the chip makes the key of it.
    Code(Ieee, [u8; 18]),
    /// The key that was made of it.
    Key(Ieee, [u8; 16]),
}

impl InstallCode {
    /// For whom it is.
    pub fn ieee(&self) -> Ieee {
        match self {
            Self::Code(ieee, _) | Self::Key(ieee, _) => *ieee,
        }
    }
}

impl std::fmt::Debug for InstallCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InstallCode({}, ***)", self.ieee())
    }
}

impl serde::Serialize for InstallCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} ***", self.ieee()))
    }
}

impl Wire for InstallCode {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let form: u8 = reader.read()?;
        let ieee = reader.read()?;
        match form {
            1 => Ok(Self::Code(ieee, reader.array()?)),
            2 => Ok(Self::Key(ieee, reader.array()?)),
            found => Err(WireError::Unknown { what: "form of an install code", found: found.into() }),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (form, ieee, secret): (u8, _, &[u8]) = match self {
            Self::Code(ieee, code) => (1, ieee, code),
            Self::Key(ieee, key) => (2, ieee, key),
        };
        out.push(form);
        ieee.write(out);
        out.extend_from_slice(secret);
    }
}
