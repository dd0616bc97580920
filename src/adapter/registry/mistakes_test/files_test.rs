//! Whole files with mistakes: everything is reported in one run, and nothing panics.

use proptest::prelude::*;

use super::*;

#[test]
fn one_run_reports_everything() {
    let text = b"[gateway]\nid = 7\nsite = 'A'\n[buffer]\nmax_size = 'x'\npth = 'y'\nz = = 1\n[[device]]\nid = 'd'\n";

    let found =
        report(&[("tidegate.toml", text), ("conf.d/b.toml", b"[gateway]\nid = 'x'\n"), ("conf.d/a.toml", &[0xFF])]);

    let places: Vec<_> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let main = ["2:6", "3:8", "5:12", "6:1", "7:1"].map(|place| format!("tidegate.toml:{place}"));
    assert_eq!(places[..2], ["conf.d/a.toml:1:1", "conf.d/b.toml:2:1"]);
    assert_eq!(places[2..7], main, "{found:#?}");
}

#[test]
fn an_uplink_that_is_wrong_is_not_missing_as_well() {
    let grant = "[[grant]]\nfrom = 'uplink:cloud'\ntargets = ['d/p']\n";
    let point = "register = 'holding:0'\ntype = 'u16'\naccess = 'rw'\n";
    let uplink = |header: &str, name: &str| {
        let text = format!("{header}\nname = {name}\nurl = 'mqtt://b'\ncommands = true\n{grant}{UNIT}{point}");
        report(&[("tidegate.toml", text.as_bytes())])
    };

    for (header, name) in [("[uplink]", "'cloud'"), ("[[uplink]]", "7.5"), ("[[uplink", "'cloud'")] {
        let found = uplink(header, name);

        assert!(matches!(&found[..], [one] if one.contains(": error: ")), "{found:?}");
    }
    let warning = "tidegate.toml:6:8: warning: the grant covers nothing: no uplink \"cloud\"";
    assert_eq!(uplink("[[uplink]]", "'x'"), [format!("{warning} (help: known here: x)")]);
    let text = format!("{}{grant}{UNIT}{point}", "\n".repeat(4));
    let found = report(&[("tidegate.toml", text.as_bytes())]);
    assert_eq!(found, [format!("{warning} (help: there are none yet)")]);
}

#[test]
fn a_byte_order_mark_and_dos_line_ends_move_no_place() {
    let text = "\u{FEFF}[gateway]\r\nsite = 1\r\n";

    let found = report(&[("tidegate.toml", text.as_bytes())]);

    assert_eq!(found, ["tidegate.toml:2:8: error: expected text, found an integer (help: put it in quotes)"]);
}

#[test]
fn a_byte_that_is_no_text_is_found() {
    let found = report(&[("tidegate.toml", b"[gateway]\nsite = '\xC3\xA9\xE9'\n")]);

    assert_eq!(found, ["tidegate.toml:2:10: error: a character is no UTF-8 (help: save the file as UTF-8)"]);
}

#[test]
fn what_has_no_end_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tidegate.toml"), "").unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("conf.d/a.toml")).unwrap();

    let told = load(&folder.path().join("tidegate.toml")).err().unwrap().to_string();

    assert!(told.contains("conf.d/a.toml:1:1: error: is a pipe or a device (help: move it out of conf.d)"), "{told}");
}

#[test]
fn a_missing_file_is_one_problem() {
    let report = load(Path::new("/nonexistent/tidegate.toml")).err().unwrap();

    assert_eq!(report.problems.len(), 1);
    let told = report.to_string();
    assert!(told.starts_with("/nonexistent/tidegate.toml:1:1: error: cannot read the file: No such file"), "{told}");
}

#[test]
fn a_deep_tree_is_no_danger() {
    let dotted = format!("{}a = 1\n", "a.".repeat(200_000));
    let nested = format!("a = {}{}\n", "[".repeat(200_000), "]".repeat(200_000));
    for text in [dotted, nested] {
        assert!(!report(&[("tidegate.toml", text.as_bytes())]).is_empty());
    }
}

/// Keys, some of them at home in many tables.
#[rustfmt::skip]
const KEYS: [&str; 23] = [
    "id", "name", "url", "tls", "kind", "link", "address", "register", "type", "order", "scale", "min",
    "range", "from", "targets", "rate", "password", "reconnect", "topic_prefix", "point", "max_size", "level",
    "adapter",
];

/// Values, of every type and of none.
#[rustfmt::skip]
const VALUES: [&str; 24] = [
    "1", "-1", "1.5", "nan", "true", "''", "'é'", "[]", "[1,2]", "{}", "{min='9m'}", "'a'", "'modbus'",
    "'tcp://h'", "{unit=1}", "'mqtt://b'", "'input:65535'", "'f64'", "'bits:1+2'", "'{site'", "1979-05-27",
    "[", "99999999999999999999", "1e999",
];

/// Headers, right and wrong.
#[rustfmt::skip]
const HEADERS: [&str; 11] = [
    "[gateway]", "[buffer]", "[[uplink]]", "[[adapter]]", "[[device]]", "[[device.point]]", "[[grant]]",
    "[log]", "[uplink.tls]", "[x", "# é\r",
];

/// A line of a file, more or less.
fn line() -> impl Strategy<Value = String> {
    let (key, value) = (prop::sample::select(&KEYS[..]), prop::sample::select(&VALUES[..]));
    prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        prop::sample::select(&HEADERS[..]).prop_map(str::to_owned),
        "\\PC{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_panics_and_every_place_is_in_the_file(lines in prop::collection::vec(line(), 0..20)) {
        let text = lines.join("\n");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidegate.toml");
        fs::write(&path, &text).unwrap();

        let problems = match load(&path) {
            Ok((_, _, warnings)) => warnings,
            Err(report) => report.problems,
        };

        let lengths: Vec<_> = text.split('\n').map(|line| line.chars().count()).collect();
        for problem in problems {
            let Place { line, column, .. } = problem.place;
            prop_assert!((1..=lengths.len()).contains(&line), "{problem} in {text:?}");
            prop_assert!((1..=lengths[line - 1] + 1).contains(&column), "{problem} in {text:?}");
        }
    }
}
