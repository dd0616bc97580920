//! Why a radio is off: the kernel's switches, of software and of the machine (kernel documentation, `rfkill`).

use std::{fs, path::Path};

/// Where the kernel shows radios.
pub(super) const RADIOS: &str = "/sys/class/bluetooth";

/// Who has switched a radio off, and what helps; `None` when no switch did.
pub(super) fn blocked(folder: &Path, radio: &str) -> Option<String> {
    let entries = fs::read_dir(folder.join(radio)).ok()?.flatten();
    let switches = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("rfkill"));
    let mut is_soft = false;
    for switch in switches {
        let is_on = |kind: &str| fs::read_to_string(switch.path().join(kind)).is_ok_and(|text| text.trim() == "1");
        if is_on("hard") {
            return Some(format!(
                "{radio} is blocked by a switch of the machine (help: its airplane key, or its firmware)"
            ));
        }
        is_soft |= is_on("soft");
    }
    is_soft.then(|| format!("{radio} is blocked by software (help: rfkill unblock bluetooth)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_is_on_is_named_with_what_helps() {
        let folder = tempfile::tempdir().unwrap();
        let set = |radio: &str, soft: &str, hard: &str| {
            let switch = folder.path().join(radio).join("rfkill3");
            fs::create_dir_all(&switch).unwrap();
            fs::write(switch.join("soft"), soft).unwrap();
            fs::write(switch.join("hard"), hard).unwrap();
        };
        set("hci0", "0\n", "0\n");
        set("hci1", "1\n", "0\n");
        set("hci2", "1\n", "1\n");

        assert_eq!(blocked(folder.path(), "hci0"), None);
        assert!(blocked(folder.path(), "hci1").unwrap().contains("rfkill unblock"));
        assert!(blocked(folder.path(), "hci2").unwrap().contains("airplane key"));
        assert_eq!(blocked(folder.path(), "hci9"), None);
    }
}
