//! The Bluetooth radios of the machine, as the kernel and BlueZ's own configuration tell of them.

use serde::Serialize;

use super::root::Root;

/// A radio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Radio {
    /// The kernel's name: `hci0`.
    pub name: String,
    /// Whether software has switched it off (`rfkill block`).
    pub is_soft_blocked: bool,
    /// Whether a switch of the machine has.
    pub is_hard_blocked: bool,
}

/// Every radio the kernel knows.
pub fn radios(root: &Root) -> Vec<Radio> {
    // Connections stand beside the radios, as `hci0:12`.
    let names = root.names("/sys/class/bluetooth").into_iter().filter(|name| !name.contains(':'));
    names.map(|name| describe(root, name)).collect()
}

/// What is known of a radio.
fn describe(root: &Root, name: String) -> Radio {
    let folder = format!("/sys/class/bluetooth/{name}");
    let switches: Vec<_> = root.names(&folder).into_iter().filter(|name| name.starts_with("rfkill")).collect();
    let is_on = |kind: &str| switches.iter().any(|one| root.number(format!("{folder}/{one}/{kind}")) == Some(1));
    Radio { is_soft_blocked: is_on("soft"), is_hard_blocked: is_on("hard"), name }
}

/// `ControllerMode` of BlueZ; `dual` when it says nothing.
pub fn controller_mode(root: &Root) -> String {
    let text = root.text("/etc/bluetooth/main.conf").unwrap_or_default();
    let values = text.lines().filter_map(|line| line.trim().strip_prefix("ControllerMode"));
    let last = values.filter_map(|rest| rest.trim_start().strip_prefix('=')).next_back();
    last.map_or_else(|| "dual".to_owned(), |mode| mode.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::root::fake;

    #[test]
    fn a_radio_says_who_has_switched_it_off() {
        let (_folder, root) = fake(&[
            ("/sys/class/bluetooth/hci0/rfkill3/soft", "1\n"),
            ("/sys/class/bluetooth/hci0/rfkill3/hard", "0\n"),
            ("/sys/class/bluetooth/hci0:12/uevent", ""),
            ("/sys/class/bluetooth/hci1/uevent", ""),
        ]);

        let found = radios(&root);

        let radio = |name: &str, soft| Radio { name: name.into(), is_soft_blocked: soft, is_hard_blocked: false };
        assert_eq!(found, [radio("hci0", true), radio("hci1", false)]);
    }

    #[test]
    fn the_mode_is_what_bluez_reads() {
        let mode = |text| controller_mode(&fake(&[("/etc/bluetooth/main.conf", text)]).1);
        assert_eq!(mode("[General]\n#ControllerMode = le\n"), "dual");
        let (_folder, root) = fake(&[("/etc/bluetooth/main.conf", "[General]\nControllerMode = le\n")]);
        assert_eq!(controller_mode(&root), "le");
    }
}
