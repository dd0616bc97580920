//! Numbers as people read them.

use std::time::Duration;

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

/// Reads `500ms`, `10s`, `5min`, `2h`, `1d`; nothing negative, nothing zero.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time span such as 10s, 500ms or 5min");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let span = number.checked_mul(millis).filter(|&millis| millis > 0).ok_or_else(wrong)?;
    Ok(Duration::from_millis(span))
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
    fn spans_are_read_with_their_unit_only() {
        assert_eq!(parse_span("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_span("5 min"), Ok(Duration::from_secs(300)));
        for wrong in ["10", "s", "0s", "-1s", "1.5s", "", "99999999999999999999d", "18446744073709551615d"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
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
