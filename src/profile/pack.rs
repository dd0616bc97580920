//! A profile as it was written.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::script::{self, Script};
use crate::{
    config::{
        Place,
        report::Problems,
        section::{At, FromNode, Section, Shape, section, table_of},
        tree::{self, Node, Table},
    },
    model::PointName,
};

/// The file in a profile's folder.
pub(super) const FILE: &str = "profile.toml";

/// Longest file that is read; the largest profile we know has 30 kB. A longer one is refused whole.
const MAX_FILE: u64 = 1 << 20;

/// A value that is kept as it was written, for the adapter's kind to read.
#[derive(Debug, Clone)]
struct Raw(Node);

impl FromNode for Raw {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, _: &mut Problems) -> Option<Self> {
        Some(Self(node))
    }
}

section! {
    /// A device profile.
    struct Keys {
        /// Name of the device for people.
        name: String = required;
        /// Who makes it.
        vendor: String = required;
        /// What its maker calls it.
        model: String = required;
        /// The kind of adapter it is on, such as `modbus`.
        kind: String = required;
        /// Where the registers are published: titles and addresses.
        source: Vec<String> = required;
        /// What its users should know: settings, variants, what is left out.
        note: String = optional("nothing to say");
        /// Keys of `[[device]]` that count where the device does not set them.
        device: Raw = default("{}");
        /// The devices that take it without naming it, where the adapter's kind can tell them.
        r#match: Vec<Raw> = default("[]");
        /// Points that the device's own description promises and that it does not have.
        without: Vec<At<PointName>> = default("[]");
        /// The points, with the keys of `[[device.point]]`.
        point: Vec<Raw> = required;
    }
}

/// A profile as it was written; what its points mean, the adapter's kind knows.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Where its file is.
    pub file: PathBuf,
    /// Name of the device for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// What its maker calls it.
    pub model: String,
    /// The kind of adapter it is on.
    pub kind: String,
    /// Where the registers are published.
    pub sources: Vec<String>,
    /// What its users should know.
    pub note: Option<String>,
    /// Keys of the device.
    pub(super) device: Table,
    /// The points.
    pub(super) points: Vec<Node>,
    /// The devices that take it without naming it, as written.
    pub matches: Vec<Node>,
    /// Points that the device promises and does not have.
    pub without: Vec<PointName>,
    /// What decodes what the points' keys cannot say.
    pub decode: Option<Script>,
    /// What encodes it.
    pub encode: Option<Script>,
}

impl Pack {
    /// The keys of each point as they were written.
    pub fn points(&self) -> impl Iterator<Item = serde_json::Value> {
        self.points.iter().map(Node::to_json)
    }

    /// Each point as it was written, for the adapter's kind.
    pub fn point_nodes(&self) -> impl Iterator<Item = &Node> {
        self.points.iter()
    }

    /// All keys of `[device]` as they were written.
    pub fn device_keys(&self) -> serde_json::Value {
        self.device.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect()
    }

    /// A key of `[device]` as it was written, for the adapter's kind.
    pub fn device_node(&self, key: &str) -> Option<&Node> {
        self.device.get(key).map(|entry| &entry.node)
    }

    /// Whether it says where the device is.
    pub fn has_address(&self) -> bool {
        self.device.contains_key("address")
    }
}

/// Reads the profile in a folder; `None` when it is unusable as a whole, which is then in `problems`.
pub(super) fn read(folder: &Path, problems: &mut Problems) -> Option<Pack> {
    let file = folder.join(FILE);
    let table = read_file(&file, problems)?;
    let mut section = Section::new(Place::start_of(&file), table);
    let keys: Keys = section.read(problems);
    section.close(problems);
    let device = table_of(keys.device.value.0, problems)?;
    let text = |at: Option<At<String>>| at.map(|at| at.value);
    let pack = Pack {
        decode: script::find(folder, "decode", problems),
        encode: script::find(folder, "encode", problems),
        matches: keys.r#match.value.into_iter().map(|raw| raw.0).collect(),
        without: keys.without.value.into_iter().map(|at| at.value).collect(),
        file,
        name: text(keys.name)?,
        vendor: text(keys.vendor)?,
        model: text(keys.model)?,
        kind: text(keys.kind)?,
        sources: keys.source?.value,
        note: text(keys.note),
        device: device.into_table(),
        points: keys.point?.value.into_iter().map(|raw| raw.0).collect(),
    };
    check_kind(&pack, problems);
    Some(pack)
}

/// Registers have no scripts, and units of a line do not tell what they are.
fn check_kind(pack: &Pack, problems: &mut Problems) {
    let scripts = [&pack.decode, &pack.encode].into_iter().flatten();
    let extra = scripts.map(|script| script.file.clone()).next();
    let extra = extra.or_else(|| (!pack.matches.is_empty() || !pack.without.is_empty()).then(|| pack.file.clone()));
    if let Some(file) = extra.filter(|_| pack.kind == "modbus") {
        let message = "profiles of kind \"modbus\" have no match, no without and no scripts";
        problems.error(&Place::start_of(&file), message).help("leave it out");
    }
}

/// Reads a file of a profile as TOML; `None` when it cannot be read at all.
pub(super) fn read_file(path: &Path, problems: &mut Problems) -> Option<Table> {
    match read_text(path) {
        Ok(text) => Some(tree::parse(path, &text, problems)),
        Err(error) => {
            problems.unreadable(&Place::start_of(path), format!("cannot read the file: {error}"));
            None
        }
    }
}

/// A file's text, if it has a reasonable length.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
    }
    Ok(text)
}
