//! What the machine is: board, processor, memory, system, and its disks with their health.

use std::path::PathBuf;

use rustix::fs::statvfs;
use serde::Serialize;

use super::root::Root;

/// Bytes of what `/sys/block` counts in.
const SECTOR: u64 = 512;
/// The last of ten steps of a card's life, each a tenth of it (JEDEC JESD84-B51, 7.4.26).
const WORN: u64 = 0x0a;

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Machine {
    /// The board: what the device tree or the firmware calls it.
    pub board: Option<String>,
    /// The processor.
    pub processor: Option<String>,
    /// How many processors.
    pub processors: usize,
    /// All of the memory, in bytes.
    pub memory_bytes: u64,
    /// What of it could be had, in bytes.
    pub memory_available_bytes: u64,
    /// The distribution.
    pub system: Option<String>,
    /// The kernel.
    pub kernel: Option<String>,
    /// Disks.
    pub disks: Vec<Disk>,
    /// File systems on them.
    pub mounts: Vec<Mount>,
}

/// A disk or card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// The kernel's name: `mmcblk0`.
    pub name: String,
    /// What it calls itself.
    pub model: Option<String>,
    /// Bytes.
    pub size_bytes: u64,
    /// Tenths of its life that a card says are used up, the worse of its two kinds of memory.
    pub life_used_tenths: Option<u64>,
}

impl Disk {
    /// Whether a card says that its life is over, or nearly.
    pub fn is_worn(&self) -> bool {
        self.life_used_tenths.is_some_and(|tenths| tenths >= WORN)
    }
}

/// A mounted file system of a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Its device.
    pub device: String,
    /// Where it is mounted.
    pub path: PathBuf,
    /// Its kind.
    pub kind: String,
    /// Whether it cannot be written.
    pub is_read_only: bool,
    /// Bytes; none when the system does not tell.
    pub size_bytes: Option<u64>,
    /// Bytes that programs may still use.
    pub free_bytes: Option<u64>,
    /// Faults that the file system has found in itself.
    pub errors: Option<u64>,
}

/// Looks at the machine.
pub fn machine(root: &Root) -> Machine {
    let text = |path: &str| root.text(path).unwrap_or_default();
    let (processors, memory) = (text("/proc/cpuinfo"), text("/proc/meminfo"));
    let names = root.names("/sys/block").into_iter();
    Machine {
        board: root.text("/proc/device-tree/model").or_else(|| root.text("/sys/class/dmi/id/product_name")),
        processor: value(&processors, "model name").or_else(|| value(&processors, "Model")),
        processors: processors.lines().filter(|line| line.starts_with("processor")).count(),
        memory_bytes: kibibytes(&memory, "MemTotal"),
        memory_available_bytes: kibibytes(&memory, "MemAvailable"),
        system: pretty_name(&text("/etc/os-release")),
        kernel: root.text("/proc/version"),
        disks: names.filter(|name| is_disk(root, name)).map(|name| disk(root, name)).collect(),
        mounts: mounts(root),
    }
}

/// The mounted file systems of disks; of one that is mounted several times the first.
pub fn mounts(root: &Root) -> Vec<Mount> {
    let text = root.text("/proc/mounts").unwrap_or_default();
    let mut found: Vec<Mount> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("/dev/")) {
        let mut fields = line.split(' ');
        let mut next = || fields.next().unwrap_or_default();
        let (device, path, kind, options) = (next(), next(), next(), next());
        if found.iter().any(|mount| mount.device == device) {
            continue;
        }
        found.push(mount(root, device, path, kind, options));
    }
    found
}

/// One line of `/proc/mounts`.
fn mount(root: &Root, device: &str, path: &str, kind: &str, options: &str) -> Mount {
    // A space in a path is written so (proc(5)).
    let path = PathBuf::from(path.replace("\\040", " "));
    let space = statvfs(root.path(&path)).ok();
    let name = device.rsplit('/').next().unwrap_or_default();
    Mount {
        size_bytes: space.as_ref().map(|space| space.f_blocks.saturating_mul(space.f_frsize)),
        free_bytes: space.as_ref().map(|space| space.f_bavail.saturating_mul(space.f_frsize)),
        errors: root.number(format!("/sys/fs/ext4/{name}/errors_count")),
        // After a fault Linux 6.15 and later leave "rw" and add the other word.
        is_read_only: options.split(',').any(|option| matches!(option, "ro" | "emergency_ro")),
        device: device.to_owned(),
        kind: kind.to_owned(),
        path,
    }
}

/// Loops, memory and what else is made of software have no device.
fn is_disk(root: &Root, name: &str) -> bool {
    root.has(format!("/sys/block/{name}/device"))
}

/// What is known of a disk.
fn disk(root: &Root, name: String) -> Disk {
    let folder = format!("/sys/block/{name}");
    let text = |file: &str| root.text(format!("{folder}/device/{file}"));
    let steps = text("life_time").unwrap_or_default();
    let worst = steps.split(' ').filter_map(|step| u64::from_str_radix(step.trim_start_matches("0x"), 16).ok()).max();
    Disk {
        model: text("model").or_else(|| text("name")),
        size_bytes: root.number(format!("{folder}/size")).unwrap_or(0).saturating_mul(SECTOR),
        // 0 says that it does not tell.
        life_used_tenths: worst.filter(|step| *step > 0),
        name,
    }
}

/// The value of a `name : value` line.
fn value(text: &str, name: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// A line of `/proc/meminfo` in bytes.
fn kibibytes(text: &str, name: &str) -> u64 {
    let number = value(text, name).and_then(|value| value.trim_end_matches(" kB").parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

/// `PRETTY_NAME` of os-release(5).
fn pretty_name(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::root::fake;

    #[test]
    fn a_board_tells_what_it_is() {
        let (_folder, root) = fake(&[
            ("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Cortex-A53\nprocessor\t: 1\n"),
            ("/proc/meminfo", "MemTotal:         512000 kB\nMemAvailable:     100000 kB\n"),
            ("/proc/device-tree/model", "Raspberry Pi 3\0"),
            ("/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n"),
            ("/sys/block/mmcblk0/size", "62333952\n"),
            ("/sys/block/mmcblk0/device/name", "SC32G\n"),
            ("/sys/block/mmcblk0/device/life_time", "0x01 0x0a\n"),
            ("/sys/block/loop0/size", "8\n"),
            (
                "/proc/mounts",
                "/dev/mmcblk0p2 / ext4 ro,noatime 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/mmcblk0p2 /a ext4 rw 0 0\n",
            ),
            ("/sys/fs/ext4/mmcblk0p2/errors_count", "3\n"),
        ]);

        let found = machine(&root);

        assert_eq!((found.board.as_deref(), found.processors), (Some("Raspberry Pi 3"), 2));
        assert_eq!((found.memory_bytes, found.system.as_deref()), (524_288_000, Some("Debian 12")));
        assert_eq!((found.disks.len(), found.disks[0].size_bytes), (1, 31_914_983_424));
        assert!(found.disks[0].is_worn());
        assert_eq!(found.mounts.len(), 1);
        assert!(found.mounts[0].is_read_only && found.mounts[0].free_bytes.is_some());
        assert_eq!(found.mounts[0].errors, Some(3));
    }

    proptest! {
        #[test]
        fn any_files_are_read_without_a_panic(text in any::<String>()) {
            let (_folder, root) = fake(&[
                ("/proc/cpuinfo", &text), ("/proc/meminfo", &text), ("/proc/mounts", &format!("/dev/{text}")),
                ("/etc/os-release", &text), ("/sys/block/a/device/life_time", &text),
            ]);
            machine(&root);
        }
    }
}
