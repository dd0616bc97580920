//! The shipped profiles, and what the rehearsal finds in profiles that are wrong.

use std::fs;

use super::*;

/// A library of one profile, `acme/x`, and its folder.
fn library(profile: &str, vectors: &str) -> (tempfile::TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("acme/x");
    fs::create_dir_all(&pack).unwrap();
    let head = "name = 'X'\nvendor = 'Acme'\nmodel = 'X'\nkind = 'modbus'\nsource = ['none']\n";
    fs::write(pack.join("profile.toml"), format!("{head}{profile}")).unwrap();
    fs::write(pack.join("vectors.toml"), vectors).unwrap();
    let library = Library::new(vec![folder.path().to_owned()]);
    (folder, library)
}

/// What the rehearsal of `acme/x` reports, without the folder.
async fn found(profile: &str, vectors: &str) -> Vec<String> {
    let (folder, mut library) = library(profile, vectors);
    let outcome = rehearse(&mut library, &"acme/x".parse().unwrap()).await.unwrap();
    let prefix = format!("{}/acme/x/", folder.path().display());
    outcome.report.problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

const POINTS: &str = "[[point]]\nname = 'a'\nregister = 'input:0'\ntype = 'i16'\nscale = 0.1\nunit = 'Cel'\n\
    [[point]]\nname = 'on'\nregister = 'coil:3'\ntype = 'bool'\n";

#[tokio::test]
async fn a_vector_that_fits_is_silent() {
    let vectors = "[[vector]]\nabout = 'cold'\nregisters = { 'input:0' = 'FF33', 'coil:3' = '1' }\n\
        readings = [{ point = 'a', value = -20.5, unit = 'Cel' }, { point = 'on', value = true }]\n";

    assert_eq!(found(POINTS, vectors).await, [""; 0]);
}

#[tokio::test]
async fn each_difference_has_its_place() {
    let vectors = "[[vector]]\nabout = 'cold'\nregisters = { 'input:0' = 'FF33' }\n\
        readings = [{ point = 'a', value = -20.4, unit = 'K' },\n{ point = 'b', value = 1 }]\n";

    let found = found(POINTS, vectors).await;

    assert_eq!(
        found,
        [
            "vectors.toml:1:1: error: point \"on\" is in no vector (help: add it to the readings of one)",
            "vectors.toml:4:13: error: a has unit \"Cel\", expected unit \"K\" (help: in the vector \"cold\")",
            "vectors.toml:4:13: error: a is -20.5, expected -20.4 (help: in the vector \"cold\")",
            "vectors.toml:5:1: error: the profile has no point \"b\"",
        ]
    );
}

#[tokio::test]
async fn a_vector_with_a_mistake_is_not_compared() {
    let readings = "readings = [{ point = 'a', value = 1, unit = 'Cel' }, { point = 'on', value = true }]\n";
    let whole = "[[vector]]\nabout = 'w'\nregisters = { 'input:0' = 'A' }\nreadings = [{ point = 'a', value = 1, unit = 'Cel' }]\n";
    let mistakes = [
        ("about = 'x'\nregisters = { 'input:0' = 'FF33', 'inputs:1' = '1' }\n", "7:35: error: unknown table"),
        ("about = 'x'\nregisters = { 'input:0' = 'FF3Z' }\n", "7:27: error: \"FF3Z\" is no word"),
        ("registers = { 'input:0' = 'FF33' }\n", "5:1: error: key \"about\" is missing"),
        ("about = 'x'\n", "5:1: error: there are no registers (help: "),
    ];
    for (keys, wanted) in mistakes {
        let found = found(POINTS, &format!("{whole}[[vector]]\n{keys}{readings}")).await;

        let [told] = &found[..] else { panic!("one problem: {found:?}") };
        assert!(told.starts_with(&format!("vectors.toml:{wanted}")), "{told}");
    }
}

#[tokio::test]
async fn a_difference_with_a_likely_cause_is_told_with_it() {
    let points = "[[point]]\nname = 'u'\nregister = '30001'\ntype = 'f32'\n\
        [[point]]\nname = 't'\nregister = '30031'\ntype = 'i16'\ninvalid = ['0x8000']\n";
    let vectors = "[[vector]]\nabout = 'x'\nregisters = { '30001' = '3333 4366', 'input:30031' = '8000' }\n\
        readings = [{ point = 'u', value = 230.2 },\n{ point = 't', quality = 'bad:not-available' }]\n";

    let found = found(points, vectors).await;

    let [order, missing] = &found[..] else { panic!("two problems: {found:?}") };
    assert!(
        order.ends_with(", expected 230.2 (help: in the vector \"x\"; with order = \"CDAB\" it is as expected)"),
        "{order}"
    );
    let told =
        "t is 0, expected bad:not-available (help: in the vector \"x\"; that does not give input:30, so it is 0)";
    assert!(missing.ends_with(told), "{missing}");
}

#[tokio::test]
async fn a_profile_that_is_right_is_warned_of_what_a_configuration_would_be() {
    let vectors = "[[vector]]\nabout = 'x'\nregisters = { 'input:0' = '1', 'coil:3' = '1' }\n\
        readings = [{ point = 'a', value = 0.1, unit = '°C' }, { point = 'on', value = true }]\n";

    let found = found(&POINTS.replace("Cel", "°C"), vectors).await;

    assert_eq!(found, ["profile.toml:11:8: warning: \"°C\" is no unit of UCUM (help: write \"Cel\")"]);
}

#[tokio::test]
async fn a_profile_whose_points_cannot_be_read_is_told_only_that() {
    let readings =
        "[[vector]]\nabout = 'x'\nregisters = { 'input:0' = '1' }\nreadings = [{ point = 'a', value = 1 }]\n";

    let found = found(&POINTS.replace("[[point]]", "[[points]]"), readings).await;

    assert!(found.len() == 2 && found.iter().all(|told| told.starts_with("profile.toml:")), "{found:?}");
}

#[tokio::test]
async fn a_profile_without_a_file_of_vectors_is_told_to_have_one() {
    let (folder, mut library) = library(POINTS, "");
    fs::remove_file(folder.path().join("acme/x/vectors.toml")).unwrap();

    let outcome = rehearse(&mut library, &"acme/x".parse().unwrap()).await.unwrap();

    let help = outcome.report.problems.iter().find_map(|problem| problem.help.as_deref()).unwrap();
    assert!(help.starts_with("write one: a [[vector]] with about, "), "{}", outcome.report);
}

#[tokio::test]
async fn a_profile_without_vectors_is_not_proved() {
    let found = found(POINTS, "").await;

    assert!(found[0].starts_with("vectors.toml:1:1: error: key \"vector\" is missing"), "{found:?}");
}

#[tokio::test]
async fn a_mistake_in_a_profile_is_told_with_its_own_place() {
    let found = found("[[point]]\nname = 'a'\nregister = 'input:0'\ntype = 'u17'\n", "").await;

    assert_eq!(found, ["profile.toml:9:8: error: unknown type \"u17\" (help: did you mean \"u16\"?)"]);
}

#[tokio::test]
async fn every_shipped_profile_gives_what_its_vectors_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles");
    let mut library = Library::new(vec![dir]);
    let names: Vec<_> = library.list().into_keys().collect();
    assert!(names.len() >= 10, "{names:?}");

    for name in names {
        let Outcome { points, vectors, report } = rehearse(&mut library, &name).await.unwrap();

        assert!(report.problems.is_empty(), "{report}");
        assert!(points > 0 && vectors > 0, "{name}");
    }
}

#[cfg(all(feature = "zigbee", feature = "ble"))]
#[tokio::test]
async fn the_profiles_of_the_page_about_unknown_devices_are_right() {
    let page = include_str!("../../../docs/quirks.md");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    let texts: Vec<_> = blocks.iter().map(|block| block.split_once('\n').unwrap()).collect();
    let kinds: Vec<_> = texts.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["toml", "rhai", "toml", "toml", "rhai", "toml"]);

    for (three, points) in texts.chunks(3).zip([5, 2]) {
        let (folder, mut library) = library("", three[2].1);
        let pack = folder.path().join("acme/x");
        fs::write(pack.join("profile.toml"), three[0].1).unwrap();
        fs::write(pack.join("decode.rhai"), three[1].1).unwrap();

        let outcome = rehearse(&mut library, &"acme/x".parse().unwrap()).await.unwrap();

        assert!(outcome.report.problems.is_empty(), "{}", outcome.report);
        assert_eq!(outcome.points, points);
    }
}

/// A valve that is connected to.
#[cfg(feature = "ble")]
const VALVE: &str = "name = 'X'\nvendor = 'Acme'\nmodel = 'X'\nkind = 'ble'\nsource = ['none']\n\
    [[point]]\nname = 'battery'\ncharacteristic = '180f/2a19'\n\
    [[point]]\nname = 'level'\ncharacteristic = 'ff00/ff01'\ntype = 'i16'\nscale = 0.1\nunit = 'Cel'\ninvalid = [-32768]\naccess = 'rw'\nmax = 40\n\
    [[point]]\nname = 'open'\ncharacteristic = 'ff00/ff01'\ntype = 'bool'\nat = 2\n";

/// What is wrong with the valve's vectors.
#[cfg(feature = "ble")]
async fn wrong_with_the_valve(vectors: &str) -> Vec<String> {
    let (folder, mut library) = library("", vectors);
    fs::write(folder.path().join("acme/x/profile.toml"), VALVE).unwrap();
    let outcome = rehearse(&mut library, &"acme/x".parse().unwrap()).await.unwrap();
    assert_eq!(outcome.points, 3);
    outcome.report.problems.iter().map(|problem| problem.message.clone()).collect()
}

/// What sets the valve's level.
#[cfg(feature = "ble")]
const WRITE: &str = "[[write]]\nabout = 'z'\npoint = 'level'\nvalue = 21.5\nbytes = 'd700'\n";

#[cfg(feature = "ble")]
#[tokio::test]
async fn points_behind_a_connection_are_read_from_what_their_characteristics_hold() {
    let whole = "[[vector]]\nabout = 'x'\ncharacteristics = { '180f/2a19' = '64', 'ff00/ff01' = 'd7ff 01' }\n\
        readings = [{ point = 'battery', value = 100, unit = '%' }, { point = 'open', value = true },\n\
        { point = 'level', value = -4.1, unit = 'Cel' }]\n";
    let none = "[[vector]]\nabout = 'y'\ncharacteristics = { 'ff00/ff01' = '0080' }\nreadings = [\n\
        { point = 'level', quality = 'bad:not-available', unit = 'Cel' }, { point = 'open', quality = 'bad:decode' }]\n";

    assert_eq!(wrong_with_the_valve(&format!("{whole}{none}{WRITE}")).await, [""; 0]);
    for (right, other, told) in
        [("-4.1", "-4.2", "level is -4.1, expected -4.2"), ("'64'", "''", "battery is bad:decode, expected 100")]
    {
        assert_eq!(wrong_with_the_valve(&format!("{}{WRITE}", whole.replace(right, other))).await, [told]);
    }
}

#[cfg(feature = "ble")]
#[tokio::test]
async fn what_sets_a_point_behind_a_connection_is_compared() {
    let read = "[[vector]]\nabout = 'x'\ncharacteristics = { '180f/2a19' = '64', 'ff00/ff01' = 'd7ff 01' }\n\
        readings = [{ point = 'battery', value = 100, unit = '%' }, { point = 'open', value = true },\n\
        { point = 'level', value = -4.1, unit = 'Cel' }]\n";
    for (right, other, told) in [
        ("d700", "d701", "level is set by d700, expected d701"),
        ("21.5", "41", "level cannot be set: 41 is outside the point's limits"),
        ("21.5", "'x'", "level cannot be set: \"x\" is no number"),
        ("'level'", "'open'", "the profile has no point \"open\" that can be set"),
        ("bytes = 'd700'", "frame = { cluster = 6, zcl = '01' }", "a characteristic is written"),
        ("bytes = 'd700'", "", "a command has either a frame or bytes"),
    ] {
        let found = wrong_with_the_valve(&format!("{read}{}", WRITE.replace(right, other))).await;
        // A write of another point also leaves this one without.
        assert_eq!(found.last().map(String::as_str), Some(told), "{found:?}");
    }
    assert_eq!(wrong_with_the_valve(read).await, ["point \"level\" is in no write"]);
}

#[cfg(feature = "ble")]
#[tokio::test]
async fn characteristics_that_are_none_or_nobodys_are_told() {
    let vector = |characteristics: &str| {
        format!(
            "[[vector]]\nabout = 'x'\n{characteristics}\nreadings = [{{ point = 'battery', value = 1, unit = '%' }}, \
            {{ point = 'open', value = true }}, {{ point = 'level', value = 1, unit = 'Cel' }}]\n"
        )
    };
    for (typed, told) in [
        ("characteristics = { '180f' = '64' }", "\"180f\" is no characteristic"),
        ("characteristics = { '180f/2a1a' = '64' }", "no point is read from 180f/2a1a"),
        ("", "there is no advertisement, and no characteristic"),
        ("adverts = [{ name = 'x' }]", "the profile has no decode.rhai that reads advertisements"),
    ] {
        assert_eq!(wrong_with_the_valve(&format!("{}{WRITE}", vector(typed))).await, [told], "{typed}");
    }
}

#[tokio::test]
async fn the_profile_of_the_page_about_profiles_is_right() {
    let page = include_str!("../../../docs/profiles.md");
    let blocks: Vec<&str> = page.split("```").filter_map(|part| part.strip_prefix("toml\n")).collect();
    let [profile, vectors] = blocks[..] else { panic!("a profile and its vectors") };
    let (folder, mut library) = library("", vectors);
    fs::write(folder.path().join("acme/x/profile.toml"), profile).unwrap();

    let Outcome { points, report, .. } = rehearse(&mut library, &"acme/x".parse().unwrap()).await.unwrap();

    assert!(report.problems.is_empty(), "{report}");
    assert_eq!(points, 4);
    // The page shows what comes of it when the order of the words is forgotten.
    fs::write(folder.path().join("acme/x/profile.toml"), profile.replace("order = \"CDAB\"", "")).unwrap();
    let mut again = Library::new(vec![folder.path().to_owned()]);
    let report = rehearse(&mut again, &"acme/x".parse().unwrap()).await.unwrap().report;
    let line = report
        .to_string()
        .trim_end()
        .replace(&folder.path().join("acme/x").display().to_string(), "profiles/acme/th-1");
    assert!(page.contains(&line), "{line}");
}
