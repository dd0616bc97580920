//! The disk under the buffer: whether there is room, whether it can be written, and what it says of its health.

use std::path::Path;

use super::{super::format::bytes, Finding, site::Site};
use crate::{
    buffer::damage::asides,
    command::damaged_ledgers,
    host::machine::{self, Disk, Mount},
};

/// What the subject is called.
const ABOUT: &str = "disk";
/// The store stops growing below both: a twentieth of the disk, and a gibibyte.
const LOW_SHARE: u64 = 20;
const LOW_BYTES: u64 = 1 << 30;

/// The file system of the buffer, and every disk that speaks of its own health.
pub(super) fn check(site: &Site) -> Vec<Finding> {
    let machine = machine::machine(&site.root);
    let mut findings: Vec<_> = machine.disks.iter().filter(|disk| disk.is_worn()).map(worn).collect();
    match mount_of(&machine.mounts, site.state()) {
        Some(mount) => findings.extend(health(mount).into_iter().chain([room(mount, site.buffer.max_size)])),
        None => findings.push(Finding::note(
            ABOUT,
            format!("no disk is mounted for {}: what is kept there is gone after a restart", site.state().display()),
            "put [buffer] path on a disk; in a container that is a volume",
        )),
    }
    findings.extend(set_aside(site).into_iter().chain(ledgers(site)));
    findings
}

/// Damaged buffers that were set aside.
fn set_aside(site: &Site) -> Option<Finding> {
    // A folder that cannot be listed is told of where files are looked at.
    let found = asides(&site.root.path(&site.buffer.path), &[]).ok().filter(|found| !found.is_empty())?;
    let names: Vec<_> = found.iter().map(|aside| &*aside.file).collect();
    let taken = bytes(found.iter().map(|aside| aside.bytes).sum());
    let text = format!("the buffer was damaged: {} take {taken} in {}", names.join(", "), site.state().display());
    let fix = "tidegate buffer status says whether they are salvaged; then delete them, as the gateway does for want of \
               room, or read the rest with tidegate buffer salvage";
    Some(Finding::note("buffer", text, fix))
}

/// Damaged ledgers of commands that were set aside.
fn ledgers(site: &Site) -> Option<Finding> {
    let ledger = site.root.path(&site.buffer.path).with_file_name("commands.db");
    let found = damaged_ledgers(&ledger).ok().filter(|found| !found.is_empty())?;
    let names: Vec<_> = found.iter().map(|aside| &*aside.file).collect();
    let taken = bytes(found.iter().map(|aside| aside.bytes).sum());
    let text = format!(
        "the ledger of commands was damaged: {} take {taken} in {}",
        names.join(", "),
        site.state().display()
    );
    let fix = "ids of commands from before are forgotten; delete them when you have seen what you want to see";
    Some(Finding::note("commands", text, fix))
}

/// The file system a folder is on: the one mounted nearest to it.
fn mount_of<'a>(mounts: &'a [Mount], folder: &Path) -> Option<&'a Mount> {
    mounts.iter().filter(|mount| folder.starts_with(&mount.path)).max_by_key(|mount| mount.path.components().count())
}

/// A card near the end of its life.
fn worn(disk: &Disk) -> Finding {
    let text = format!("{} says that it has used up its life", disk.name);
    Finding::wrong(ABOUT, text, "tidegate backup, and put in another card")
}

/// Faults of the file system.
fn health(mount: &Mount) -> Vec<Finding> {
    let (device, path) = (&mount.device, mount.path.display());
    let mut findings = Vec::new();
    if mount.is_read_only {
        let fix = "dmesg says why; after faults of the disk the kernel mounts it so";
        findings.push(Finding::wrong(ABOUT, format!("{path} cannot be written"), fix));
    }
    if let Some(errors) = mount.errors.filter(|errors| *errors > 0) {
        let text = format!("the file system of {path} has found {errors} faults in itself");
        findings.push(Finding::wrong(
            ABOUT,
            text,
            format!("tidegate backup, then e2fsck -f {device} while it is not mounted"),
        ));
    }
    findings
}

/// Room for what the buffer may become.
fn room(mount: &Mount, max_size: u64) -> Finding {
    let (Some(size), Some(free)) = (mount.size_bytes, mount.free_bytes) else {
        return Finding::note(ABOUT, format!("{} does not tell its size", mount.device), "none is needed");
    };
    let text = format!("{} of {} free on {}", bytes(free), bytes(size), mount.path.display());
    if free < size / LOW_SHARE && free < LOW_BYTES {
        let fix = "make room: the buffer does not grow any more, and keeps what is new in memory when it is full";
        return Finding::wrong(ABOUT, text, fix);
    }
    if size < max_size {
        let fix = format!("lower [buffer] max_size, which is {}", bytes(max_size));
        return Finding::note(ABOUT, format!("{text}: less than the buffer may take"), fix);
    }
    Finding::ok(ABOUT, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::{Level, site::tests::site};

    /// A file system with so much room, in MiB.
    fn mount(size: u64, free: u64) -> Mount {
        Mount { size_bytes: Some(size << 20), free_bytes: Some(free << 20), ..Mount::default() }
    }

    #[test]
    fn a_damaged_buffer_that_was_set_aside_is_mentioned() {
        let (_folder, mut site) = site("", &[("/state/buffer.db.damaged-17", "12345"), ("/state/buffer.db", "")]);
        site.buffer.path = "/state/buffer.db".into();

        let finding = set_aside(&site).unwrap();

        assert_eq!(finding.level, Level::Note);
        assert_eq!(finding.text, "the buffer was damaged: buffer.db.damaged-17 take 5 B in /state");
    }

    #[test]
    fn damaged_ledgers_are_mentioned() {
        let (_folder, mut site) = site("", &[("/state/commands.db.damaged-2", "123"), ("/state/commands.db", "")]);
        site.buffer.path = "/state/buffer.db".into();

        let finding = ledgers(&site).unwrap();

        assert_eq!(finding.level, Level::Note);
        assert_eq!(finding.text, "the ledger of commands was damaged: commands.db.damaged-2 take 3 B in /state");
    }

    #[test]
    fn room_is_judged_as_the_buffer_judges_it() {
        let level = |size, free| room(&mount(size, free), 2 << 30).level;
        assert_eq!(level(32_000, 8_000), Level::Ok);
        assert_eq!(level(32_000, 1_100), Level::Ok);
        assert_eq!(level(32_000, 900), Level::Wrong);
        assert_eq!(level(1_000, 900), Level::Note);
    }

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = ["/", "/var", "/variable"].map(|path| Mount { path: path.into(), ..Mount::default() });
        let near = |folder| mount_of(&mounts, Path::new(folder)).map(|mount| mount.path.clone());
        assert_eq!(near("/var/lib/tidegate"), Some("/var".into()));
        assert_eq!(near("/opt"), Some("/".into()));
    }

    #[test]
    fn a_disk_with_faults_is_found() {
        let (_folder, site) = site(
            "[buffer]\npath = '/var/lib/tidegate/buffer.db'\n",
            &[
                ("/proc/mounts", "/dev/mmcblk0p2 / ext4 ro 0 0\n"),
                ("/sys/fs/ext4/mmcblk0p2/errors_count", "2"),
                ("/sys/block/mmcblk0/device/life_time", "0x0b 0x01"),
            ],
        );

        let texts: Vec<_> = check(&site).into_iter().map(|finding| finding.text).collect();

        assert_eq!(texts[0], "mmcblk0 says that it has used up its life");
        assert_eq!(texts[1], "/ cannot be written");
        assert_eq!(texts[2], "the file system of / has found 2 faults in itself");
    }
}
