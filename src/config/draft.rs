//! A configuration on its way from files to [`Config`]: everything checked but what only the adapters know.
//!
//! [`read`] touches files alone, no hardware and no network. The adapters then take their tables out of the
//! [`Draft`] and report their problems into it, and [`Draft::finish`] gives the result or the whole report.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Buffer, Config, Gateway, Pressure, Profiles, Republish, Rules, Uplink, check,
    check::Unique,
    check_grant, check_republish, check_uplink, file,
    report::{Fault, Place, Problem, Problems, Report, nearest, suggest},
    section::{At, FromNode as _, Section},
    tree::{self, Data, Node, Table},
    values::Slug,
};
use crate::model::{Access, DeviceId, PointAddress};

/// A configuration whose adapters have not looked at their tables yet.
#[derive(Debug)]
pub struct Draft {
    /// What is wrong so far.
    pub problems: Problems,
    /// The adapters in the order of the files.
    pub adapters: Vec<AdapterDraft>,
    /// The points that were named, also where something else about them is wrong; grants are compared with them.
    pub points: Vec<NamedPoint>,
    /// Whether there are devices whose points nobody could read, so that nothing is said of missing points.
    pub has_unread_devices: bool,
    /// Everything else, checked.
    config: Config,
    /// Grants with their places.
    grants: Vec<check_grant::Placed>,
    /// The uplinks that were named, and whether they take commands; grants are compared with them. `None` when there
    /// are more than could be read, so that nothing is said of missing ones.
    uplinks: Option<Vec<(Arc<str>, bool)>>,
}

/// A point as far as grants have to know it.
#[derive(Debug)]
pub struct NamedPoint {
    /// Its address.
    pub address: PointAddress,
    /// Whether it can be read, written or both.
    pub access: Access,
}

/// One `[[adapter]]` and its devices, for its kind to read.
#[derive(Debug)]
pub struct AdapterDraft {
    /// Unique name.
    pub name: String,
    /// The kind as typed; empty when it was refused, which is reported already.
    pub kind: String,
    /// Where the kind stands.
    pub kind_place: Place,
    /// What happens while there is no room for its readings, if it says so itself.
    pub pressure: Option<Pressure>,
    /// The keys nobody has read yet.
    pub section: Section,
    /// Its devices in the order of the files.
    pub devices: Vec<DeviceDraft>,
    /// Devices of it that are commanded together.
    pub groups: Vec<GroupDraft>,
}

/// One `[[group]]`, for its adapter's kind to read.
#[derive(Debug)]
pub struct GroupDraft {
    /// Its id.
    pub id: DeviceId,
    /// Its members, as typed.
    pub members: Vec<At<DeviceId>>,
}

/// One `[[device]]`, for its adapter's kind to read.
#[derive(Debug)]
pub struct DeviceDraft {
    /// Its id; a stand-in when the id was refused, so that the rest of the device is still checked.
    pub id: DeviceId,
    /// Its name for people.
    pub name: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The device profile it was given, as typed.
    pub profile: Option<At<String>>,
    /// The keys nobody has read yet.
    pub section: Section,
}

/// A configuration that can be run.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is most likely not meant.
    pub warnings: Vec<Problem>,
}

/// Reads a file and the `conf.d/*.toml` beside it.
pub fn read(path: &Path) -> Draft {
    let mut problems = Problems::default();
    let mut table = Table::new();
    for file in files(path, &mut problems) {
        let more = read_file(&file, &mut problems);
        tree::merge(&mut table, more, &mut problems);
    }
    Draft::new(Node { place: Place::start_of(path), data: Data::Table(table) }, problems)
}

/// Reads a configuration that we made ourselves, as if it stood in the file `path`.
pub fn read_text(path: &Path, text: &str) -> Draft {
    let mut problems = Problems::default();
    let table = tree::parse(path, text, &mut problems);
    Draft::new(Node { place: Place::start_of(path), data: Data::Table(table) }, problems)
}

/// The main file, then `conf.d/*.toml` beside it in name order.
pub(super) fn files(path: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("")).join("conf.d");
    let mut more = match toml_files(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let place = Place::start_of(path);
            problems.unreadable(&place, format!("cannot list {}: {error}", folder.display()));
            Vec::new()
        }
    };
    more.sort();
    more.retain(|file| can_end(file, problems));
    more.insert(0, path.to_owned());
    more
}

/// Whether reading comes to an end: a pipe that nobody writes to, or a device, would hold up start and reload for ever.
/// What cannot be looked at is left to whoever opens it.
fn can_end(file: &Path, problems: &mut Problems) -> bool {
    let can_end = fs::metadata(file).map_or(true, |found| found.is_file() || found.is_dir());
    if !can_end {
        problems.unreadable(&Place::start_of(file), "is a pipe or a device").help("move it out of conf.d");
    }
    can_end
}

/// The `*.toml` files of a folder; hidden ones are an editor's.
fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            found.push(path);
        }
    }
    Ok(found)
}

/// Reads one file; what cannot be read is reported.
pub(super) fn read_file(path: &Path, problems: &mut Problems) -> Table {
    match fs::read(path) {
        Ok(bytes) => match str::from_utf8(&bytes) {
            Ok(text) => return tree::parse(path, text, problems),
            Err(error) => not_text(path, &bytes[..error.valid_up_to()], problems),
        },
        Err(error) => {
            let problem = problems.unreadable(&Place::start_of(path), format!("cannot read the file: {error}"));
            problem.help("is the path right, and may this user read it?");
        }
    }
    Table::new()
}

/// Reports the first byte that is no text; `before` is what is.
fn not_text(path: &Path, before: &[u8], problems: &mut Problems) {
    let before = String::from_utf8_lossy(before);
    let last = before.rsplit('\n').next().unwrap_or_default();
    let (line, column) = (before.matches('\n').count() + 1, last.chars().count() + 1);
    let place = Place { file: path.into(), line, column };
    problems.unreadable(&place, "a character is no UTF-8").help("save the file as UTF-8");
}

impl Draft {
    /// Checks everything that no adapter has to know.
    pub(super) fn new(root: Node, mut problems: Problems) -> Self {
        let written = count_entries(&root, "uplink");
        let typed = file::Root::from_node(root, &mut problems).expect("the root is a table");
        let gateway = check::gateway(typed.gateway.value);
        let named = |at: &At<file::Uplink>| Some((at.value.name.clone()?.value.0, at.value.commands.value));
        let uplinks: Vec<_> = typed.uplink.value.iter().filter_map(named).collect();
        let uplinks = (uplinks.len() == written && !problems.is_incomplete()).then_some(uplinks);
        let config = Config {
            buffer: check::buffer(typed.buffer.value, &mut problems),
            uplinks: check_uplink::uplinks(typed.uplink.value, &gateway, &mut problems),
            gateway,
            profiles: check::profiles(typed.profiles.value),
            rules: check::rules(typed.rules.value),
            commands: check::commands(&typed.commands.value, &mut problems),
            grants: Vec::new(),
            republish: check_republish::servers(typed.republish.value, &mut problems),
            api: check::api(typed.api.value, &mut problems),
            log: check::log(typed.log.value),
        };
        let grants = check_grant::grants(typed.grant.value, &mut problems);
        let mut adapters = adapters(typed.adapter.value, &mut problems);
        let mut ids = Unique::default();
        assign_devices(typed.device.value, &mut adapters, &mut ids, &mut problems);
        assign_groups(typed.group.value, &mut adapters, &mut ids, &mut problems);
        Self { problems, adapters, points: Vec::new(), has_unread_devices: false, config, grants, uplinks }
    }

    /// What can be told of a configuration whatever else is wrong with it: where the daemon's socket is.
    pub fn socket(&self) -> &Path {
        &self.config.api.socket
    }

    /// Likewise who this gateway is.
    pub fn gateway(&self) -> &Gateway {
        &self.config.gateway
    }

    /// Likewise the uplinks, without those that cannot be understood.
    pub fn uplinks(&self) -> &[Uplink] {
        &self.config.uplinks
    }

    /// Likewise the folders of device profiles.
    pub fn profiles(&self) -> &Profiles {
        &self.config.profiles
    }

    /// Likewise the rules' folder and limits.
    pub fn rules(&self) -> &Rules {
        &self.config.rules
    }

    /// Likewise the buffer's file and key.
    pub fn buffer(&self) -> &Buffer {
        &self.config.buffer
    }

    /// The servers of ours, the points that were named, and where to report what is wrong with a server.
    pub fn republish(&mut self) -> (&[Republish], &[NamedPoint], &mut Problems) {
        (&self.config.republish, &self.points, &mut self.problems)
    }

    /// The configuration when nothing is wrong with it, else everything that is.
    pub fn finish(mut self) -> Result<Loaded, Report> {
        let are_known = !self.has_unread_devices && !self.problems.is_incomplete();
        let points = are_known.then_some(&*self.points);
        check_grant::warn_of_empty(&self.grants, self.uplinks.as_deref(), points, &mut self.problems);
        self.config.grants = self.grants.into_iter().map(|placed| placed.grant).collect();
        let report = self.problems.into_report();
        if report.has_errors() { Err(report) } else { Ok(Loaded { config: self.config, warnings: report.problems }) }
    }
}

/// How many tables of a list of the root were written. What should be a list and is something else counts as one.
fn count_entries(root: &Node, name: &str) -> usize {
    let Data::Table(table) = &root.data else { return 0 };
    match table.get(name).map(|entry| &entry.node.data) {
        Some(Data::List(items)) => items.len(),
        Some(_) => 1,
        None => 0,
    }
}

/// Reads what all adapters have in common.
fn adapters(sections: Vec<Section>, problems: &mut Problems) -> Vec<AdapterDraft> {
    let mut names = Unique::default();
    let mut drafts = Vec::new();
    for mut section in sections {
        let typed: file::Adapter = section.read(problems);
        let Some(name) = typed.name else { continue };
        names.take("adapter", &name.value.0, &name.place, problems);
        let name = name.value.0.to_string();
        let kind = typed.kind.unwrap_or_else(|| At { value: String::new(), place: section.place.clone() });
        drafts.push(AdapterDraft {
            name,
            kind: kind.value,
            kind_place: kind.place,
            pressure: typed.pressure.map(|pressure| pressure.value),
            section,
            devices: Vec::new(),
            groups: Vec::new(),
        });
    }
    drafts
}

/// Gives each device to its adapter.
fn assign_devices(sections: Vec<Section>, adapters: &mut [AdapterDraft], ids: &mut Unique, problems: &mut Problems) {
    for mut section in sections {
        let typed: file::Device = section.read(problems);
        let id = typed.id.map(|id| {
            ids.take("device", id.value.as_str(), &id.place, problems);
            id.value
        });
        let (id, name, tags) = (id.unwrap_or_else(stand_in), typed.name.map(|name| name.value), typed.tags.value);
        let draft = DeviceDraft { id, name, tags, profile: typed.profile, section };
        if let Some(index) = adapter_of(typed.adapter, adapters, problems) {
            adapters[index].devices.push(draft);
        }
    }
}

/// Gives each group to its adapter, if that is of a kind that has groups.
fn assign_groups(
    groups: Vec<At<file::Group>>,
    adapters: &mut [AdapterDraft],
    ids: &mut Unique,
    problems: &mut Problems,
) {
    for At { value: typed, place } in groups {
        let (Some(id), Some(members)) = (typed.id, typed.members) else { continue };
        ids.take("device", id.value.as_str(), &id.place, problems);
        let Some(index) = adapter_of(typed.adapter, adapters, problems) else { continue };
        let adapter = &mut adapters[index];
        if adapter.kind == "zigbee" {
            adapter.groups.push(GroupDraft { id: id.value, members: members.value });
        } else {
            let message = format!("adapter {:?} has no groups", adapter.name);
            problems.error(&place, message).help("only adapters of kind zigbee have them");
        }
    }
}

/// The place of a device's adapter. An unknown one is reported; the device then goes to the adapter that was most
/// likely meant, so that the rest of it is still checked.
fn adapter_of(name: Option<At<Slug>>, adapters: &[AdapterDraft], problems: &mut Problems) -> Option<usize> {
    let place_of = |name: &str| adapters.iter().position(|adapter| adapter.name == name);
    let only = (adapters.len() == 1).then_some(0);
    let Some(At { value: Slug(name), place }) = name else { return only };
    place_of(&name).or_else(|| {
        let names = adapters.iter().map(|adapter| adapter.name.as_str());
        let help = suggest(&name, names.clone());
        problems.absent(&place, Fault::new(format!("no adapter {name:?}")).help(help));
        only.or_else(|| nearest(&name, names).and_then(place_of))
    })
}

/// The id of a device whose own was refused.
fn stand_in() -> DeviceId {
    DeviceId::new("unnamed").expect("a slug")
}
