//! Asking other programs of the system, which may be missing, mute or talkative.

use std::{
    io::Read as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest wait for an answer.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for something to be done: a service may take its time to stop.
const ORDER_LIMIT: Duration = Duration::from_secs(90);
/// Most bytes of what it says; the rest is not waited for.
const MAX_BYTES: u64 = 4 << 20;

/// What a program prints, or why that is not to be had.
pub(super) fn ask(program: &str, args: &[&str]) -> Result<String, String> {
    let Said { ended, out, complaint } = start(program, args, ASK_LIMIT)?;
    match (out.trim(), ended.success()) {
        ("", true) => Err(format!("{program}: it says nothing")),
        ("", false) => Err(format!("{program}: {ended}: {}", complaint.trim())),
        _ => Ok(out),
    }
}

/// Lets a program do something.
pub(super) fn order(program: &str, args: &[&str]) -> Result<(), String> {
    let Said { ended, complaint, .. } = start(program, args, ORDER_LIMIT)?;
    if ended.success() { Ok(()) } else { Err(format!("{program}: {ended}: {}", complaint.trim())) }
}

/// What came of a program.
struct Said {
    /// How it ended.
    ended: ExitStatus,
    /// What it printed.
    out: String,
    /// What it printed besides.
    complaint: String,
}

/// Runs it to its end, or to the end of our patience.
fn start(program: &str, args: &[&str], limit: Duration) -> Result<Said, String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let said = listen(&mut child, limit);
    if said.is_none() {
        // It may have ended this moment, which is as well.
        let _ = child.kill();
    }
    let ended = child.wait().map_err(|error| format!("{program}: {error}"))?;
    let (out, complaint) = said.ok_or_else(|| format!("{program}: no answer within {} s", limit.as_secs()))?;
    Ok(Said { ended, out, complaint })
}

/// Both outputs until they end; `None` when that takes too long.
fn listen(child: &mut Child, limit: Duration) -> Option<(String, String)> {
    let (out, complaints) = (child.stdout.take()?, child.stderr.take()?);
    let (tell, told) = mpsc::sync_channel(2);
    let complain = tell.clone();
    // The threads end with the program, which is killed at the latest when this returns.
    thread::spawn(move || tell.send((true, text(out))));
    thread::spawn(move || complain.send((false, text(complaints))));
    let (mut said, mut complained) = (String::new(), String::new());
    for _ in 0..2 {
        let (is_out, text) = told.recv_timeout(limit).ok()?;
        *(if is_out { &mut said } else { &mut complained }) = text;
    }
    Some((said, complained))
}

/// What can be read up to the limit.
fn text(from: impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    // What was read before a fault is all there is.
    let _ = from.take(MAX_BYTES).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_something_or_why_it_does_not() {
        assert_eq!(ask("echo", &["a b"]).unwrap(), "a b\n");
        assert!(ask("/nonexistent/program", &[]).unwrap_err().starts_with("/nonexistent/program: "));
        assert!(ask("sh", &["-c", "echo no >&2; exit 3"]).unwrap_err().ends_with("exit status: 3: no"));
        assert_eq!(ask("true", &[]).unwrap_err(), "true: it says nothing");
        assert_eq!(order("true", &[]), Ok(()));
        assert!(order("sh", &["-c", "echo no >&2; exit 3"]).unwrap_err().ends_with("exit status: 3: no"));
    }
}
