//! Devices that take their points from a profile.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::model::PointType;

/// A profile with two points.
const PROFILE: &str = "name = 'X'\nvendor = 'Acme'\nmodel = 'X'\nkind = 'modbus'\nsource = ['none']\n\
    [device]\norder = 'CDAB'\npoll = '7s'\n\
    [[point]]\nname = 'power'\nregister = 'input:0'\ntype = 'i32'\nunit = 'W'\n\
    [[point]]\nname = 'speed'\nregister = 'input:2'\ntype = 'u16'\n";

/// A device that names it.
const DEVICE: &str = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://h'\n[profiles]\ndirs = ['packs']\n\
    [[device]]\nid = 'd'\nadapter = 'a'\naddress = { unit = 1 }\nprofile = 'acme/x'\n";

/// Loads a configuration beside the profile `acme/x`.
fn loaded(profile: &str, text: &str) -> (tempfile::TempDir, Result<Loaded, Report>) {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("packs/acme/x");
    fs::create_dir_all(&pack).unwrap();
    fs::write(pack.join("profile.toml"), profile).unwrap();
    let path = folder.path().join("tidegate.toml");
    fs::write(&path, text).unwrap();
    let loaded = load(&path);
    (folder, loaded)
}

/// The adapter of a configuration that has to be right, as text.
fn planned(text: &str) -> (Vec<String>, String) {
    let (_folder, loaded) = loaded(PROFILE, text);
    let (_, adapters, _) = loaded.unwrap();
    let points = adapters[0].devices().remove(0).points;
    (points.iter().map(|point| point.name().to_string()).collect(), adapters[0].fingerprint())
}

/// What is reported, without the folder.
fn reported(profile: &str, text: &str) -> Vec<String> {
    let (folder, loaded) = loaded(profile, text);
    let prefix = format!("{}/", folder.path().display());
    loaded.err().expect("a report").problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

#[test]
fn a_device_takes_points_and_keys_it_does_not_set() {
    let (points, config) = planned(DEVICE);

    assert_eq!(points, ["power", "speed"]);
    assert!(config.contains("poll: 7s") && config.contains("four: [2, 3, 0, 1]"), "{config}");
    assert!(planned(&format!("{DEVICE}poll = '3s'\n")).1.contains("poll: 3s"));
}

#[test]
fn a_listed_point_is_added_changes_keys_or_replaces() {
    let more = "[[device.point]]\nname = 'extra'\nregister = 'input:9'\ntype = 'u16'\n";
    let changed = "[[device.point]]\nname = 'power'\nscale = 0.1\n";
    let replaced = "[[device.point]]\nname = 'speed'\nregister = 'holding:40'\ntype = 'bool'\n";

    let (_folder, loaded) = loaded(PROFILE, &format!("{DEVICE}{more}{changed}{replaced}"));

    let points = loaded.unwrap().1[0].devices().remove(0).points;
    let found: Vec<_> =
        points.iter().map(|point| (point.name().as_str(), point.kind, point.unit.as_deref())).collect();
    let wanted =
        [("power", PointType::Float, Some("W")), ("speed", PointType::Bool, None), ("extra", PointType::Int, None)];
    assert_eq!(found, wanted);
}

#[test]
fn mistakes_in_a_profile_have_its_own_place_and_are_told_once() {
    let two = format!("{DEVICE}[[device]]\nid = 'e'\nadapter = 'a'\naddress = {{ unit = 2 }}\nprofile = 'acme/x'\n");
    let wrong = PROFILE.replace("'u16'", "'u17'").replace("poll", "pole");
    assert_eq!(
        reported(&wrong, &two),
        [
            "packs/acme/x/profile.toml:8:1: error: unknown key \"pole\" (help: did you mean \"poll\"?)",
            "packs/acme/x/profile.toml:17:8: error: unknown type \"u17\" (help: did you mean \"u16\"?)",
        ]
    );
    assert_eq!(
        reported(&PROFILE.replace("[device]\n", "[device]\npoint = []\n"), DEVICE),
        ["packs/acme/x/profile.toml:7:1: error: points stand outside [device] (help: write [[point]])"]
    );
    let missing = reported(&PROFILE.replace("vendor", "vendr"), DEVICE);
    assert!(missing[0].starts_with("packs/acme/x/profile.toml:1:1: error: key \"vendor\" is missing"), "{missing:?}");
}

#[test]
fn a_profile_has_to_be_there_and_of_the_adapters_kind() {
    assert_eq!(
        reported(PROFILE, &DEVICE.replace("acme/x", "acme/y")),
        ["tidegate.toml:11:11: error: no profile \"acme/y\" (help: did you mean \"acme/x\"?)"]
    );
    assert_eq!(
        reported(PROFILE, &DEVICE.replace("acme/x", "../acme/x")),
        [
            "tidegate.toml:11:11: error: \"../acme/x\" is no name of a profile (help: write vendor/model, each of a-z, 0-9, \
          - and _: \"eastron/sdm120\")"
        ]
    );
    let other = reported(&PROFILE.replace("'modbus'", "'zigbee'"), DEVICE);
    assert!(
        other[0].starts_with("tidegate.toml:11:11: error: profile \"acme/x\" is for adapters of kind"),
        "{other:?}"
    );
}

#[test]
fn a_profile_is_read_as_it_was_written_whatever_the_adapter_says() {
    let other = DEVICE.replace("link = 'tcp://h'\n", "link = 'tcp://h'\nbase = 1\norder = 'DCBA'\n");
    let plain = PROFILE.replace("order = 'CDAB'\n", "");

    let registers = |text: &str| {
        let (_folder, loaded) = loaded(&plain, text);
        loaded.unwrap().1[0].fingerprint()
    };

    assert_eq!(registers(&other), registers(DEVICE));
    let own = format!("{DEVICE}base = 1\n");
    let found = reported(PROFILE, &own);
    let help = "leave it out, and write the device's own points as the profile counts";
    assert_eq!(
        found,
        [format!("tidegate.toml:12:8: error: the profile counts registers in another way (help: {help})")]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_profile_panics(at in 0..PROFILE.len(), cut in 0..40usize, noise in "\\PC{0,12}") {
        let behind = PROFILE.get(at + cut..).unwrap_or_default();

        let (_folder, loaded) = loaded(&format!("{}{noise}{behind}", &PROFILE[..at]), DEVICE);

        if let Err(report) = loaded {
            prop_assert!(report.has_errors());
        }
    }
}
