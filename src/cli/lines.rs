//! Answering a stream of lines one by one, for commands that are piped into.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::Path,
};

use super::{context::Context, error::CliError};

/// Longest line; what is longer is no line of ours. It is read up to here and passed over to its end.
pub(super) const MAX_LINE: u64 = 64 * 1024;

/// Answers each line of a file, or of standard input, with one line.
pub(super) fn answer(
    file: Option<&Path>,
    context: &mut Context,
    mut answer: impl FnMut(&[u8]) -> serde_json::Value,
) -> Result<(), CliError> {
    let mut out = BufWriter::with_capacity(64 * 1024, context.out());
    match file {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| CliError::Failed(format!("cannot read {}: {error}", path.display())))?;
            answer_all(BufReader::with_capacity(64 * 1024, file), &mut out, &mut answer)?;
        }
        None => answer_all(io::stdin().lock(), &mut out, &mut answer)?,
    }
    Ok(out.flush()?)
}

/// Answers every line.
fn answer_all(
    mut lines: impl BufRead,
    out: &mut impl Write,
    answer: &mut impl FnMut(&[u8]) -> serde_json::Value,
) -> Result<(), CliError> {
    let mut line = Vec::new();
    while read_line(&mut lines, &mut line).map_err(|error| CliError::Failed(format!("cannot read: {error}")))? {
        writeln!(out, "{}", answer(&line))?;
        // Who types lines, or pipes them in as they are heard, wants each answer at once.
        if lines.fill_buf().is_ok_and(<[u8]>::is_empty) {
            out.flush()?;
        }
    }
    Ok(())
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
        lines.skip_until(b'\n')?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the lines that were answered.
    fn lengths(text: &[u8]) -> String {
        let mut out = Vec::new();
        answer_all(BufReader::with_capacity(16, text), &mut out, &mut |line| line.len().into()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_line_is_answered_also_the_last_without_an_end() {
        assert_eq!(lengths(b"abc\n\nab"), "3\n0\n2\n");
    }

    #[test]
    fn a_line_without_end_costs_bounded_memory_and_one_answer() {
        let long = [vec![b'x'; 3 * 64 * 1024], b"\nab\n".to_vec()].concat();
        assert_eq!(lengths(&long), format!("{MAX_LINE}\n2\n"));
    }
}
