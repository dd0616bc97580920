//! Whether the service can read and write what it must, and whether others cannot.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use super::{Finding, site::Site};

/// Bits of one octal digit.
const READ: u32 = 4;
const WRITE: u32 = 2;
const ENTER: u32 = 1;
/// The digit of those who are neither owner nor in the group.
const OTHERS: u32 = 0o007;

/// State, configuration and secrets.
pub(super) fn check(site: &Site) -> Vec<Finding> {
    let mut findings = state(site);
    findings.extend(site.files.iter().filter_map(|file| readable(site, file)));
    findings.extend(site.secrets.iter().filter_map(|file| secret(site, file)));
    if findings.is_empty() {
        findings.push(Finding::ok("files", format!("{} can use what it must, others cannot", site.service.name)));
    }
    findings
}

/// The folder of the state and what is in it.
fn state(site: &Site) -> Vec<Finding> {
    let folder = site.state();
    let shown = folder.display();
    let Ok(found) = fs::metadata(site.root.path(folder)) else {
        let fix = "the unit makes /var/lib/tidegate when it starts; another folder has to be made by hand";
        return vec![Finding::note("state", format!("there is no folder {shown}, or it cannot be looked at"), fix)];
    };
    let owner = format!("chown -R {0}: {shown}", site.service.name);
    let mut findings = Vec::new();
    if !site.may(&found, READ | WRITE | ENTER) {
        findings.push(Finding::wrong("state", format!("{} cannot write in {shown}", site.service.name), &owner));
    }
    if found.mode() & OTHERS != 0 {
        findings.push(Finding::note("state", format!("{shown} is open to others"), format!("chmod 700 {shown}")));
    }
    let strange = site.root.names(folder).into_iter().map(|name| folder.join(name));
    let strange =
        strange.filter(|file| fs::metadata(site.root.path(file)).is_ok_and(|file| !site.may(&file, READ | WRITE)));
    findings.extend(strange.map(|file| {
        Finding::wrong("state", format!("{} cannot write {}", site.service.name, file.display()), &owner)
    }));
    findings
}

/// A file of the configuration.
fn readable(site: &Site, file: &Path) -> Option<Finding> {
    let found = fs::metadata(site.root.path(file)).ok()?;
    let fix = format!("chown root:{} {1} && chmod 640 {1}", site.service.name, file.display());
    let text = format!("{} cannot read {}", site.service.name, file.display());
    (!site.may(&found, READ)).then(|| Finding::wrong("configuration", text, fix))
}

/// A file that holds a secret.
fn secret(site: &Site, file: &Path) -> Option<Finding> {
    let found = fs::metadata(site.root.path(file)).ok()?;
    let fix = format!("chown root:{} {1} && chmod 640 {1}", site.service.name, file.display());
    if !site.may(&found, READ) {
        return Some(Finding::wrong("secret", format!("{} cannot read {}", site.service.name, file.display()), fix));
    }
    (found.mode() & OTHERS != 0)
        .then(|| Finding::wrong("secret", format!("everybody can read {}", file.display()), fix))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::doctor::site::tests::site;

    #[test]
    fn a_secret_that_everybody_can_read_is_found_with_its_fix() {
        let text = "[[uplink]]\nname = 'a'\nurl = 'mqtt://b'\nusername = 'u'\npassword = { file = 'pw' }\n";
        let (folder, mut site) = site(text, &[("/pw", "secret")]);
        let password = folder.path().join("pw");
        let set = |mode| fs::set_permissions(&password, fs::Permissions::from_mode(mode)).unwrap();
        site.root = crate::host::Root::system();
        site.buffer.path = folder.path().join("buffer.db");

        set(0o644);
        let open = secret(&site, &site.secrets[0]).unwrap();
        set(0o640);

        assert!(open.text.starts_with("everybody can read ") && open.fix.unwrap().contains("chmod 640"));
        assert_eq!(secret(&site, &site.secrets[0]), None);
    }

    #[test]
    fn a_state_that_another_owns_is_found() {
        let (folder, mut site) = site("", &[("/state/buffer.db", "")]);
        site.buffer.path = "/state/buffer.db".into();
        site.service.uid = 4_000_000;
        site.service.groups.clear();
        let state_folder = folder.path().join("state");
        fs::set_permissions(&state_folder, fs::Permissions::from_mode(0o700)).unwrap();

        let texts: Vec<_> = state(&site).into_iter().map(|finding| finding.text).collect();

        assert!(texts[0].ends_with("cannot write in /state"), "{texts:?}");
        assert!(texts[1].ends_with("cannot write /state/buffer.db"), "{texts:?}");
    }
}
