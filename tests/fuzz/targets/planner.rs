//! The read planner: whatever points and limits there are, every point is read once, and within the limits.
#![no_main]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use libfuzzer_sys::fuzz_target;
use tidegate::{adapter::registry, config};
use tidegate_fuzz::Bytes;

const TYPES: [&str; 6] = ["u16", "f32", "f64", "bool", "string:7", "string:60"];

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let max = 30 + u16::from(bytes.byte()) % 96;
    let gap = bytes.byte() % 126;
    let single = bytes.byte() % 8 == 0;
    let mut site = format!(
        "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://h'\nmax_registers = {max}\nmax_gap = {gap}\n\
         one_request_per_point = {single}\n[[device]]\nid = 'd'\nadapter = 'a'\naddress = {{ unit = 1 }}\n"
    );
    let mut names = BTreeSet::new();
    for index in 0..bytes.byte() % 64 {
        let table = bytes.pick(&["holding", "input", "coil", "discrete"]);
        let is_bits = matches!(table, "coil" | "discrete");
        let data = if is_bits { "bool" } else { bytes.pick(&TYPES) };
        // Close together, so that there is something to join.
        let offset = bytes.word() % 700;
        let poll = bytes.pick(&["1s", "5s"]);
        write!(
            site,
            "[[device.point]]\nname = 'p{index}'\nregister = '{table}:{offset}'\ntype = '{data}'\npoll = '{poll}'\n"
        )
        .unwrap();
        names.insert(format!("p{index}"));
    }
    let mut draft = config::read_text("fuzz.toml".as_ref(), &site);
    let adapters = registry::plan(&mut draft);
    let load = adapters[0].load(None).unwrap();
    let mut read = BTreeSet::new();
    for request in load.requests {
        let limit = if matches!(request.table, "coil" | "discrete") { 2000 } else { max };
        assert!((1..=limit).contains(&request.count), "{} of {limit}: {site}", request.count);
        for point in request.points {
            assert!(read.insert(point), "read twice: {site}");
        }
    }
    assert_eq!(read, names, "{site}");
});
