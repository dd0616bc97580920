//! Every kind of mistake, with the place and the words it is reported with.

use std::{fs, path::Path};

use proptest::prelude::*;

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
         digit",
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
    near("[buffer]\nexpress = 'yes'\n", "2:11: error: expected true or false, found text");
    near("[buffer]\nmax_size = 5\n", "2:12: error: expected text, found an integer (help: put it in quotes)");
    near(
        "uplink = {}\n",
        "1:10: error: expected a list, found a table (help: write [value, …], or [[double brackets]] for a list of tables)",
    );
    near("[rules]\nquarantine_after = 0\n", "2:20: error: 0 is outside 1 to 4294967295");
    near("[rules]\nmax_operations = 1.5\n", "2:18: error: expected a whole number, found a float");
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
    has("window = 0\n", "4:10: error: 0 is outside 1 to 65535");
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
    one(url, "'mqtt://b:0'\n", "3:7: error: port 0 is outside 1 to 65535");
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
fn adapters_and_devices() {
    let built_in = kinds().iter().map(|kind| kind.kind).collect::<Vec<_>>();
    for kind in ["ble", "zigbee"].into_iter().filter(|kind| !built_in.contains(kind)) {
        let has = built_in.join(", ");
        one(
            "",
            &format!("[[adapter]]\nname = 'b'\nkind = '{kind}'\n"),
            &format!("3:8: error: adapters of kind \"{kind}\" are not in this build (help: this build has: {has})"),
        );
    }
    one(
        "",
        "[[adapter]]\nname = 'b'\nkind = 'modbuz'\n",
        "3:8: error: unknown kind \"modbuz\" (help: did you mean \"modbus\"?)",
    );
    let unit = format!("{UNIT}register = 'input:0'\ntype = 'u16'\n");
    one(
        &unit,
        "[[device]]\nid = 'e'\nadapter = 'aa'\naddress = { unit = 2 }\n[[device.point]]\nname = 'p'\n\
         register = 'input:0'\ntype = 'u16'\n",
        "15:11: error: no adapter \"aa\" (help: did you mean \"a\"?)",
    );
    one(
        &unit,
        "[[device.point]]\nname = 'p'\nregister = 'input:1'\ntype = 'u16'\n",
        "14:8: error: point \"p\" is there twice: first at tidegate.toml:10:8 (help: give it another name)",
    );
    let lost = "[[device]]\nid = 'e'\nadapter = 'aa'\naddress = { unit = 256 }\n";
    let found = report(&[("tidegate.toml", format!("{unit}{lost}").as_bytes())]);
    assert!(found[2].starts_with("tidegate.toml:16:20: error: 256 is outside"), "{found:?}");
    let link = |link: &str, wanted: &str| {
        one("[[adapter]]\nname = 'a'\nkind = 'modbus'\n", &format!("link = '{link}'\n"), wanted);
    };
    link("tcp://h?baud=1", "4:8: error: unknown link option \"baud\" (help: tcp:// has no options)");
    let help = "(help: did you mean \"parity\"?)";
    link("rtu:///dev/x?partiy=even", &format!("4:8: error: unknown link option \"partiy\" {help}"));
    link("rut:///dev/x", "4:8: error: unknown link scheme \"rut\" (help: did you mean \"rtu\"?)");
    one(
        "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'rtu:///dev/x'\n",
        "[[device]]\nid = 'd'\nadapter = 'a'\naddress = { unit = 0 }\n[[device.point]]\nname = 'p'\n\
         register = 'input:0'\ntype = 'u16'\n",
        "8:20: error: unit 0 is all units, which do not answer, and p needs an answer (help: its points have access = \
         \"w\", no pulse and no scale_from; only TCP has a unit 0 that answers)",
    );
}

#[test]
fn a_name_is_given_once() {
    let unit = format!("{UNIT}register = 'input:0'\ntype = 'u16'\n");
    let device = "[[device]]\nid = 'd'\nadapter = 'a'\naddress = { unit = 1 }\n[[device.point]]\nname = 'p'\n\
        register = 'input:0'\ntype = 'u16'\n";
    one(
        &unit,
        device,
        "14:6: error: device \"d\" is there twice: first at tidegate.toml:6:6 (help: give it another name)",
    );
    one(
        &unit,
        "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://h'\n",
        "14:8: error: adapter \"a\" is there twice: first at tidegate.toml:2:8 (help: give it another name)",
    );
}

#[test]
fn paths_start_at_the_folder_of_their_file() {
    let uplink = b"[[uplink]]\nname = 'c'\nurl = 'mqtt://b'\nusername = 'u'\npassword = { file = 'secret' }\n";
    let found = report(&[("tidegate.toml", b""), ("conf.d/c.toml", uplink), ("secret", b"x")]);
    assert!(found[0].starts_with("conf.d/c.toml:5:12: error: cannot read conf.d/secret: No such"), "{found:?}");

    let found = report(&[("tidegate.toml", b""), ("conf.d/c.toml", uplink), ("conf.d/secret", b"x")]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn devices_say_where_they_are() {
    let adapter = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://h'\n[[device]]\nid = 'd'\nadapter = 'a'\n";
    let point = "[[device.point]]\nname = 'p'\nregister = 'input:0'\ntype = 'u16'\n";
    let backoff = format!("address = {{ unit = 1 }}\nbackoff = {{ after = 0 }}\n{point}");
    one(adapter, &backoff, "9:21: error: 0 is outside 1 to 4294967295");
    one(adapter, &format!("address = {{ unit = 256 }}\n{point}"), "8:20: error: 256 is outside 0 to 255");
    one(
        adapter,
        &format!("address = {{ unit = 1 }}\nprofile = 'x/y'\n{point}"),
        "9:11: error: no profile \"x/y\" (help: there are none in /etc/tidegate/profiles, /usr/share/tidegate/profiles)",
    );
    one(
        adapter,
        "address = { unit = 1 }\n",
        "5:1: warning: the device has no points (help: add a [[device.point]], or name a profile)",
    );
}

#[test]
fn points() {
    let has = |text: &str, wanted: &str| one(UNIT, text, wanted);
    has(
        "register = 'input:65535'\ntype = 'f32'\n",
        "11:12: error: the value ends at register 65536, the last one is 65535 (help: offsets count from 0, without \
         the table's digit)",
    );
    has(
        "register = 'coil:0'\ntype = 'u16'\n",
        "12:8: error: coils and discrete inputs are single bits (help: use type = \"bool\")",
    );
    has(
        "register = 'input:0'\ntype = 'u16'\naccess = 'rw'\n",
        "13:10: error: discrete inputs and input registers cannot be written (help: use access = \"r\", or a coil or \
         holding register)",
    );
    has(
        "register = 'input:0'\ntype = 'u16'\nscale = 0\n",
        "13:9: error: a scale of 0 makes every value 0 (help: leave it out for 1)",
    );
    has(
        "register = 'input:0'\ntype = 'u16'\nmin = 2\nmax = 1\n",
        "13:7: error: min 2 is above max 1 (help: swap them)",
    );
    has(
        "register = 'input:0'\ntype = 'bool'\nmax = 1\n",
        "13:7: error: only numbers have a scale and limits (help: leave it out)",
    );
    has("register = 'input:0'\ntype = 'bol'\n", "12:8: error: unknown type \"bol\" (help: did you mean \"bool\"?)");
    has(
        "register = 'imput:0'\ntype = 'u16'\n",
        "11:12: error: unknown table \"imput\" (help: did you mean \"input\"?)",
    );
    has(
        "register = 'input:0'\ntype = 'u16'\norder = 'ABDC'\n",
        "13:9: error: \"ABDC\" is no byte order (help: write AB, BA, ABCD, CDAB, BADC, DCBA, or each of A to H once)",
    );
}

#[test]
fn registers_in_other_notations() {
    let has = |text: &str, wanted: &str| one(UNIT, text, wanted);
    has(
        "register = '40000'\ntype = 'u16'\n",
        "11:12: error: there is no register \"40000\" (help: numbers with a table's digit count from 1: \"40001\" is \
         holding:0)",
    );
    has(
        "register = 'input:300010'\ntype = 'u16'\n",
        "11:12: error: register 300010 is outside 0 to 65535 (help: the 3 names the table already: write \"300010\", \
         which is offset 9)",
    );
    let based = UNIT.replace("unit = 1 }\n", "unit = 1 }\nbase = 1\n");
    one(
        &based,
        "register = 'input:0'\ntype = 'u16'\n",
        "12:12: error: register 0 is outside 1 to 65536 (help: with base = 1 the first one is input:1)",
    );
    let wrong = UNIT.replace("unit = 1 }\n", "unit = 1 }\nbase = 2\n");
    let point = "register = 'input:0'\ntype = 'u16'\n";
    one(
        &wrong,
        point,
        "9:8: error: 2 is outside 0 to 1 (help: 0 counts registers as on the wire, 1 as many data sheets do)",
    );
}

#[test]
fn meanings_of_points() {
    let unit = format!("{UNIT}register = 'holding:0'\ntype = 'u16'\n");
    let has = |text: &str, wanted: &str| one(&unit, text, wanted);
    has("invalid = ['65536']\n", "13:12: error: 65536 cannot be in the point's registers");
    has(
        "enum = { on = 'x' }\n",
        "13:10: error: \"on\" is no whole number (help: names stand behind numbers: 0 = \"off\")",
    );
    has(
        "enum = { 0 = 'off' }\nscale = 2\n",
        "14:9: error: a point with names has no scale and limits (help: leave it out)",
    );
    has(
        "flags = { 16 = 'x' }\n",
        "13:9: error: the point has no bit 16 (help: bits count from 0, the lowest, to 15)",
    );
    has(
        "enum = { 0 = 'a', 1 = 'a' }\naccess = 'rw'\n",
        "13:8: error: two numbers are named \"a\" (help: give each number its own name, so that a command says which \
         is meant)",
    );
    has("scale_from = 'p_sf'\n", "13:14: error: the device has no point \"p_sf\" (help: known here: p)");
    has(
        "scale_from = 'input:1'\n",
        "13:14: error: the power of ten is too far from its value (help: a value and its power of ten are read in one \
         request of at most 125 registers of one table)",
    );
}

#[test]
fn writes_of_points() {
    let unit = format!("{UNIT}register = 'holding:0'\n");
    let has = |text: &str, wanted: &str| one(&unit, text, wanted);
    has("type = 'u16'\nverify = true\n", "13:10: error: the point is read-only (help: add access = \"rw\")");
    has(
        "type = 'u16'\naccess = 'w'\nverify = true\n",
        "14:10: error: a point that is only written cannot be read back (help: use access = \"rw\")",
    );
    has(
        "type = 'u32'\naccess = 'rw'\nwrite = 'single'\n",
        "14:9: error: the point has 2 registers, function 6 sets one (help: leave write out)",
    );
    has(
        "type = 'u16'\naccess = 'rw'\nwrite = 'mask'\n",
        "14:9: error: a mask sets a part of a register (help: it is for i8l, i8h, bits:FROM+LEN and flags in a holding \
         register)",
    );
    has(
        "type = 'bits:0+1'\naccess = 'rw'\n",
        "13:10: warning: the point is a part of a register; commands for it will be refused (help: add write = \
         \"mask\" if the unit knows function 22)",
    );
    has(
        "type = 'u16'\naccess = 'rw'\npulse = '11s'\n",
        "14:9: error: a pulse lasts at most 10s (help: for longer times let a rule send a second command)",
    );
    has(
        "type = 'u16'\naccess = 'rw'\n[[device.point]]\nname = 'q'\nregister = 'holding:2'\ntype = 'u16'\n\
         access = 'rw'\n[[device.group]]\nname = 'g'\nmembers = ['p', 'q']\n",
        "21:11: error: the registers of \"p\" and \"q\" do not touch (help: one request sets registers in a row)",
    );
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
        "20:12: error: \"d\" is no selector: write device/point, with * for any run of characters",
    );
}

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
fn a_byte_order_mark_and_dos_line_ends_move_no_place() {
    let text = "\u{FEFF}[gateway]\r\nsite = 1\r\n";

    let found = report(&[("tidegate.toml", text.as_bytes())]);

    assert_eq!(found, ["tidegate.toml:2:8: error: expected text, found an integer (help: put it in quotes)"]);
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

/// Lines that are nearly right, so that random choices of them reach deep.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "id",
        "name",
        "url",
        "tls",
        "kind",
        "link",
        "address",
        "register",
        "type",
        "order",
        "scale",
        "min",
        "range",
        "from",
        "targets",
        "rate",
        "password",
        "reconnect",
        "topic_prefix",
        "point",
        "max_size",
        "level",
        "adapter",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "1.5",
        "nan",
        "true",
        "''",
        "'é'",
        "[]",
        "[1,2]",
        "{}",
        "{min='9m'}",
        "'a'",
        "'modbus'",
        "'tcp://h'",
        "{unit=1}",
        "'mqtt://b'",
        "'input:65535'",
        "'f64'",
        "'bits:1+2'",
        "'{site'",
        "1979-05-27",
        "[",
        "99999999999999999999",
        "1e999",
    ]);
    let header = prop::sample::select(vec![
        "[gateway]",
        "[buffer]",
        "[[uplink]]",
        "[[adapter]]",
        "[[device]]",
        "[[device.point]]",
        "[[grant]]",
        "[log]",
        "[uplink.tls]",
        "[x",
        "# é\r",
    ]);
    prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        header.prop_map(str::to_owned),
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
