//! A disk of its own for the buffer, small enough to be filled, or on a device that can be made to fail. Only root can
//! mount one.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Its size: the smallest store that is allowed, and room for ext4's own.
const SIZE: &str = "40M";

/// A mounted file system in a file.
pub(crate) struct Disk {
    /// Where everything is.
    dir: TempDir,
    /// What has to be filled so that it refuses: the disk itself, or what its device lies on.
    ballast: &'static str,
}

impl Disk {
    /// An ext4 in a loop device, or a tmpfs where there are no loop devices; or why there is neither.
    pub(crate) fn mount() -> Result<Self, String> {
        let disk = Self::empty("disk")?;
        let image = disk.dir.path().join("image");
        let ext4 = run(Command::new("truncate").args(["-s", SIZE]).arg(&image))
            .and_then(|()| run(Command::new("/usr/sbin/mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image)))
            .and_then(|()| run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.path(""))));
        ext4.or_else(|_| {
            let size = format!("size={SIZE}");
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.path("")))
        })?;
        Ok(disk)
    }

    /// An ext4 that has room on a device that may not: its blocks lie in a tmpfs. When that is full, writing succeeds,
    /// and the disk fails when it is asked to keep what was written. Without a journal, so that it can recover.
    pub(crate) fn failing() -> Result<Self, String> {
        let disk = Self::empty("device")?;
        let device = disk.dir.path().join("device");
        fs::create_dir(&device).map_err(|error| error.to_string())?;
        let size = format!("size={SIZE}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&device))?;
        let image = device.join("image");
        run(Command::new("truncate").args(["-s", SIZE]).arg(&image))?;
        let plain = ["-q", "-F", "-m", "0", "-O", "^has_journal"];
        run(Command::new("/usr/sbin/mkfs.ext4").args(plain).arg(&image))?;
        run(Command::new("mount").args(["-o", "loop,errors=continue"]).arg(&image).arg(disk.path("")))?;
        Ok(disk)
    }

    /// An ext4 that the kernel makes read-only when it is told of a fault.
    pub(crate) fn faulty() -> Result<Self, String> {
        let disk = Self::empty("disk")?;
        let image = disk.image();
        run(Command::new("truncate").args(["-s", SIZE]).arg(&image))?;
        run(Command::new("/usr/sbin/mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        disk.mount_again()?;
        let trigger = disk.trigger()?;
        if trigger.exists() { Ok(disk) } else { Err(format!("this kernel has no {}", trigger.display())) }
    }

    /// Tells the kernel that the file system is at fault.
    pub(crate) fn fault(&self) {
        fs::write(self.trigger().unwrap(), "1").unwrap();
    }

    /// Takes it out of sight; who has files of it open still holds it.
    pub(crate) fn unmount(&self) {
        run(Command::new("umount").arg("-l").arg(self.path(""))).unwrap();
    }

    /// Mends what the fault has left, if nobody holds it any more.
    pub(crate) fn mend(&self) -> Result<(), String> {
        let held = Command::new("losetup").arg("-j").arg(self.image()).output().map_err(|error| error.to_string())?;
        if !held.stdout.is_empty() {
            return Err("it is still held".to_owned());
        }
        let mut mend = Command::new("/usr/sbin/e2fsck");
        let mended = mend.args(["-f", "-y"]).arg(self.image()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // 1 is: there were errors, and they are corrected (e2fsck(8), exit code).
        let code = mended.map_err(|error| error.to_string())?.code();
        if matches!(code, Some(0 | 1)) { Ok(()) } else { Err(format!("e2fsck ended with {code:?}")) }
    }

    /// Mounts it where it was.
    pub(crate) fn mount_again(&self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop,errors=remount-ro"]).arg(self.image()).arg(self.path("")))
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// Where the kernel is told of a fault (Documentation/ABI/testing/sysfs-fs-ext4).
    fn trigger(&self) -> Result<PathBuf, String> {
        let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
        let place = self.dir.path().join("disk");
        let device = mounts
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(_, rest)| rest.split(' ').next().is_some_and(|path| Path::new(path) == place));
        let name = device.and_then(|(device, _)| device.rsplit('/').next()).ok_or("it is not mounted")?;
        Ok(Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error"))
    }

    /// A place to mount one at.
    fn empty(ballast: &'static str) -> Result<Self, String> {
        let disk = Self { dir: TempDir::new().map_err(|error| error.to_string())?, ballast };
        fs::create_dir(disk.path("")).map_err(|error| error.to_string())?;
        Ok(disk)
    }

    /// A file on it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join("disk").join(name)
    }

    /// Leaves no free block, on the disk or behind it.
    pub(crate) fn fill(&self) {
        for (name, chunk) in [("ballast", 1 << 20), ("crumbs", 1 << 10)] {
            let mut ballast = File::create(self.ballast(name)).unwrap();
            // The error is the point: it says that nothing more fits.
            while ballast.write_all(&vec![0xa5; chunk]).and_then(|()| ballast.sync_data()).is_ok() {}
        }
    }

    /// Gives the room back.
    pub(crate) fn free(&self) {
        for name in ["ballast", "crumbs"] {
            // A crumb that never fitted was never made.
            let _ = fs::remove_file(self.ballast(name));
        }
    }

    fn ballast(&self, name: &str) -> PathBuf {
        self.dir.path().join(self.ballast).join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a daemon that a failing test leaves may still hold its files for a moment.
        for name in ["disk", "device"] {
            let place = self.dir.path().join(name);
            let _ = Command::new("umount").arg("-l").arg(place).stderr(Stdio::null()).status();
        }
    }
}

/// Runs a tool; what it says is the error.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}
