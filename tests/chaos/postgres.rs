//! A real PostgreSQL of our own, where one is installed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{LIMIT, process::Process};

/// The account that PostgreSQL runs as when we are root, since it refuses to be root itself.
const ACCOUNT: &str = "postgres";

/// A PostgreSQL of our own on a socket in a temporary folder.
pub(crate) struct Server {
    /// The postmaster.
    process: Process,
    /// Data and socket.
    dir: TempDir,
}

impl Server {
    /// A running server, or why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("there is no /usr/lib/postgresql/*/bin/initdb")?;
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        if is_root() {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
            if !Command::new("chown").arg(ACCOUNT).arg(&data).status().is_ok_and(|status| status.success()) {
                return Err(format!("we are root, and there is no account {ACCOUNT}"));
            }
        }
        let made = as_account(&programs.join("initdb"))
            .args(["--auth=trust", "--no-sync", "-U", ACCOUNT])
            .arg(&data)
            .output();
        let made = made.map_err(|error| error.to_string())?;
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = as_account(&programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(&data).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let process = Process::start("postgres", &mut command);
        process.wait_for_log("ready to accept connections");
        Ok(Self { process, dir })
    }

    /// How to reach it.
    pub(crate) fn dsn(&self) -> String {
        format!("host={} user={ACCOUNT} dbname=postgres", self.dir.path().join("data").display())
    }

    /// What a query says, as text.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let psql = programs().expect("there is a server").join("psql");
        let output = Command::new(psql).args(["-At", "-c", sql]).arg(self.dsn()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) {
        self.process.signal(Signal::INT);
        self.process.wait_exit(LIMIT);
    }
}

/// Where Debian keeps the server's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists())
}

/// Whether we are root.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program in the account that may run the server. `setpriv` becomes the program, so that a signal reaches it.
fn as_account(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}
