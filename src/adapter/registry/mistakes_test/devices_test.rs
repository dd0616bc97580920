//! Mistakes in adapters, devices and points.

use super::*;

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

#[cfg(feature = "zigbee")]
#[test]
fn the_key_of_a_network_is_looked_at() {
    let adapter =
        "[[adapter]]\nname = 'z'\nkind = 'zigbee'\nlink = 'tcp://h'\n[adapter.network]\nkey = { file = 'k' }\n";
    let found = |key: &[u8]| report(&[("tidegate.toml", adapter.as_bytes()), ("k", key)]);

    assert_eq!(found(b"00112233445566778899aabbccddeeff\n"), [""; 0]);
    let short = found(b"0011");
    assert!(short[0].contains("tidegate.toml:6:7: error: ") && short[0].contains("32 hex digits"), "{short:?}");
    let missing = report(&[("tidegate.toml", adapter.as_bytes())]);
    assert!(missing[0].contains("tidegate.toml:6:7: warning: secret file k: "), "{missing:?}");
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
    one(adapter, &backoff, "9:21: error: 0 is outside 1 to 4294967295 (help: give a number within these limits)");
    one(
        adapter,
        &format!("address = {{ unit = 256 }}\n{point}"),
        "8:20: error: 256 is outside 0 to 255 (help: give a number within these limits)",
    );
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
    has(
        "register = 0\ntype = 'u16'\n",
        "11:12: error: expected text, found an integer (help: write coil, discrete, input or holding, and the offset \
         from 0: \"input:0\")",
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
    has("enum = { 0 = 'a', 65536 = 'b' }\n", "13:8: error: 65536 cannot be in the point's registers");
    one(
        &unit.replace("'u16'", "'i16'"),
        "enum = { 65535 = 'fault' }\n",
        "13:8: error: 65535 cannot be in the point's registers (help: the type is signed: write -1)",
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
        "type = 'string:248'\naccess = 'rw'\n",
        "13:10: error: the point has 124 registers, function 16 sets 123 at most (help: use string:246 or shorter, or \
         leave access out)",
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
