//! `tidegate zigbee energy-scan`: how busy each channel is, as the coordinator hears it.

use std::str::FromStr;

use serde_json::{Value, json};

use super::network::{Which, route};
use crate::{
    adapter::zigbee::energy::Plan,
    cli::{
        context::Context,
        error::{CliError, complain},
        format::{count, span},
        table::Table,
    },
    model::EnergyScan,
};

/// What is shown of a channel.
const COLUMNS: &[&str] = &["channel", "energy", "highest", "dbm", "measured", "note"];

/// What is measured.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Which channels, such as 11-26 or 11,15,20-25.
    #[arg(long, value_name = "CHANNELS", default_value = "11-26")]
    channels: Channels,
    /// How long a channel is measured at a time: 0 is 31 ms, 2 is 77 ms, 5 is 507 ms.
    #[arg(long, value_name = "0-5", default_value_t = 2)]
    duration: u8,
    /// How often each channel is measured, 1 to 10.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    rounds: u8,
    #[command(flatten)]
    which: Which,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Channels as they are typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Channels(Vec<u8>);

/// Numbers and spans of them, with commas in between.
impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u8>();
            let (first, last) = number(first).ok().zip(number(last).ok()).filter(|(first, last)| first <= last)?;
            Some(first..=last)
        };
        let parts: Option<Vec<_>> = text.split(',').map(part).collect();
        let parts = parts.ok_or_else(|| format!("{text:?} are no channels: write 11-26 or 11,15,20-25"))?;
        Ok(Self(parts.into_iter().flatten().collect()))
    }
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let Args { channels: Channels(channels), duration, rounds, which, json } = args;
    let wish = EnergyScan { channels: Some(channels.clone()), duration: Some(*duration), rounds: Some(*rounds) };
    // A slip of the pen is told without a gateway.
    let plan = Plan::of(&wish).map_err(|error| CliError::Usage(error.to_string()))?;
    let route = route(which, context)?;
    if !json {
        let channels = count(&u64::from(plan.count()), "channel");
        let times = count(&u64::from(plan.rounds()), "time");
        complain(&format!("measuring {channels} {times} takes about {}", span(plan.time())));
    }
    let act = json!({ "action": "energy-scan", "channels": channels, "duration": duration, "rounds": rounds });
    let found = context.send("POST", &route, &act)?;
    context.show(*json, &found, || in_words(&found))
}

/// The channels with what is to be said of each, and what follows.
fn in_words(found: &Value) -> String {
    let (own, quietest) = (&found["own"], &found["quietest"]);
    let note = |channel: &Value| match (channel["channel"] == *own, channel["channel"] == *quietest) {
        (true, true) => "this network, quietest",
        (true, false) => "this network",
        (false, true) => "quietest",
        (false, false) => "",
    };
    let row = |channel: &Value| {
        let mut row = channel.clone();
        row["note"] = note(channel).into();
        row
    };
    let rows: Vec<_> = found["channels"].as_array().into_iter().flatten().map(row).collect();
    let table = Table::of("channel", COLUMNS, &rows);
    if quietest == own {
        return format!("{table}\nthe network is on the quietest of them\n");
    }
    format!(
        "{table}\nchannel {quietest} is the quietest of them; nothing was changed, the network stays on {own} \
         (an access point of Wi-Fi is moved more easily)\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_numbers_and_spans() {
        let read = |text: &str| text.parse::<Channels>().map(|channels| channels.0);
        assert_eq!(read("15"), Ok(vec![15]));
        assert_eq!(read("11, 15,20-22"), Ok(vec![11, 15, 20, 21, 22]));
        for text in ["", "11-", "-26", "22-20", "11,,12", "eleven", "256", "0x0b"] {
            assert!(read(text).unwrap_err().contains("are no channels: write 11-26"), "{text}");
        }
    }

    /// What was found on two channels, of which the network has the first.
    fn found(quietest: u8) -> Value {
        let channel = |channel: u8, energy: u8| {
            json!({
                "channel": channel, "energy": energy, "highest": energy, "dbm": -50, "measured": 3,
                "is_own": channel == 15,
            })
        };
        json!({ "own": 15, "quietest": quietest, "channels": [channel(15, 99), channel(20, 10)] })
    }

    #[test]
    fn people_see_which_is_theirs_and_which_is_quietest() {
        let text = in_words(&found(20));
        assert!(text.contains("15       99      99       -50  3         this network\n"), "{text}");
        assert!(text.contains("20       10      10       -50  3         quietest\n"), "{text}");
        assert!(
            text.contains("channel 20 is the quietest of them; nothing was changed, the network stays on 15"),
            "{text}"
        );
        let text = in_words(&found(15));
        assert!(text.contains("this network, quietest") && text.ends_with("on the quietest of them\n"), "{text}");
    }
}
