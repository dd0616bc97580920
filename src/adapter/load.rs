//! How much of its link an adapter asks for, worked out from the configuration alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    time::Duration,
};

use serde::Serialize;

/// How full a link should be at most: what answers slower than expected needs room.
const GOAL: f64 = 0.8;

/// A serial line behind a link that hides it, such as that of a TCP gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Whether frames are hexadecimal digits and not bytes.
    pub is_ascii: bool,
    /// Bits per second.
    pub baud: u32,
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(mode, baud)| Some((mode, baud.parse().ok()?)));
        match parts {
            Some(("rtu", baud @ 300..=10_000_000)) => Ok(Self { is_ascii: false, baud }),
            Some(("ascii", baud @ 300..=10_000_000)) => Ok(Self { is_ascii: true, baud }),
            _ => Err("expected rtu:BAUD or ascii:BAUD, such as rtu:9600".to_owned()),
        }
    }
}

/// Everything that an adapter asks its devices, again and again.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// The adapter.
    pub adapter: String,
    /// Its link.
    pub link: String,
    /// What the times take for granted, in words.
    pub assumes: String,
    /// Every request.
    pub requests: Vec<Request>,
}

/// One request, sent again and again.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Whom it asks.
    pub device: String,
    /// The unit id of the device.
    pub unit: u8,
    /// The function code.
    pub function: u8,
    /// The table read.
    pub table: &'static str,
    /// First address.
    pub start: u16,
    /// How many registers or bits.
    pub count: u16,
    /// Which points are in the answer.
    pub points: Vec<String>,
    /// How often it is sent.
    #[serde(rename = "every_s", serialize_with = "seconds")]
    pub every: Duration,
    /// Bytes on the wire, there and back.
    pub bytes: usize,
    /// How long it keeps the link busy; of requests that are under way together, its share.
    #[serde(rename = "time_s", serialize_with = "seconds")]
    pub time: Duration,
    /// How long its unit rests after it.
    #[serde(rename = "rest_s", serialize_with = "seconds")]
    pub rest: Duration,
}

impl Load {
    /// The part of the link's time that is asked for; above 1 it cannot be had.
    pub fn part(&self) -> f64 {
        self.requests.iter().map(Request::part).sum()
    }

    /// The unit of whose time the largest part is asked for, its rests included, and that part.
    pub fn busiest(&self) -> Option<(u8, f64)> {
        let mut parts: BTreeMap<u8, f64> = BTreeMap::new();
        for request in &self.requests {
            *parts.entry(request.unit).or_default() += request.part_of_unit();
        }
        parts.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    /// The larger part that is asked for: of the link's time, or of that of one of its units.
    pub fn need(&self) -> f64 {
        self.busiest().map_or(0.0, |(_, part)| part).max(self.part())
    }

    /// For each interval one that leaves the link and its units some room, if they are asked for more than all their time.
    pub fn fitting(&self) -> Vec<(Duration, Duration)> {
        let part = self.need();
        if part <= 1.0 {
            return Vec::new();
        }
        let intervals: BTreeSet<Duration> = self.requests.iter().map(|request| request.every).collect();
        intervals.into_iter().map(|interval| (interval, rounded_up(interval.mul_f64(part / GOAL)))).collect()
    }

    /// [`Load::fitting`] in words: `poll 50ms as 340ms, poll 10s as 67s`.
    pub fn advice(&self) -> String {
        let fitting = self.fitting();
        let fitting = fitting.iter().map(|(every, fits)| format!("poll {} as {}", written(*every), written(*fits)));
        fitting.collect::<Vec<_>>().join(", ")
    }
}

impl Request {
    /// The part of the link's time that it takes.
    pub fn part(&self) -> f64 {
        self.time.as_secs_f64() / self.every.as_secs_f64()
    }

    /// The part of its unit's time that it takes.
    fn part_of_unit(&self) -> f64 {
        (self.time + self.rest).as_secs_f64() / self.every.as_secs_f64()
    }
}

/// The next longer interval that a person would choose: two digits.
fn rounded_up(interval: Duration) -> Duration {
    let millis = interval.as_secs_f64() * 1000.0;
    let step = 10_f64.powf(millis.max(10.0).log10().floor() - 1.0);
    Duration::from_secs_f64((millis / step).ceil() * step / 1000.0)
}

/// An interval as the configuration writes it.
fn written(span: Duration) -> String {
    if span.subsec_millis() == 0 { format!("{}s", span.as_secs()) } else { format!("{}ms", span.as_millis()) }
}

/// A duration as seconds.
fn seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(every_ms: u64, time_ms: u64) -> Request {
        let (every, time) = (Duration::from_millis(every_ms), Duration::from_millis(time_ms));
        let (device, table, points, rest) = ("meter-1".to_owned(), "input", Vec::new(), Duration::ZERO);
        Request { device, unit: 1, function: 4, table, start: 0, count: 2, points, every, bytes: 17, time, rest }
    }

    fn load(requests: Vec<Request>) -> Load {
        Load { adapter: "line1".into(), link: "tcp://plc:502".into(), assumes: String::new(), requests }
    }

    #[test]
    fn a_line_is_a_mode_and_a_speed() {
        assert_eq!("rtu:9600".parse(), Ok(Line { is_ascii: false, baud: 9600 }));
        assert_eq!("ascii:19200".parse(), Ok(Line { is_ascii: true, baud: 19_200 }));
        for wrong in ["rtu", "rtu:", "rtu:0", "tcp:9600", "9600", "rtu:99999999999"] {
            assert!(wrong.parse::<Line>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_with_room_keeps_its_intervals() {
        let load = load(vec![request(1000, 300), request(500, 100)]);
        assert!((load.part() - 0.5).abs() < 1e-9);
        assert_eq!(load.fitting(), []);
    }

    #[test]
    fn a_unit_that_rests_after_each_request_has_less_time_than_its_link() {
        let resting = |unit, time_ms| Request { unit, rest: Duration::from_millis(300), ..request(1000, time_ms) };

        let with_room = load(vec![resting(1, 50), resting(1, 50), resting(2, 250), resting(3, 250)]);
        assert_eq!(with_room.busiest().map(|(unit, _)| unit), Some(1));
        assert!((with_room.need() - 0.7).abs() < 1e-9 && with_room.fitting().is_empty(), "{}", with_room.need());

        let without = load(vec![resting(1, 50), resting(1, 50), resting(1, 50)]);
        assert!((without.part() - 0.15).abs() < 1e-9 && (without.need() - 1.05).abs() < 1e-9);
        assert_eq!(without.advice(), "poll 1s as 1400ms");
    }

    #[test]
    fn an_overloaded_link_is_told_intervals_that_fit() {
        let mut load = load(vec![request(1000, 900), request(10_000, 3000), request(10_000, 1000)]);
        assert_eq!(load.advice(), "poll 1s as 1700ms, poll 10s as 17s");

        for (interval, fits) in load.fitting() {
            for request in load.requests.iter_mut().filter(|request| request.every == interval) {
                request.every = fits;
            }
        }

        assert!((0.7..=GOAL).contains(&load.part()), "{}", load.part());
        assert_eq!(load.requests[0].every, Duration::from_millis(1700));
        assert_eq!(load.requests[1].every, Duration::from_secs(17));
    }
}
