//! Groups of Zigbee devices: their members by address, and a number for each.

use std::collections::BTreeMap;

use super::values::digits;
use crate::{
    adapter::zigbee::{
        address::{self, Ieee},
        config::Group,
    },
    config::{
        GroupDraft,
        report::{Problems, suggest},
    },
    model::DeviceId,
};

/// The groups with the addresses of their members; each has a number of its own.
pub(super) fn grouped(
    drafts: Vec<GroupDraft>,
    names: &BTreeMap<Ieee, DeviceId>,
    problems: &mut Problems,
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for GroupDraft { id, members } in drafts {
        let members = members.into_iter().filter_map(|member| {
            let found = member_of(&member.value, names);
            if found.is_none() {
                let help = suggest(member.value.as_str(), names.values().map(DeviceId::as_str));
                problems.error(&member.place, format!("no Zigbee device {:?}", member.value.as_str())).help(help);
            }
            found
        });
        let members = members.collect();
        let mut number = number_of(id.as_str());
        while groups.iter().any(|group| group.number.0 == number) {
            number = number % LAST_GROUP + 1;
        }
        groups.push(Group { id, number: address::Group(number), members });
    }
    groups
}

/// The last number a group can have (Zigbee R21, 3.6.6.2: those above stand for broadcasts).
const LAST_GROUP: u16 = 0xfff7;

/// The number of a group: the same after every start, whatever other groups there are (FNV-1a, folded).
fn number_of(id: &str) -> u16 {
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u16::try_from((hash ^ hash >> 16) % u32::from(LAST_GROUP) + 1).expect("it is at most the last")
}

/// The address of a device by its name, also by the one it has without a `[[device]]`.
fn member_of(id: &DeviceId, names: &BTreeMap<Ieee, DeviceId>) -> Option<Ieee> {
    let known = names.iter().find(|(_, name)| *name == id).map(|(ieee, _)| *ieee);
    known.or_else(|| digits(id.as_str().strip_prefix("zb-")?, 16).ok().map(Ieee))
}
