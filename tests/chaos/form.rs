//! The forms a gateway under test can have, and how much it has to do.

use std::time::Duration;

use crate::harness::Site;

/// How the buffer works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As shipped: published when cut, committed each second, live first.
    Shipped,
    /// The same with a shorter commit.
    Express,
    /// The same without a history: what is delivered in time never reaches the disk.
    Unkept,
    /// Every block is synced before it is published, and everything goes in order.
    Conservative,
}

impl Form {
    /// What a kill may take.
    pub(crate) fn commit(self) -> Duration {
        Duration::from_millis(match self {
            Self::Shipped => 1_000,
            Self::Express | Self::Unkept => 250,
            Self::Conservative => 100,
        })
    }

    /// A site whose gateway works so.
    pub(crate) fn site(self, uplink_port: u16) -> Site {
        let site = Site::new(uplink_port);
        if self == Self::Conservative {
            return site;
        }
        let mut site = site.express();
        site.replace("[buffer]\n", &format!("[buffer]\ncommit = \"{}ms\"\n", self.commit().as_millis()));
        site.replace("order = \"strict\"\n", "");
        if self == Self::Unkept {
            site.replace("[buffer]\n", "[buffer]\nhistory = \"0\"\n");
        }
        site
    }
}

/// How much the units are asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Units.
    pub(crate) units: u8,
    /// Points of each.
    pub(crate) points: u16,
    /// How often each is read.
    pub(crate) poll: &'static str,
}
