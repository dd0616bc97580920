//! What the checks look at: the configuration as far as it can be read, the machine's files, and who the service is.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{super::seams, Finding};
use crate::{
    config::{self, Uplink},
    host::{
        Root,
        identity::{self, Identity},
    },
};

/// The user the package makes for the service.
const SERVICE: &str = "tidegate";
/// The group that the unit gives the service besides its own.
const SERIAL_GROUP: &str = "dialout";

/// A gateway and the machine around it.
pub(super) struct Site {
    /// The machine's files.
    pub(super) root: Root,
    /// What `tidegate check` says of it.
    pub(super) report: seams::Report,
    /// All of its files.
    pub(super) files: Vec<PathBuf>,
    /// Files that hold secrets.
    pub(super) secrets: Vec<PathBuf>,
    /// The buffer.
    pub(super) buffer: config::Buffer,
    /// The uplinks, without those that cannot be understood.
    pub(super) uplinks: Vec<Uplink>,
    /// Serial ports that links name.
    pub(super) ports: Vec<PathBuf>,
    /// Whether there are Bluetooth adapters.
    pub(super) has_bluetooth: bool,
    /// Who the service is; whoever asks, where there is no such user.
    pub(super) service: Identity,
}

impl Site {
    /// The gateway of a configuration on this machine.
    pub(super) fn of_this_machine(config: &Path) -> Self {
        Self::on(Root::system(), config)
    }

    /// Likewise, with another root for the machine's files.
    pub(super) fn on(root: Root, config: &Path) -> Self {
        let redacted = seams::redacted(config);
        let draft = config::read(config);
        let has_bluetooth = adapters(&redacted.files).any(|adapter| adapter["kind"] == "ble");
        Self {
            report: seams::check(config),
            ports: ports(&redacted.files),
            has_bluetooth,
            files: redacted.files.into_iter().map(|(path, _)| path).collect(),
            secrets: redacted.secret_files,
            buffer: draft.buffer().clone(),
            uplinks: draft.uplinks().to_vec(),
            service: identity::service(&root, SERVICE, SERIAL_GROUP),
            root,
        }
    }

    /// Whether the service may do with a file what these bits of one octal digit say.
    pub(super) fn may(&self, file: &Metadata, bits: u32) -> bool {
        self.service.may(file.uid(), file.gid(), file.mode(), bits)
    }

    /// The folder of the buffer.
    pub(super) fn state(&self) -> &Path {
        self.buffer.path.parent().unwrap_or(Path::new("/"))
    }
}

/// What `tidegate check` says, in one line.
pub(super) fn check(site: &Site) -> Vec<Finding> {
    let (errors, warnings) = (site.report.errors, site.report.warnings);
    let first = site.report.text.lines().next().unwrap_or_default();
    let fix = "tidegate check names every place";
    vec![match (errors, warnings) {
        (0, 0) => Finding::ok("configuration", format!("valid: {}", site.report.summary)),
        (0, _) => Finding::note("configuration", first, fix),
        _ => Finding::wrong("configuration", first, fix),
    }]
}

/// Every adapter of the files.
fn adapters(files: &[(PathBuf, Value)]) -> impl Iterator<Item = &Value> {
    files.iter().filter_map(|(_, shown)| shown["adapter"].as_array()).flatten()
}

/// The devices that links name: `rtu:///dev/ttyUSB0?baud=9600`.
fn ports(files: &[(PathBuf, Value)]) -> Vec<PathBuf> {
    let links = adapters(files).filter_map(|adapter| adapter["link"].as_str());
    let paths =
        links.filter_map(|link| link.split_once("://").map(|(_, rest)| rest.split('?').next().unwrap_or(rest)));
    paths.filter(|path| path.starts_with('/')).map(PathBuf::from).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::host::root::fake;

    /// A gateway in a folder that stands for the machine; this process is its service.
    pub(in super::super) fn site(config: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Site) {
        let (folder, root) = fake(files);
        let path = folder.path().join("tidegate.toml");
        std::fs::write(&path, config).unwrap();
        (folder, Site::on(root, &path))
    }

    #[test]
    fn a_site_is_what_the_configuration_names() {
        let text = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'rtu:///dev/ttyUSB0?baud=9600'\n\
            [[adapter]]\nname = 'b'\nkind = 'modbus'\nlink = 'tcp://h:502'\n[[adapter]]\nname = 'c'\nkind = 'ble'\n";

        let (_folder, site) = site(text, &[]);

        assert_eq!((&*site.ports, site.has_bluetooth), (&[PathBuf::from("/dev/ttyUSB0")][..], true));
    }

    #[test]
    fn a_wrong_configuration_shows_its_first_error() {
        let (_folder, site) = site("[gateway]\nsiet = 1\n", &[]);

        let [finding] = &*check(&site) else { panic!("one finding") };

        assert!(finding.text.contains("tidegate.toml:2:1: error: "), "{finding:?}");
    }
}
