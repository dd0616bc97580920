//! Durations, sizes, rates and addresses as they are written: `"10m"`, `"2GiB"`, `"10/min"`, `"host:502"`.

use std::time::Duration;

use super::report::Fault;
use crate::model::Rate;

/// Longest duration taken, a hundred years: far beyond any use, and safe to add to any time.
const LONGEST_DAYS: u64 = 36_500;

/// Reads a number and its unit: `50ms`, `1s`, `1.5h`, `90d`; `0` needs no unit.
pub fn duration(text: &str) -> Result<Duration, Fault> {
    let form = "write a number and ms, s, m, h or d, such as \"10s\"";
    let millis = match number_and_unit(text) {
        Some((0, "")) => return Ok(Duration::ZERO),
        Some((thousandths, "ms")) => Some(thousandths / 1000),
        Some((thousandths, "s")) => Some(thousandths),
        Some((thousandths, "m")) => thousandths.checked_mul(60),
        Some((thousandths, "h")) => thousandths.checked_mul(3_600),
        Some((thousandths, "d")) => thousandths.checked_mul(86_400),
        Some(_) | None => return Err(Fault::new(format!("{text:?} is no duration")).help(form)),
    };
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    let longest = LONGEST_DAYS * 86_400_000;
    let too_long = || Fault::new(format!("{text:?} is longer than {LONGEST_DAYS} days")).help("give a shorter one");
    millis.filter(|&millis| millis <= longest).map(Duration::from_millis).ok_or_else(too_long)
}

/// Reads a number of bytes: `512KiB`, `100MB`, `2GiB`, `1000B`.
pub(super) fn size(text: &str) -> Result<u64, Fault> {
    let factor: u128 = match number_and_unit(text) {
        Some((_, "B")) => 1,
        Some((_, "kB" | "KB")) => 1_000,
        Some((_, "MB")) => 1_000_000,
        Some((_, "GB")) => 1_000_000_000,
        Some((_, "TB")) => 1_000_000_000_000,
        Some((_, "KiB")) => 1 << 10,
        Some((_, "MiB")) => 1 << 20,
        Some((_, "GiB")) => 1 << 30,
        Some((_, "TiB")) => 1 << 40,
        Some(_) | None => {
            let help = "write a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as \"2GiB\"";
            return Err(Fault::new(format!("{text:?} is no size")).help(help));
        }
    };
    let thousandths = number_and_unit(text).map_or(0, |(number, _)| number);
    let bytes = thousandths.checked_mul(factor).map(|product| product / 1000);
    let fits = bytes.and_then(|bytes| i64::try_from(bytes).ok()).and_then(|bytes| u64::try_from(bytes).ok());
    fits.ok_or_else(|| Fault::new(format!("{text:?} is larger than any disk")).help("give a smaller one"))
}

/// Reads `10/min`: a count per s, min, h or day.
pub(super) fn rate(text: &str) -> Result<Rate, Fault> {
    let fault = || Fault::new(format!("{text:?} is no rate")).help("write a count per s, min, h or day: \"10/min\"");
    let (count, per) = text.split_once('/').ok_or_else(fault)?;
    let seconds = match per {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "day" => 86_400,
        _ => return Err(fault()),
    };
    // Each use of a rate is remembered, so the count is bounded.
    match count.parse() {
        Ok(count @ 1..=10_000) => Ok(Rate { count, per: Duration::from_secs(seconds) }),
        Ok(_) => Err(Fault::new(format!("{text:?} is outside 1 to 10000")).help("leave the key out for none")),
        Err(_) => Err(fault()),
    }
}

/// Reads `host`, `host:port` or `[v6]:port`.
pub fn host_port(text: &str, default_port: u16) -> Result<(String, u16), Fault> {
    let fault = || Fault::new(format!("{text:?} is no address")).help("write HOST or HOST:PORT, IPv6 as [::1]:PORT");
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or_else(fault)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_v6 = text.starts_with('[');
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (is_v6 && ":%".contains(c));
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(fault());
    }
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host.to_owned(), default_port)),
        None => Err(fault()),
        Some(port) => Ok((host.to_owned(), port_number(port)?)),
    }
}

/// A TCP port to connect to.
fn port_number(text: &str) -> Result<u16, Fault> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new(format!("{text:?} is no port")).help("write HOST or HOST:PORT and nothing behind it"));
    }
    let port = text.parse().ok().filter(|&port: &u16| port != 0);
    port.ok_or_else(|| {
        Fault::new(format!("port {text} is outside 1 to 65535")).help("leave it out for the usual one")
    })
}

/// Splits `1.5h` into thousandths of the number and the unit.
fn number_and_unit(text: &str) -> Option<(u128, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.len() > 15 || !(1..=3).contains(&fraction.len()) {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let thousandths: u128 = format!("{fraction:0<3}").parse().ok()?;
    Some((whole * 1000 + thousandths, unit.trim_start_matches(' ')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for text in ["", "10", "-1s", "1w", "s", "1.2.3s", "40000d", "999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_know_decimal_and_binary_units() {
        assert_eq!(size("512KiB"), Ok(512 << 10));
        assert_eq!(size("100MB"), Ok(100_000_000));
        assert_eq!(size("1.5GiB"), Ok(3 << 29));
        for text in ["", "10", "2 gigs", "-1GB", "999999999999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_count_per_span() {
        assert_eq!(rate("10/min"), Ok(Rate { count: 10, per: Duration::from_secs(60) }));
        for text in ["10", "10/w", "0/s", "x/s", "-1/s", "99999/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_have_a_host_and_perhaps_a_port() {
        assert_eq!(host_port("a.b-c", 502), Ok(("a.b-c".into(), 502)));
        assert_eq!(host_port("10.0.0.1:99", 502), Ok(("10.0.0.1".into(), 99)));
        assert_eq!(host_port("[::1]:99", 502), Ok(("::1".into(), 99)));
        for text in ["", ":502", "a:", "a:0", "a:65536", "a:+1", "::1", "[::1", "[::1]x", "a b", "a/b", "u@h"] {
            assert!(host_port(text, 502).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,20}|[0-9.]{0,20}[a-zA-Z/:\\[\\]]{0,4}[0-9]{0,6}") {
            let _ = (duration(&text), size(&text), rate(&text), host_port(&text, 1));
        }
    }
}
