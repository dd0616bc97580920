//! Which time is asked for, and how finely: as written, and as meant.

use std::time::Duration;

use super::{HistoryError, MAX_ROWS};
use crate::{
    buffer::rollup::{MINUTE, QUARTER, floor},
    config,
    model::Timestamp,
};

/// Buckets that `auto` aims at.
const AIM: u32 = 100;
/// Spans that people think in, and that `auto` chooses from.
const SPANS: [Duration; 14] = {
    const fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }
    [
        minutes(1),
        minutes(2),
        minutes(5),
        minutes(10),
        minutes(15),
        minutes(30),
        minutes(60),
        minutes(120),
        minutes(180),
        minutes(360),
        minutes(720),
        minutes(1_440),
        minutes(10_080),
        minutes(40_320),
    ]
};

/// What is asked for, as written. What is absent is the last day, and `auto`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// RFC 3339, `now`, or how long ago: `-24h`.
    pub from: Option<String>,
    /// Likewise.
    pub to: Option<String>,
    /// `auto`, `raw`, or whole minutes: `15m`, `1h`, `1d`.
    pub every: Option<String>,
}

/// How finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Single readings.
    Raw,
    /// Sums of spans of this length, which begin at multiples of it, in UTC.
    Span(Duration),
}

/// What is asked for, as meant: `from <= t < to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// How finely.
    pub every: Every,
}

/// Reads RFC 3339, `now`, or how long ago.
pub fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now);
    }
    let Some(ago) = text.strip_prefix('-') else {
        return Timestamp::parse(text).map_err(|_| {
            format!("{text:?} is no time (help: write it as 2026-11-20T12:00:00Z, as -24h for 24 hours ago, or now)")
        });
    };
    let ago = span(ago)?;
    Ok(Timestamp::from_millis(now.as_millis().saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))))
}

/// A duration as in the configuration.
fn span(text: &str) -> Result<Duration, String> {
    config::duration(text).map_err(|fault| match &fault.help {
        Some(help) => format!("{fault} (help: {help})"),
        None => fault.to_string(),
    })
}

impl Wish {
    /// What is meant at `now`, when minutes are kept as long as `kept`.
    pub fn period(&self, now: Timestamp, kept: Duration) -> Result<Period, HistoryError> {
        let time = |text: &Option<String>, default| parse_time(text.as_deref().unwrap_or(default), now);
        let from = time(&self.from, "-24h").map_err(HistoryError::Invalid)?;
        let to = time(&self.to, "now").map_err(HistoryError::Invalid)?;
        if from >= to {
            return Err(HistoryError::Invalid(format!("from {from} is not before to {to}")));
        }
        let every = match self.every.as_deref().unwrap_or("auto") {
            "raw" => return Ok(Period { from, to, every: Every::Raw }),
            "auto" => auto(from, to, now.since(from) > kept),
            text => checked(text, from, to)?,
        };
        Ok(Period { from: floor(from, every), to, every: Every::Span(every) })
    }
}

/// The finest span that gives about as many buckets as are aimed at. Beyond the time that minutes are kept only
/// quarters of an hour are left.
fn auto(from: Timestamp, to: Timestamp, is_old: bool) -> Duration {
    let finest = (to.since(from) / AIM).max(if is_old { QUARTER } else { MINUTE });
    fitting(finest)
}

/// The shortest of the spans that is no shorter than this one.
fn fitting(finest: Duration) -> Duration {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let whole_days = days(finest.as_secs().div_ceil(86_400).max(1));
    SPANS.into_iter().find(|span| *span >= finest).unwrap_or(whole_days)
}

fn checked(text: &str, from: Timestamp, to: Timestamp) -> Result<Duration, HistoryError> {
    let every = span(text).map_err(HistoryError::Invalid)?;
    if every.is_zero() || every.as_millis() % MINUTE.as_millis() != 0 {
        let text = format!("every {text:?} is no number of whole minutes (help: 1m, 15m, 1h, 1d, auto or raw)");
        return Err(HistoryError::Invalid(text));
    }
    if to.since(floor(from, every)).as_millis().div_ceil(every.as_millis()) > u128::from(MAX_ROWS) {
        // The first bucket may begin before `from`, which makes one more.
        let fits = fitting(to.since(from) / (MAX_ROWS - 1));
        let fits = short(fits);
        let text =
            format!("every {text} gives more than {MAX_ROWS} buckets (help: the shortest that fits is {fits})");
        return Err(HistoryError::Invalid(text));
    }
    Ok(every)
}

/// `15m`, `2h`, `1d`: as it would be written.
pub(super) fn short(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match minutes {
        0 => format!("{}s", span.as_secs()),
        _ if minutes.is_multiple_of(1_440) => format!("{}d", minutes / 1_440),
        _ if minutes.is_multiple_of(60) => format!("{}h", minutes / 60),
        _ => format!("{minutes}m"),
    }
}

impl std::fmt::Display for Every {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Raw => f.write_str("raw"),
            Self::Span(span) => f.write_str(&short(*span)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEPT: Duration = Duration::from_secs(7 * 86_400);

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T12:34:56Z").unwrap()
    }

    fn ask(from: &str, to: &str, every: &str) -> Result<(String, String), String> {
        let text = |text: &str| Some(text.to_owned());
        let wish = Wish { from: text(from), to: text(to), every: text(every) };
        let period = wish.period(now(), KEPT).map_err(|error| error.to_string())?;
        Ok((period.from.to_string(), period.every.to_string()))
    }

    #[test]
    fn times_are_moments_or_so_long_ago() {
        assert_eq!(ask("-24h", "now", "1h").unwrap().0, "2026-11-19T12:00:00.000Z");
        assert_eq!(ask("2026-11-20T13:00:00+02:00", "now", "15m").unwrap().0, "2026-11-20T11:00:00.000Z");
        assert!(ask("yesterday", "now", "1h").unwrap_err().contains("help: write it as"));
        assert!(ask("-1x", "now", "1h").unwrap_err().contains("no duration"));
        assert!(ask("now", "-1h", "1h").unwrap_err().contains("not before"));
        assert_eq!(Wish::default().period(now(), KEPT).unwrap().every, Every::Span(QUARTER));
    }

    #[test]
    fn auto_aims_at_a_hundred_buckets_of_a_span_people_think_in() {
        for (from, every) in [("-10m", "1m"), ("-6h", "5m"), ("-24h", "15m"), ("-7d", "2h"), ("-365d", "7d")] {
            assert_eq!(ask(from, "now", "auto").unwrap().1, every, "{from}");
        }
        assert_eq!(ask("-8d", "-191h", "auto").unwrap().1, "15m", "minutes are not kept so long");
    }

    #[test]
    fn too_many_buckets_are_refused_with_what_fits() {
        let error = ask("-30d", "now", "1m").unwrap_err();
        assert!(error.contains("help: the shortest that fits is 5m"), "{error}");
        assert!(ask("-30d", "now", "5m").is_ok());
        for wrong in ["90s", "0", "10ms", "week"] {
            assert!(ask("-1h", "now", wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_said_to_fit_fits(from in 1_u64..36_500, minutes in 1_u64..60) {
            let (from, every) = (format!("-{from}d"), format!("{minutes}m"));
            if let Err(error) = ask(&from, "now", &every) {
                let fits = error.rsplit(' ').next().unwrap().trim_end_matches(')').to_owned();
                prop_assert!(ask(&from, "now", &fits).is_ok(), "{}", error);
            }
        }

        #[test]
        fn no_text_panics(from in "\\PC{0,24}", every in "\\PC{0,12}") {
            let _ = ask(&from, "now", &every);
        }
    }
}
