//! Which quirk a device has: by its maker and model, from profiles and from tables of many.
//!
//! Profiles are read once, with the configuration. A table is a file with a quirk on each line, as a TOML inline table;
//! it is read line by line when a device is met for the first time, and nothing of it stays in memory but what was
//! found.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::warn;

use super::{
    Quirk,
    keys::{MatchKeys, PointKeys, own_points},
};
use crate::{
    adapter::zigbee::{address::Cluster, tuya::Clock},
    config::{
        Place, Severity,
        report::Problems,
        section::{At, FromNode as _, section},
        tree,
    },
    model::PointName,
    profile::{Library, Pack, ProfileName},
};

/// Most of a table that is read; what is beyond it is told and not found.
const MAX_TABLE: u64 = 16 << 20;
/// Longest line of a table; a longer one ends the search.
const MAX_LINE: u64 = 64 * 1024;
/// Most pairs of maker and model whose answer is remembered; those of more devices are looked up again.
const MAX_KNOWN: usize = 500;

section! {
    /// One line of a table.
    struct LineKeys {
        /// What it is called in messages.
        name: String = required;
        /// Which devices it is for.
        r#match: Vec<At<MatchKeys>> = required;
        /// Points that the device promises and does not have.
        without: Vec<At<PointName>> = default("[]");
        /// Its points.
        point: Vec<At<PointKeys>> = required;
    }
}

/// Every quirk that a device can have without naming it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quirks {
    /// Those of profiles.
    profiles: Vec<Arc<Quirk>>,
    /// Files with many.
    tables: Vec<PathBuf>,
}

/// The quirks of a running adapter, with what was found before.
#[derive(Debug, Default)]
pub struct Shelf {
    quirks: Arc<Quirks>,
    /// By maker and model.
    known: HashMap<(String, String), Option<Arc<Quirk>>>,
}

impl Quirk {
    /// What a profile means.
    pub fn of(name: &ProfileName, pack: &Pack, problems: &mut Problems) -> Self {
        let matches = pack.matches.iter().filter_map(|node| MatchKeys::from_node(node.clone(), problems)?.meant());
        let matches = matches.collect();
        let listed = pack.point_nodes().filter_map(|node| {
            let (value, place) = (PointKeys::from_node(node.clone(), problems)?, node.place.clone());
            Some(At { value, place })
        });
        let listed = listed.collect();
        let bind = pack.device_node("bind").and_then(|node| Vec::<At<u16>>::from_node(node.clone(), problems));
        let clock = pack.device_node("clock").and_then(|node| Clock::from_node(node.clone(), problems));
        let quirk = Self { matches, points: own_points(listed, problems), ..Self::named(name, pack) };
        quirk.set_up(&bind.unwrap_or_default(), clock.unwrap_or_default())
    }

    /// What a profile says besides its points.
    pub fn named(name: &ProfileName, pack: &Pack) -> Self {
        Self {
            name: name.as_str().to_owned(),
            without: pack.without.clone(),
            decode: pack.decode.clone(),
            encode: pack.encode.clone(),
            ..Self::default()
        }
    }

    /// With what the keys of a device say beside its points.
    #[must_use]
    pub fn set_up(mut self, bind: &[At<u16>], clock: Clock) -> Self {
        (self.bind, self.clock) = (bind.iter().map(|cluster| Cluster(cluster.value)).collect(), clock);
        self
    }

    /// What a line of a table means; `None` when it is no such line.
    pub(super) fn of_line(line: &str, place: &Place, problems: &mut Problems) -> Option<Self> {
        let keys = LineKeys::from_node(tree::parse_value(line, place)?, problems)?;
        Some(Self {
            name: keys.name?.value,
            matches: keys.r#match?.value.into_iter().filter_map(|at| at.value.meant()).collect(),
            points: own_points(keys.point?.value, problems),
            without: keys.without.value.into_iter().map(|at| at.value).collect(),
            ..Self::default()
        })
    }
}

impl Quirks {
    /// The quirks of a library. A profile with a mistake is a warning and left out: no device has named it.
    pub fn of(library: &mut Library, problems: &mut Problems) -> Self {
        let mut profiles = Vec::new();
        for (name, folder) in library.list() {
            let mut own = Problems::default();
            let pack = library.open(&name, &Place::start_of(&folder), &mut own);
            let quirk = pack.filter(|pack| pack.kind == "zigbee").map(|pack| Quirk::of(&name, pack, &mut own));
            let told = own.into_report().problems;
            let is_right = told.iter().all(|problem| problem.severity != Severity::Error);
            // Profiles of other kinds are other adapters' to complain about.
            if let Some(quirk) = quirk.filter(|_| is_right) {
                profiles.push(Arc::new(quirk));
            } else if told.iter().any(|problem| problem.place.file.starts_with(&folder)) {
                for problem in told {
                    let help = "no device has named this profile; it is left out";
                    problems.warning(&problem.place, problem.message).help(help);
                }
            }
        }
        profiles.retain(|quirk: &Arc<Quirk>| !quirk.matches.is_empty());
        Self { profiles, tables: library.tables() }
    }

    /// The quirk of a device: the profile that fits best, else what the tables have. It looks into files.
    pub fn find(&self, manufacturer: &str, model: &str) -> Option<Arc<Quirk>> {
        let fitting = self.profiles.iter().filter_map(|quirk| Some((quirk.fits(manufacturer, model)?, quirk)));
        // Of two that fit as well the first by name counts.
        let best = fitting.rev().max_by_key(|(weight, _)| *weight).map(|(_, quirk)| Arc::clone(quirk));
        best.or_else(|| {
            self.tables.iter().find_map(|table| in_table_or_tell(table, manufacturer, model)).map(Arc::new)
        })
    }
}

impl Shelf {
    /// A shelf that nothing was taken from.
    pub fn new(quirks: Quirks) -> Self {
        Self { quirks: Arc::new(quirks), known: HashMap::new() }
    }

    /// The quirk of a device; files are looked into beside the adapter's own work.
    pub async fn find(&mut self, manufacturer: &str, model: &str) -> Option<Arc<Quirk>> {
        let pair = (manufacturer.to_owned(), model.to_owned());
        if let Some(known) = self.known.get(&pair) {
            return known.clone();
        }
        let (quirks, (manufacturer, model)) = (Arc::clone(&self.quirks), pair.clone());
        let found = tokio::task::spawn_blocking(move || quirks.find(&manufacturer, &model)).await;
        // It ends early only when the program does.
        let found = found.unwrap_or_default();
        if self.known.len() < MAX_KNOWN {
            self.known.insert(pair, found.clone());
        }
        found
    }
}

/// The quirk of a device in a table; a table that cannot be read is told, and has none.
fn in_table_or_tell(table: &Path, manufacturer: &str, model: &str) -> Option<Quirk> {
    let found = in_table(table, manufacturer, model);
    found.unwrap_or_else(|error| {
        warn!(table = %table.display(), %error, "A table of device profiles cannot be read");
        None
    })
}

/// The quirk of a device in a table. Only lines that hold one of its names are looked at.
fn in_table(table: &Path, manufacturer: &str, model: &str) -> io::Result<Option<Quirk>> {
    let mut lines = BufReader::with_capacity(64 * 1024, File::open(table)?.take(MAX_TABLE));
    let (mut line, mut number) = (String::new(), 0);
    let quoted = |name: &str| format!("\"{name}\"");
    let (manufacturer_quoted, model_quoted) = (quoted(manufacturer), quoted(model));
    let mut best: Option<(u8, Quirk)> = None;
    loop {
        line.clear();
        if lines.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(best.map(|(_, quirk)| quirk));
        }
        number += 1;
        if !line.contains(&manufacturer_quoted) && !line.contains(&model_quoted) || line.starts_with('#') {
            continue;
        }
        let place = Place { line: number, ..Place::start_of(table) };
        let quirk = Quirk::of_line(line.trim_end(), &place, &mut Problems::default());
        let weight = quirk.as_ref().and_then(|quirk| quirk.fits(manufacturer, model));
        if let Some(weight) = weight.filter(|weight| best.as_ref().is_none_or(|(best, _)| weight > best)) {
            best = quirk.map(|quirk| (weight, quirk));
        }
    }
}
