//! The live view of `tidegate demo`: values, rates, buffer, uplinks, alarms, as text.
//!
//! All of it is pure: a [`View`] in, lines out, never wider or higher than asked. `screen` puts them on a terminal.

use std::{fmt, time::Duration};

use super::{
    format::{measured, span},
    table::{Table, one_line},
};

/// Lines kept for alarms and events at the bottom, however many points there are.
const FOOT: usize = 8;

/// What there is to see at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The gateway's id.
    pub gateway: String,
    /// Time since the start.
    pub elapsed: Duration,
    /// Readings since the start.
    pub readings: u64,
    /// Readings per second.
    pub rate: f64,
    /// Messages in the buffer that an uplink still owes.
    pub depth: u64,
    /// Bytes of the buffer's files.
    pub bytes: u64,
    /// Uplinks with their state.
    pub uplinks: Vec<UplinkLine>,
    /// Points in the order they are shown.
    pub points: Vec<PointLine>,
    /// Active alarms, the newest first.
    pub alarms: Vec<String>,
    /// Events, the newest first.
    pub events: Vec<String>,
}

/// One uplink.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UplinkLine {
    /// Its name.
    pub name: String,
    /// A word such as `online`.
    pub state: String,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
}

/// One point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PointLine {
    /// The device.
    pub device: String,
    /// The point within the device.
    pub point: String,
    /// The value as text; empty when there is none.
    pub value: String,
    /// UCUM unit.
    pub unit: Option<String>,
    /// Quality; nothing is shown for `good`.
    pub quality: String,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// How long it ran.
    pub elapsed: Duration,
    /// Readings that were accepted.
    pub readings: u64,
    /// Messages made of them.
    pub messages: u64,
    /// Messages the broker acknowledged.
    pub acknowledged: u64,
    /// Readings that were accepted and reached nobody.
    pub lost: u64,
    /// Messages that arrived more than once.
    pub duplicates: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ran           {}", span(self.elapsed))?;
        writeln!(f, "readings      {}", self.readings)?;
        writeln!(f, "messages      {}", self.messages)?;
        writeln!(f, "acknowledged  {}", self.acknowledged)?;
        writeln!(f, "lost          {}", self.lost)?;
        writeln!(f, "duplicates    {}", self.duplicates)
    }
}

/// The view as lines that fit.
pub fn render(view: &View, width: usize, height: usize) -> String {
    let mut lines = head(view);
    let foot = foot(view);
    let room = height.saturating_sub(lines.len() + foot.len());
    lines.extend(points(&view.points, room));
    lines.extend(foot);
    let fitted: Vec<String> = lines.iter().take(height).map(|line| fit(line, width)).collect();
    fitted.join("\n")
}

/// Gateway, flow and uplinks.
fn head(view: &View) -> Vec<String> {
    let View { gateway, readings, rate, depth, .. } = view;
    let kib = view.bytes.div_ceil(1024);
    let mut lines = vec![
        format!("tidegate {gateway}  running {}", span(view.elapsed)),
        format!("readings {readings} ({rate:.1}/s)  buffer {depth} messages owed, {kib} KiB"),
    ];
    let uplink = |u: &UplinkLine| format!("uplink {}  {}  {} messages acknowledged", u.name, u.state, u.acknowledged);
    lines.extend(view.uplinks.iter().map(uplink));
    lines.push(String::new());
    lines
}

/// The points' table, cut to the room there is with a line that says so.
fn points(points: &[PointLine], room: usize) -> Vec<String> {
    let mut table = Table::new(&["DEVICE", "POINT", "VALUE"]);
    for (index, line) in points.iter().enumerate() {
        // A device is named once, above its points.
        let is_first = index == 0 || points[index - 1].device != line.device;
        let device = if is_first { line.device.clone() } else { String::new() };
        let value = measured(&line.value, line.unit.as_deref(), Some(line.quality.as_str()));
        table.push([device, line.point.clone(), value]);
    }
    let mut lines: Vec<String> = table.to_string().lines().map(str::to_owned).collect();
    if lines.len() > room {
        let hidden = lines.len() - room.saturating_sub(1);
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("… and {hidden} more"));
    }
    lines
}

/// Alarms and events.
fn foot(view: &View) -> Vec<String> {
    let half = FOOT / 2 - 1;
    let mut lines = vec![String::new()];
    match view.alarms.len() {
        0 => lines.push("no active alarms".to_owned()),
        count => lines.push(format!("{count} active alarm{}", if count == 1 { "" } else { "s" })),
    }
    lines.extend(view.alarms.iter().take(half).map(|alarm| format!("  ! {alarm}")));
    lines.extend(view.events.iter().take(half).map(|event| format!("  - {event}")));
    lines
}

/// A line of at most `width` characters without control characters.
fn fit(line: &str, width: usize) -> String {
    let line = one_line(line);
    match line.char_indices().nth(width) {
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).take(width).collect(),
        None => line,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A small view with a bit of everything.
    pub(in crate::cli) fn view() -> View {
        let point = |device: &str, point: &str, value: &str, quality: &str| PointLine {
            device: device.into(),
            point: point.into(),
            value: value.into(),
            unit: Some("V".into()),
            quality: quality.into(),
        };
        View {
            gateway: "demo".into(),
            elapsed: Duration::from_secs(12),
            readings: 240,
            rate: 20.0,
            uplinks: vec![UplinkLine { name: "cloud".into(), state: "online".into(), acknowledged: 24 }],
            points: vec![
                point("meter-1", "voltage", "230.1", "good"),
                point("meter-1", "spare", "1", "good"),
                point("pump-1", "speed", "", "bad:timeout"),
            ],
            alarms: vec!["cold-chain/too-warm: freezer 9.1 °C".into()],
            events: vec!["pump-1 is offline".into()],
            ..View::default()
        }
    }

    #[test]
    fn a_view_shows_values_flow_alarms_and_events() {
        let text = render(&view(), 80, 24);

        let expected = "tidegate demo  running 12 s\n\
            readings 240 (20.0/s)  buffer 0 messages owed, 0 KiB\n\
            uplink cloud  online  24 messages acknowledged\n\
            \n\
            DEVICE   POINT    VALUE\n\
            meter-1  voltage  230.1 V\n         \
                     spare    1 V\n\
            pump-1   speed    bad:timeout\n\
            \n\
            1 active alarm\n  \
              ! cold-chain/too-warm: freezer 9.1 °C\n  \
              - pump-1 is offline";
        assert_eq!(text, expected);
    }

    #[test]
    fn points_without_room_are_counted_and_the_foot_stays() {
        let text = render(&view(), 80, 11);

        assert!(text.contains("… and 2 more"), "{text}");
        assert!(text.ends_with("pump-1 is offline"), "{text}");
    }

    proptest! {
        #[test]
        fn it_always_fits(width in 0..200_usize, height in 0..60_usize, count in 0..80_usize, text in "\\PC{0,90}") {
            let mut view = view();
            view.points = vec![PointLine { value: text.clone(), ..PointLine::default() }; count];
            view.events = vec![text; 5];

            let text = render(&view, width, height);

            prop_assert!(text.lines().count() <= height.max(1));
            prop_assert!(text.lines().all(|line| line.chars().count() <= width));
        }
    }
}
