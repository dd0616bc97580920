//! What scripts can do, and what they cannot do to others.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::model::Value;

/// The answer of a script to some bytes.
fn decode(text: &str, data: &[u8]) -> Result<Answer, CallError> {
    let message = Argument::Map(vec![("payload".to_owned(), Argument::Bytes(data.to_vec()))]);
    Runner::new(&Script::of("decode", text)).unwrap().call(message)
}

/// Why there is no answer.
fn fails(text: &str) -> String {
    decode(text, &[1, 2, 3]).unwrap_err().to_string()
}

#[test]
fn numbers_of_any_width_and_order_are_read() {
    let script = "fn decode(m) { let p = m.payload;
        #{ a: i16(p, 0), b: i16_be(p, 0), c: u8(p, 2), d: u24_be(p, 0), e: f32(p, 3), f: hex(p), g: (), h: true } }";

    let answer = decode(script, &[0xfe, 0xff, 3, 0x9a, 0x19, 0x66, 0x43]).unwrap();

    let value = |name: &str| answer.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!((value("a"), value("b")), (Some(Value::Int(-2)), Some(Value::Int(-257))));
    assert_eq!((value("c"), value("d")), (Some(Value::Int(3)), Some(Value::Int(0xfe_ff03))));
    assert_eq!(value("e"), Some(Value::Float(230.1)));
    assert_eq!((value("f"), value("g")), (Some(Value::Text("feff039a196643".into())), None));
}

#[test]
fn several_maps_and_nothing_are_answers_too() {
    assert_eq!(decode("fn decode(m) { [#{ a: 1 }, #{ a: 2, b: 3.5 }] }", &[]).unwrap().len(), 3);
    assert_eq!(decode("fn decode(m) { if m.payload.len() == 0 { return; } #{} }", &[]).unwrap(), []);
}

#[test]
fn a_failure_says_where_and_why() {
    assert_eq!(fails("fn decode(m) {\n u16(m.payload, 2) }"), "decode.rhai:2: bytes 2..4 of 3");
    assert_eq!(fails("fn decode(m) { throw \"no idea\"; }"), "decode.rhai:1: no idea");
    assert_eq!(fails("fn decode(m) { 7 }"), "decode.rhai:1: it gave i64, and has to give a map");
    assert_eq!(fails("fn decode(m) { #{ a: [1] } }"), "decode.rhai:1: a is array, which is no value");
    assert!(fails("fn decode(m) { m.nothing.more }").starts_with("decode.rhai:1: "));
}

#[test]
fn what_takes_too_much_is_ended() {
    for script in [
        "fn decode(m) { loop {} }",
        "fn f(n) { f(n + 1) } fn decode(m) { f(0) }",
        "fn decode(m) { let s = \"x\"; loop { s += s; } }",
        "fn decode(m) { let a = []; loop { a.push(1); } }",
        "fn decode(m) { let b = blob(2000); loop { b += b; } }",
        "fn decode(m) { [].len.call(eval(\"1\")) }",
        "fn decode(m) { import \"x\" as x; }",
    ] {
        let script = Script::of("decode", script);
        if let Ok(mut runner) = Runner::new(&script) {
            assert!(runner.call(Argument::None).is_err(), "{}", script.text);
        }
    }
}

#[test]
fn a_script_that_always_fails_is_left_alone() {
    let mut runner = Runner::new(&Script::of("decode", "fn decode(m) { throw 1; }")).unwrap();

    let errors: Vec<_> = (0..21).map(|_| runner.call(Argument::None).unwrap_err()).collect();

    assert!(matches!(errors[19], CallError::Failed { .. }));
    assert_eq!(errors[20], CallError::Resting);
}

#[test]
fn mistakes_are_found_before_the_first_call() {
    let folder = tempfile::tempdir().unwrap();
    for (text, wanted) in [
        ("fn decode(m) {\n let x = ; }", "decode.rhai:2:10: error: "),
        ("fn other(m) { #{} }", "decode.rhai:1:1: error: there is no function decode(message)"),
        ("fn decode(m) { y }", "decode.rhai:1:16: error: Undefined variable: y"),
    ] {
        std::fs::write(folder.path().join("decode.rhai"), text).unwrap();
        let mut problems = Problems::default();
        assert!(find(folder.path(), "decode", &mut problems).is_some());
        let told = problems.into_report().problems[0].to_string();
        assert!(told.contains(wanted), "{told}");
    }
    assert_eq!(find(folder.path(), "encode", &mut Problems::default()), None);
}

proptest! {
    #[test]
    fn no_script_panics(text in "[a-z0-9(){};=+*\\[\\]#:. ]{0,60}", data in vec(any::<u8>(), 0..30)) {
        let script = Script::of("decode", &format!("fn decode(m) {{ let p = m.payload; {text} }}"));
        if let Ok(mut runner) = Runner::new(&script) {
            let message = Argument::Map(vec![("payload".to_owned(), Argument::Bytes(data))]);
            let _ = runner.call(message);
        }
    }
}
