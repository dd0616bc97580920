//! What quirks read and set, and what they make of frames that are not whole.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    adapter::zigbee::{
        wire::{hex, unhex},
        zcl::Frame,
    },
    config::report::Problems,
    model::Value,
    profile::Library,
};

/// A profile in a library of its own, and the quirk that is made of it.
fn quirk(points: &str, scripts: &[(&str, &str)]) -> (tempfile::TempDir, Quirk, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("acme/x");
    fs::create_dir_all(&pack).unwrap();
    let head = "name = 'X'\nvendor = 'Acme'\nmodel = 'X'\nkind = 'zigbee'\nsource = ['none']\n";
    fs::write(pack.join("profile.toml"), format!("{head}{points}")).unwrap();
    for (name, text) in scripts {
        fs::write(pack.join(name), text).unwrap();
    }
    let mut problems = Problems::default();
    let name = "acme/x".parse().unwrap();
    let mut library = Library::new(vec![folder.path().to_owned()]);
    let place = crate::config::Place::start_of(Path::new("test"));
    let quirk =
        library.open(&name, &place, &mut problems).map(|pack| Quirk::of(&name, pack, &mut Problems::default()));
    let quirk = quirk.unwrap_or_default();
    let mut told = Problems::default();
    if let Some(pack) = library.open(&name, &place, &mut told) {
        Quirk::of(&name, pack, &mut problems);
    }
    let prefix = format!("{}/acme/x/", folder.path().display());
    let told = problems.into_report().problems;
    let told = told.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
    (folder, quirk, told)
}

/// What a frame says, in words.
fn say(quirk: &Quirk, cluster: u16, frame: &str) -> String {
    let bytes = unhex(frame).unwrap();
    let (found, failed) = Scripts::default().read(quirk, 1, Cluster(cluster), &Frame::decode(&bytes).unwrap());
    let words = found.iter().map(|found| match &found.value {
        Ok(value) => format!("{}={value}", found.point.name),
        Err(missing) => format!("{}!{missing}", found.point.name),
    });
    words.chain(failed.map(|why| why.rsplit('/').next().unwrap().to_owned())).collect::<Vec<_>>().join(" ")
}

/// The frame that sets a point.
#[expect(clippy::needless_pass_by_value, reason = "values are written where they are needed")]
fn set(quirk: &Quirk, name: &str, value: Value) -> Result<String, String> {
    let point = quirk.point(name).unwrap();
    Scripts::default()
        .order(quirk, point, &value)
        .map(|(_, order)| format!("{} {}", order.cluster, hex(&order.encode(1))))
}

/// A quirk without a mistake.
fn right(points: &str) -> Quirk {
    let (_folder, quirk, told) = quirk(points, &[]);
    assert_eq!(told, [""; 0]);
    quirk
}

const DATA_POINTS: &str = "
    [[point]]
    name = 'temperature'
    dp = 1
    type = 'value'
    scale = 0.1
    offset = -1.5
    unit = 'Cel'
    invalid = [999]
    access = 'rw'
    [[point]]
    name = 'mode'
    dp = 2
    type = 'enum'
    labels = { auto = 0, manual = 1 }
    access = 'rw'
    [[point]]
    name = 'closed'
    dp = 3
    type = 'bool'
    on = 0
    access = 'rw'
    [[point]]
    name = 'fault'
    dp = 4
    type = 'bitmap'
    bit = 1
    [[point]]
    name = 'faults'
    dp = 4
    type = 'bitmap'
    [[point]]
    name = 'text'
    dp = 5
    type = 'string'
    access = 'rw'
    [[point]]
    name = 'schedule'
    dp = 6
    type = 'raw'
    ";

#[test]
fn data_points_have_scale_words_bits_and_markers() {
    let quirk = right(DATA_POINTS);
    for (record, said) in [
        ("01 02 0004 000000d7", "temperature=20"),
        ("01 02 0004 ffffffff", "temperature=-1.6"),
        ("01 02 0004 000003e7", "temperature!not available"),
        ("02 04 0001 01", "mode=manual"),
        ("02 04 0001 02", "mode!out of range"),
        ("03 01 0001 01", "closed=false"),
        ("03 01 0001 00", "closed=true"),
        ("04 05 0001 02", "fault=true faults=2"),
        ("04 05 0002 0100", "fault=false faults=256"),
        ("05 03 0002 6869", "text=hi"),
        ("06 00 0003 010203", "schedule=AQID"),
        ("01 03 0002 6869", "temperature!text does not fit"),
        ("01 02 0005 0000000001", "temperature!value does not fit"),
        ("07 02 0004 00000001", ""),
        ("01 02 0004 0000", ""),
    ] {
        assert_eq!(say(&quirk, 0xef00, &format!("090102 0001 {record}")), said, "{record}");
    }
}

#[test]
fn what_is_set_is_sent_as_the_data_point_wants_it() {
    let quirk = right(DATA_POINTS);
    let text = |text: &str| Value::Text(text.into());

    assert_eq!(set(&quirk, "temperature", Value::Float(20.0)).unwrap(), "0xef00 010100000101020004000000d7");
    assert_eq!(set(&quirk, "mode", text("manual")).unwrap(), "0xef00 01010000010204000101");
    assert_eq!(set(&quirk, "closed", Value::Bool(true)).unwrap(), "0xef00 01010000010301000100");
    assert_eq!(set(&quirk, "text", text("hi")).unwrap(), "0xef00 0101000001050300026869");
    for (name, value, why) in [
        ("temperature", Value::Float(20.05), "20.05 is out of range"),
        ("temperature", Value::Bool(true), "true does not fit the point"),
        ("mode", text("turbo"), "\"turbo\" is none of auto, manual"),
        ("fault", Value::Bool(true), "the point cannot be set"),
        ("text", text(&"x".repeat(65)), &format!("{} is out of range", "x".repeat(65))),
    ] {
        assert_eq!(set(&quirk, name, value).unwrap_err(), why);
    }
}

#[test]
fn attributes_of_a_maker_are_told_from_the_librarys() {
    let quirk = right(
        "[[point]]\nname = 'power'\ncluster = 0xfc11\nattribute = 0x7004\nmanufacturer = 0x1286\ntype = 'uint32'\n\
         scale = 0.001\nunit = 'W'\n[[point]]\nname = 'step'\ncluster = 0x0402\nattribute = 0x0010\ntype = 'int16'\n\
         access = 'rw'\nendpoint = 1\n",
    );

    assert_eq!(say(&quirk, 0xfc11, "1c8612 01 0a 0470 23 39300000"), "power=12.345");
    assert_eq!(say(&quirk, 0xfc11, "18 01 0a 0470 23 39300000"), "");
    assert_eq!(say(&quirk, 0xfc11, "1c8612 01 01 0470 00 23 ffffffff"), "power!not available");
    assert_eq!(say(&quirk, 0x0402, "18 01 0a 1000 29 feff"), "step=-2");
    assert_eq!(set(&quirk, "step", Value::Int(-2)).unwrap(), "0x0402 100102100029feff");
}

const SCRIPTED: &str =
    "[[point]]\nname = 'ph'\ntype = 'float'\n[[point]]\nname = 'valve'\ntype = 'int'\naccess = 'rw'\n";

#[test]
fn a_script_reads_and_sets_what_a_table_cannot_say() {
    let decode =
        "fn decode(m) { if m.cluster != 0xfc00 { return; } #{ ph: i16_be(m.payload, 0) / 100.0, valve: () } }";
    let encode = "fn encode(c) { let b = blob(1); b[0] = c.value; #{ cluster: 0xfc00, command: 7, payload: b, manufacturer: 5 } }";
    let (_folder, quirk, told) = quirk(SCRIPTED, &[("decode.rhai", decode), ("encode.rhai", encode)]);
    assert_eq!(told, [""; 0]);

    assert_eq!(say(&quirk, 0xfc00, "090133 02cc"), "ph=7.16 valve!not available");
    assert_eq!(say(&quirk, 0xfc01, "090133 02cc"), "");
    assert_eq!(say(&quirk, 0xfc00, "090133 02"), "decode.rhai:1: bytes 0..2 of 1");
    assert_eq!(set(&quirk, "valve", Value::Int(9)).unwrap(), "0xfc00 050500010709");
    assert!(set(&quirk, "ph", Value::Float(7.0)).unwrap_err().contains("cannot be set"));
}

#[test]
fn a_script_sees_attributes_and_data_points() {
    let decode = "fn decode(m) { #{ ph: m.attributes[\"0x00f7\"] * 1.0, valve: m.data_points[\"5\"] } }";
    let only = |name| format!("[[point]]\nname = '{name}'\ntype = 'int'\n");
    let (_folder, both, _) = quirk(SCRIPTED, &[("decode.rhai", decode)]);
    assert!(say(&both, 0xef00, "090102 0001 05 02 0004 00000007").contains("decode.rhai:1:"));
    let decode = "fn decode(m) { if \"5\" in m.data_points { #{ valve: m.data_points[\"5\"], other: 1 } } else { #{ valve: m.attributes[\"0x00f7\"] } } }";
    let (_folder, one, _) = quirk(&only("valve"), &[("decode.rhai", decode)]);
    assert!(say(&one, 0xef00, "090102 0001 05 02 0004 00000007").starts_with("valve=7 decode.rhai gave \"other\""));
    assert_eq!(say(&one, 0x0000, "18 01 0a f700 20 09"), "valve=9");
}

#[test]
fn what_an_encoder_gives_is_checked() {
    for (answer, why) in [
        ("#{}", "neither dp nor cluster is there"),
        ("#{ dp: 300, type: \"bool\", value: 1 }", "dp 300 is too large"),
        ("#{ dp: 3, type: \"boole\", value: 1 }", "type \"boole\" is none of a data point"),
        ("#{ dp: 3, type: \"bool\", value: 2 }", "the value does not fit the data point"),
        ("#{ cluster: 6, attribute: 1, type: \"uint8\", value: 256 }", "the value does not fit the attribute"),
        ("#{ cluster: 6 }", "neither attribute nor command is there"),
        ("#{ cluster: 6, command: 1, payload: 7 }", "payload has to be a blob of at most 64 bytes"),
        ("7", "it gave i64, and has to give a map"),
    ] {
        let encode = format!("fn encode(c) {{ {answer} }}");
        let (_folder, quirk, _) = quirk(SCRIPTED, &[("encode.rhai", &encode)]);
        let refused = set(&quirk, "valve", Value::Int(1)).unwrap_err();
        assert!(refused.ends_with(why), "{refused}");
    }
}

#[test]
fn mistakes_have_their_place() {
    for (points, wanted) in [
        ("[[point]]\nname = 'a'\ndp = 1\ntype = 'uint8'\n", "unknown type \"uint8\""),
        ("[[point]]\nname = 'a'\ncluster = 6\ntype = 'uint8'\n", "it is not clear where the point is"),
        ("[[point]]\nname = 'a'\ntype = 'uint8'\n", "\"uint8\" is no type of what scripts give"),
        (
            "[[point]]\nname = 'a'\ncluster = 6\nattribute = 1\ntype = 'array'\n",
            "a point cannot be of the type array",
        ),
        ("[[point]]\nname = 'a'\ndp = 1\ntype = 'enum'\non = 1\nbit = 2\n", "labels, on and bit exclude each other"),
        ("[[point]]\nname = 'a'\ndp = 1\ntype = 'string'\non = 1\n", "only whole numbers have labels, on or bit"),
        ("[[point]]\nname = 'a'\ndp = 1\ntype = 'value'\nscale = 0\n", "a scale of 0 makes every value 0"),
        ("[[point]]\nname = 'a'\ndp = 1\ntype = 'value'\nlable = 0\n", "unknown key \"lable\""),
        ("[[point]]\nname = 'a'\ndp = 1\ntype = 'value'\n[[point]]\nname = 'a'\ndp = 2\ntype = 'bool'\n", "\"a\""),
    ] {
        let (_folder, _, told) = quirk(points, &[]);
        assert!(told.len() == 1 && told[0].starts_with("profile.toml:") && told[0].contains(wanted), "{told:?}");
    }
}

#[test]
fn the_best_match_counts_then_tables() {
    let folder = tempfile::tempdir().unwrap();
    let profile = |name: &str, matches: &str| {
        let pack = folder.path().join(name);
        fs::create_dir_all(&pack).unwrap();
        let text = format!(
            "name = 'X'\nvendor = 'A'\nmodel = 'X'\nkind = 'zigbee'\nsource = ['none']\n{matches}\n\
             [[point]]\nname = 'a'\ndp = 1\ntype = 'bool'\n"
        );
        fs::write(pack.join("profile.toml"), text).unwrap();
    };
    profile("acme/any", "[[match]]\nmodel = ['TS0601']");
    profile("acme/some", "[[match]]\nmanufacturer = ['_TZE200_*']\nmodel = ['TS0601']");
    profile("acme/one", "[[match]]\nmanufacturer = ['_TZE200_abc']\nmodel = ['TS0601']");
    profile("acme/none", "");
    profile("acme/wrong", "[[match]]\nmodell = ['x']");
    let line = |name: &str, maker: &str| {
        format!(
            "{{ name = \"{name}\", match = [{{ manufacturer = [\"{maker}\"], model = [\"TS9\"] }}], \
             point = [{{ name = \"on\", dp = 1, type = \"bool\" }}] }}\n"
        )
    };
    let table = format!("# what it is\n{}not a line \"_m2\"\n{}", line("t/one", "_m1"), line("t/two", "_m2"));
    fs::write(folder.path().join("many.table"), table).unwrap();
    let mut problems = Problems::default();

    let quirks = Quirks::of(&mut Library::new(vec![folder.path().to_owned()]), &mut problems);

    let found = |maker, model| quirks.find(maker, model).map(|quirk| quirk.name.clone());
    assert_eq!(found("_TZE200_abc", "TS0601").as_deref(), Some("acme/one"));
    assert_eq!(found("_TZE200_abd", "TS0601").as_deref(), Some("acme/some"));
    assert_eq!(found("_TZE204_abc", "TS0601").as_deref(), Some("acme/any"));
    assert_eq!((found("x", "TS0602"), found("_m1", "TS8")), (None, None));
    assert_eq!((found("_m1", "TS9").as_deref(), found("_m2", "TS9").as_deref()), (Some("t/one"), Some("t/two")));
    let told = problems.into_report();
    assert!(!told.has_errors() && told.problems.len() == 1, "{:?}", told.problems);
}

#[test]
fn every_line_of_the_shipped_table_is_right_and_found_by_its_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles");
    let text = fs::read_to_string(folder.join("zigbee-herdsman-converters.table")).unwrap();
    let quirks = Quirks::of(&mut Library::new(vec![folder.clone()]), &mut Problems::default());
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 400);

    for (number, line) in lines.iter().enumerate() {
        let mut problems = Problems::default();
        let place = crate::config::Place::start_of(Path::new("table"));
        let quirk = Quirk::of_line(line, &place, &mut problems);
        assert_eq!(
            problems.into_report().problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [""; 0],
            "{line}"
        );
        let Match { manufacturers, models } = &quirk.unwrap().matches[0];
        // Some are in the table twice, and some have a profile of their own; something is found for all.
        if number % 20 == 0 && !manufacturers.is_empty() {
            assert!(quirks.find(&manufacturers[0].text, &models[0].text).is_some(), "{line}");
        }
    }
}

proptest! {
    #[test]
    fn no_frame_makes_a_quirk_panic(cluster in 0..3usize, head in vec(any::<u8>(), 3..6), bytes in vec(any::<u8>(), 0..60)) {
        let quirk = right(DATA_POINTS);
        let bytes = [head, bytes].concat();
        if let Ok(frame) = Frame::decode(&bytes) {
            Scripts::default().read(&quirk, 1, Cluster([0xef00, 0x0402, 0xfc00][cluster]), &frame);
        }
    }

    #[test]
    fn what_is_set_is_what_is_read(raw in -30_000i32..30_000) {
        prop_assume!(raw != 999);
        let quirk = right(DATA_POINTS);
        let said = say(&quirk, 0xef00, &format!("090102 0001 01020004 {}", hex(&raw.to_be_bytes())));
        let value: f64 = said.strip_prefix("temperature=").unwrap().parse().unwrap();
        let sent = set(&quirk, "temperature", Value::Float(value)).unwrap();
        prop_assert!(sent.ends_with(&hex(&raw.to_be_bytes())), "{} {}", said, sent);
    }
}
