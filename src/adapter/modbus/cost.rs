//! What a request costs: bytes on the wire, and the time it keeps the link busy.

use std::{fmt, time::Duration};

use super::{
    config::{Config, Link, Table},
    frame::{Mode, mbap},
    pdu::Request,
    plan::{Group, plan},
    response::read_bytes,
};
use crate::adapter::load::{self, Line, Load};

/// How long a unit on a serial line takes to begin its answer: most meters need 5 to 20 ms.
const TURNAROUND: Duration = Duration::from_millis(10);

/// How long a Modbus/TCP unit in the same network takes for an answer.
const ROUND_TRIP: Duration = Duration::from_millis(5);

/// Silence around frames where it is not given by the speed (MODBUS over serial line 1.02, 2.5.1.1).
const SHORTEST_GAP: Duration = Duration::from_micros(1750);

/// Bits of a character of RTU: start, eight, parity or a second stop, stop (2.5.1).
const RTU_BITS: u32 = 11;

/// Bits of a character of ASCII: seven of data (2.5.2).
const ASCII_BITS: u32 = 10;

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wire {
    /// With the MBAP header, at a speed that does not matter.
    Tcp,
    /// In binary with a CRC, one character in this time.
    Rtu(Duration),
    /// In hexadecimal digits with an LRC, one character in this time.
    Ascii(Duration),
}

impl Wire {
    /// How a link's frames travel where they are slowest.
    fn of(link: &Link, behind: Option<Line>) -> Self {
        match (link, behind) {
            (_, Some(Line { is_ascii: false, baud })) => Self::Rtu(characters(RTU_BITS, baud)),
            (_, Some(Line { is_ascii: true, baud })) => Self::Ascii(characters(ASCII_BITS, baud)),
            (Link::Serial { mode: Mode::Rtu, port }, None) => Self::Rtu(port.character()),
            (Link::Serial { mode: Mode::Ascii, port }, None) => Self::Ascii(port.character()),
            // How fast the line behind a gateway is can only be told.
            (Link::Tcp { .. } | Link::Tls { .. } | Link::Gateway { .. }, None) => Self::Tcp,
        }
    }

    /// Bytes on the wire for a PDU (MODBUS over serial line 1.02, 2.5; Modbus messaging on TCP/IP 1.0b, 3.1.3).
    fn bytes(self, pdu: usize) -> usize {
        match self {
            Self::Tcp => mbap::HEADER + pdu,
            Self::Rtu(_) => 1 + pdu + 2,
            Self::Ascii(_) => 1 + 2 * (1 + pdu + 1) + 2,
        }
    }

    /// How long an exchange of so many bytes keeps the link busy.
    fn time(self, bytes: usize) -> Duration {
        let characters = u32::try_from(bytes).unwrap_or(u32::MAX);
        match self {
            Self::Tcp => ROUND_TRIP,
            // Three and a half characters of silence before each of the two frames.
            Self::Rtu(character) => character * characters + 2 * (character * 7 / 2).max(SHORTEST_GAP) + TURNAROUND,
            Self::Ascii(character) => character * characters + TURNAROUND,
        }
    }

    /// The bytes of a read there and back, and its time.
    fn cost(self, table: Table, count: u16) -> (usize, Duration) {
        // Function, address and count; function, byte count and data (MODBUS Application Protocol 1.1b3, 6.1 to 6.4).
        let bytes = self.bytes(5) + self.bytes(2 + read_bytes(table, count));
        (bytes, self.time(bytes))
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => write!(f, "one request takes {} ms", ROUND_TRIP.as_millis()),
            Self::Rtu(_) | Self::Ascii(_) => write!(f, "a unit answers after {} ms", TURNAROUND.as_millis()),
        }
    }
}

/// What a configuration asks of its link. Nothing is known here of what units refuse.
pub(super) fn load(config: &Config, behind: Option<Line>) -> Load {
    let wire = Wire::of(&config.link, behind);
    let requests = plan(&config.devices).into_iter().filter_map(|group| request(config, &group, wire));
    let at_once = at_once(config, wire);
    let together = if at_once > 1 { format!(" and {at_once} are under way at once") } else { String::new() };
    Load {
        adapter: config.name.clone(),
        link: config.link.to_string(),
        assumes: format!("{wire}{together}"),
        requests: requests.collect(),
    }
}

/// Requests that are under way together, each with its share of the time. On a line behind a gateway they wait for each
/// other whatever is sent.
fn at_once(config: &Config, wire: Wire) -> u32 {
    let pipeline = if wire == Wire::Tcp { config.connect.pipeline } else { 1 };
    u32::try_from(pipeline).unwrap_or(u32::MAX).max(1)
}

/// One request with its cost.
fn request(config: &Config, group: &Group, wire: Wire) -> Option<load::Request> {
    let Request::Read { table, start, count } = group.request else { return None };
    let device = &config.devices[group.device];
    let name = |&point: &usize| device.points[point].point.name().to_string();
    let (bytes, time) = wire.cost(table, count);
    // A place that is looked for first is asked alone.
    let at_once = if device.sunspec.is_empty() { at_once(config, wire) } else { 1 };
    Some(load::Request {
        device: device.id.to_string(),
        unit: device.unit,
        function: group.request.function(),
        table: word(table),
        start,
        count,
        points: group.points.iter().map(name).collect(),
        every: group.poll,
        bytes,
        time: time / at_once,
        rest: device.pause,
    })
}

/// The word for a table in a configuration.
fn word(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Input => "input",
        Table::Holding => "holding",
    }
}

/// How long a character takes.
fn characters(bits: u32, baud: u32) -> Duration {
    Duration::from_secs(1) * bits / baud.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::modbus::{
        config::DataType,
        fixtures::mapped,
        line_tests::{config, unit},
    };

    #[test]
    fn a_request_costs_its_characters_gaps_and_turnaround() {
        let rtu = Wire::Rtu(characters(RTU_BITS, 9600));
        // 8 characters there, 1 + 1 + 1 + 20 + 2 back, of 1146 us each; two gaps of 4010 us; 10 ms.
        assert_eq!(
            rtu.cost(Table::Holding, 10),
            (33, Duration::from_nanos(1_145_833 * 33 + 2 * 4_010_415 + 10_000_000))
        );
        assert_eq!(Wire::Tcp.cost(Table::Holding, 10), (12 + 29, ROUND_TRIP));
        let ascii = Wire::Ascii(characters(ASCII_BITS, 9600));
        // ":" 01 03 000A 000A LRC CR LF is 17 characters.
        assert_eq!(ascii.cost(Table::Coil, 9).0, 17 + 1 + 2 * 6 + 2);
    }

    #[test]
    fn above_19200_baud_the_gap_does_not_shrink() {
        let fast = Wire::Rtu(characters(RTU_BITS, 115_200));
        assert_eq!(fast.cost(Table::Holding, 1).1, Duration::from_nanos(95_486 * 15) + 2 * SHORTEST_GAP + TURNAROUND);
    }

    #[test]
    fn requests_that_are_under_way_together_share_the_time_of_the_link() {
        let points = || (0..40).map(|at| mapped("holding", at * 3, DataType::U16)).collect();
        let mut config = config(vec![unit(1, points()), unit(2, points())]);
        config.connect.pipeline = 4;

        let load = load(&config, None);
        let behind = super::load(&config, Some(Line { is_ascii: false, baud: 9600 }));

        assert!((load.part() - 0.1).abs() < 1e-9, "{}", load.part());
        assert_eq!(load.assumes, "one request takes 5 ms and 4 are under way at once");
        assert!(behind.part() > 2.0 && !behind.assumes.contains("at once"), "{}", behind.part());
    }

    #[test]
    fn a_serial_line_behind_a_gateway_is_what_counts() {
        let points = || (0..40).map(|at| mapped("holding", at * 3, DataType::U16)).collect();
        let config = config(vec![unit(1, points()), unit(2, points())]);

        let tcp = load(&config, None);
        let behind = load(&config, Some(Line { is_ascii: false, baud: 9600 }));

        assert_eq!(tcp.requests.len(), 80);
        assert!((tcp.part() - 0.4).abs() < 1e-9, "{}", tcp.part());
        assert!(behind.part() > 2.0 && behind.fitting().len() == 1, "{}", behind.part());
        assert_eq!((behind.requests[0].table, behind.requests[0].points.len()), ("holding", 1));
    }
}
