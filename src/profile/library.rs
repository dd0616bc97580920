//! Where profiles are, and what they are called.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::pack::{self, Pack};
use crate::{
    config::{
        Fault, Place,
        report::{Problems, nearest},
        section::At,
    },
    model::DeviceId,
};

/// `vendor/model`, two slugs: it can never lead out of a library's folders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileName(String);

impl ProfileName {
    /// The name as it is typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the profile in a folder, which its last two parts are.
    pub fn of_folder(folder: &Path) -> Result<Self, Fault> {
        let mut parts = folder.iter().rev().filter_map(|part| part.to_str());
        let (model, vendor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{vendor}/{model}").parse()
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let is_slug = |part: &str| DeviceId::new(part).is_ok();
        match text.split_once('/') {
            Some((vendor, model)) if is_slug(vendor) && is_slug(model) => Ok(Self(text.to_owned())),
            Some(_) | None => {
                let help = "write vendor/model, each of a-z, 0-9, - and _: \"eastron/sdm120\"";
                Err(Fault::new(format!("{text:?} is no name of a profile")).help(help))
            }
        }
    }
}

/// Folders of profiles. Each profile is read once, however many devices name it.
#[derive(Debug)]
pub struct Library {
    /// The folders, the one that counts first.
    dirs: Vec<PathBuf>,
    /// What was read; `None` for what could not be, which was reported then.
    read: HashMap<ProfileName, Option<Pack>>,
}

impl Library {
    /// A library over these folders; one that does not exist is empty.
    pub fn new(dirs: Vec<PathBuf>) -> Self {
        Self { dirs, read: HashMap::new() }
    }

    /// Every profile with its folder, by name. Of two with one name there is the one that counts.
    pub fn list(&self) -> BTreeMap<ProfileName, PathBuf> {
        let folders = self.dirs.iter().rev().flat_map(|dir| subfolders(dir)).flat_map(|vendor| subfolders(&vendor));
        let packs = folders.filter(|folder| folder.join(pack::FILE).is_file());
        packs.filter_map(|folder| Some((ProfileName::of_folder(&folder).ok()?, folder))).collect()
    }

    /// Files in the library's folders that hold many profiles, one on a line, the ones that count first.
    pub fn tables(&self) -> Vec<PathBuf> {
        let is_table = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "table");
        let of_dir = |dir: &PathBuf| {
            // A folder that cannot be listed has none, as one that is not there.
            let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
            let mut tables: Vec<_> = entries.map(|entry| entry.path()).filter(is_table).collect();
            tables.sort();
            tables
        };
        self.dirs.iter().flat_map(of_dir).collect()
    }

    /// The folder of a profile.
    pub fn find(&self, name: &ProfileName) -> Result<PathBuf, Fault> {
        let mut folders = self.dirs.iter().map(|dir| dir.join(name.as_str()));
        folders.find(|folder| folder.join(pack::FILE).is_file()).ok_or_else(|| self.unknown(name))
    }

    /// The profile somebody named; `None` when there is none or it cannot be read, which is then in `problems`.
    pub fn load(&mut self, typed: &At<String>, problems: &mut Problems) -> Option<&Pack> {
        let name: ProfileName = typed.value.parse().map_err(|fault| problems.fault(&typed.place, fault)).ok()?;
        self.open(&name, &typed.place, problems)
    }

    /// A profile by its name; `place` is where it was named.
    pub fn open(&mut self, name: &ProfileName, place: &Place, problems: &mut Problems) -> Option<&Pack> {
        if !self.read.contains_key(name) {
            let folder = self.find(name).map_err(|fault| problems.fault(place, fault)).ok()?;
            self.read.insert(name.clone(), pack::read(&folder, problems));
        }
        self.read[name].as_ref()
    }

    /// Says what there is instead.
    fn unknown(&self, name: &ProfileName) -> Fault {
        let known = self.list();
        let help = match nearest(name.as_str(), known.keys().map(ProfileName::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => format!("there are none in {}", self.places()),
            None => format!("`tidegate profile list` names the {} in {}", known.len(), self.places()),
        };
        Fault::new(format!("no profile {:?}", name.as_str())).help(help)
    }

    /// The folders for a message.
    fn places(&self) -> String {
        self.dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// The folders in a folder. One that cannot be listed has none: the message about the profile names the folders.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leads_out_of_the_library() {
        assert!("eastron/sdm120".parse::<ProfileName>().is_ok());
        for text in ["", "/", "a", "../a", "a/..", "a/b/c", "/a/b", "a/", "A/b"] {
            assert!(text.parse::<ProfileName>().is_err(), "{text}");
        }
        let name = ProfileName::of_folder(Path::new("/etc/tidegate/profiles/acme/x-1")).unwrap();
        assert_eq!(name.as_str(), "acme/x-1");
    }

    #[test]
    fn the_first_folder_counts() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = ["own", "shipped"].map(|dir| folder.path().join(dir));
        for pack in [dirs[0].join("acme/a"), dirs[1].join("acme/a"), dirs[1].join("acme/b")] {
            fs::create_dir_all(&pack).unwrap();
            fs::write(pack.join("profile.toml"), "").unwrap();
        }

        let library = Library::new(dirs.to_vec());

        let found: Vec<_> = library.list().into_values().collect();
        assert_eq!(found, [dirs[0].join("acme/a"), dirs[1].join("acme/b")]);
        assert_eq!(library.find(&"acme/a".parse().unwrap()), Ok(dirs[0].join("acme/a")));
        let fault = library.find(&"acme/bb".parse().unwrap()).unwrap_err();
        assert_eq!(fault.help.as_deref(), Some("did you mean \"acme/b\"?"));
    }
}
