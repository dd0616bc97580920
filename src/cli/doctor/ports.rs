//! The serial ports that links name: whether they are there, may be opened, and are left alone by others.

use std::{fs, path::Path};

use super::{Finding, site::Site};
use crate::host::{
    processes::{self, Process},
    serial::{self, SerialPort},
};

/// Reading and writing, as bits of one octal digit.
const READ_WRITE: u32 = 6;
/// What talks AT to ports that may be modems.
const MODEMS: &str = "ModemManager";
/// What takes ports for braille displays.
const BRAILLE: &str = "brltty";

/// Every port that a link names.
pub(super) fn check(site: &Site) -> Vec<Finding> {
    let known = serial::ports(&site.root);
    site.ports.iter().flat_map(|path| port(site, path, &known)).collect()
}

/// One port.
fn port(site: &Site, path: &Path, known: &[SerialPort]) -> Vec<Finding> {
    let about = format!("port {}", path.display());
    let Ok(found) = fs::metadata(site.root.path(path)) else { return vec![absent(site, about, known)] };
    let mut findings = Vec::new();
    if !site.may(&found, READ_WRITE) {
        let text = format!("{} may not open it", site.service.name);
        let fix = "give it the group dialout and mode 660 with a udev rule, or its group to the service: \
            SupplementaryGroups= in a drop-in";
        findings.push(Finding::wrong(&about, text, fix));
    }
    let real = device(site, path);
    if let Some(port) = known.iter().find(|port| port.path == real) {
        findings.extend(held(&about, port));
        findings.extend(spoken_to(site, &about, port));
        findings.extend(passing_name(&about, path, port));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(about, "there, and free for the gateway"));
    }
    findings
}

/// A port that is not there.
fn absent(site: &Site, about: String, known: &[SerialPort]) -> Finding {
    if processes::runs(&site.root, BRAILLE) {
        let text = "it is not there, and brltty runs, which removes ports of CH340 adapters";
        return Finding::wrong(about, text, "apt purge brltty");
    }
    let names: Vec<_> = known.iter().map(|port| port.best_name().display().to_string()).collect();
    let fix = match names.join(", ") {
        names if names.is_empty() => "plug the adapter in; this machine has no serial port at all".to_owned(),
        names => format!("plug the adapter in, or name one that is there: {names}"),
    };
    Finding::wrong(about, "it is not there", fix)
}

/// The kernel's name of a port that is named by a link.
fn device(site: &Site, path: &Path) -> std::path::PathBuf {
    let name = site.root.target(path).filter(|_| site.root.path(path).is_symlink());
    name.map_or_else(|| path.to_owned(), |name| Path::new("/dev").join(name))
}

/// A port that another program has open.
fn held(about: &str, port: &SerialPort) -> Option<Finding> {
    let is_strange = |holder: &&Process| holder.name != "tidegate";
    let Process { pid, name } = port.holders.iter().find(is_strange)?;
    Some(Finding::wrong(
        about,
        format!("{name} (process {pid}) has it open"),
        format!("end {name}, or let it use another port"),
    ))
}

/// A port that `ModemManager` was not told to leave alone.
fn spoken_to(site: &Site, about: &str, port: &SerialPort) -> Option<Finding> {
    if port.usb.is_none() || !processes::runs(&site.root, MODEMS) {
        return None;
    }
    let name = port.path.file_name()?.to_string_lossy();
    let number = site.root.text(format!("/sys/class/tty/{name}/dev"))?;
    let told = site.root.text(format!("/run/udev/data/c{number}")).unwrap_or_default();
    if told.contains("ID_MM_DEVICE_IGNORE=1") {
        return None;
    }
    let fix = "a udev rule that sets ENV{ID_MM_DEVICE_IGNORE}=\"1\" for it, as in \
        /usr/lib/udev/rules.d/60-tidegate.rules, or: systemctl disable --now ModemManager";
    Some(Finding::wrong(about, "ModemManager runs and was not told to leave it alone", fix))
}

/// A name that changes when adapters are plugged in another order.
fn passing_name(about: &str, path: &Path, port: &SerialPort) -> Option<Finding> {
    let lasting = port.lasting.as_ref().filter(|_| port.usb.is_some() && path == port.path)?;
    let text = "the name can go to another adapter after a restart";
    Some(Finding::note(about, text, format!("name it {}", lasting.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::{Level, site::tests::site};

    const LINK: &str = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'rtu:///dev/ttyUSB0'\n";
    const PORT: [(&str, &str); 6] = [
        ("/dev/ttyUSB0", ""),
        ("/dev/serial/by-id/usb-x", "-> ../../ttyUSB0"),
        ("/sys/devices/usb1/idVendor", "10c4"),
        ("/sys/devices/usb1/idProduct", "ea60"),
        ("/sys/devices/usb1/ttyUSB0/dev", "188:0"),
        ("/sys/class/tty/ttyUSB0/device", "-> ../../../devices/usb1/ttyUSB0"),
    ];

    /// What is found with these files besides.
    fn found(config: &str, more: &[(&str, &str)]) -> Vec<Finding> {
        let files: Vec<_> = PORT.iter().chain(more).copied().collect();
        let (_folder, site) = site(config, &files);
        check(&site)
    }

    #[test]
    fn a_port_with_a_lasting_name_that_nobody_holds_is_fine() {
        let findings = found(&LINK.replace("ttyUSB0", "serial/by-id/usb-x"), &[]);
        assert_eq!((findings.len(), findings[0].level), (1, Level::Ok), "{findings:?}");

        let findings = found(LINK, &[]);
        assert_eq!(findings[0].fix.as_deref(), Some("name it /dev/serial/by-id/usb-x"));
    }

    #[test]
    fn whoever_holds_a_port_or_talks_to_it_is_named() {
        let modems = [
            ("/proc/7/comm", "ModemManager"),
            ("/proc/7/fd/9", "-> /dev/ttyUSB0"),
            ("/sys/class/tty/ttyUSB0/dev", "188:0"),
        ];

        let findings = found(LINK, &modems);
        assert_eq!(findings[0].text, "ModemManager (process 7) has it open");
        assert!(findings[1].text.starts_with("ModemManager runs"), "{findings:?}");

        let told = [modems[0], modems[2], ("/run/udev/data/c188:0", "E:ID_MM_DEVICE_IGNORE=1\n")];
        assert!(found(LINK, &told).iter().all(|finding| finding.level != Level::Wrong));
    }

    #[test]
    fn a_port_that_is_not_there_names_those_that_are() {
        let findings = found(&LINK.replace("USB0", "USB7"), &[]);
        assert!(findings[0].fix.as_ref().unwrap().ends_with("/dev/serial/by-id/usb-x"), "{findings:?}");

        let findings = found(&LINK.replace("USB0", "USB7"), &[("/proc/8/comm", "brltty")]);
        assert_eq!(findings[0].fix.as_deref(), Some("apt purge brltty"));
    }
}
