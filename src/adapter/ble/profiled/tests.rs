//! What profiles make of advertisements.

use std::fs;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::adapter::ble::heard::Heard;

/// A sensor that puts three bytes behind its company.
const PROFILE: &str = "name = 'X'\nvendor = 'Acme'\nmodel = 'X'\nkind = 'ble'\nsource = ['none']\n\
    [[match]]\ncompany = 0x0f0f\nname = 'AC'\n\
    [[point]]\nname = 'temperature'\nmax = 100.0\n[[point]]\nname = 'ph'\ntype = 'f64'\nunit = '[pH]'\n";

/// How they are read.
const DECODE: &str =
    "fn decode(a) { let d = a.manufacturer_data[\"0x0f0f\"];\n #{ temperature: i16(d, 0) / 10.0, ph: u8(d, 2), } }";

/// The decoders of a library with the profile `acme/x`, and what is wrong with it.
fn decoders(profile: &str, decode: &str) -> (Decoders, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("acme/x");
    fs::create_dir_all(&pack).unwrap();
    fs::write(pack.join("profile.toml"), profile).unwrap();
    fs::write(pack.join("decode.rhai"), decode).unwrap();
    let mut problems = Problems::default();
    let profiles = Profile::all(&mut Library::new(vec![folder.path().to_owned()]), &mut problems);
    let told = problems.into_report().problems.iter().map(ToString::to_string).collect();
    (Decoders::new(profiles), told)
}

/// What is made of some data of the company, under a name.
fn read(decoders: &Decoders, name: &str, data: &[u8]) -> Option<String> {
    let heard =
        Heard { name: Some(name.to_owned()), manufacturer: vec![(0x0f0f, data.to_vec())], ..Heard::default() };
    let read = heard.with_view(None, |view| decoders.read(view, Some(-60)))?;
    let unit = |point: &Point| point.unit.as_deref().unwrap_or_default().to_owned();
    let words = read.readings.iter().map(|(point, value)| format!("{}={value}{}", point.name(), unit(point)));
    let why = read.why.map(|why| why.rsplit('/').next().unwrap().to_owned());
    Some(words.chain(why).collect::<Vec<_>>().join(" "))
}

#[test]
fn a_script_reads_what_no_format_knows() {
    let (decoders, told) = decoders(PROFILE, DECODE);
    assert_eq!(told, [""; 0]);

    assert_eq!(read(&decoders, "AC-1", &[0xd7, 0, 7]).as_deref(), Some("ph=7[pH] temperature=21.5Cel"));
    assert_eq!(read(&decoders, "BC-1", &[0xd7, 0, 7]), None);
    assert_eq!(read(&decoders, "AC-1", &[0xd7, 0]).as_deref(), Some("decode.rhai:2: bytes 2..3 of 2"));
    assert_eq!(
        read(&decoders, "AC-1", &[0, 0x70, 7]).as_deref(),
        Some("ph=7[pH] temperature 2867.2 is out of range")
    );
}

#[test]
fn what_a_script_gives_has_to_fit_the_points() {
    for (given, said) in [
        ("#{ humidity: 1 }", "decode.rhai gave \"humidity\", which is no point of the profile"),
        ("#{ ph: \"x\" }", "decode.rhai gave x for ph, which is of type float"),
        ("#{ ph: () }", ""),
        ("()", ""),
    ] {
        let (decoders, _) = decoders(PROFILE, &format!("fn decode(a) {{ {given} }}"));
        assert_eq!(read(&decoders, "AC", &[]).as_deref(), Some(said));
    }
}

#[test]
fn a_profile_with_a_mistake_is_left_out_and_told() {
    for (profile, decode, wanted) in [
        (PROFILE.replace("'ph'\ntype = 'f64'", "'ph'"), DECODE.to_owned(), "no format has a point \"ph\""),
        (PROFILE.replace("company", "compani"), DECODE.to_owned(), "unknown key \"compani\""),
        (PROFILE.to_owned(), "fn decode(a) {".to_owned(), "decode.rhai:1:15"),
    ] {
        let (decoders, told) = decoders(&profile, &decode);
        assert!(told.len() == 1 && told[0].contains(wanted) && told[0].contains(": warning: "), "{told:?}");
        assert_eq!(read(&decoders, "AC", &[0xd7, 0, 7]), None);
    }
}

proptest! {
    #[test]
    fn no_data_panic(name in "\\PC{0,12}", data in vec(any::<u8>(), 0..40)) {
        let (decoders, _) = decoders(PROFILE, DECODE);
        read(&decoders, &format!("AC{name}"), &data);
    }
}
