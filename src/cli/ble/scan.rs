//! `tidegate ble scan`: who advertises, and what can be read of it. It needs no daemon and disturbs none.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    signal::ctrl_c,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::listen::listen;
use crate::{
    adapter::ble::{
        account::value,
        air::Queue,
        decode::{Address, Decoded, Format, Why, decode},
        heard::Heard,
    },
    cli::{context::Context, error::CliError, table::Table},
};

/// Devices that are shown. In a crowd of random addresses those beyond are not.
const MAX_DEVICES: usize = 4096;
/// Time between two views on a terminal.
const FRAME: Duration = Duration::from_secs(1);

/// Listen to every device in reach.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// How long to listen.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The radio, such as hci0; every powered one when none is named.
    #[arg(long, value_name = "NAME")]
    radio: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// A device as it was heard last.
#[derive(Debug, Default)]
struct Seen {
    name: Option<String>,
    rssi: Option<i16>,
    /// How many advertisements came.
    count: u64,
    /// What was read of the last that could be read.
    decoded: Decoded,
    /// Its data, for who looks for a format.
    data: String,
}

/// Everybody who was heard.
#[derive(Debug, Default)]
struct Crowd(BTreeMap<Address, Seen>);

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let mut crowd = Crowd::default();
    let is_live = !args.json && io::stdout().is_terminal();
    let length = Duration::from_secs(args.seconds);
    listen(args.radio.as_deref(), async |queue: &Queue| {
        watch(&mut crowd, queue, length, is_live.then_some(&mut *context)).await
    })?;
    let text = if is_live { clear() } else { String::new() };
    context.show(args.json, &crowd.json(), || format!("{text}{}", crowd.table()))
}

/// Takes note of everybody until the time is over or Ctrl-C, and draws it now and then where somebody looks.
async fn watch(
    crowd: &mut Crowd,
    queue: &Queue,
    length: Duration,
    mut live: Option<&mut Context>,
) -> Result<(), CliError> {
    let end = Instant::now() + length;
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = sleep_until(end) => return Ok(()),
            pressed = ctrl_c() => return Ok(pressed?),
            _ = frames.tick() => {
                if let Some(context) = &mut live {
                    context.print(&format!("{}{}", clear(), crowd.table()))?;
                }
            }
            heard = queue.next() => crowd.take(heard),
        }
    }
}

/// Empties the screen.
fn clear() -> String {
    "\x1b[H\x1b[2J".to_owned()
}

impl Crowd {
    /// Takes note of an advertisement.
    fn take(&mut self, heard: Heard) {
        if self.0.len() >= MAX_DEVICES && !self.0.contains_key(&heard.address) {
            return;
        }
        let seen = self.0.entry(heard.address).or_default();
        seen.count += 1;
        seen.rssi = heard.rssi.or(seen.rssi);
        let decoded = heard.with_view(seen.name.as_deref(), |view| decode(view, None));
        // Many sensors advertise something else now and then, which is no news about the sensor.
        if !decoded.readings.is_empty() || seen.decoded.readings.is_empty() {
            (seen.decoded, seen.data) = (decoded, heard.data_text());
        }
        seen.name = heard.name.or(seen.name.take());
    }

    /// For people.
    fn table(&self) -> Table {
        let mut table = Table::new(&["ADDRESS", "NAME", "RSSI", "FORMAT", "KEY", "HEARD", "VALUES"]);
        for (address, seen) in &self.0 {
            table.push([
                address.to_string(),
                seen.name.clone().unwrap_or_default(),
                seen.rssi.map(|rssi| rssi.to_string()).unwrap_or_default(),
                seen.format().unwrap_or_default().to_owned(),
                if seen.needs_key() { "needed".to_owned() } else { String::new() },
                seen.count.to_string(),
                seen.values(),
            ]);
        }
        table
    }

    /// For programs.
    fn json(&self) -> Value {
        self.0.iter().map(|(address, seen)| seen.json(*address)).collect()
    }
}

impl Seen {
    /// The format's name.
    fn format(&self) -> Option<&'static str> {
        self.decoded.format.map(Format::as_str)
    }

    /// Whether only a key is missing.
    fn needs_key(&self) -> bool {
        self.decoded.why == Some(Why::KeyNeeded)
    }

    /// What was read, or why nothing was.
    fn values(&self) -> String {
        let readings = self.decoded.readings.iter();
        let values: Vec<_> =
            readings.map(|reading| format!("{} {}", reading.point(), text(&reading.value))).collect();
        match self.decoded.why.filter(|_| values.is_empty()) {
            Some(why) => why.to_string(),
            None => values.join(", "),
        }
    }

    /// The device as JSON.
    fn json(&self, address: Address) -> Value {
        let reading = |reading: &crate::adapter::ble::decode::Reading| {
            json!({
                "point": reading.point(), "value": value(&reading.value), "unit": reading.quantity.unit(),
            })
        };
        json!({
            "address": address.to_string(),
            "name": self.name,
            "rssi": self.rssi,
            "format": self.format(),
            "key_needed": self.needs_key(),
            "heard": self.count,
            "readings": self.decoded.readings.iter().map(reading).collect::<Vec<_>>(),
            "why": self.decoded.why.map(|why| why.to_string()),
            "data": self.data,
        })
    }
}

/// A value for people.
fn text(of: &crate::adapter::ble::decode::Value) -> String {
    crate::cli::table::cell(&value(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_told_with_what_can_be_read() {
        let mut crowd = Crowd::default();
        let sensor = Heard {
            address: Address([0xC0, 0, 0, 0, 0, 1]),
            rssi: Some(-60),
            name: Some("a\u{1b}b".into()),
            service: vec![(crate::adapter::ble::decode::Uuid::short(0xFCD2), vec![0x40, 1, 97])],
            ..Heard::default()
        };
        let sealed = Heard {
            address: Address([0xC0, 0, 0, 0, 0, 2]),
            service: vec![(
                crate::adapter::ble::decode::Uuid::short(0xFCD2),
                vec![0x41, 0xa4, 0x72, 0x66, 0xc9, 1, 2, 3, 4, 5, 6, 7, 8],
            )],
            ..Heard::default()
        };

        crowd.take(sensor.clone());
        crowd.take(Heard { service: Vec::new(), manufacturer: vec![(0xFFFF, vec![1])], ..sensor });
        crowd.take(sealed);

        let lines: Vec<String> = crowd.table().to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines[1], "C0:00:00:00:00:01  a b   -60   bthome_v2          2      battery 97");
        assert!(lines[2].starts_with("C0:00:00:00:00:02              bthome_v2  needed  1"), "{}", lines[2]);
        assert_eq!(crowd.json()[0]["readings"], json!([{"point": "battery", "value": 97, "unit": "%"}]));
        assert_eq!(crowd.json()[1]["key_needed"], true);
    }
}
