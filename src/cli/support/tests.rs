use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _};

use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{super::tests::Sink, *};

/// Makes a bundle of a site that is down, and gives its files.
fn bundle_of(config: &str, folder: &Path) -> Vec<(String, String)> {
    let path = folder.join("tidegate.toml");
    fs::write(&path, config).unwrap();
    let sink = Sink::default();
    let mut context = Context::writing_to(path, Box::new(sink.clone()));
    let output = folder.join("bundle.tar.gz");

    run(&Args { output: Some(output.clone()), no_buffer: false }, &mut context).unwrap();

    assert_eq!(sink.text(), format!("{}\n", output.display()));
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
    let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(&output).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, GzDecoder<fs::File>> = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.path().unwrap().to_string_lossy().into_owned(), text)
    };
    archive.entries().unwrap().map(read).collect()
}

/// A file of a bundle as JSON.
fn json_of(files: &[(String, String)], name: &str) -> Value {
    let (_, text) = files.iter().find(|(path, _)| path.ends_with(&format!("/{name}"))).unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_bundle_is_made_while_the_daemon_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[gateway]\nid = 'plant-7'\n[api]\nsocket = {:?}\n[buffer]\npath = {:?}\n",
        folder.path().join("no.sock"),
        folder.path().join("buffer.db")
    );

    let files = bundle_of(&config, folder.path());

    assert!(files[0].0.starts_with("tidegate-support-plant-7-2"), "{}", files[0].0);
    assert_eq!(json_of(&files, "about.json")["version"], env!("CARGO_PKG_VERSION"));
    let shown = &json_of(&files, "config.json")[folder.path().join("tidegate.toml").to_string_lossy().as_ref()];
    assert_eq!(shown["gateway"]["id"], "plant-7");
    assert!(json_of(&files, "status.json")["error"].as_str().unwrap().contains("cannot reach the daemon"));
    assert!(json_of(&files, "buffer-check.json")["error"].as_str().unwrap().contains("there is no file"));
    assert!(json_of(&files, "hardware.json")["machine"]["processors"].as_u64() > Some(0));
    assert!(
        files.iter().any(|(name, text)| name.ends_with("/check.txt") && text.starts_with("valid: ")),
        "{files:?}"
    );
}

#[test]
fn a_name_tells_gateway_and_time() {
    let now: Timestamp = Timestamp::parse("2026-11-27T20:30:00.123Z").unwrap();
    assert_eq!(stamp(now), "20261127T203000Z");
    assert_eq!(place(Some(Path::new("/")), "a"), Path::new("/a.tar.gz"));
    assert_eq!(place(Some(Path::new("/tmp/x.tgz")), "a"), Path::new("/tmp/x.tgz"));
}

proptest! {
    // Each case asks programs of the system.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_secret_of_a_configuration_survives(secrets in proptest::collection::vec("[A-Za-z0-9!?$%&()+,;=^_{|}~-]{8,24}", 6)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), &secrets[0]).unwrap();
        let config = format!(
            "# {}\n[gateway]\nid = 'g'\npasword = {}\n[api]\nsocket = 'no.sock'\n[buffer]\npath = 'buffer.db'\n\
             [[uplink]]\nname = 'a'\nurl = 'mqtt://b'\nusername = 'u'\npassword = {{ file = 'password' }}\n\
             [[uplink]]\nname = 'b'\nurl = {}\nusername = 'u'\npassword = {}\n\
             [[adapter]]\nname = 'z'\nkind = 'zigbee'\nlink = {}\n",
            secrets[1], json!(secrets[1]), json!(format!("mqtt://{}:{}@b", secrets[2], secrets[3])),
            json!(secrets[4]), json!(format!("tcp://{}@b:1", secrets[5])),
        );

        for (name, text) in bundle_of(&config, folder.path()) {
            for secret in &secrets {
                prop_assert!(!text.contains(secret.as_str()), "{secret} is in {name}:\n{text}");
            }
        }
    }
}
