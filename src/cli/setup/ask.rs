//! Questions on a terminal, or from lines that are piped in.

use std::io::{self, BufRead, IsTerminal as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::super::{context::Context, error::CliError};

/// Longest line that is taken.
const MAX_LINE: u64 = 4096;
/// Most tries at one question: who pipes lines in would go on for ever.
const MAX_TRIES: usize = 5;

/// Reads answers.
pub(super) struct Asker<R> {
    /// Where they come from.
    input: R,
}

impl<R: BufRead> Asker<R> {
    /// Reads answers from here.
    pub(super) fn new(input: R) -> Self {
        Self { input }
    }

    /// A text; the default when nothing is typed.
    pub(super) fn text(&mut self, context: &mut Context, question: &str, default: &str) -> Result<String, CliError> {
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        context.print(&format!("{question}{shown}: "))?;
        let answer = self.line()?;
        Ok(if answer.is_empty() { default.to_owned() } else { answer })
    }

    /// A text that can be understood; what is wrong with it is told, and it is asked for again.
    pub(super) fn parsed<T>(
        &mut self,
        context: &mut Context,
        question: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, CliError> {
        for _ in 0..MAX_TRIES {
            let text = self.text(context, question, default)?;
            match parse(&text) {
                Ok(value) => return Ok(value),
                Err(why) => context.print(&format!("  {why}\n"))?,
            }
        }
        Err(CliError::Usage(format!("no answer to {question:?} that can be used")))
    }

    /// Yes or no.
    pub(super) fn yes_or_no(
        &mut self,
        context: &mut Context,
        question: &str,
        default: bool,
    ) -> Result<bool, CliError> {
        let shown = if default { "Y/n" } else { "y/N" };
        self.parsed(context, &format!("{question} ({shown})"), "", |text| match text.to_lowercase().as_str() {
            "" => Ok(default),
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("yes or no".to_owned()),
        })
    }

    /// A text that is not shown while it is typed.
    pub(super) fn secret(&mut self, context: &mut Context, question: &str) -> Result<String, CliError> {
        context.print(&format!("{question}: "))?;
        let answer = {
            let _silence = Silence::begin();
            self.line()
        };
        context.print("\n")?;
        answer
    }

    /// One line without its end.
    fn line(&mut self) -> Result<String, CliError> {
        let mut line = String::new();
        let read = io::Read::take(&mut self.input, MAX_LINE).read_line(&mut line);
        match read.map_err(|error| CliError::Failed(format!("cannot read an answer: {error}")))? {
            0 => Err(CliError::Usage(
                "the answers ended early (help: --answers FILE takes them all at once)".to_owned(),
            )),
            _ => Ok(line.trim().to_owned()),
        }
    }
}

/// A terminal that shows nothing of what is typed, until it is dropped.
struct Silence(Termios);

impl Silence {
    /// Where input is a terminal.
    fn begin() -> Option<Self> {
        let stdin = io::stdin();
        let before = stdin.is_terminal().then(|| tcgetattr(&stdin).ok()).flatten()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &silent).ok()?;
        Some(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone needs no setting.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
