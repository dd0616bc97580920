//! The text of a device profile and of its vectors, which are parted by a NUL.
#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::{
    adapter::registry,
    config::{self, report::Problems},
    profile::read_vectors,
};

/// A folder of this process, for a profile `v/m`.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("tidegate-fuzz-{}", std::process::id()));
    fs::create_dir_all(folder.join("v/m")).unwrap();
    folder
});

fuzz_target!(|text: &str| {
    let (profile, vectors) = text.split_once('\0').unwrap_or((text, text));
    let place = FOLDER.join("v/m");
    fs::write(place.join("profile.toml"), profile).unwrap();
    fs::write(place.join("vectors.toml"), vectors).unwrap();
    let site = format!(
        "[profiles]\ndirs = [{:?}]\n[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://h'\n\
         [[device]]\nid = 'd'\nadapter = 'a'\naddress = {{ unit = 1 }}\nprofile = 'v/m'\n",
        FOLDER.display().to_string()
    );
    let mut draft = config::read_text("fuzz.toml".as_ref(), &site);
    for adapter in registry::plan(&mut draft) {
        let _ = adapter.load(None);
    }
    let _ = draft.finish();
    let _ = read_vectors(&place, &mut Problems::default());
});
