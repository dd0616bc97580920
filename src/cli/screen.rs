//! Where the live view is drawn: on a terminal in place and without flicker (each line is overwritten, nothing is
//! cleared first), elsewhere as one line now and then.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use super::{
    format::span,
    live_view::{Summary, UplinkLine, View, render},
    table::one_line,
};

/// Size when the terminal does not tell.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// Time between two lines where output is no terminal, at the start: a short run is to be seen moving too.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// How long the start is.
const START: Duration = Duration::from_secs(10);

/// Time between two lines after that.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Where the view is drawn. The cursor comes back when it is dropped.
pub struct Screen<W: Write> {
    /// The terminal, or whatever stands in its place.
    out: W,
    /// Whether it is a terminal.
    is_terminal: bool,
    /// When the last plain line was printed, in time since the start.
    printed: Option<Duration>,
}

impl Screen<io::Stdout> {
    /// On standard output.
    pub fn stdout() -> io::Result<Self> {
        Self::new(io::stdout(), io::stdout().is_terminal())
    }
}

impl<W: Write> Screen<W> {
    /// On any writer. A terminal is cleared once and its cursor hidden.
    pub fn new(mut out: W, is_terminal: bool) -> io::Result<Self> {
        if is_terminal {
            out.write_all(b"\x1b[?25l\x1b[2J")?;
        }
        Ok(Self { out, is_terminal, printed: None })
    }

    /// Shows the view.
    pub fn draw(&mut self, view: &View) -> io::Result<()> {
        if self.is_terminal {
            let (width, height) = size();
            // Home; each line is overwritten and its rest erased; then everything below.
            let text = render(view, width, height).replace('\n', "\x1b[K\r\n");
            write!(self.out, "\x1b[H{text}\x1b[K\x1b[J")?;
        } else if self.printed.is_none_or(|printed| view.elapsed >= next_line(printed)) {
            self.printed = Some(view.elapsed);
            writeln!(self.out, "{}", plain(view))?;
        }
        self.out.flush()
    }

    /// Shows what the run came to below the last view.
    pub fn finish(mut self, summary: &Summary) -> io::Result<()> {
        let gap = if self.is_terminal { "\r\n\n" } else { "" };
        write!(self.out, "{gap}{summary}")?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        if self.is_terminal {
            // A terminal that is gone needs no cursor.
            let _ = self.out.write_all(b"\x1b[?25h");
            let _ = self.out.flush();
        }
    }
}

/// When the line after one is due. A view comes late by the time it takes, which must not move all lines after it.
fn next_line(printed: Duration) -> Duration {
    let interval = if printed < START { FIRST_INTERVAL } else { PLAIN_INTERVAL };
    Duration::from_secs(printed.as_secs()) + interval
}

/// The view in one line.
fn plain(view: &View) -> String {
    let uplinks: Vec<String> = view.uplinks.iter().map(uplink).collect();
    let (elapsed, alarms) = (span(view.elapsed), view.alarms.len());
    one_line(&format!(
        "{elapsed}: {} readings ({:.1}/s), {} messages owed, {}, {alarms} active alarms",
        view.readings,
        view.rate,
        view.depth,
        uplinks.join(", "),
    ))
}

/// An uplink's part of the line.
fn uplink(uplink: &UplinkLine) -> String {
    format!("{} {} with {} acknowledged", uplink.name, uplink.state, uplink.acknowledged)
}

/// Columns and rows of the terminal.
pub(super) fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        Ok(_) | Err(_) => DEFAULT_SIZE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::live_view::tests::view;

    #[test]
    fn a_terminal_is_overwritten_and_gets_its_cursor_back() {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, true).unwrap();
        screen.draw(&view()).unwrap();
        screen.draw(&view()).unwrap();
        screen.finish(&Summary::default()).unwrap();

        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\x1b[2J").count(), 1, "cleared once, so that nothing flickers");
        assert!(text.ends_with("\x1b[?25h"), "{text:?}");
    }

    #[test]
    fn without_a_terminal_there_is_a_line_now_and_then_and_the_summary() {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, false).unwrap();
        for half_seconds in 0..=40 {
            // A view comes late by a little.
            let elapsed = Duration::from_millis(500 * half_seconds + half_seconds);
            screen.draw(&View { elapsed, ..view() }).unwrap();
        }
        screen.finish(&Summary { readings: 240, ..Summary::default() }).unwrap();

        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.contains(": 240 readings (20.0/s), ")).collect();
        // At 0 to 10 s, at 15 and at 20.
        assert_eq!(lines.len(), 13, "{text}");
        assert!(lines.iter().all(|line| line.contains("cloud online with ")), "{text}");
        assert!(text.contains("readings      240\n") && text.contains("lost          0\n"), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}
