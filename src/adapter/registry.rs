//! The adapter kinds that are built in: a new adapter adds one line here.

use std::{mem, path::Path, sync::Arc};

use super::Adapter;
use crate::{
    config::{self, AdapterDraft, Draft, Problem, Report, report::suggest, section::AdapterKind},
    profile::{self, Library},
};

/// Kinds that other builds have, or later ones will.
const KNOWN_ELSEWHERE: [&str; 3] = ["modbus", "ble", "zigbee"];

/// Reads the keys of an adapter and makes it; `None` when it cannot be made, which is then in the draft's problems.
type Plan = fn(AdapterDraft, &mut Common, &mut Draft) -> Option<Arc<dyn Adapter>>;

/// What all adapters of a configuration read from, and what they have in common.
struct Common {
    library: Library,
    #[cfg(feature = "modbus")]
    registers: super::modbus::shared::Shared,
}

/// Every kind of this build.
const BUILT_IN: &[(AdapterKind, Plan)] = &[
    #[cfg(feature = "modbus")]
    (super::modbus::section::KIND, |adapter, common, draft| {
        let mut config = super::modbus::section::plan(adapter, draft)?;
        common.registers.share(&mut config.devices);
        Some(Arc::new(super::modbus::Modbus::new(config)))
    }),
    #[cfg(feature = "ble")]
    (super::ble::section::KIND, |adapter, common, draft| {
        let config = super::ble::section::plan(adapter, &mut common.library, draft)?;
        Some(Arc::new(super::ble::Ble::new(config)))
    }),
    #[cfg(feature = "zigbee")]
    (super::zigbee::section::KIND, |adapter, common, draft| {
        let config = super::zigbee::section::plan(adapter, &mut common.library, draft)?;
        Some(Arc::new(super::zigbee::Zigbee::new(config)))
    }),
];

/// A configuration that can be run, with its adapters and what is most likely not meant.
pub type Loaded = (config::Config, Vec<Arc<dyn Adapter>>, Vec<Problem>);

/// Reads and checks a configuration with all its adapters, offline.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    let mut draft = config::read(path);
    let wanted = draft.adapters.len();
    let adapters = plan(&mut draft);
    draft.has_unread_devices |= adapters.len() < wanted;
    check_republish(&adapters, &mut draft);
    let config::Loaded { config, warnings } = draft.finish()?;
    Ok((config, adapters, warnings))
}

/// Lets each kind read its own keys and make its adapters.
pub fn plan(draft: &mut Draft) -> Vec<Arc<dyn Adapter>> {
    let mut common = Common {
        library: Library::new(draft.profiles().dirs.clone()),
        #[cfg(feature = "modbus")]
        registers: super::modbus::shared::Shared::default(),
    };
    let adapters = mem::take(&mut draft.adapters).into_iter();
    adapters.filter_map(|adapter| plan_one(adapter, &mut common, draft)).collect()
}

/// Checks what our own servers show of the points of these adapters.
#[cfg(feature = "modbus")]
fn check_republish(adapters: &[Arc<dyn Adapter>], draft: &mut Draft) {
    use super::modbus::image::{Image, Known};
    let points: Vec<_> =
        adapters.iter().flat_map(|adapter| adapter.devices()).flat_map(|device| device.points).collect();
    let is_incomplete = draft.has_unread_devices;
    let (servers, named, problems) = draft.republish();
    let known = Known::new(&points, named, is_incomplete);
    for server in servers {
        Image::plan(server, &known, problems);
    }
}

/// A build without Modbus has no server for it.
#[cfg(not(feature = "modbus"))]
fn check_republish(_: &[Arc<dyn Adapter>], draft: &mut Draft) {
    let (servers, _, problems) = draft.republish();
    for server in servers {
        problems.error(&server.base.place, "this build has no Modbus to republish with").help("leave it out");
    }
}

/// The keys of every kind of this build, for the schema and the reference.
pub fn kinds() -> Vec<AdapterKind> {
    BUILT_IN.iter().map(|(kind, _)| *kind).collect()
}

/// Finds the kind of an adapter and lets it read, with what the profiles of its devices say.
fn plan_one(mut adapter: AdapterDraft, common: &mut Common, draft: &mut Draft) -> Option<Arc<dyn Adapter>> {
    let Some((_, plan)) = BUILT_IN.iter().find(|(kind, _)| kind.kind == adapter.kind) else {
        draft.has_unread_devices |= !adapter.devices.is_empty();
        refuse(&adapter, draft);
        return None;
    };
    profile::fill(&mut adapter, &mut common.library, draft);
    plan(adapter, common, draft)
}

/// Says why there is no such kind; one that is missing is reported already.
fn refuse(adapter: &AdapterDraft, draft: &mut Draft) {
    let names = BUILT_IN.iter().map(|(kind, _)| kind.kind);
    let kind = &adapter.kind;
    if kind.is_empty() {
        return;
    }
    if KNOWN_ELSEWHERE.contains(&kind.as_str()) {
        let help = match names.collect::<Vec<_>>().join(", ") {
            names if names.is_empty() => "this build has no adapters".to_owned(),
            names => format!("this build has: {names}"),
        };
        draft
            .problems
            .error(&adapter.kind_place, format!("adapters of kind {kind:?} are not in this build"))
            .help(help);
    } else {
        draft.problems.error(&adapter.kind_place, format!("unknown kind {kind:?}")).help(suggest(kind, names));
    }
}

#[cfg(all(test, feature = "modbus"))]
mod mistakes_test;
#[cfg(all(test, feature = "modbus"))]
mod profiles;
// The shipped file shows every kind.
#[cfg(all(test, feature = "modbus", feature = "ble"))]
mod shipped;
