//! TLS files: how they are named, and whether they hold what they must. Uplinks and adapters share them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Tls,
    report::{Place, Problems},
    section::{At, section},
};

section! {
    /// Trust and client certificate. The files are read at each connection, so a renewed one needs no restart.
    pub struct TlsKeys {
        /// Trusted roots, PEM. Set it for a broker with a certificate of your own.
        ca: PathBuf = optional("the roots of the system");
        /// Client certificate chain, PEM; goes with `key`.
        cert: PathBuf = optional("no client certificate");
        /// Key of the client certificate, PEM; goes with `cert`.
        key: PathBuf = optional("no client certificate");
        /// ALPN protocol names. Some clouds want `mqtt` on port 443.
        alpn: Vec<String> = default("[]");
    }
}

impl TlsKeys {
    /// Whether anything is said.
    pub fn is_set(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some() || !self.alpn.value.is_empty()
    }

    /// The files as meant; what cannot be read is reported.
    pub fn check(self, problems: &mut Problems) -> Tls {
        self.check_pair(problems);
        Tls {
            ca: pem(self.ca, "CERTIFICATE-----", problems),
            cert: pem(self.cert, "CERTIFICATE-----", problems),
            key: pem(self.key, "PRIVATE KEY-----", problems),
            alpn: self.alpn.value,
        }
    }

    /// A certificate and its key, or neither.
    fn check_pair(&self, problems: &mut Problems) {
        if let (Some(cert), None) = (&self.cert, &self.key) {
            problems.error(&cert.place, "a certificate without its key").help("add its key as the key \"key\"");
        }
        if let (None, Some(key)) = (&self.cert, &self.key) {
            let problem = problems.error(&key.place, "a key without its certificate");
            problem.help("add its certificate as the key \"cert\"");
        }
    }
}

/// A PEM file that can be read and holds what is looked for.
fn pem(path: Option<At<PathBuf>>, marker: &str, problems: &mut Problems) -> Option<PathBuf> {
    let At { value: path, place } = path?;
    readable(&path, &place, Some(marker), problems);
    Some(path)
}

/// Reports a file that cannot be read, or in which `marker` is missing.
pub(super) fn readable(path: &Path, place: &Place, marker: Option<&str>, problems: &mut Problems) {
    let shown = path.display();
    match (fs::read(path), marker) {
        (Err(error), _) => {
            let problem = problems.error(place, format!("cannot read {shown}: {error}"));
            problem.help("a relative path starts at the folder of this file");
        }
        (Ok(bytes), Some(marker)) if !String::from_utf8_lossy(&bytes).contains(marker) => {
            let wanted = marker.trim_end_matches('-').to_lowercase();
            problems.error(place, format!("{shown} holds no {wanted} in PEM")).help("convert it to PEM");
        }
        (Ok(_), _) => {}
    }
}
