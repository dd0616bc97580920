//! The tables of `vectors.toml`, as they are written.

use super::values::{Data, Hex, Json, Registers};
use crate::{
    config::section::{At, Section, section},
    model::{PointName, Quality},
};

section! {
    /// All vectors of a profile.
    pub(super) struct FileKeys {
        /// States of the device.
        vector: Vec<Section> = required;
        /// Commands for the device, and the frames that carry them out.
        write: Vec<At<WriteKeys>> = default("[]");
    }
}

section! {
    /// A command, and the frame that carries it out.
    pub(super) struct WriteKeys {
        /// What it shows, and where it comes from.
        about: String = required;
        /// The point.
        point: PointName = required;
        /// The value it shall have.
        value: Json = required;
        /// The frame that is sent to a Zigbee device, with 0 as its sequence number.
        frame: FrameKeys = optional("it is of another kind");
        /// What is written into the characteristic of a Bluetooth device, in hexadecimal.
        bytes: Hex = optional("it is of another kind");
    }
}

section! {
    /// A frame of the Zigbee Cluster Library.
    pub(super) struct FrameKeys {
        /// From, or to, which endpoint.
        endpoint: u8 = default("1");
        /// Of which cluster.
        cluster: u16 = required;
        /// Its bytes from frame control on, in hexadecimal.
        zcl: Hex = required;
    }
}

section! {
    /// One state of the device.
    pub(super) struct VectorKeys {
        /// What it shows, and where it comes from.
        about: String = required;
        /// Words by the place of the first one: `"input:0" = "4366 199A"`, in hexadecimal.
        registers: Registers = default("{}");
        /// What a Zigbee device sends.
        frames: Vec<At<FrameKeys>> = default("[]");
        /// What a Bluetooth device advertises.
        adverts: Vec<At<AdvertKeys>> = default("[]");
        /// What the characteristics of a Bluetooth device hold: `{ "180f/2a19" = "64" }`.
        characteristics: Data = default("{}");
        /// What the points have to say.
        readings: Vec<At<ReadingKeys>> = required;
    }
}

section! {
    /// What one point has to say.
    pub(super) struct ReadingKeys {
        /// The point.
        point: PointName = required;
        /// Its value.
        value: Json = optional("none, for a bad reading");
        /// Its unit.
        unit: String = optional("no unit");
        /// Its quality.
        quality: Quality = default("\"good\"");
    }
}

section! {
    /// An advertisement.
    pub(super) struct AdvertKeys {
        /// Its name.
        name: String = optional("none");
        /// Manufacturer data by company: `{ "0x0499" = "0512fc" }`.
        manufacturer_data: Data = default("{}");
        /// Service data by service: `{ fcd2 = "40026400" }`.
        service_data: Data = default("{}");
        /// Services that it says it has.
        service_uuids: Vec<At<String>> = default("[]");
    }
}
