//! tshark: frames wrapped as they go through the air, without security, and what it says of them.

use std::{env, io::Write as _, path::PathBuf, process::Command};

use tidegate::adapter::zigbee::address::Cluster;

/// IEEE 802.15.4 without a check sum (the list of link types of tcpdump.org).
const LINK_TYPE: u32 = 230;

/// Home automation, and ZDO.
const HOME: u16 = 0x0104;
const ZDO: u16 = 0x0000;

/// A frame with its way.
pub(crate) struct Air {
    endpoint: u8,
    profile: u16,
    cluster: Cluster,
    payload: Vec<u8>,
}

impl Air {
    /// A frame of the cluster library.
    pub(crate) fn zcl(cluster: Cluster, payload: Vec<u8>) -> Self {
        Self { endpoint: 1, profile: HOME, cluster, payload }
    }

    /// A frame of ZDO, with its transaction.
    pub(crate) fn zdo(cluster: Cluster, payload: Vec<u8>) -> Self {
        Self { endpoint: 0, profile: ZDO, cluster, payload }
    }

    /// The frame behind MAC, NWK and APS headers, from 0x1a2b to the coordinator.
    fn bytes(&self) -> Vec<u8> {
        let [cluster, profile] = [self.cluster.0, self.profile].map(u16::to_le_bytes);
        let mac = [0x41, 0x88, 1, 0x62, 0x1a, 0x00, 0x00, 0x2b, 0x1a];
        let nwk = [0x08, 0x00, 0x00, 0x00, 0x2b, 0x1a, 30, 1];
        let aps = [0x00, self.endpoint, cluster[0], cluster[1], profile[0], profile[1], self.endpoint, 1];
        [&mac[..], &nwk, &aps, &self.payload].concat()
    }
}

/// The program.
pub(crate) struct Tshark(PathBuf);

impl Tshark {
    /// Finds it; says loudly when it is not there.
    pub(crate) fn find() -> Option<Self> {
        let program = env::var_os("TIDEGATE_TSHARK").map_or_else(|| PathBuf::from("tshark"), PathBuf::from);
        if Command::new(&program).arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Some(Self(program));
        }
        let _ = writeln!(
            std::io::stderr(),
            "\n*** LEFT OUT: {} does not run; make setup installs it ***\n",
            program.display()
        );
        None
    }

    /// What it says of each frame, all its layers as text, addresses as numbers.
    pub(crate) fn read(&self, frames: &[Air]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frames.pcap");
        std::fs::write(&path, capture(frames)).unwrap();
        let output = Command::new(&self.0).args(["-n", "-V", "-r"]).arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let seen: Vec<String> = format!("\n{text}").split("\nFrame ").skip(1).map(str::to_owned).collect();
        assert_eq!(seen.len(), frames.len(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        seen
    }

    /// Every frame is whole, and says these words.
    pub(crate) fn expect(&self, frames: &[Air], words: &[&str]) {
        for ((seen, words), frame) in self.read(frames).iter().zip(words).zip(frames) {
            let is_whole = !seen.contains("Malformed") && !seen.contains("Expert Info (Error");
            assert!(is_whole && seen.contains(words), "{words:?} in {:02x?}:\n{seen}", frame.payload);
        }
    }
}

/// A capture file with the frames (the classic format, in microseconds).
fn capture(frames: &[Air]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    for word in [0, 0, 65_535, LINK_TYPE] {
        file.extend(word.to_le_bytes());
    }
    for frame in frames.iter().map(Air::bytes) {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [0, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}
