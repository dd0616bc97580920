//! Which link a tool asks on: named as in a configuration, or an adapter's of the configuration.

use std::{str::FromStr, time::Duration};

use crate::{
    adapter::modbus::{
        asking::{AskError, Asker},
        config::{Connect, Link, Register},
        section,
    },
    cli::{context::Context, error::CliError, format::parse_span},
    config::{self, Fault},
};

/// What a link looks like, for the help.
const LINK: &str = "The link, as in the configuration: tcp://HOST:PORT, 'rtu:///dev/…?baud=9600', rtu+tcp://HOST:PORT, \
                    ascii:///dev/…, ascii+tcp://HOST:PORT or tls://HOST:PORT";

/// A link to ask on.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The link.
    #[arg(value_name = "LINK", value_parser = parsed::<Link>, help = LINK)]
    #[arg(required_unless_present = "adapter", conflicts_with = "adapter")]
    link: Option<Link>,
    #[command(flatten)]
    way: Way,
}

/// How a link is found that is not named, and how long is waited on it.
#[derive(Debug, Clone, clap::Args)]
struct Way {
    /// Take the link of this adapter of the configuration, with its TLS files and its rest after connecting.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Longest wait for an answer: 1s unless something else is said.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    timeout: Option<Duration>,
}

/// The unit that is asked.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Unit {
    /// The unit: 1 unless another is named.
    #[arg(long, value_name = "N")]
    unit: Option<u8>,
}

impl Unit {
    /// Its number.
    pub(super) fn number(self) -> u8 {
        self.unit.unwrap_or(1)
    }

    /// Whether nobody named it.
    pub(super) fn is_assumed(self) -> bool {
        self.unit.is_none()
    }
}

/// A register on a link: `LINK REGISTER`, or with an adapter `REGISTER` alone. Options may stand anywhere, also between
/// the two.
#[derive(Debug, clap::Args)]
pub(super) struct Spot {
    /// The link, or the register.
    #[arg(value_name = "LINK", value_parser = word, help = format!("{LINK}; left out with --adapter"))]
    first: Word,
    /// The first register: holding:0, input:0, coil:0, discrete:0, counted from 0; or as in a manual: 40001.
    #[arg(value_name = "REGISTER", value_parser = parsed::<Register>)]
    register: Option<Register>,
    #[command(flatten)]
    way: Way,
}

/// What may stand first.
#[derive(Debug, Clone)]
enum Word {
    Link(Link),
    Register(Register),
}

/// Only links have slashes.
fn word(text: &str) -> Result<Word, String> {
    if text.contains('/') { parsed(text).map(Word::Link) } else { parsed(text).map(Word::Register) }
}

impl Spot {
    /// The link, and the register on it.
    pub(super) fn find(&self) -> Result<(Target, Register), CliError> {
        let usage = |text: &str| Err(CliError::Usage(text.to_owned()));
        let way = self.way.clone();
        match (&self.first, self.register, &way.adapter) {
            (Word::Link(link), Some(register), None) => Ok((Target { link: Some(link.clone()), way }, register)),
            (Word::Register(register), None, Some(_)) => Ok((Target { link: None, way }, *register)),
            (Word::Link(_), _, Some(_)) => usage("a link and an adapter (help: leave one of them out)"),
            (Word::Link(_), None, None) => {
                usage("no register (help: name the first after the link: holding:0, or 40001 as in a manual)")
            }
            (Word::Register(_), None, None) => {
                usage("no link (help: name one before the register, or an adapter with --adapter)")
            }
            (Word::Register(_), Some(_), _) => {
                usage("two registers (help: name the first, and how many with --count)")
            }
        }
    }
}

impl Target {
    /// One who asks on the link, with a wait of a second unless another was asked for. What nobody answers is asked twice.
    pub(super) fn asker(&self, context: &Context) -> Result<Asker, CliError> {
        let (link, connect) = self.link(context)?;
        Ok(Asker::new(link, connect, self.limit(Duration::from_secs(1)), 1))
    }

    /// The link and how it is made.
    pub(super) fn link(&self, context: &Context) -> Result<(Link, Connect), CliError> {
        match (&self.link, &self.way.adapter) {
            (Some(link), _) => Ok((link.clone(), Connect::default())),
            (None, Some(name)) => configured(name, context),
            (None, None) => Err(CliError::Usage("no link (help: name one, or an adapter with --adapter)".to_owned())),
        }
    }

    /// Longest wait for an answer.
    pub(super) fn limit(&self, default: Duration) -> Duration {
        self.way.timeout.unwrap_or(default)
    }
}

/// The link of a configured adapter. Mistakes elsewhere in the configuration are no obstacle.
fn configured(name: &str, context: &Context) -> Result<(Link, Connect), CliError> {
    let mut draft = config::read(context.config());
    let place = draft.adapters.iter().position(|adapter| adapter.name == name && adapter.kind == "modbus");
    let planned = place.and_then(|place| {
        let adapter = draft.adapters.remove(place);
        section::plan(adapter, &mut draft)
    });
    match planned {
        Some(config) => Ok((config.link, config.connect)),
        None => Err(match draft.finish() {
            Err(report) if report.has_errors() => CliError::Report(report.to_string()),
            Ok(_) | Err(_) => {
                let path = context.config().display();
                CliError::Usage(format!("there is no Modbus adapter {name:?} (help: {path} lists them)"))
            }
        }),
    }
}

/// Reads an argument as the configuration does; the message says how to mend it.
pub(super) fn parsed<T: FromStr<Err = Fault>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|fault: Fault| told(&fault))
}

/// A fault with how to mend it.
pub(in crate::cli) fn told(fault: &Fault) -> String {
    match &fault.help {
        Some(help) => format!("{fault} (help: {help})"),
        None => fault.to_string(),
    }
}

/// That nothing can be asked on a link.
pub(super) fn unusable(link: &Link, error: &AskError) -> CliError {
    let help = match error {
        AskError::InUse(_) => {
            " (help: a running gateway keeps its ports open; stop it first: systemctl stop tidegate)"
        }
        _ => "",
    };
    CliError::Unavailable(format!("{link}: {error}{help}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Tool {
        #[command(flatten)]
        spot: Spot,
        #[arg(long)]
        unit: Option<u8>,
    }

    /// The link and the register that a command line names, or what is wrong with it.
    fn found(line: &str) -> Result<(Option<String>, String), String> {
        let tool =
            Tool::try_parse_from(["read"].into_iter().chain(line.split(' '))).map_err(|error| error.to_string())?;
        let (target, register) = tool.spot.find().map_err(|error| error.to_string())?;
        Ok((target.link.map(|link| link.to_string()), register.to_string()))
    }

    #[test]
    fn options_may_stand_anywhere() {
        let named = Ok((Some("tcp://plc:502".to_owned()), "holding:0".to_owned()));

        assert_eq!(found("tcp://plc:502 40001 --unit 7"), named);
        assert_eq!(found("tcp://plc:502 --unit 7 40001"), named);
        assert_eq!(found("--unit 7 tcp://plc:502 40001"), named);
        assert_eq!(found("40001 --adapter plc"), Ok((None, "holding:0".to_owned())));
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let says = |line: &str, words: &str| {
            let said = found(line).unwrap_err();
            assert!(said.contains(words), "{line}: {said}");
        };

        says("tcp://plc:502", "no register");
        says("40001", "no link");
        says("40001 40002", "two registers");
        says("tcp://plc:502 40001 --adapter plc", "leave one of them out");
        says("tpc://plc:502 40001", "tpc");
    }
}
