//! The level text of `[log]` and `tidegate log-level`: `info`, `warn,uplink=debug`, `tidegate::buffer=trace`.
//!
//! A level alone is for the gateway; libraries stay at `warn` unless they are named, because their debug output
//! would drown ours.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// Modules that may be named without their path.
const MODULES: &[(&str, &str)] = &[
    ("adapter", "tidegate::adapter"),
    ("api", "tidegate::api"),
    ("buffer", "tidegate::buffer"),
    ("cli", "tidegate::cli"),
    ("command", "tidegate::command"),
    ("config", "tidegate::config"),
    ("daemon", "tidegate::daemon"),
    ("host", "tidegate::host"),
    ("modbus", "tidegate::adapter::modbus"),
    ("pipeline", "tidegate::pipeline"),
    ("rules", "tidegate::rules"),
    ("supervisor", "tidegate::supervisor"),
    ("telemetry", "tidegate::telemetry"),
    ("testing", "tidegate::testing"),
    ("uplink", "tidegate::uplink"),
];

/// Why a level text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// Not one of the level words.
    #[error("{0:?} is no log level: use off, error, warn, info, debug or trace")]
    Level(String),
    /// A part before `=` that no module can be called.
    #[error("{0:?} is no module name in a log level such as info,uplink=debug")]
    Module(String),
}

/// Reads a level text into a filter. Without a level for the gateway itself it is `info`.
pub fn parse(text: &str) -> Result<Targets, LevelError> {
    let mut general = LevelFilter::INFO;
    let mut modules = Vec::new();
    for part in text.split(',').map(str::trim) {
        match part.split_once('=') {
            None => general = level(part)?,
            Some((name, word)) => modules.push((module(name.trim())?, level(word.trim())?)),
        }
    }
    let libraries = general.min(LevelFilter::WARN);
    let filter = Targets::new().with_default(libraries).with_target("tidegate", general);
    Ok(filter.with_targets(modules))
}

/// One level word, in any case.
fn level(word: &str) -> Result<LevelFilter, LevelError> {
    match word.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(LevelError::Level(word.to_owned())),
    }
}

/// The full path of a module of ours, or the name of a library as it is.
fn module(name: &str) -> Result<String, LevelError> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if name.is_empty() || !name.chars().all(is_path) {
        return Err(LevelError::Module(name.to_owned()));
    }
    let head = name.split("::").next().unwrap_or(name);
    let ours = MODULES.iter().find(|(short, _)| *short == head);
    Ok(ours.map_or_else(|| name.to_owned(), |(short, path)| format!("{path}{}", &name[short.len()..])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tracing::Level;

    use super::*;

    #[test]
    fn a_short_module_name_means_our_module() {
        let filter = parse("warn, uplink=debug,modbus::tcp=trace").unwrap();

        assert!(filter.would_enable("tidegate::uplink::mqtt", &Level::DEBUG));
        assert!(filter.would_enable("tidegate::adapter::modbus::tcp", &Level::TRACE));
        assert!(!filter.would_enable("tidegate::buffer", &Level::INFO));
        assert!(filter.would_enable("tidegate::buffer", &Level::WARN));
    }

    #[test]
    fn libraries_stay_quiet_until_they_are_named() {
        assert!(!parse("trace").unwrap().would_enable("rumqttc", &Level::INFO));
        assert!(parse("rumqttc=debug").unwrap().would_enable("rumqttc", &Level::DEBUG));
        assert!(parse("rumqttc=debug").unwrap().would_enable("tidegate", &Level::INFO));
    }

    #[test]
    fn a_wrong_word_is_named() {
        assert_eq!(parse("loud").unwrap_err(), LevelError::Level("loud".to_owned()));
        assert_eq!(parse("").unwrap_err(), LevelError::Level(String::new()));
        assert_eq!(parse("up link=debug").unwrap_err(), LevelError::Module("up link".to_owned()));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
