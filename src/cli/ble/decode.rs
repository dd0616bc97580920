//! `tidegate ble decode`: a stream of lines, answered one by one.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

use super::{
    advert::{Names, parse},
    answer,
};
use crate::{
    adapter::ble::{decode::decode, profiled::Decoders},
    cli::{context::Context, error::CliError},
};

/// Longest line. An extended advertisement is 1650 bytes; what is longer than this is no advertisement, is skipped to
/// its end and answered so.
const MAX_LINE: u64 = 64 * 1024;

/// What is read and written at once.
const BUFFER: usize = 64 * 1024;

pub(super) fn run(file: Option<&Path>, decoders: &Decoders, context: &mut Context) -> Result<(), CliError> {
    match file {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| CliError::Failed(format!("cannot read {}: {error}", path.display())))?;
            answer_all(file, decoders, context.out())
        }
        None => answer_all(io::stdin().lock(), decoders, context.out()),
    }
}

/// Answers every line. Who types lines, or pipes them in as they are heard, has each answer at once: what was answered
/// is written out before more is waited for.
fn answer_all(input: impl Read, decoders: &Decoders, out: &mut dyn Write) -> Result<(), CliError> {
    let mut lines = BufReader::with_capacity(BUFFER, input);
    let (mut names, mut line, mut answers) = (Names::default(), Vec::new(), Vec::with_capacity(BUFFER));
    while read_line(&mut lines, &mut line).map_err(|error| CliError::Failed(format!("cannot read: {error}")))? {
        answer(&line, &mut names, decoders, &mut answers);
        if lines.buffer().is_empty() || answers.len() >= BUFFER {
            out.write_all(&answers)?;
            out.flush()?;
            answers.clear();
        }
    }
    Ok(out.write_all(&answers).and_then(|()| out.flush())?)
}

/// Reads a line without its end; false at the end of the input.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if lines.by_ref().take(MAX_LINE).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == MAX_LINE {
        skip_line(lines)?;
    }
    Ok(true)
}

/// Passes over the rest of a line.
fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = lines.fill_buf()?;
        let (used, is_done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        lines.consume(used);
        if is_done {
            return Ok(());
        }
    }
}

/// Answers one line.
fn answer(line: &[u8], names: &mut Names, decoders: &Decoders, out: &mut Vec<u8>) {
    match parse(line, names) {
        Ok(advert) => advert.with_view(|view| {
            let decoded = decode(view, advert.key.as_deref());
            let read = if decoded.readings.is_empty() { decoders.read(view, None) } else { None };
            match read {
                Some(read) => answer::of_profile(&read, out),
                None => answer::of(&decoded, out),
            }
        }),
        Err(why) => answer::of_fault(&why, out),
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    /// What is answered to some lines.
    fn answers(lines: &str) -> Vec<String> {
        let mut out = Vec::new();
        answer_all(lines.as_bytes(), &Decoders::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_advertisement_is_answered_with_points_values_and_units() {
        let line = r#"{"address":"AA:BB:CC:DD:EE:FF","rssi":-60,"service_data":{"0000fcd2-0000-1000-8000-00805f9b34fb":"4002CA0921013A01"}}"#;

        assert_eq!(
            answers(line),
            [
                r#"{"format":"bthome_v2","readings":[{"point":"temperature","value":25.06,"unit":"Cel"},{"point":"motion","value":true,"unit":null},{"point":"button","value":"press","unit":null}]}"#
            ]
        );
    }

    #[test]
    fn every_line_has_an_answer_in_its_order() {
        let lines = [
            "not json",
            "",
            r#"{"address":"AA:BB:CC:DD:EE:FF","manufacturer_data":{"0x0757":"F164"}}"#,
            r#"{"address":"AA:BB:CC:DD:EE:FF","manufacturer_data":{"0x0757":"F1 4"}}"#,
            r#"{"manufacturer_data":{}}"#,
            r#"{"address":"AA:BB:CC:DD:EE:FF"}"#,
        ];

        let answers = answers(&lines.join("\n"));

        assert!(answers[0].starts_with(r#"{"format":null,"readings":[],"why":"not JSON"#), "{}", answers[0]);
        assert!(answers[1].contains("not JSON"));
        assert!(answers[2].starts_with(r#"{"format":"ela","readings":[{"point":"battery","value":100,"unit":"%"}]"#));
        assert!(answers[3].contains(r#""why":"manufacturer_data 0x0757: \"F1 4\" is no hex"#), "{}", answers[3]);
        assert!(answers[4].contains("address"));
        assert!(answers[5].contains(r#""why":"no known format""#));
        assert_eq!(answers.len(), lines.len());
    }

    /// Input that comes line by line, and asserts that what came before was answered.
    struct Typed(Vec<&'static str>, Rc<RefCell<Vec<u8>>>, usize);

    impl Read for Typed {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert_eq!(answered(&self.1), self.2);
            let Some(line) = self.0.pop() else { return Ok(0) };
            self.2 += 1;
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }

    /// How many lines were written.
    fn answered(out: &RefCell<Vec<u8>>) -> usize {
        String::from_utf8_lossy(&out.borrow()).lines().count()
    }

    /// Output that the input looks at.
    struct Seen(Rc<RefCell<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_is_written_before_more_is_waited_for() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let input = Typed(vec!["{}\n", "x\n", "[]\n"], Rc::clone(&seen), 0);

        answer_all(input, &Decoders::default(), &mut Seen(Rc::clone(&seen))).unwrap();

        assert_eq!(answered(&seen), 3);
    }

    #[test]
    fn a_line_without_end_is_skipped_and_answered() {
        let long = "x".repeat(usize::try_from(MAX_LINE).unwrap() * 3);

        let answers = answers(&format!("{long}\n{{\"address\":\"AABBCCDDEEFF\"}}\n"));

        assert_eq!(answers.len(), 2);
        assert!(answers[0].contains("not JSON") && answers[1].contains("no known format"));
    }
}
