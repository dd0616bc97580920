//! Other processes of the machine: who runs, and who holds a file open.

use std::path::Path;

use serde::Serialize;

use super::root::Root;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, at most 15 characters of it (proc(5), `comm`).
    pub name: String,
}

/// Every process that can be seen.
pub fn all(root: &Root) -> Vec<Process> {
    let numbers = root.names("/proc").into_iter().filter_map(|name| name.parse().ok());
    numbers.filter_map(|pid| Some(Process { pid, name: root.text(format!("/proc/{pid}/comm"))? })).collect()
}

/// Whether a program of this name runs.
pub fn runs(root: &Root, name: &str) -> bool {
    all(root).iter().any(|process| process.name == name)
}

/// The processes that hold a file open, as far as we may look: root sees all, others only their own.
pub fn holders(root: &Root, file: &Path) -> Vec<Process> {
    let holds = |process: &Process| {
        let fds = format!("/proc/{}/fd", process.pid);
        let mut links = root.names(&fds).into_iter().map(|fd| root.path(format!("{fds}/{fd}")));
        links.any(|link| std::fs::read_link(link).is_ok_and(|target| target == file))
    };
    all(root).into_iter().filter(holds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::root::fake;

    #[test]
    fn a_holder_is_found_by_the_file_it_has_open() {
        let (_folder, root) = fake(&[
            ("/proc/12/comm", "ModemManager\n"),
            ("/proc/12/fd/3", "-> /dev/ttyUSB0"),
            ("/proc/13/comm", "bash\n"),
            ("/proc/13/fd/0", "-> /dev/pts/0"),
            ("/proc/self/comm", "x\n"),
        ]);

        assert_eq!(holders(&root, Path::new("/dev/ttyUSB0")), [Process { pid: 12, name: "ModemManager".into() }]);
        assert!(runs(&root, "bash") && !runs(&root, "x"));
    }
}
