//! What every command is given: the configuration's path, the way to the daemon, and where output goes.

use std::{
    future::Future,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{error::CliError, seams};
use crate::api::Client;

/// The surroundings of one command.
pub(super) struct Context {
    /// `--config`
    config: PathBuf,
    /// Where output goes; a buffer in tests.
    out: Box<dyn Write>,
}

impl Context {
    /// Writes to standard output.
    pub(super) fn new(config: PathBuf) -> Self {
        Self { config, out: Box::new(io::stdout()) }
    }

    /// Writes to where a test can read it.
    #[cfg(test)]
    pub(super) fn writing_to(config: PathBuf, out: Box<dyn Write>) -> Self {
        Self { config, out }
    }

    /// `--config`
    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    /// A client of the daemon that the configuration names.
    pub(super) fn client(&self) -> Result<Client, CliError> {
        Ok(Client::new(&seams::socket_path(&self.config)?))
    }

    /// Fetches JSON from the daemon.
    pub(super) fn get(&self, path: &str) -> Result<Value, CliError> {
        let client = self.client()?;
        block_on(async { Ok(client.get(path).await?) })
    }

    /// Refuses the name of an adapter that the daemon does not have.
    pub(super) fn require_adapter(&self, name: &str) -> Result<(), CliError> {
        let status = self.get("/api/v1/status")?;
        let mut adapters = status["adapters"].as_array().into_iter().flatten();
        if adapters.any(|adapter| adapter["name"] == *name) {
            return Ok(());
        }
        Err(CliError::Usage(format!("there is no adapter {name:?} (help: tidegate status lists them)")))
    }

    /// Sends JSON to the daemon.
    pub(super) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, CliError> {
        let client = self.client()?;
        block_on(async { Ok(client.send(method, path, body).await?) })
    }

    /// Where output goes.
    pub(super) fn out(&mut self) -> &mut dyn Write {
        &mut *self.out
    }

    /// Prints text as it is.
    pub(super) fn print(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Prints one JSON document, indented for a person who looks at it.
    pub(super) fn print_json(&mut self, json: &Value) -> Result<(), CliError> {
        let text = if io::stdout().is_terminal() { format!("{json:#}\n") } else { format!("{json}\n") };
        self.print(&text)
    }

    /// Prints JSON as it is, or as text for people.
    pub(super) fn show(
        &mut self,
        as_json: bool,
        json: &Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if as_json { self.print_json(json) } else { self.print(&text()) }
    }
}

/// Runs a future on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The daemon's answer in the form we know. One of another version says so instead of showing half of it.
pub(super) fn known<T: DeserializeOwned>(json: &Value) -> Result<T, CliError> {
    T::deserialize(json).map_err(|error| {
        CliError::Unavailable(format!(
            "the daemon's answer is not understood: {error} (help: is it of another version?)"
        ))
    })
}
