//! Numbers as people read them.

use std::time::Duration;

use crate::config;

/// `3 d 4 h`, `12 min 5 s`, `850 ms`: the two largest parts.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// `1 adapter`, `2 adapters`
pub(super) fn count(number: &impl ToString, word: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {word}{ending}")
}

/// `1.5 MiB`: one decimal, powers of 1024.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let Some(power) = (1..=UNITS.len()).rev().find(|power| bytes >> (10 * power) > 0) else {
        return format!("{bytes} B");
    };
    // Tenths without floats: exact up to the last one shown.
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[power - 1])
}

/// Reads a time span as the configuration writes it, `500ms`, `10s`, `5m`; nothing negative, nothing zero.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    match config::duration(text) {
        Ok(Duration::ZERO) => Err("duration is zero (help: give a duration above zero)".to_owned()),
        Ok(span) => Ok(span),
        Err(fault) => Err(match &fault.help {
            Some(help) => format!("{fault} (help: {help})"),
            None => fault.to_string(),
        }),
    }
}

/// A cell of comma-separated values (RFC 4180), quoted where it must be.
pub(super) fn csv(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A value with its unit and, when it is not good, its quality.
pub(super) fn measured(value: &str, unit: Option<&str>, quality: Option<&str>) -> String {
    let quality = quality.filter(|quality| *quality != "good");
    let parts = [Some(value).filter(|value| !value.is_empty()), unit.filter(|_| !value.is_empty()), quality];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_show_their_two_largest_parts() {
        let shown: Vec<String> = [0, 59, 61, 7_260, 90_000].map(Duration::from_secs).map(span).into();
        assert_eq!(shown, ["0 ms", "59 s", "1 min 1 s", "2 h 1 min", "1 d 1 h"]);
    }

    #[test]
    fn spans_are_read_as_in_the_configuration() {
        assert_eq!(parse_span("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_span("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["10", "s", "0s", "-1s", "", "99999999999999999999d", "18446744073709551615d"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
        assert!(parse_span("5min").unwrap_err().contains("such as \"10s\""));
    }

    #[test]
    fn bytes_are_shown_in_the_unit_that_fits() {
        let shown = [0, 1_023, 1_024, 1_572_864, 2 << 30, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "2.0 GiB", "16777215.9 TiB"]);
    }

    #[test]
    fn a_bad_reading_shows_why_and_no_unit() {
        assert_eq!(measured("230.1", Some("V"), Some("good")), "230.1 V");
        assert_eq!(measured("", Some("V"), Some("bad:timeout")), "bad:timeout");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,24}") {
            let _ = parse_span(&text);
        }
    }
}
