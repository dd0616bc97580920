//! Every kind of mistake, with the place and the words it is reported with.

mod devices_test;
mod files_test;

use std::{fs, path::Path};

use super::*;
use crate::config::Place;

/// An adapter with a device to put a point on.
const UNIT: &str = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://h'\n\
    [[device]]\nid = 'd'\nadapter = 'a'\naddress = { unit = 1 }\n[[device.point]]\nname = 'p'\n";

/// An uplink without problems, ready for more keys from line 4 on.
const UPLINK: &str = "[[uplink]]\nname = 'c'\nurl = 'mqtt://b'\n";

/// Everything that is reported for these files, without the folder.
fn report(files: &[(&str, &[u8])]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let problems = match load(&folder.path().join("tidegate.toml")) {
        Ok((_, _, warnings)) => warnings,
        Err(report) => report.problems,
    };
    let prefix = format!("{}/", folder.path().display());
    problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
}

/// A server of the point of [`UNIT`], whose register is still to come, ready for more keys from line 16 on.
const SERVER: &str = "register = 'input:0'\ntype = 'u16'\n[[republish]]\nname = 's'\nlisten = '0.0.0.0:1502'\n";

/// Asserts that a file has this one problem.
#[track_caller]
fn one(before: &str, text: &str, wanted: &str) {
    let found = report(&[("tidegate.toml", format!("{before}{text}").as_bytes())]);

    assert_eq!(found, [format!("tidegate.toml:{wanted}")], "{before}{text}");
}

#[test]
fn servers_of_ours() {
    let shown = "[[republish.point]]\nsource = 'd/p'\nregister = 'input:0'\ntype = 'u16'\n";
    let server = |keys: &str, wanted: &str| one(&format!("{UNIT}{SERVER}"), &format!("{keys}\n{shown}"), wanted);
    server(
        "allow = []",
        "16:9: error: nobody is served (help: name the addresses of the clients: [\"192.168.1.10\"])",
    );
    server(
        "allow = ['10.0.0.9/24']",
        "16:10: error: 10.0.0.9 is not the first of 24 bits (help: write \"10.0.0.0/24\")",
    );
    server(
        "allow = ['plc']",
        "16:10: error: \"plc\" is no address (help: write one address, or the first of many: 10.0.0.0/24)",
    );
    server(
        "allow = ['10.0.0.9']\nbase = 2",
        "17:8: error: 2 is outside 0 to 1 (help: 0 counts registers as on the wire, 1 as many data sheets do)",
    );
    server(
        "allow = ['10.0.0.9']\non_bad = 'zero'",
        "17:10: error: \"zero\" is no value of this key (help: known here: marker, exception)",
    );
    server(
        "allow = ['10.0.0.9']\n[[republish.point]]\nsource = 'd/*'\nregister = 'input:1'\ntype = 'u16'",
        "18:10: error: \"*\" is no name: '*' is not allowed in a name: use a-z, 0-9, '-' and '_', starting with a letter or \
         digit (help: choose another name)",
    );
    let twice = "allow = ['10.0.0.9']\npoint = []\n[[republish]]\nname = 's'\nlisten = '0.0.0.0:1503'\n\
        allow = ['10.0.0.9']\npoint = []\n";
    one(
        &format!("{UNIT}{SERVER}"),
        twice,
        "19:8: error: republish \"s\" is there twice: first at tidegate.toml:14:8 (help: give it another name)",
    );
}

#[test]
fn keys_and_types() {
    let near = |text: &str, wanted: &str| one("", text, wanted);
    near("[bufer]\n", "1:2: error: unknown key \"bufer\" (help: did you mean \"buffer\"?)");
    near("[gateway]\nidd = 'x'\n", "2:1: error: unknown key \"idd\" (help: did you mean \"id\"?)");
    near("[log]\nxyz = 1\n", "2:1: error: unknown key \"xyz\" (help: known here: level)");
    near("[api]\nlisten = 'x'\n", "2:1: error: key \"listen\" is not in this version (help: leave it out)");
    near(
        "gateway = 1\n",
        "1:11: error: expected a table, found an integer (help: write { key = value, … }, or [single brackets])",
    );
    near(
        "[buffer]\nexpress = 'yes'\n",
        "2:11: error: expected true or false, found text (help: write true or false, without quotes)",
    );
    near("[gateway]\nid = 7\n", "2:6: error: expected text, found an integer (help: put it in quotes)");
    near(
        "[buffer]\nmax_size = 5\n",
        "2:12: error: expected text, found an integer (help: write a number and B, KB, MB, GB, TB, KiB, MiB, GiB or \
         TiB, such as \"2GiB\")",
    );
    for value in ["1", "[1]"] {
        let found = if value == "1" { "an integer" } else { "a list" };
        near(
            &format!("[buffer]\nlinger = {value}\n"),
            &format!(
                "2:10: error: expected text, found {found} (help: write a number and ms, s, m, h or d, such as \"10s\")"
            ),
        );
    }
    near(
        "[buffer]\ndurability = true\n",
        "2:14: error: expected text, found a boolean (help: known here: strict, balanced, wear)",
    );
    near(
        "uplink = {}\n",
        "1:10: error: expected a list, found a table (help: write [value, …], or [[double brackets]] for a list of tables)",
    );
    near(
        "[rules]\nquarantine_after = 0\n",
        "2:20: error: 0 is outside 1 to 4294967295 (help: give a number within these limits)",
    );
    near(
        "[rules]\nmax_operations = 1.5\n",
        "2:18: error: expected a whole number, found a float (help: write it without quotes and without a point)",
    );
    near(
        "[buffer]\ndurability = 'ballanced'\n",
        "2:14: error: \"ballanced\" is no value of this key (help: did you mean \"balanced\"?)",
    );
}

#[test]
fn names_sizes_and_durations() {
    let has = |text: &str, wanted: &str| one("", text, wanted);
    has(
        "[gateway]\nid = 'Plant 7'\n",
        "2:6: error: \"Plant 7\" is no name: 'P' is not allowed in a name: use a-z, 0-9, '-' and '_', starting with a \
         letter or digit (help: use \"plant-7\")",
    );
    has("[buffer]\nlinger = '0s'\n", "2:10: error: duration is zero (help: give a duration above zero)");
    has(
        "[buffer]\nmax_age = '-1d'\n",
        "2:11: error: \"-1d\" is no duration (help: write a number and ms, s, m, h or d, such as \"10s\")",
    );
    has(
        "[buffer]\nmax_size = '2 gigs'\n",
        "2:12: error: \"2 gigs\" is no size (help: write a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as \
         \"2GiB\")",
    );
    has(
        "[commands]\nremember = '1s'\n",
        "2:12: error: commands are remembered for 1s and live for 60s (help: remember them at least as long as they \
         live)",
    );
    has(
        "[log]\nlevel = 'loud'\n",
        "2:9: error: \"loud\" is no log level (help: levels are off, error, warn, info, debug, trace, also as \
         module=level, with commas between)",
    );
}

#[test]
fn uplinks_that_get_in_each_others_way() {
    let second = |keys: &str| {
        let found = report(&[("tidegate.toml", format!("{UPLINK}[[uplink]]\nname = 'd'\n{keys}").as_bytes())]);
        found.join("\n")
    };

    let both = "tidegate.toml:4:1: warning: uplinks \"c\" and \"d\" have the same";
    assert_eq!(
        second("url = 'mqtt://b:1883'\n"),
        format!("{both} topics at one broker (help: give it a topic_prefix of its own)")
    );
    assert_eq!(
        second("url = 'mqtt://b'\ntopic_prefix = 'x'\nclient_id = 'tidegate-plant-c'\n[gateway]\nid = 'plant'\n"),
        format!("{both} client_id at one broker (help: leave it out at one of them)")
    );
    assert_eq!(second("url = 'mqtt://other'\n"), "");
}

#[test]
fn uplinks() {
    let has = |text: &str, wanted: &str| one(UPLINK, text, wanted);
    has(
        "topic_prefix = 'x/{host}'\n",
        "4:16: error: unknown placeholder \"{host}\" (help: the placeholders are {site} and {gateway})",
    );
    has("topic_prefix = 'x/#'\n", "4:16: error: wildcard '#' in a prefix (help: messages are sent to plain topics)");
    has(
        "topic_prefix = 'x//y'\n",
        "4:16: error: \"x//y\" has an empty segment (help: no '/' at either end, and none twice)",
    );
    has("encoding = 'senml'\n", "4:12: error: \"senml\" is not in this version (help: this version has json)");
    has(
        "backlog = { share = 1.5 }\n",
        "4:21: error: a share of 1.5 of the window (help: give a part above 0 and at most 1, such as 0.5)",
    );
    has("window = 0\n", "4:10: error: 0 is outside 1 to 65535 (help: give a number within these limits)");
    has("password = { env = 'P' }\n", "4:12: error: a password without a username (help: add the key username)");
    has(
        "username = 'u'\npassword = {}\n",
        "5:12: error: a secret has exactly one place (help: give one of credential, file and env)",
    );
    has("reconnect = { min = '2m' }\n", "4:21: error: min 120s is above max 60s (help: lower min or raise max)");
    has(
        "[[uplink]]\nname = 'c'\nurl = 'mqtt://b'\n",
        "5:8: error: uplink \"c\" is there twice: first at tidegate.toml:2:8 (help: give it another name)",
    );
    let form = "(help: write mqtt://HOST:PORT or mqtts://HOST:PORT)";
    let url = "[[uplink]]\nname = 'c'\nurl = ";
    one(url, "'wss://b'\n", &format!("3:7: error: scheme \"wss\" is not in this version {form}"));
    one(url, "'http://b'\n", &format!("3:7: error: unknown scheme \"http\" {form}"));
    one(url, "'mqtt://b:0'\n", "3:7: error: port 0 is outside 1 to 65535 (help: leave it out for the usual one)");
}

#[test]
fn a_value_with_two_mistakes_reports_both() {
    let found = report(&[("tidegate.toml", format!("{UPLINK}topic_prefix = '{{x}}/+'\n").as_bytes())]);

    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|line| line.starts_with("tidegate.toml:4:16: error: ")), "{found:?}");
}

#[test]
fn missing_keys_are_placed_at_their_table() {
    let found = report(&[("tidegate.toml", b"\n[[uplink]]\nurl = 'mqtt://b'\n")]);

    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("tidegate.toml:2:1: error: key \"name\" is missing (help: add it: "), "{found:?}");
}

#[test]
fn tls_files() {
    let uplink = "[[uplink]]\nname = 'c'\nurl = 'mqtts://b'\n";
    let files = |tls: &str| {
        let text = format!("{uplink}{tls}\n");
        let pem: &[u8] = b"-----BEGIN CERTIFICATE-----\n";
        report(&[("tidegate.toml", text.as_bytes()), ("ca.pem", pem), ("der", b"\x30\x82")])
    };

    assert_eq!(files("tls = { ca = 'ca.pem' }"), [""; 0]);
    let found = files("tls = { cert = 'ca.pem' }");
    assert!(found[0].starts_with("tidegate.toml:4:16: error: a certificate without its key (help: "), "{found:?}");
    let found = files("tls = { ca = 'none.pem' }");
    assert!(found[0].starts_with("tidegate.toml:4:14: error: cannot read none.pem: No such file"), "{found:?}");
    let found = files("tls = { ca = 'der' }");
    assert_eq!(found, ["tidegate.toml:4:14: error: der holds no certificate in PEM (help: convert it to PEM)"]);
}

#[test]
fn grants() {
    let base =
        format!("{UNIT}register = 'holding:0'\ntype = 'u16'\naccess = 'rw'\n{UPLINK}commands = true\n[[grant]]\n");
    let has = |text: &str, wanted: &str| one(&base, text, wanted);
    let good = "from = 'uplink:c'\ntargets = ['d/p']\n";
    assert_eq!(report(&[("tidegate.toml", format!("{base}{good}").as_bytes())]), [""; 0]);
    has(&format!("{good}range = [5, 1]\n"), "21:9: error: range 5 to 1 holds no number (help: swap them)");
    has(&format!("{good}range = [5]\n"), "21:9: error: a range is two numbers (help: write [SMALLEST, LARGEST])");
    has(
        &format!("{good}rate = '10/w'\n"),
        "21:8: error: \"10/w\" is no rate (help: write a count per s, min, h or day: \"10/min\")",
    );
    has(
        "from = 'cloud'\ntargets = ['d/p']\n",
        "19:8: error: \"cloud\" is no sender (help: write uplink:<name>, rule:<name> or api:<user or role>)",
    );
    has(
        "from = 'uplink:cc'\ntargets = ['d/p']\n",
        "19:8: warning: the grant covers nothing: no uplink \"cc\" (help: did you mean \"c\"?)",
    );
    has(
        "from = 'uplink:c'\ntargets = ['d/q']\n",
        "20:12: warning: the grant covers nothing: no point matches d/q (help: did you mean \"d/p\"?)",
    );
    has(
        "from = 'uplink:c'\ntargets = ['d']\n",
        "20:12: error: \"d\" is no selector: write device/point, with * for any run of characters (help: \"*/*\" stands for \
         all)",
    );
}
