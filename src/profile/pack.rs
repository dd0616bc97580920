//! A profile as it was written.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::config::{
    Place,
    report::Problems,
    section::{At, FromNode, Section, Shape, section, table_of},
    tree::{self, Node, Table},
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
}

impl Pack {
    /// The keys of each point as they were written.
    pub fn points(&self) -> impl Iterator<Item = serde_json::Value> {
        self.points.iter().map(Node::to_json)
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
    Some(Pack {
        file,
        name: text(keys.name)?,
        vendor: text(keys.vendor)?,
        model: text(keys.model)?,
        kind: text(keys.kind)?,
        sources: keys.source?.value,
        note: text(keys.note),
        device: device.into_table(),
        points: keys.point?.value.into_iter().map(|raw| raw.0).collect(),
    })
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
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
    }
    Ok(text)
}
