//! Bluetooth: whether there is a radio that is switched on, and BlueZ to hear with.

use super::{Finding, site::Site};
use crate::host::{
    bluetooth::{self, Radio},
    processes,
};

/// What the subject is called.
const ABOUT: &str = "bluetooth";

/// Nothing to look at without Bluetooth adapters.
pub(super) fn check(site: &Site) -> Vec<Finding> {
    if !site.has_bluetooth {
        return Vec::new();
    }
    let radios = bluetooth::radios(&site.root);
    let mut findings: Vec<_> = radios.iter().filter_map(blocked).collect();
    if radios.is_empty() {
        let fix = "plug one in; on a board with one see whether its overlay is switched off (disable-bt)";
        findings.push(Finding::wrong(ABOUT, "the kernel knows no radio", fix));
    }
    if !processes::runs(&site.root, "bluetoothd") {
        let fix = "apt install bluez && systemctl enable --now bluetooth";
        findings.push(Finding::wrong(ABOUT, "bluetoothd does not run", fix));
    }
    if bluetooth::controller_mode(&site.root) != "le" {
        let text = "other programs may have the radio look for classic devices, and sensors are heard for a part of the time";
        let fix = "ControllerMode = le under [General] in /etc/bluetooth/main.conf, unless classic devices are used";
        findings.push(Finding::note(ABOUT, text, fix));
    }
    if findings.is_empty() {
        let names: Vec<_> = radios.iter().map(|radio| radio.name.as_str()).collect();
        findings.push(Finding::ok(ABOUT, format!("{} can be used", names.join(", "))));
    }
    findings
}

/// A radio that is switched off.
fn blocked(radio: &Radio) -> Option<Finding> {
    let name = &radio.name;
    if radio.is_hard_blocked {
        let fix = "a switch or key of the machine turns it on";
        return Some(Finding::wrong(ABOUT, format!("{name} is switched off by hardware"), fix));
    }
    radio
        .is_soft_blocked
        .then(|| Finding::wrong(ABOUT, format!("{name} is switched off"), "rfkill unblock bluetooth"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::{Level, site::tests::site};

    const CONFIG: &str = "[[adapter]]\nname = 'a'\nkind = 'ble'\n";

    #[test]
    fn a_radio_that_is_off_and_bluez_that_is_missing_are_found() {
        let (_folder, dark) = site(CONFIG, &[("/sys/class/bluetooth/hci0/rfkill0/soft", "1")]);
        let fixes: Vec<_> = check(&dark).into_iter().filter_map(|finding| finding.fix).collect();
        assert_eq!(fixes[0], "rfkill unblock bluetooth");
        assert!(fixes[1].contains("systemctl enable --now bluetooth"));

        let (_folder, none) = site(CONFIG, &[]);
        assert_eq!(check(&none)[0].text, "the kernel knows no radio");
        let (_folder, unused) = site("", &[]);
        assert_eq!(check(&unused), []);
    }

    #[test]
    fn a_radio_for_sensors_alone_is_fine() {
        let (_folder, site) = site(
            CONFIG,
            &[
                ("/sys/class/bluetooth/hci0/rfkill0/soft", "0"),
                ("/proc/9/comm", "bluetoothd"),
                ("/etc/bluetooth/main.conf", "ControllerMode=le"),
            ],
        );

        let findings = check(&site);

        assert_eq!((findings.len(), findings[0].level), (1, Level::Ok), "{findings:?}");
    }
}
