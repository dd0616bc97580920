//! A child process whose output is kept line by line, and which never outlives its test.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{LIMIT, watched::Watched};

/// Everything a process has said.
#[derive(Default)]
struct Output {
    /// Lines of standard output.
    out: Vec<String>,
    /// Lines of standard error.
    err: Vec<String>,
    /// How many of the two have ended.
    ended: usize,
}

/// A running child.
pub(crate) struct Process {
    /// For messages.
    name: &'static str,
    /// The child itself.
    child: Child,
    /// Its standard input.
    input: ChildStdin,
    /// What it says.
    output: Watched<Output>,
}

impl Process {
    /// Starts a program; it must exist.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{name} does not start, run make setup: {error}"));
        let output = Watched::new(Output::default());
        collect(child.stdout.take().expect("piped"), output.clone(), |output| &mut output.out);
        collect(child.stderr.take().expect("piped"), output.clone(), |output| &mut output.err);
        let input = child.stdin.take().expect("piped");
        Self { name, child, input, output }
    }

    /// Waits until a line of standard error contains `text`.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        let find = |output: &Output| output.err.iter().find(|line| line.contains(text)).cloned();
        self.output.wait(LIMIT, find).unwrap_or_else(|| panic!("{} never said {text:?}:\n{}", self.name, self.log()))
    }

    /// How many lines of standard error contain `text`.
    pub(crate) fn count_in_log(&self, text: &str) -> usize {
        self.output.read(|output| output.err.iter().filter(|line| line.contains(text)).count())
    }

    /// The `n`-th line of standard output, counted from 0.
    pub(crate) fn line(&self, n: usize) -> String {
        let found = self.output.wait(LIMIT, |output| output.out.get(n).cloned());
        found.unwrap_or_else(|| panic!("{} never wrote line {n}:\n{}", self.name, self.log()))
    }

    /// Writes a line to its standard input and takes the line it answers with.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        let before = self.output.read(|output| output.out.len());
        writeln!(self.input, "{line}").unwrap();
        self.line(before)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Whether it has ended, by itself.
    #[allow(dead_code, reason = "only the chaos runner lets a process run unattended")]
    pub(crate) fn has_ended(&self) -> bool {
        self.output.read(|output| output.ended == 2)
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let ended = self.output.wait(limit, |output| (output.ended == 2).then_some(()));
        assert!(ended.is_some(), "{} did not end within {limit:?}:\n{}", self.name, self.log());
        self.child.wait().unwrap()
    }

    /// Ends it with SIGKILL, as a power cut would.
    pub(crate) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Everything it has said on standard error.
    pub(crate) fn log(&self) -> String {
        self.output.read(|output| output.err.join("\n"))
    }

    /// Its id.
    #[allow(dead_code, reason = "only the scenarios of many Zigbee devices ask")]
    pub(crate) fn id(&self) -> i32 {
        self.pid().as_raw_pid()
    }

    /// Its process id.
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.log());
        }
    }
}

/// Keeps the lines of a pipe until it ends.
fn collect(
    pipe: impl Read + Send + 'static,
    output: Watched<Output>,
    lines: impl Fn(&mut Output) -> &mut Vec<String> + Send + 'static,
) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            output.update(|output| lines(output).push(line));
        }
        output.update(|output| output.ended += 1);
    });
}
