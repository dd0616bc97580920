//! What a client sees, and what its writes come to.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    adapter::modbus::{exception::Exception, pdu::Request},
    config,
    model::{Access, DeviceId, PointName, PointType, Quality, Reading, Timestamp, Value},
};

/// The begin of a server at 127.0.0.1:1502.
const SERVER: &str = "[[republish]]\nname = 'scada'\nlisten = '127.0.0.1:1502'\nallow = ['127.0.0.1']\n";

/// Points of device `d`, named after their types; all can be written.
fn points() -> Vec<Arc<Point>> {
    let point = |(name, kind): (&str, PointType)| {
        let mut point = Point::new(DeviceId::new("d").unwrap(), PointName::new(name).unwrap(), kind, None);
        point.access = if name == "fixed" { Access::R } else { Access::Rw };
        Arc::new(point)
    };
    let kinds = [
        ("float", PointType::Float),
        ("int", PointType::Int),
        ("bool", PointType::Bool),
        ("text", PointType::Text),
        ("fixed", PointType::Float),
    ];
    kinds.map(point).to_vec()
}

/// An image and what is wrong with it, for keys of the server and its points, one per line:
/// `d/float input:0 f32, order = 'CDAB'`.
fn planned(keys: &str, shown: &[&str]) -> (Image, Vec<String>) {
    let mut text = format!("{SERVER}{keys}\n");
    for line in shown {
        let (head, more) = line.split_once(", ").unwrap_or((line, ""));
        let [source, register, data] = head.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let point = [source, register, data, more];
        let keys = ["source = '", "'\nregister = '", "'\ntype = '", "'\n"];
        text += "[[republish.point]]\n";
        text.extend(keys.into_iter().zip(point).flat_map(|(key, value)| [key, value]));
        text += "\n";
    }
    let mut draft = config::read_text("t.toml".as_ref(), &text);
    let points = points();
    let (servers, named, problems) = draft.republish();
    let image = Image::plan(&servers[0], &Known::new(&points, named, false), problems);
    (image, draft.problems.into_report().problems.iter().map(ToString::to_string).collect())
}

/// An image without problems.
fn image(keys: &str, shown: &[&str]) -> Image {
    let (image, problems) = planned(keys, shown);
    assert_eq!(problems, [] as [String; 0]);
    image
}

/// Where the last readings are an hour old.
const NOW: Timestamp = Timestamp::from_millis(3_600_000);

/// Reads where every point has this value.
fn read(image: &Image, at: (Table, u16, u16), value: &Value) -> Result<Content, Exception> {
    let reading = |address: &PointAddress| {
        let point = points().into_iter().find(|point| point.address == *address)?;
        Some(Reading::good(point, value.clone(), Timestamp::default()))
    };
    image.read(at, NOW, reading).map(|read| read.content)
}

fn words(words: &[u16]) -> Content {
    Content::Words(words.to_vec())
}

#[test]
fn values_are_shown_in_their_types_orders_and_scales() {
    let image = image(
        "",
        &[
            "d/float input:0 f32",
            "d/float input:2 f32, order = 'CDAB'",
            "d/int input:4 i16, scale = 0.5",
            "d/bool input:5 u16",
            "d/text holding:0 string:4",
            "d/bool coil:7 bool",
        ],
    );
    let value = Value::Float(230.1);
    assert_eq!(read(&image, (Table::Input, 0, 4), &value), Ok(words(&[0x4366, 0x199a, 0x199a, 0x4366])));
    assert_eq!(read(&image, (Table::Input, 4, 1), &Value::Int(-4)), Ok(words(&[0xfff8])));
    assert_eq!(read(&image, (Table::Input, 5, 1), &Value::Bool(true)), Ok(words(&[1])));
    assert_eq!(read(&image, (Table::Holding, 0, 2), &Value::Text("ab".into())), Ok(words(&[0x6162, 0])));
    assert_eq!(read(&image, (Table::Coil, 7, 1), &Value::Bool(true)), Ok(Content::Bits(vec![true])));
    assert_eq!(read(&image, (Table::Input, 1, 2), &value), Ok(words(&[0x199a, 0x199a])), "parts of two values");
}

#[test]
fn a_point_without_a_value_shows_the_marker_of_its_type_or_refuses() {
    let shown = [
        "d/float input:0 f32",
        "d/int input:2 i16",
        "d/int input:3 u32, order = 'CDAB'",
        "d/bool input:5 bool",
        "d/int input:6 i64",
    ];
    let markers = [0x7fc0, 0, 0x8000, 0xffff, 0xffff, 0, 0x8000, 0, 0, 0];
    let unknown = |_: &PointAddress| None;
    let at = (Table::Input, 0, 10);

    let read = image("", &shown).read(at, NOW, unknown).unwrap();
    assert_eq!((read.content, read.misfits), (words(&markers), 0));
    let refused = image("on_bad = 'exception'", &shown).read(at, NOW, unknown);
    assert_eq!(refused, Err(Exception::DEVICE_FAILURE));
}

#[test]
fn a_value_that_does_not_fit_is_shown_as_none_and_counted() {
    let image = image("", &["d/int input:0 i16", "d/int input:1 u16"]);
    let good = |_: &PointAddress| Some(Reading::good(Arc::clone(&points()[1]), Value::Int(70_000), NOW));

    let read = image.read((Table::Input, 0, 2), NOW, good).unwrap();

    assert_eq!((read.content, read.misfits), (words(&[0x8000, 0xffff]), 2));
}

#[test]
fn quality_and_age_are_those_of_the_reading() {
    let image = image(
        "",
        &["d/float input:0 f32, quality = 'discrete:3'\nage = 'input:2'", "d/int input:3 i16, quality = 'input:4'"],
    );
    let reading = |quality| {
        move |address: &PointAddress| {
            let point = points().into_iter().find(|point| point.address == *address)?;
            Some(Reading { point, value: Some(Value::Int(1)), ts: Timestamp::default(), quality })
        }
    };
    let good = |address: &PointAddress| reading(Quality::GOOD)(address);
    let uncertain = |address: &PointAddress| reading(Quality::uncertain("substituted"))(address);

    let age = image.read((Table::Input, 2, 1), NOW, good).unwrap().content;
    assert_eq!(age, words(&[3600]));
    assert_eq!(image.read((Table::Discrete, 3, 1), NOW, good).unwrap().content, Content::Bits(vec![true]));
    let read = image.read((Table::Input, 3, 2), NOW, uncertain).unwrap().content;
    assert_eq!(read, words(&[1, 0]));
    let late = Timestamp::default().plus(Duration::from_secs(100_000));
    assert_eq!(image.read((Table::Input, 2, 1), late, good).unwrap().content, words(&[65_535]));
    assert_eq!(image.read((Table::Input, 2, 1), NOW, |_| None).unwrap().content, words(&[65_535]));
}

#[test]
fn registers_between_points_are_refused_or_zero() {
    let shown = ["d/int input:1 i16", "d/int input:3 i16"];
    let strict = image("", &shown);
    for at in [(0, 2), (1, 3), (3, 2), (9, 1), (65_535, 1)] {
        assert_eq!(read(&strict, (Table::Input, at.0, at.1), &Value::Int(7)), Err(Exception::ILLEGAL_ADDRESS));
    }
    let filled = image("fill = true", &shown);
    assert_eq!(read(&filled, (Table::Input, 0, 5), &Value::Int(7)), Ok(words(&[0, 7, 0, 7, 0])));
    assert_eq!(read(&filled, (Table::Coil, 65_535, 1), &Value::Int(7)), Ok(Content::Bits(vec![false])));
}

/// What a write asks for, as `point=value`.
fn wishes(image: &Image, request: &Request) -> Result<Vec<String>, Exception> {
    let wishes = image.write(request)?;
    Ok(wishes.iter().map(|wish| format!("{}={}", wish.target, wish.value)).collect())
}

#[test]
fn writes_become_values_of_the_points() {
    let image = image(
        "base = 1",
        &[
            "d/float holding:1 f32",
            "d/int holding:3 i16, scale = 0.5",
            "d/bool holding:4 u16",
            "d/bool coil:1 bool",
            "d/int coil:2 bool",
        ],
    );
    let registers = |start, values: &[u16]| Request::WriteRegisters { start, values: values.to_vec() };
    assert_eq!(
        wishes(&image, &registers(0, &[0x4366, 0x199a, 84, 1])).unwrap(),
        ["d/float=230.1", "d/int=42", "d/bool=true"]
    );
    assert_eq!(wishes(&image, &Request::WriteRegister { address: 3, value: 0 }).unwrap(), ["d/bool=false"]);
    assert_eq!(wishes(&image, &Request::WriteCoil { address: 0, on: true }).unwrap(), ["d/bool=true"]);
    let coils = Request::WriteCoils { start: 0, values: vec![false, true] };
    assert_eq!(wishes(&image, &coils).unwrap(), ["d/bool=false", "d/int=1"]);
}

#[test]
fn a_write_that_is_no_value_of_a_point_sets_nothing() {
    let image =
        image("", &["d/float holding:0 f32, quality = 'holding:2'", "d/fixed holding:3 f32", "d/bool holding:6 u16"]);
    let write = |start, values: &[u16]| wishes(&image, &Request::WriteRegisters { start, values: values.to_vec() });
    let (address, value) = (Err(Exception::ILLEGAL_ADDRESS), Err(Exception::ILLEGAL_VALUE));
    assert_eq!(write(0, &[0x4366]), address, "half of a value");
    assert_eq!(write(1, &[0x4366, 1]), address, "the other half");
    assert_eq!(write(2, &[1]), address, "a quality is shown, not set");
    assert_eq!(write(3, &[0x4366, 0]), address, "the point cannot be written");
    assert_eq!(write(5, &[0, 1]), address, "nothing is there");
    assert_eq!(write(6, &[1, 1]), address, "nothing is behind it");
    assert_eq!(write(0, &[0x7fc0, 0]), value, "no value");
    assert_eq!(write(6, &[2]), value, "no switch");
    let mask = Request::MaskWrite { address: 6, and: 0, or: 1 };
    assert_eq!(wishes(&image, &mask), Err(Exception::ILLEGAL_FUNCTION));
}

#[test]
fn what_cannot_be_shown_is_told_with_its_place() {
    let problem = |keys: &str, shown: &[&str], wanted: &str| {
        let (_, problems) = planned(keys, shown);
        assert_eq!(problems, [format!("t.toml:{wanted}")], "{shown:?}");
    };
    problem(
        "",
        &["d/flot input:0 f32"],
        "7:10: error: no device has the point d/flot (help: did you mean \"d/float\"?)",
    );
    problem(
        "",
        &["d/float input:0 f32", "d/int input:1 i16"],
        "13:12: error: input:0 to 1 is shown there already: at t.toml:8:12 (help: give each point registers of its own)",
    );
    problem(
        "",
        &["d/float input:0 f32, age = 'input:1'"],
        "10:7: error: input:0 to 1 is shown there already: at t.toml:8:12 (help: give each point registers of its own)",
    );
    problem("", &["d/float input:65535 f32"], "8:12: error: the value ends behind register 65535");
    problem(
        "",
        &["d/text input:0 u16"],
        "9:8: error: the values of the point are of type text (help: use type = \"string:16\")",
    );
    problem(
        "",
        &["d/float coil:0 f32"],
        "9:8: error: coils and discrete inputs are single bits (help: use type = \"bool\")",
    );
    problem(
        "",
        &["d/float coil:0 bool"],
        "9:8: error: the values of the point are of type float (help: use a number type)",
    );
    problem("", &["d/int input:0 i8l"], "9:8: error: a value is shown in whole registers (help: use i16 or u16)");
    problem(
        "",
        &["d/int input:0 i16, age = 'coil:0'"],
        "10:7: error: seconds do not fit a bit (help: show the age in an input or holding register)",
    );
    problem(
        "base = 1",
        &["d/int input:0 i16"],
        "8:12: error: register 0 is outside 1 to 65536 (help: with base = 1 the first one is input:1)",
    );
    let (_, rule) = planned("", &["virtual/x input:0 f32, made_by_rule = true"]);
    assert_eq!(rule, [] as [String; 0]);
}

proptest! {
    #[test]
    fn no_request_panics_whatever_is_shown(
        pdu in proptest::collection::vec(any::<u8>(), 0..260), table in 0..4usize, start: u16, count in 1..=125u16,
        fill: bool, number: f64, int: i64,
    ) {
        let shown = ["d/float input:0 f32", "d/int holding:65535 u16", "d/bool coil:0 bool", "d/int holding:9 bcd32"];
        let image = image(&format!("fill = {fill}"), &shown);
        let table = [Table::Coil, Table::Discrete, Table::Input, Table::Holding][table];
        let count = count.min(65_535 - start).max(1);
        for value in [Value::Float(number), Value::Int(int), Value::Text("x".into()), Value::Json(Arc::new(json!(null)))] {
            let _ = read(&image, (table, start, count), &value);
        }
        if let Ok(request) = Request::decode(&pdu) {
            let _ = image.write(&request);
        }
    }
}
