//! `tidegate buffer`

use std::time::Duration;

use serde_json::Value;

use super::{
    context::Context,
    damage, deadletter,
    error::CliError,
    export,
    format::{bytes, count, span},
    table::{Table, cell},
};

/// What to do with the buffer.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show how much it holds and what is still owed to each uplink.
    Status {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Messages a broker will never take.
    #[command(subcommand)]
    Deadletter(deadletter::Command),
    /// Write the stored readings out, with the daemon at work or without.
    Export(export::Args),
    Check(damage::Check),
    Salvage(damage::Salvage),
    Repair(damage::Repair),
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Status { json } => status(*json, context),
        Command::Deadletter(command) => deadletter::run(command, context),
        Command::Export(args) => export::run(args, context),
        Command::Check(args) => damage::check(args, context),
        Command::Salvage(args) => damage::salvage(args, context),
        Command::Repair(args) => damage::repair(args, context),
    }
}

fn status(as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let json = context.get("/api/v1/buffer")?;
    context.show(as_json, &json, || text(&json))
}

/// The buffer for people; `status` shows the same.
pub(super) fn text(buffer: &Value) -> String {
    let mut table = Table::new(&["BUFFER", ""]);
    let rows = [store(buffer), owed(buffer), salvage(buffer), set_aside(buffer)].into_iter().flatten();
    for (name, value) in rows {
        table.push([name, value]);
    }
    if !buffer["failing"].is_null() {
        table.push(["failing".to_owned(), cell(&buffer["failing"])]);
    }
    table.to_string()
}

/// A name, and what there is to say of it.
type Row = (String, String);

/// The store itself: where it is, how much it holds, what it keeps and what it costs.
fn store(buffer: &Value) -> Vec<Row> {
    let number = |key: &str| number(buffer, key);
    let window = span(Duration::from_millis(number("loss_window_ms")));
    let is_low = buffer["disk_low"] == true;
    let facts = [
        ("file", Some(cell(&buffer["path"]))),
        ("store", Some(format!("{}, epoch {}", cell(&buffer["store"]), number("epoch")))),
        ("size", Some(format!("{} of {}", bytes(number("size_bytes")), bytes(number("max_size"))))),
        ("durability", Some(format!("{}, a power cut may take {window}", cell(&buffer["durability"])))),
        ("committed", Some(format!("{} since the start", count(&number("committed"), "reading")))),
        ("lost to the bounds", Some(amount(number("evicted_readings"), number("evicted_blocks")))),
        ("written to disk", wear(&buffer["wear"])),
        ("disk", is_low.then(|| "nearly full: the buffer does not grow".to_owned())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// What each uplink has not acknowledged yet.
fn owed(buffer: &Value) -> Vec<Row> {
    let row = |owed: &Value| {
        let since = owed["oldest"].as_str().map_or_else(String::new, |oldest| format!(", the oldest of {oldest}"));
        let amount = amount(number(owed, "readings"), number(owed, "blocks"));
        (format!("owed to {}", cell(&owed["uplink"])), format!("{amount}{since}"))
    };
    listed(&buffer["uplinks"]).map(row).collect()
}

/// How far a salvage has come, while one is under way.
fn salvage(buffer: &Value) -> Vec<Row> {
    let salvage = &buffer["salvage"];
    if salvage.is_null() {
        return Vec::new();
    }
    let carried = amount(number(salvage, "readings"), number(salvage, "blocks"));
    let what = if salvage["is_history"] == true { "salvaging history" } else { "salvaging" };
    vec![(what.to_owned(), format!("{}, {} %, {carried}", cell(&salvage["file"]), number(salvage, "percent")))]
}

/// Damaged files that are kept.
fn set_aside(buffer: &Value) -> Vec<Row> {
    let row = |file: &Value, what: &str| {
        ("set aside".to_owned(), format!("{}, {}, {what}", cell(&file["file"]), bytes(number(file, "bytes"))))
    };
    let buffers = listed(&buffer["set_aside"])
        .map(|file| row(file, if file["is_salvaged"] == true { "salvaged" } else { "not salvaged yet" }));
    buffers.chain(listed(&buffer["damaged_ledgers"]).map(|file| row(file, "a ledger of commands"))).collect()
}

/// A count; zero where there is none.
fn number(of: &Value, key: &str) -> u64 {
    of[key].as_u64().unwrap_or_default()
}

/// The entries of a list; none where there is no list.
fn listed(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Readings and the blocks they are in.
fn amount(readings: u64, blocks: u64) -> String {
    format!("{} in {}", count(&readings, "reading"), count(&blocks, "block"))
}

/// What is written a day, and how long a card lasts under it.
fn wear(wear: &Value) -> Option<String> {
    let written = bytes(wear["written_bytes"].as_u64()?);
    let Some(per_day) = wear["bytes_per_day"].as_u64() else { return Some(format!("{written} since the start")) };
    let life = wear["years"].as_f64().zip(wear["disk_bytes"].as_u64()).map(|(years, disk)| {
        format!(
            "; at this rate a card of {} lasts about {years} years (500 full writes, amplified 4 times)",
            bytes(disk)
        )
    });
    Some(format!("{written} since the start, {} a day{}", bytes(per_day), life.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_buffer_is_told_in_words_of_people() {
        let text = text(&json!({
            "path": "/var/lib/tidegate/buffer.db", "store": "6f2c", "epoch": 42, "size_bytes": 1_572_864,
            "max_size": 2_147_483_648_u64, "durability": "balanced", "loss_window_ms": 11_000, "committed": 7,
            "uplinks": [
                {"uplink": "cloud", "blocks": 2, "readings": 90, "oldest": "2026-11-20T12:00:00.000Z"},
                {"uplink": "scada", "blocks": 0, "readings": 0, "oldest": null},
            ],
            "set_aside": [{"file": "buffer.db.damaged-17", "bytes": 2048, "is_salvaged": true}],
            "damaged_ledgers": [{"file": "commands.db.damaged-3", "bytes": 4096}],
            "failing": "disk is full",
            "wear": {"written_bytes": 4096, "bytes_per_day": 1_048_576, "disk_bytes": 1_073_741_824, "years": 100.0},
        }));

        for line in [
            "size                1.5 MiB of 2.0 GiB",
            "durability          balanced, a power cut may take 11 s",
            "written to disk     4.0 KiB since the start, 1.0 MiB a day; at this rate a card of 1.0 GiB lasts about 100 \
             years (500 full writes, amplified 4 times)",
            "owed to cloud       90 readings in 2 blocks, the oldest of 2026-11-20T12:00:00.000Z",
            "owed to scada       0 readings in 0 blocks",
            "set aside           buffer.db.damaged-17, 2.0 KiB, salvaged",
            "set aside           commands.db.damaged-3, 4.0 KiB, a ledger of commands",
            "failing             disk is full",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
    }
}
