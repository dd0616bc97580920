//! Where log lines go: to the journal with their fields when systemd listens, else to standard error for people.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::SubscriberExt,
    registry, reload,
    util::{SubscriberInitExt, TryInitError},
};

use super::level::{self, LevelError};

/// Why logging could not be started or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level text is wrong.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// A subscriber is there already.
    #[error("logging was started before: {0}")]
    Started(#[from] TryInitError),
    /// The subscriber is gone.
    #[error("log level cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Changes the level while the gateway runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogControl(reload::Handle<Targets, Registry>);

impl LogControl {
    /// Takes a new level text; an invalid one changes nothing.
    pub fn set_level(&self, text: &str) -> Result<(), LogError> {
        self.0.reload(level::parse(text)?)?;
        Ok(())
    }
}

/// Starts logging for the whole process.
pub fn start(level: &str) -> Result<LogControl, LogError> {
    let (filter, handle) = reload::Layer::new(level::parse(level)?);
    registry().with(filter).with(sink()).try_init()?;
    Ok(LogControl(handle))
}

/// The journal if standard error is connected to it and it can be reached, else text.
fn sink<S>() -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> registry::LookupSpan<'a>,
{
    if is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), stderr_file()) {
        // A journal that cannot be reached still gets our text through standard error.
        if let Ok(journal) = tracing_journald::layer() {
            return Box::new(journal.with_syslog_identifier("tidegate".to_owned()).with_field_prefix(None));
        }
    }
    let text = tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
    Box::new(text)
}

/// Whether `JOURNAL_STREAM` (`device:inode`, systemd.exec(5)) names the file we write to. A child that was given
/// another standard error inherits the variable all the same.
fn is_journal(variable: Option<&str>, file: Option<(u64, u64)>) -> bool {
    let named = variable.and_then(|text| {
        let (device, inode) = text.split_once(':')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    });
    named.is_some() && named == file
}

/// Device and inode of standard error.
fn stderr_file() -> Option<(u64, u64)> {
    rustix::fs::fstat(stderr()).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_used_only_when_it_is_our_standard_error() {
        assert!(is_journal(Some("8:42"), Some((8, 42))));
        assert!(!is_journal(Some("8:43"), Some((8, 42))));
        assert!(!is_journal(Some("nonsense"), None));
        assert!(!is_journal(None, None));
    }

    #[test]
    fn the_level_changes_at_run_time_and_a_wrong_one_changes_nothing() {
        let (filter, handle) = reload::Layer::new(level::parse("info").unwrap());
        let control = LogControl(handle);
        let _guard = registry().with(filter).set_default();
        assert!(!tracing::enabled!(target: "tidegate::uplink", tracing::Level::DEBUG));

        control.set_level("uplink=debug").unwrap();
        assert!(control.set_level("loud").is_err());

        assert!(tracing::enabled!(target: "tidegate::uplink", tracing::Level::DEBUG));
    }
}
