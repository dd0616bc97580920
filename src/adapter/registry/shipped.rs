//! The shipped file, the reference page and the schema say what the code does.

use std::{env, fs, path::Path};

use serde_json::{Map, Value};

use super::*;

/// The shipped configuration.
const SHIPPED: &str = include_str!("../../../config/tidegate.toml");

/// The line of the reference page below which it is made from the code.
const MARK: &str =
    "<!-- Below here made from the code; `TIDEGATE_BLESS=1 cargo test reference_page` renews it. -->\n";

/// The shipped file with its `#` lines taken in.
fn uncommented() -> String {
    let take_in = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with('#') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    SHIPPED.lines().map(take_in).collect()
}

/// Loads a configuration beside TLS files that can be read.
fn load_text(text: &str) -> Result<Loaded, Report> {
    let folder = tempfile::tempdir().unwrap();
    for (name, marker) in [("ca.pem", "CERTIFICATE"), ("gateway.pem", "CERTIFICATE"), ("gateway.key", "PRIVATE KEY")]
    {
        fs::write(folder.path().join(name), format!("-----BEGIN {marker}-----\n")).unwrap();
    }
    let path = folder.path().join("tidegate.toml");
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles");
    fs::write(&path, text.replace("/usr/share/tidegate/profiles", &profiles.display().to_string())).unwrap();
    load(&path)
}

#[test]
fn the_shipped_file_changes_nothing() {
    let (shipped, adapters, warnings) = load_text(SHIPPED).unwrap();
    let (empty, ..) = load_text("").unwrap();

    assert_eq!(format!("{shipped:?}"), format!("{empty:?}"));
    assert!(adapters.is_empty());
    assert_eq!(warnings, []);
}

#[test]
fn the_shipped_examples_can_be_taken_in() {
    let (config, adapters, warnings) = load_text(&uncommented()).unwrap();

    assert_eq!((config.uplinks.len(), adapters.len(), config.grants.len()), (1, kinds().len(), 1));
    // Its grant is through an uplink that takes no commands by default, its link to devices has TLS files and no TLS, and
    // its Zigbee network's key is not there. Of points that are not there nothing is said: a Zigbee device tells its own.
    assert_eq!(warnings.len(), if cfg!(feature = "zigbee") { 3 } else { 2 }, "{warnings:#?}");
}

#[test]
fn the_shipped_file_shows_every_key_with_its_default() {
    let schema = config::schema(&kinds());
    let file: Value = toml::from_str(&uncommented()).unwrap();

    for (nth, kind) in kinds().iter().enumerate() {
        compare("", nth, &properties(&schema, nth), &of_kind(&schema, &file, kind.kind));
    }
}

/// The file as if it had one kind of adapter. Of the others only the keys that all kinds have are left.
fn of_kind(schema: &Value, file: &Value, kind: &str) -> Value {
    let mut file = file.clone();
    let adapters = file["adapter"].as_array().unwrap().clone();
    let is_of_kind =
        |name: &Value| adapters.iter().any(|adapter| adapter["name"] == *name && adapter["kind"] == kind);
    for (list, name) in [("adapter", "name"), ("device", "adapter")] {
        let common = &schema["properties"][list]["items"]["properties"];
        let entries = file[list].as_array_mut().unwrap();
        for entry in entries.iter_mut().filter(|entry| !is_of_kind(&entry[name])) {
            entry.as_object_mut().unwrap().retain(|key, _| common.get(key).is_some());
        }
        entries.sort_by_key(|entry| !is_of_kind(&entry[name]));
    }
    file
}

/// The properties of a table, those of the `nth` adapter kind included.
fn properties(schema: &Value, nth: usize) -> Map<String, Value> {
    let more = [&schema["allOf"][nth]["then"], &schema["anyOf"][nth]];
    let all = [schema].into_iter().chain(more).filter_map(|table| table["properties"].as_object());
    all.flatten().map(|(name, schema)| (name.clone(), schema.clone())).collect()
}

/// Asserts that a table shows these keys and no others, with their defaults.
fn compare(path: &str, nth: usize, known: &Map<String, Value>, table: &Value) {
    let is_usable = |schema: &Value| !schema["description"].as_str().unwrap().contains("cannot be loaded");
    let mut usable: Vec<_> = known.iter().filter(|(_, schema)| is_usable(schema)).map(|(name, _)| name).collect();
    let mut shown: Vec<_> = table.as_object().unwrap().keys().collect();
    shown.sort();
    usable.sort();
    assert_eq!(shown, usable, "keys of [{path}]");
    for (name, schema) in known.iter().filter(|(name, _)| shown.contains(name)) {
        compare_key(&format!("{path}.{name}"), nth, schema, &table[name]);
    }
}

/// Asserts that a key shows its default, and looks into tables. One place is enough for a secret, and the entries of a
/// list may share the keys among them.
fn compare_key(path: &str, nth: usize, schema: &Value, value: &Value) {
    let inner = if schema["type"] == "array" { (&schema["items"], &merged(value)) } else { (schema, value) };
    if inner.0["properties"].is_object() {
        let is_secret = inner.0["properties"].get("credential").is_some();
        if !is_secret {
            compare(path, nth, &properties(inner.0, nth), inner.1);
        }
    } else if let Some(default) = schema.get("default") {
        assert_eq!(value, default, "{path}");
    }
}

/// The keys of all entries of a list, each from the first that has it.
fn merged(list: &Value) -> Value {
    let entries = list.as_array().into_iter().flatten().filter_map(Value::as_object);
    entries.rev().flat_map(Map::clone).collect()
}

#[test]
fn the_reference_page_is_made_from_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let (prose, made) = page.split_once(MARK).unwrap();
    let wanted = format!("\n{}", config::reference(&kinds()));

    if env::var_os("TIDEGATE_BLESS").is_some() {
        fs::write(&path, format!("{prose}{MARK}{wanted}")).unwrap();
    } else {
        assert!(
            made == wanted,
            "docs/configuration.md is behind the code: TIDEGATE_BLESS=1 cargo test reference_page"
        );
    }
}

#[test]
fn the_schema_names_required_keys_words_and_limits() {
    let schema = config::schema(&kinds());

    let uplink = &schema["properties"]["uplink"]["items"];
    assert_eq!(uplink["required"], serde_json::json!(["name", "url"]));
    assert_eq!(uplink["properties"]["order"]["enum"], serde_json::json!(["live-first", "strict"]));
    assert_eq!(uplink["properties"]["window"]["maximum"], 65_535);
    let adapter = &schema["properties"]["adapter"]["items"];
    assert_eq!(adapter["allOf"][0]["then"]["required"], serde_json::json!(["link"]));
    assert_eq!(adapter["unevaluatedProperties"], false);
}

#[cfg(feature = "modbus")]
#[test]
fn shipped_profiles_keep_to_the_longest_request_of_their_devices() {
    for (profile, most) in [("eastron/sdm630", 80), ("carlo-gavazzi/em340", 50)] {
        let text = format!(
            "[profiles]\ndirs = ['/usr/share/tidegate/profiles']\n\
             [[adapter]]\nname = 'line1'\nkind = 'modbus'\nlink = 'tcp://h'\nmax_gap = 125\n\
             [[device]]\nid = 'meter-1'\nadapter = 'line1'\naddress = {{ unit = 1 }}\nprofile = '{profile}'\n"
        );

        let (_, adapters, _) = load_text(&text).unwrap();

        let load = adapters[0].load(None).unwrap();
        let longest = load.requests.iter().map(|request| request.count).max();
        assert!(longest.is_some_and(|longest| longest <= most), "{profile}: {longest:?}");
    }
}
