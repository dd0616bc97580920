//! `tidegate modbus dump`: which registers of a unit can be read, as the draft of a profile.
//!
//! A block that is refused is halved until each part is given or is a single address, so that holes and borders within a
//! device show. The draft has a point for each register that holds something; an integrator names them, joins those that
//! belong together, and throws the rest away.

use std::{collections::BTreeMap, fmt::Write as _, ops::RangeInclusive, path::PathBuf};

use serde_json::{Value, json};

use super::{
    guess::guesses,
    progress::Progress,
    question::{About, Question},
    target::{Target, Unit},
};
use crate::{
    adapter::modbus::{
        asking::{AskError, Asker},
        config::{Register, Table},
        exception::Exception,
        layout::is_bits,
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
        profile,
    },
};

/// Questions without an answer after which a unit that has never answered is given up.
const MAX_SILENT: usize = 3;

/// Finds what can be read of a table, and writes the draft of a profile.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    unit: Unit,
    /// The table: holding, input, coil or discrete.
    #[arg(long, default_value = "holding", value_parser = table)]
    table: Table,
    /// The first address, counted from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u16,
    /// The last address.
    #[arg(long, value_name = "N", default_value_t = 200)]
    to: u16,
    /// Most registers or bits in one request.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=125))]
    block: u16,
    /// Write it to this folder's profile.toml; one that is there already is left alone.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Print one JSON document with what was read, instead of the draft.
    #[arg(long, conflicts_with = "into")]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    if args.from > args.to {
        let help = args.as_in_a_manual().map_or_else(String::new, |help| format!(" (help: {help})"));
        return Err(CliError::Usage(format!("--from {} is behind --to {}{help}", args.from, args.to)));
    }
    let mut asker = args.target.asker(context)?;
    let mut dump = Dump::new(args);
    let ended = block_on(async {
        let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Ok(false),
            ended = dump.run(&mut asker) => ended.map(|()| true),
        }
    });
    dump.progress.clear();
    let is_complete = ended?;
    if dump.words.is_empty() {
        let what = format!("{}:{} to {}", args.table, args.from, args.to);
        let help = args.as_in_a_manual().unwrap_or_else(|| "try another table, or further on".to_owned());
        return Err(CliError::Failed(format!("nothing of {what} can be read (help: {help})")));
    }
    let link = asker.link().to_string();
    if args.json {
        context.print(&format!("{}\n", dump.document(&link, is_complete)))?;
    } else {
        profile::save(args.into.as_deref(), &dump.draft(&link), context)?;
    }
    if is_complete { Ok(()) } else { Err(CliError::Failed(format!("stopped after {} addresses", dump.done))) }
}

impl Args {
    /// What the first address means as the number of a manual, where it can be one.
    fn as_in_a_manual(&self) -> Option<String> {
        let typed = self.from.to_string();
        let meant: Register = typed.parse().ok()?;
        let Register { table, offset } = meant;
        Some(format!("--from counts from 0: {typed} is {meant}, so --table {table} --from {offset}"))
    }
}

/// The name of a table.
fn table(text: &str) -> Result<Table, String> {
    super::target::parsed::<Register>(&format!("{text}:0")).map(|register| register.table)
}

/// What is known of a table.
struct Dump<'a> {
    args: &'a Args,
    /// Contents by address; a bit is 0 or 1.
    words: BTreeMap<u16, u16>,
    /// Addresses that were given or refused.
    done: usize,
    /// Questions nobody answered.
    silent: usize,
    has_answered: bool,
    progress: Progress,
}

impl<'a> Dump<'a> {
    /// Nothing is known.
    fn new(args: &'a Args) -> Self {
        let progress = Progress::new();
        Self { args, words: BTreeMap::new(), done: 0, silent: 0, has_answered: false, progress }
    }

    /// Asks for every block. Safe to cancel: what was read stays.
    async fn run(&mut self, asker: &mut Asker) -> Result<(), CliError> {
        let mut start = self.args.from;
        loop {
            let end = start.saturating_add(self.args.block - 1).min(self.args.to);
            self.block(asker, start..=end).await?;
            let Some(next) = end.checked_add(1).filter(|next| *next <= self.args.to) else { return Ok(()) };
            start = next;
        }
    }

    /// Asks for a block, and for its halves where it is refused.
    async fn block(&mut self, asker: &mut Asker, block: RangeInclusive<u16>) -> Result<(), CliError> {
        let total = usize::from(self.args.to - self.args.from) + 1;
        // At most eight are open at once: a half for each time that a block of 125 can be halved.
        let mut open = vec![block];
        while let Some(block) = open.pop() {
            let (start, end) = (*block.start(), *block.end());
            self.progress.tell(self.done, total, || format!("{}:{start}", self.args.table));
            if self.is_given(asker, start, end - start + 1).await? || start == end {
                self.done += usize::from(end - start) + 1;
                continue;
            }
            let middle = start + (end - start) / 2;
            open.extend([middle + 1..=end, start..=middle]);
        }
        Ok(())
    }

    /// Whether the unit gives a block. Some are silent to what others refuse.
    async fn is_given(&mut self, asker: &mut Asker, start: u16, count: u16) -> Result<bool, CliError> {
        let Args { unit, table, .. } = *self.args;
        let error = match asker.read(unit.number(), table, start, count).await {
            Ok(wire) => {
                self.has_answered = true;
                self.keep(start, count, &wire);
                return Ok(true);
            }
            Err(error) => error,
        };
        let is_hole = match error {
            AskError::Silent(_) => {
                self.silent += 1;
                self.has_answered || self.silent < MAX_SILENT
            }
            // No other address of the table, or no unit at all, can be had.
            AskError::Refused(
                Exception::ILLEGAL_FUNCTION | Exception::PATH_UNAVAILABLE | Exception::TARGET_SILENT,
            )
            | AskError::Link(_)
            | AskError::InUse(_) => false,
            AskError::Refused(_) | AskError::Unusable(_) => {
                self.has_answered = true;
                true
            }
        };
        if is_hole {
            return Ok(false);
        }
        let first = Register { table, offset: start };
        let (text, about) = (format!("read {first}+{count}"), About::Block(first, count));
        Err(Question { link: asker.link(), unit, text, about }.unanswered(&error))
    }

    /// Keeps what a block holds.
    fn keep(&mut self, start: u16, count: u16, wire: &[u8]) {
        let word = |index: u16| {
            let at = usize::from(index);
            if is_bits(self.args.table) {
                u16::from(wire[at / 8] >> (index % 8) & 1)
            } else {
                u16::from_be_bytes([wire[2 * at], wire[2 * at + 1]])
            }
        };
        self.words.extend((0..count).map(|index| (start + index, word(index))));
    }

    /// The runs of addresses that can be read.
    fn runs(&self) -> Vec<RangeInclusive<u16>> {
        let mut runs: Vec<RangeInclusive<u16>> = Vec::new();
        for &address in self.words.keys() {
            match runs.last_mut() {
                Some(run) if run.end().checked_add(1) == Some(address) => *run = *run.start()..=address,
                _ => runs.push(address..=address),
            }
        }
        runs
    }

    /// What was read, for programs: runs of addresses with what they hold, registers as numbers and bits as switches.
    fn document(&self, link: &str, is_complete: bool) -> Value {
        let Args { table, from, to, ref unit, .. } = *self.args;
        let held = |word: u16| if is_bits(table) { json!(word == 1) } else { json!(word) };
        let runs = self.runs().into_iter().map(|run| {
            let (start, end) = (*run.start(), *run.end());
            let values: Vec<Value> = self.words.range(run).map(|(_, &word)| held(word)).collect();
            json!({ "from": start, "to": end, "values": values })
        });
        json!({
            "link": link, "unit": unit.number(), "table": table.to_string(), "from": from, "to": to,
            "complete": is_complete, "readable": runs.collect::<Vec<_>>(),
        })
    }

    /// The draft of a profile.
    fn draft(&self, link: &str) -> String {
        let (unit, table) = (self.args.unit.number(), self.args.table);
        let mut text = format!(
            "name = \"Draft of unit {unit}\"\nvendor = \"unknown\"\nmodel = \"unknown\"\nkind = \"modbus\"\n\
             source = [\"Registers as unit {unit} at {link} gave them; name the maker's register map here\"]\n\
             note = \"\"\"\nWritten by asking a device: one point for each register that held something. Give them the names, \
             types, scales and\nunits of the register map, and leave out what is not needed.\n\"\"\"\n"
        );
        for run in self.runs() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n# {table}:{} to {table}:{} can be read.", run.start(), run.end());
            text += &self.points(run);
        }
        text
    }

    /// The points of a run. Registers that hold nothing are named in a comment: most of them are reserved.
    fn points(&self, run: RangeInclusive<u16>) -> String {
        let (mut text, mut empty) = (String::new(), None::<(RangeInclusive<u16>, u16)>);
        for address in run {
            let word = self.words.get(&address).copied().unwrap_or_default();
            let is_empty = !is_bits(self.args.table) && matches!(word, 0 | 0xFFFF);
            empty = match empty {
                Some((row, same)) if is_empty && same == word => Some((*row.start()..=address, word)),
                before => {
                    text += &before.map_or_else(String::new, |(row, word)| self.comment(&row, word));
                    is_empty.then_some((address..=address, word))
                }
            };
            if !is_empty {
                text += &self.point(address, word);
            }
        }
        text += &empty.map_or_else(String::new, |(row, word)| self.comment(&row, word));
        text
    }

    /// Registers that hold nothing.
    fn comment(&self, row: &RangeInclusive<u16>, word: u16) -> String {
        let table = self.args.table;
        match (row.start(), row.end()) {
            (start, end) if start == end => format!("\n# {table}:{start} holds {word:#06x}.\n"),
            (start, end) => format!("\n# {table}:{start} to {table}:{end} hold {word:#06x}.\n"),
        }
    }

    /// One point, with what it held.
    fn point(&self, address: u16, word: u16) -> String {
        let table = self.args.table;
        let (data, held) = if is_bits(table) {
            ("bool", (word == 1).to_string())
        } else {
            ("u16", format!("{word:#06x} = {word}{}", guesses(&self.words, address)))
        };
        format!(
            "\n# {held}\n[[point]]\nname = \"{table}_{address}\"\nregister = \"{table}:{address}\"\ntype = \"{data}\"\n"
        )
    }
}

#[cfg(test)]
#[path = "dump_tests.rs"]
mod tests;
