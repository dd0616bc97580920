//! `tidegate doctor`: what of the machine around the gateway is not as it must be, and how to mend each.
//!
//! Each subject has a file with small functions from the [`Site`] to [`Finding`]s; the site is the system's own, or a
//! folder of a test that stands for it. Nothing is changed, and nothing is asked of a device.

mod clock;
mod disk;
mod files;
mod ports;
mod radio;
mod reach;
mod service;
mod site;

use serde::Serialize;
use serde_json::json;

use self::site::Site;
use super::{context::Context, error::CliError, table::one_line};

/// Look at what surrounds the gateway: permissions, ports, radios, clock, disk, and the way to each broker. Every
/// finding says how to mend it. Exit code 69 when something is wrong, 0 when there are at most notes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Note,
    /// Something does not work, or will not.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it is about: `disk`, `uplink cloud`.
    pub(super) about: String,
    /// How bad it is.
    pub(super) level: Level,
    /// What was found.
    pub(super) text: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(super) fn ok(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), level: Level::Ok, text: text.into(), fix: None }
    }

    /// It works, and could be better.
    pub(super) fn note(about: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { about: about.into(), level: Level::Note, text: text.into(), fix: Some(fix.into()) }
    }

    /// Something does not work, or will not.
    pub(super) fn wrong(about: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { about: about.into(), level: Level::Wrong, text: text.into(), fix: Some(fix.into()) }
    }
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let findings = examine(context);
    let wrong = findings.iter().filter(|finding| finding.level == Level::Wrong).count();
    context.show(args.json, &json!({ "ok": wrong == 0, "findings": findings }), || text(&findings))?;
    // What is wrong was said already.
    if wrong == 0 { Ok(()) } else { Err(CliError::Unavailable(String::new())) }
}

/// Looks at everything.
pub(super) fn examine(context: &Context) -> Vec<Finding> {
    let site = Site::of_this_machine(context.config());
    let subjects = [site::check, files::check, ports::check, radio::check, clock::check, disk::check, reach::check];
    let mut findings: Vec<_> = subjects.iter().flat_map(|check| check(&site)).collect();
    findings.extend(service::check(context));
    findings
}

/// The findings for people: what is wrong stands out, and the way to mend it is below it.
fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.about.chars().count()).max().unwrap_or(0);
    let line = |finding: &Finding| {
        let level = match finding.level {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Wrong => "WRONG",
        };
        let first = format!("{level:<5}  {:<width$}  {}\n", finding.about, one_line(&finding.text));
        let fix = finding.fix.iter().map(|fix| format!("{:width$}         help: {}\n", "", one_line(fix)));
        std::iter::once(first).chain(fix).collect::<String>()
    };
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_out_with_its_fix_below() {
        let findings =
            [Finding::ok("disk", "12 GiB free"), Finding::wrong("uplink cloud", "no\naddress", "check it")];

        let expected = "ok     disk          12 GiB free\nWRONG  uplink cloud  no address\n                     help: check it\n";
        assert_eq!(text(&findings), expected);
    }
}
