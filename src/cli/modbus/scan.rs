//! `tidegate modbus scan`: which units are on a link.
//!
//! Each is asked for one register. Whatever comes back, also a refusal, shows that it is there; only a gateway's word that it
//! reaches nobody does not. A serial line can be tried at several speeds.

use std::{ops::RangeInclusive, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    progress::Progress,
    target::{Target, parsed, told, unusable},
};
use crate::{
    adapter::modbus::{
        asking::{AskError, Asker},
        config::{Link, Register},
        exception::Exception,
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
        format::count,
        table::Table,
    },
};

/// Wait for a unit unless another is asked for. Units answer in far less; a gateway adds what its line takes.
const LIMIT: Duration = Duration::from_millis(200);

/// Finds the units that answer on a link.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    target: Target,
    /// The units to ask: 1-247, or a list such as 1,3,10-20.
    #[arg(long, value_name = "LIST", default_value = "1-247", value_parser = units)]
    units: Units,
    /// The speeds to try on a serial port, such as 9600,19200; by default that of the link.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    baud: Vec<u32>,
    /// The register each is asked for. One that it does not have will do.
    #[arg(long, value_name = "REGISTER", default_value = "holding:0", value_parser = parsed::<Register>)]
    register: Register,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Unit ids in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Units(Vec<u8>);

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let links = links(args, context)?;
    let mut scan = Scan::new(links.len() * args.units.0.len());
    let ended = block_on(async {
        let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Ok(End::Interrupted),
            ended = scan.run(args, links) => ended.map(|()| End::Complete),
        }
    });
    scan.progress.clear();
    // What was found is shown also when the link broke in the middle.
    let is_complete = matches!(ended, Ok(End::Complete));
    if is_complete || !scan.found.is_empty() || matches!(ended, Ok(End::Interrupted)) {
        let document = json!({
            "asked": scan.asked, "of": scan.total, "complete": is_complete,
            "units": scan.found.iter().map(Found::document).collect::<Vec<_>>(),
        });
        context.show(args.json, &document, || scan.page())?;
    }
    match ended? {
        End::Complete => Ok(()),
        End::Interrupted => {
            Err(CliError::Failed(format!("stopped after {} of {}", scan.asked, count(&scan.total, "unit"))))
        }
    }
}

/// How a scan ended.
enum End {
    Complete,
    Interrupted,
}

/// The link, once for each speed.
fn links(args: &Args, context: &Context) -> Result<Vec<(Link, Asker)>, CliError> {
    let (link, connect) = args.target.link(context)?;
    let links = if args.baud.is_empty() {
        vec![link]
    } else {
        let at =
            |baud: &u32| link.at_baud(*baud).map_err(|fault| CliError::Usage(format!("--baud: {}", told(&fault))));
        args.baud.iter().map(at).collect::<Result<_, _>>()?
    };
    let limit = args.target.limit(LIMIT);
    Ok(links.into_iter().map(|link| (link.clone(), Asker::new(link, connect.clone(), limit, 0))).collect())
}

/// A unit that is there.
struct Found {
    unit: u8,
    /// Bits per second, on a serial port.
    baud: Option<u32>,
    /// What it said.
    answer: String,
    /// Time until it said it.
    took: Duration,
}

impl Found {
    /// For programs.
    fn document(&self) -> Value {
        json!({ "unit": self.unit, "baud": self.baud, "answer": self.answer, "took_s": self.took.as_secs_f64() })
    }
}

/// How far a scan has come.
struct Scan {
    asked: usize,
    total: usize,
    found: Vec<Found>,
    progress: Progress,
}

impl Scan {
    /// Nothing has been asked.
    fn new(total: usize) -> Self {
        Self { asked: 0, total, found: Vec::new(), progress: Progress::new() }
    }

    /// Asks every unit on every link. Safe to cancel: what was found stays.
    async fn run(&mut self, args: &Args, links: Vec<(Link, Asker)>) -> Result<(), CliError> {
        for (link, mut asker) in links {
            asker.connect().await.map_err(|error| unusable(&link, &error))?;
            for &unit in &args.units.0 {
                self.tell(&link, unit);
                let begun = Instant::now();
                let answer =
                    self.ask(&mut asker, unit, args.register).await.map_err(|error| unusable(&link, &error))?;
                let baud = link.baud();
                self.found.extend(answer.map(|answer| Found { unit, baud, answer, took: begun.elapsed() }));
                self.asked += 1;
            }
        }
        Ok(())
    }

    /// What a unit says. Some servers hang up on ids they do not know; a connection that cannot be made again is told.
    async fn ask(&mut self, asker: &mut Asker, unit: u8, register: Register) -> Result<Option<String>, AskError> {
        match asker.read(unit, register.table, register.offset, 1).await {
            Ok(_) => Ok(Some("answers".to_owned())),
            Err(AskError::Refused(Exception::PATH_UNAVAILABLE | Exception::TARGET_SILENT) | AskError::Silent(_)) => {
                Ok(None)
            }
            Err(AskError::Refused(exception)) => Ok(Some(format!("refuses {register}: {exception}"))),
            Err(AskError::Unusable(why)) => Ok(Some(format!("unclear: {why}"))),
            Err(error @ AskError::InUse(_)) => Err(error),
            Err(AskError::Link(_)) => asker.connect().await.map(|()| None),
        }
    }

    /// Tells how far it is.
    fn tell(&mut self, link: &Link, unit: u8) {
        let found = self.found.len();
        let speed = link.baud().map_or_else(String::new, |baud| format!(" at {baud} baud"));
        self.progress.tell(self.asked, self.total, || format!("unit {unit}{speed}, {found} found"));
    }

    /// For people.
    fn page(&self) -> String {
        let mut table = Table::new(&["UNIT", "BAUD", "AFTER", "ANSWER"]);
        for Found { unit, baud, answer, took } in &self.found {
            let baud = baud.map(|baud| baud.to_string()).unwrap_or_default();
            table.push([unit.to_string(), baud, format!("{} ms", took.as_millis()), answer.clone()]);
        }
        let sum = format!("{} of {} asked answered\n", self.found.len(), self.asked);
        if self.found.is_empty() { sum } else { format!("{table}\n{sum}") }
    }
}

/// Reads `1-247` or `1,3,10-20`.
fn units(text: &str) -> Result<Units, String> {
    let mut units = Vec::new();
    for part in text.split(',') {
        let range = range(part.trim())
            .ok_or_else(|| format!("{part:?} is no unit id or range (help: 1-247, or 1,3,10-20)"))?;
        let new: Vec<u8> = range.filter(|unit| !units.contains(unit)).collect();
        units.extend(new);
    }
    Ok(Units(units))
}

/// One id, or two with a dash between.
fn range(part: &str) -> Option<RangeInclusive<u8>> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        cli::modbus::fixtures::against,
        testing::modbus_unit::{Bank, Fault},
    };

    #[test]
    fn every_unit_that_says_anything_is_found() {
        let bank = Bank::new(&[3, 7, 9]);
        bank.set_fault(7, Fault::Exception(2));
        bank.set_fault(9, Fault::Silent);

        let (text, result) = against(bank, &["scan", "LINK", "--units", "1-10", "--json"]);

        result.unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let units: Vec<(u64, &str)> = json["units"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unit| (unit["unit"].as_u64().unwrap(), unit["answer"].as_str().unwrap()))
            .collect();
        assert_eq!(units, [(3, "answers"), (7, "refuses holding:0: exception 2 (illegal-address)")]);
        assert_eq!((&json["asked"], &json["complete"]), (&json!(10), &json!(true)));
    }

    #[test]
    fn a_server_that_hangs_up_on_one_unit_is_asked_for_the_others() {
        let bank = Bank::new(&[3, 7]);
        bank.set_fault(3, Fault::Close);
        let (text, result) = against(bank, &["scan", "LINK", "--units", "3,7"]);
        result.unwrap();
        assert!(text.contains("\n7 ") && text.ends_with("\n1 of 2 asked answered\n"), "{text}");
    }

    #[test]
    fn speeds_are_for_serial_ports() {
        let error = against(Bank::new(&[1]), &["scan", "LINK", "--baud", "9600"]).1.unwrap_err();
        assert!(matches!(error, CliError::Usage(_)), "{error}");
        let error = against(Bank::new(&[1]), &["scan", "tcp://127.0.0.1:1"]).1.unwrap_err();
        assert!(matches!(&error, CliError::Unavailable(text) if text.contains("cannot connect")), "{error}");
    }

    #[test]
    fn units_are_ranges_and_lists() {
        assert_eq!(units("1-3").unwrap().0, [1, 2, 3]);
        assert_eq!(units("5, 1-2,5").unwrap().0, [5, 1, 2]);
        for wrong in ["", "3-1", "256", "a", "1-", "-1"] {
            assert!(units(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_list_of_units_panics(text in "[0-9,-]{0,20}") {
            if let Ok(Units(units)) = units(&text) {
                prop_assert!(units.len() <= 256);
            }
        }
    }
}
