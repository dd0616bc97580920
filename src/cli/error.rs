//! How a command fails: one sentence on standard error, and an exit code from sysexits(3).

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use crate::api::ClientError;

/// The command line is wrong.
pub(super) const USAGE: u8 = 64;
/// The daemon cannot be reached or refuses.
pub(super) const UNAVAILABLE: u8 = 69;
/// The configuration is wrong.
pub(super) const CONFIG: u8 = 78;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// An argument cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong; the report was printed.
    #[error("{0}")]
    Config(String),
    /// The configuration is wrong, and this is the report.
    #[error("{0}")]
    Report(String),
    /// The daemon cannot be reached or refuses.
    #[error("{}", told(.0))]
    Daemon(#[from] ClientError),
    /// The part that should do it is not there.
    #[error("{0}")]
    Unavailable(String),
    /// It was tried and did not work, and that was printed already or is this text.
    #[error("{0}")]
    Failed(String),
    /// What was asked for cannot be written out.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// Prints the sentence, unless there is none or the reader of a pipe has left.
    pub(super) fn tell(&self) {
        let text = self.to_string();
        match self {
            _ if text.is_empty() || self.is_closed_pipe() => {}
            // Editors and build servers read `FILE:LINE:COL: error: …` from the start of the line.
            Self::Report(_) => complain(&text),
            _ => complain(&format!("tidegate: {text}")),
        }
    }

    /// The exit code; a reader that has seen enough (`| head`) is no failure.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => USAGE.into(),
            Self::Config(_) | Self::Report(_) => CONFIG.into(),
            Self::Daemon(_) | Self::Unavailable(_) => UNAVAILABLE.into(),
            Self::Output(_) if self.is_closed_pipe() => ExitCode::SUCCESS,
            Self::Failed(_) | Self::Output(_) => ExitCode::FAILURE,
        }
    }

    /// Whether the reader of our output has left.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Prints lines on standard error. That nobody reads them is no reason to panic.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}

/// A client's error with what to do about it.
fn told(error: &ClientError) -> String {
    match error {
        ClientError::Unreachable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            format!("{error} (help: use sudo, or join the group that owns the socket)")
        }
        ClientError::Unreachable { .. } => format!(
            "{error} (help: is it running? systemctl status tidegate; one of your own: tidegate run --config FILE)"
        ),
        ClientError::Refused { help: Some(help), .. } => format!("{error} (help: {help})"),
        ClientError::Refused { help: None, .. } | ClientError::Broken { .. } => error.to_string(),
    }
}
