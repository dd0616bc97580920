//! Serial lines without hardware: socat makes a pair of terminals, or one that leads to a TCP server.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{eventually, process::Process};

/// A serial cable. Dropping it pulls the plug; the path is gone then.
pub(crate) struct Cable {
    /// socat, which holds it.
    _socat: Process,
}

impl Cable {
    /// A port at `path` that leads to a server of serial frames.
    pub(crate) fn to_server(path: &Path, port: u16) -> Self {
        Self::plug(&[path], &format!("TCP:127.0.0.1:{port},nodelay"))
    }

    /// Two ports that lead to each other.
    pub(crate) fn between(one: &Path, other: &Path) -> Self {
        Self::plug(&[one, other], &terminal(other))
    }

    /// Starts socat between the first path and the other end.
    fn plug(paths: &[&Path], end: &str) -> Self {
        let socat = Process::start("socat", Command::new("socat").arg(terminal(paths[0])).arg(end));
        for path in paths {
            eventually("a terminal of socat", || path.exists().then_some(()));
        }
        Self { _socat: socat }
    }
}

/// A terminal at a path, for socat.
fn terminal(path: &Path) -> String {
    format!("PTY,link={},rawer", path.display())
}

/// Whether a program or header is there; says loudly when a second opinion has to be left out.
pub(crate) fn is_here(what: &str, path: &str) -> bool {
    let is_here = Path::new(path).exists();
    if !is_here {
        eprintln!("SKIPPED: {what} is not here, make setup installs it; nobody gives a second opinion");
    }
    is_here
}

/// A unit of libmodbus, see `tests/peers/libmodbus_server.c`.
pub(crate) struct Libmodbus {
    /// The server.
    _process: Process,
}

impl Libmodbus {
    /// Builds the server and starts it on a serial port.
    pub(crate) fn start(folder: &Path, port: &Path) -> Self {
        let program: PathBuf = folder.join("libmodbus_server");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/libmodbus_server.c");
        let mut compiler = Command::new("cc");
        compiler.arg("-o").arg(&program).arg(source).args(["-I/usr/include/modbus", "-lmodbus"]);
        let built = compiler.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let process = Process::start("libmodbus", Command::new(program).arg(port));
        assert_eq!(process.line(0), "ready");
        Self { _process: process }
    }
}
