use std::{
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use proptest::prelude::*;

use super::{
    super::tests::Sink,
    manifest::{Place, place},
    *,
};

/// A gateway in a folder: configuration, secret, rule, and something an adapter learned.
struct Gateway(tempfile::TempDir);

impl Gateway {
    /// An empty folder.
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A gateway that has been at work.
    fn used() -> Self {
        let gateway = Self::empty();
        let site = "[[uplink]]\nname = 'a'\nurl = 'mqtt://b'\nusername = 'u'\npassword = { file = '../secret' }\n";
        gateway.put("etc/tidegate.toml", "[gateway]\nid = 'plant-7'\n[rules]\ndir = 'rules'\n[api]\nsocket = 'no.sock'\n[buffer]\npath = '../state/buffer.db'\n[profiles]\ndirs = ['profiles']\n");
        gateway.put("etc/conf.d/site.toml", &site.replace("../", ""));
        gateway.put("etc/conf.d/secret", "hunter2");
        gateway.put("etc/rules/a/b.rhai", "// nothing");
        gateway.put("state/adapters/line1.json", "{}");
        fs::set_permissions(gateway.path("etc/conf.d/secret"), fs::Permissions::from_mode(0o640)).unwrap();
        gateway
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Every file with its text, without what a test adds itself.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if entry.extension().is_none_or(|ending| ending != "backup") {
                    let name = entry.strip_prefix(self.0.path()).unwrap().to_string_lossy().into_owned();
                    found.push((name, fs::read(entry).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    fn context(&self) -> Context {
        Context::writing_to(self.path("etc/tidegate.toml"), Box::new(Sink::default()))
    }

    fn back_up(&self, with_buffer: bool) -> PathBuf {
        let file = self.path("x.backup");
        run(&Args { file: file.clone(), with_buffer, force: true }, &mut self.context()).unwrap();
        file
    }

    fn restore(&self, file: &Path, force: bool) -> Result<(), String> {
        let args = restore::Args { file: file.to_owned(), state: Some(self.path("state")), force };
        restore::run(&args, &mut self.context()).map_err(|error| error.to_string())
    }
}

/// Takes an archive apart, changes it, and puts it together again.
fn forged(file: &Path, change: &Forgery) -> PathBuf {
    let mut from = tar::Archive::new(GzDecoder::new(fs::File::open(file).unwrap()));
    let to = file.with_extension("forged.backup");
    let mut into = tar::Builder::new(GzEncoder::new(fs::File::create(&to).unwrap(), Compression::fast()));
    for entry in from.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut header = tar::Header::new_gnu();
        let name = change(&name, &mut bytes).unwrap_or(name);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        into.append(&header, &*bytes).unwrap();
    }
    into.into_inner().unwrap().finish().unwrap();
    to
}

/// Replaces a text in the bytes of a file.
fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    *bytes = String::from_utf8_lossy(bytes).replace(from, to).into_bytes();
}

#[test]
fn what_was_backed_up_is_put_back_elsewhere_with_its_modes() {
    let gateway = Gateway::used();
    let file = gateway.back_up(false);
    let other = Gateway::empty();

    other.restore(&file, false).unwrap();

    assert_eq!(gateway.files(), other.files());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(other.path("etc/conf.d/secret")), mode(file)), (0o640, 0o600));
}

#[test]
fn nothing_is_replaced_without_force_and_a_file_of_comments_is_in_nobodys_way() {
    let gateway = Gateway::used();
    let file = gateway.back_up(false);
    let refused = gateway.restore(&file, false).unwrap_err();
    assert!(refused.contains("5 files would be replaced, ") && refused.contains("--force"), "{refused}");

    let fresh = Gateway::empty();
    fresh.put("etc/tidegate.toml", "# as it was installed\n");
    fresh.restore(&file, false).unwrap();

    gateway.put("etc/rules/a/b.rhai", "changed");
    gateway.restore(&file, true).unwrap();
    assert_eq!(fs::read_to_string(gateway.path("etc/rules/a/b.rhai")).unwrap(), "// nothing");
}

/// What a forger does to one file: its bytes, and the name it gets.
type Forgery = Box<dyn Fn(&str, &mut Vec<u8>) -> Option<String>>;

/// Changes a text in the file whose name ends so.
fn changing(file: &'static str, from: &'static str, to: &'static str) -> Forgery {
    Box::new(move |name, bytes| {
        if name.ends_with(file) {
            replace(bytes, from, to);
        }
        None
    })
}

#[test]
fn a_file_that_is_not_as_it_was_written_changes_nothing_and_names_the_place() {
    let gateway = Gateway::used();
    let whole = gateway.back_up(false);
    let other = Gateway::empty();
    other.put("etc/tidegate.toml", "# mine\n");
    other.put("state/adapters/line2.json", "{}");
    let before = other.files();
    let forgeries: [(Forgery, &str); 6] = [
        (changing("secret", "hunter2", "hunter3"), "config/conf.d/secret: its checksum is "),
        (Box::new(|name, _| name.ends_with("secret").then(|| "config/../../x".into())), "is in its place"),
        (changing(MANIFEST, "config/conf.d/secret", "config/../../secret"), "is no name of a backup"),
        (changing(MANIFEST, "config/conf.d/secret", "config/conf.d/site.toml"), "is listed twice"),
        (changing(MANIFEST, "\"tidegate\"", "\"other\""), "it is of \"other\""),
        (changing(MANIFEST, "\"format\": 1", "\"format\": 2"), "it has format 2"),
    ];
    for (forgery, expected) in &forgeries {
        let refused = other.restore(&forged(&whole, forgery), true).unwrap_err();

        assert!(refused.contains(expected), "{refused}");
        assert_eq!(other.files(), before, "{expected}");
    }

    other.put("foreign.backup", "no archive at all");
    let refused = other.restore(&other.path("foreign.backup"), true).unwrap_err();
    assert!(refused.contains("foreign.backup: it is no backup of tidegate"), "{refused}");
}

#[test]
fn a_state_in_another_folder_has_to_be_named() {
    let gateway = Gateway::used();
    let whole = gateway.back_up(false);
    let other = Gateway::empty();
    let args = restore::Args { file: whole, state: Some(other.path("elsewhere")), force: false };

    let refused = restore::run(&args, &mut other.context()).unwrap_err().to_string();

    assert!(refused.contains("(help: --state "), "{refused}");
    assert!(!other.path("etc/tidegate.toml").exists());
}

#[test]
fn a_running_daemon_is_left_alone() {
    let gateway = Gateway::used();
    let file = gateway.back_up(false);
    let lock = fs::File::create(gateway.path("state/buffer.db.lock")).unwrap();
    lock.lock().unwrap();

    let refused = gateway.restore(&file, true).unwrap_err();

    assert!(refused.contains("systemctl stop tidegate"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_name_leads_out_of_its_folder(name in "(config|state)?/?[a-z./\\\\\0 ]{0,24}") {
        match place(&name) {
            Some(Place::Config(path) | Place::Learned(path)) => {
                let folder = Path::new("/etc/tidegate");
                prop_assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{path:?}");
                prop_assert!(folder.join(&path).starts_with(folder) && folder.join(&path) != folder);
            }
            Some(Place::Ledger | Place::Buffer) | None => {}
        }
    }

    #[test]
    fn damage_anywhere_is_refused_or_harmless(at in 0.0..1.0f64, flip in 1..=255u8, cut in any::<bool>()) {
        let gateway = Gateway::used();
        let file = gateway.back_up(false);
        let mut bytes = fs::read(&file).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short file")]
        let at = (bytes.len() as f64 * at) as usize;
        if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
        fs::File::create(&file).unwrap().write_all(&bytes).unwrap();
        let other = Gateway::empty();

        // Bytes of the head of the compression, such as its time, mean nothing.
        let is_restored = other.restore(&file, false).is_ok();
        prop_assert_eq!(other.files(), if is_restored { gateway.files() } else { Vec::new() });
    }
}
