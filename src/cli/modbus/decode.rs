//! `tidegate modbus decode`: captured frames as lines of JSON, explained one by one.
//!
//! A line in gives a line out, whatever is in it. Nothing is kept between lines.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    adapter::modbus::explain::{self, Travel},
    cli::{context::Context, error::CliError, object},
};

/// Longest line that is looked at; what is longer is answered with `why`. The longest frame is 513 characters.
const MAX_LINE: u64 = 16 * 1024;

/// Explains frames: lines {"frame":"hex","mode"?:"tcp|rtu|ascii","request"?:"hex"} in, a line for each out.
///
/// With the request an answer is checked against it. A line that cannot be explained says why; the exit code is 0.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {}

pub(super) fn run(_: &Args, context: &mut Context) -> Result<(), CliError> {
    explain_all(&mut io::stdin().lock(), context)
}

/// Answers line by line until there are no more.
fn explain_all(input: &mut impl BufRead, context: &mut Context) -> Result<(), CliError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let answer = if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            why(&format!("line is longer than {MAX_LINE} bytes"))
        } else {
            answer(&line)
        };
        context.print(&format!("{answer}\n"))?;
    }
}

/// A frame as it was typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    frame: String,
    mode: Option<String>,
    request: Option<String>,
}

/// What a line is answered with.
fn answer(line: &[u8]) -> Value {
    match object::read::<Asked>(line) {
        Ok(asked) => asked.explained().unwrap_or_else(|text| why(&text)),
        Err(error) => why(&format!("no line that is understood: {error}")),
    }
}

/// A line that cannot be explained.
fn why(text: &str) -> Value {
    json!({ "why": text })
}

impl Asked {
    /// What the frame is.
    fn explained(&self) -> Result<Value, String> {
        let frame = bytes(&self.frame)?;
        let travel = match self.mode.as_deref() {
            Some("tcp") => Travel::Tcp,
            Some("rtu") => Travel::Rtu,
            Some("ascii") => Travel::Ascii,
            Some(other) => return Err(format!("mode {other:?} is none of tcp, rtu and ascii")),
            None => explain::guess(&frame).ok_or("the frame fits no mode (help: give \"mode\")")?,
        };
        let request = self.request.as_deref().map(|request| {
            bytes(request)
                .and_then(|request| explain::open(travel, &request))
                .map_err(|why| format!("the request: {why}"))
        });
        let content = explain::open(travel, &frame)?;
        Ok(json!(content.explain(travel, request.transpose()?.as_ref())))
    }
}

/// Bytes from hexadecimal digits, with spaces or colons between them as tools print them. An ASCII frame can stand as it
/// is, with its leading colon.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    if text.starts_with(':') {
        return Ok(text.as_bytes().to_vec());
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b':' | b'-')).collect();
    let no_digits = || format!("{:?} is no row of hexadecimal digits", text.chars().take(40).collect::<String>());
    if !digits.len().is_multiple_of(2) {
        return Err(no_digits());
    }
    let byte = |pair: &[u8]| {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()
    };
    digits.chunks_exact(2).map(|pair| byte(pair).ok_or_else(no_digits)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::tests::Sink;

    fn explained(line: &str) -> Value {
        answer(line.as_bytes())
    }

    #[test]
    fn a_frame_is_explained_with_and_without_its_mode_and_request() {
        // Read one holding register of unit 1 at 0, and the answer 230.
        let asked = explained(r#"{"frame":"01 03 00 00 00 01 84 0a","mode":"rtu"}"#);
        assert_eq!((&asked["kind"], &asked["crc_ok"]), (&json!("request"), &json!(true)));
        assert_eq!((&asked["table"], &asked["address"], &asked["count"]), (&json!("holding"), &json!(0), &json!(1)));

        let answered = explained(r#"{"frame":"010302 00e6 39ce","request":"010300000001840a"}"#);
        assert_eq!((&answered["mode"], &answered["registers"]), (&json!("rtu"), &json!([230])), "{answered}");
        let ascii = explained(r#"{"frame":":010300000001FB\r\n"}"#);
        assert_eq!((&ascii["mode"], &ascii["kind"]), (&json!("ascii"), &json!("request")), "{ascii}");
        let tcp = explained(r#"{"frame":"000700000003018302"}"#);
        assert_eq!(
            (&tcp["kind"], &tcp["reason"], &tcp["transaction"]),
            (&json!("exception"), &json!("illegal-address"), &json!(7))
        );
    }

    #[test]
    fn a_line_that_cannot_be_explained_says_why_and_the_next_one_counts() {
        let long = format!("\"{}\"", "x".repeat(40_000));
        let lines = [
            "no json",
            "",
            r#"["018302c0f1",null,null]"#,
            r#"{"frame":"zz"}"#,
            r#"{"frame":"0103","mode":"rtu"}"#,
            &long,
            r#"{"frame":"018302c0f1"}"#,
        ];
        let sink = Sink::default();
        let mut context = Context::writing_to("none".into(), Box::new(sink.clone()));

        explain_all(&mut lines.join("\n").as_bytes(), &mut context).unwrap();

        let text = sink.text();
        let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), lines.len(), "{text}");
        assert!(answers[..6].iter().all(|answer| answer["why"].is_string()), "{text}");
        assert_eq!(answers[5]["why"], "line is longer than 16384 bytes");
        assert_eq!(answers[6]["kind"], "exception", "{text}");
    }

    proptest! {
        #[test]
        fn every_line_has_an_answer(line in proptest::collection::vec(any::<u8>(), 0..200), frame in "[0-9a-f: ]{0,60}") {
            prop_assert!(answer(&line).is_object());
            let typed = json!({ "frame": frame }).to_string();
            prop_assert!(answer(typed.as_bytes()).is_object());
        }
    }
}
