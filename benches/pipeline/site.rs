//! A folder with a configuration, rules and a buffer, by default on the disk that holds `target/`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use tidegate::{
    adapter::{Adapter, registry},
    config::Config,
    host::SystemClock,
    model::SharedClock,
};

/// The rule that hears every reading.
pub(crate) const ONE_RULE: &str = r#"on("*/*", |r| if r.value > 100000.0 { r.keep_local() });"#;

/// What every configuration here begins with.
const BASE: &str = r#"
[gateway]
id = "bench"
site = "bench"
[rules]
dir = "rules"
[api]
socket = "api.sock"
"#;

/// A gateway's place.
pub(crate) struct Site {
    dir: TempDir,
    config: String,
}

/// Where results go; made if it is missing.
pub(crate) fn bench_dir() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    fs::create_dir_all(&dir).expect("a writable target folder");
    dir
}

/// The host's clock.
pub(crate) fn clock() -> SharedClock {
    Arc::new(SystemClock::new())
}

impl Site {
    /// A site with the rules given and the lines of `[buffer]`.
    pub(crate) fn new(rule: Option<&str>, buffer: &str) -> Self {
        Self::on(&bench_dir(), rule, buffer)
    }

    /// The same on another disk.
    pub(crate) fn on(disk: &Path, rule: Option<&str>, buffer: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("site-").tempdir_in(disk).expect("a temporary folder");
        let rules = dir.path().join("rules");
        fs::create_dir(&rules).expect("a folder of rules");
        if let Some(text) = rule {
            fs::write(rules.join("bench.rhai"), text).expect("a rule file");
        }
        let config = format!("{BASE}[buffer]\npath = \"buffer.db\"\n{buffer}\n");
        Self { dir, config }
    }

    /// Adds an uplink to a broker on this port.
    pub(crate) fn uplink(mut self, port: u16) -> Self {
        let text = "[[uplink]]\nname = \"cloud\"\nurl = \"mqtt://127.0.0.1:";
        writeln!(self.config, "{text}{port}\"").expect("memory takes every byte");
        self
    }

    /// Adds a Modbus line: units with points of two registers each, polled at this interval.
    pub(crate) fn line(mut self, port: u16, units: u8, points: u16, poll: &str) -> Self {
        let config = &mut self.config;
        let mut put = |text: &str| config.push_str(text);
        put(&format!("[[adapter]]\nname = \"line\"\nkind = \"modbus\"\nlink = \"tcp://127.0.0.1:{port}\"\n"));
        for unit in 1..=units {
            put(&format!("[[device]]\nid = \"unit-{unit}\"\nadapter = \"line\"\naddress = {{ unit = {unit} }}\n"));
            for point in 0..points {
                let register = 2 * point;
                put(&format!("[[device.point]]\nname = \"v{point}\"\nregister = \"input:{register}\"\n"));
                put(&format!("type = \"f32\"\npoll = \"{poll}\"\n"));
            }
        }
        self
    }

    /// Adds devices of a profile with so many floats, read once a second: each on a connection of its own to this port,
    /// where the units are numbered from 1 to `units` and then from 1 again.
    pub(crate) fn fleet(mut self, port: u16, devices: u16, points: u16, units: u8) -> Self {
        self.profile("bench/meter", points);
        self.config.push_str("[profiles]\ndirs = [\"profiles\"]\n");
        for device in 0..devices {
            let unit = device % u16::from(units) + 1;
            let text = format!(
                "[[adapter]]\nname = \"line-{device}\"\nkind = \"modbus\"\nlink = \"tcp://127.0.0.1:{port}\"\n\
                 [[device]]\nid = \"meter-{device}\"\nadapter = \"line-{device}\"\nprofile = \"bench/meter\"\n\
                 address = {{ unit = {unit} }}\n"
            );
            self.config.push_str(&text);
        }
        self
    }

    /// Writes a profile with so many floats.
    fn profile(&self, name: &str, points: u16) {
        let mut text =
            "name = \"Meter\"\nvendor = \"Bench\"\nmodel = \"Meter\"\nkind = \"modbus\"\nsource = [\"made up\"]\n\
                        [device]\npoll = \"1s\"\n"
                .to_owned();
        for point in 0..points {
            let register = 2 * point;
            writeln!(text, "[[point]]\nname = \"v{point}\"\nregister = \"input:{register}\"\ntype = \"f32\"")
                .expect("memory takes every byte");
        }
        let folder = self.path("profiles").join(name);
        fs::create_dir_all(&folder).expect("a folder of profiles");
        fs::write(folder.join("profile.toml"), text).expect("a profile");
    }

    /// Adds lines of configuration.
    pub(crate) fn with(mut self, lines: &str) -> Self {
        self.config.push_str(lines);
        self
    }

    /// Writes the configuration and says where it is.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.path("tidegate.toml");
        fs::write(&path, &self.config).expect("a configuration file");
        path
    }

    /// The configuration as meant, and its adapters.
    pub(crate) fn load(&self) -> (Config, Vec<Arc<dyn Adapter>>) {
        let (config, adapters, _) = registry::load(&self.write()).expect("a configuration without mistakes");
        (config, adapters)
    }

    /// A file of the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
