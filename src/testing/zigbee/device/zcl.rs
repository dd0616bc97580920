//! What a device answers to applications.

use super::{Device, Heard};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster, Group},
    ota, tuya,
    wire::{List, Reader, Wire as _},
    zcl::{
        self, Frame, General, Header, Scope, Status, Value,
        general::{
            Assignment, Outcome, ReadOutcome, ReadRecord, Reporting, ReportingFound, ReportingRecord,
            ReportingWanted, WriteRecord,
        },
    },
};

impl Device {
    /// Its endpoint.
    pub(super) fn hear_zcl(&mut self, cluster: Cluster, frame: &Frame<'_>) -> Vec<Heard> {
        if cluster == ota::CLUSTER {
            return self.hear_firmware(frame);
        }
        let header = frame.header;
        let general = match General::of(frame) {
            None => return self.command(cluster, frame),
            Some(Err(_)) => return Vec::new(),
            Some(Ok(general)) => general,
        };
        let (answer, changed) = match general {
            General::Read(wanted) => (General::ReadResponse(self.read(cluster, &wanted)), None),
            General::Write(all) => self.write(cluster, &all),
            General::ConfigureReporting(all) => (self.configure(cluster, &all), None),
            General::ReadReporting(all) => (self.reporting(cluster, &all), None),
            General::ReadResponse(records) => {
                self.told_attributes = Some(records);
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        let frame = answer.encode(header.answer(0));
        let mut heard = vec![Heard::Zcl { cluster, frame }];
        heard.extend(changed.into_iter().flat_map(|attribute| self.report(cluster, attribute)));
        heard
    }

    /// Reads attributes.
    fn read(&self, cluster: Cluster, wanted: &[Attribute]) -> Vec<ReadRecord> {
        let record = |attribute: &Attribute| {
            let value = self.get(cluster, *attribute).cloned();
            let found = value.map_or(ReadOutcome::Status(Status::UNSUPPORTED_ATTRIBUTE), ReadOutcome::Value);
            ReadRecord { attribute: *attribute, found }
        };
        wanted.iter().map(record).collect()
    }

    /// Writes attributes that are there.
    fn write(&mut self, cluster: Cluster, all: &[Assignment]) -> (General, Option<Attribute>) {
        for assignment in all {
            let Some(value) = self.attributes.get_mut(&(cluster, assignment.attribute)) else {
                let status = Status::UNSUPPORTED_ATTRIBUTE;
                let record = WriteRecord { status, attribute: Some(assignment.attribute) };
                return (General::WriteResponse(vec![record]), None);
            };
            *value = assignment.value.clone();
        }
        let record = WriteRecord { status: Status::SUCCESS, attribute: None };
        (General::WriteResponse(vec![record]), all.last().map(|assignment| assignment.attribute))
    }

    /// Remembers what it shall report, at times of its own if it has some.
    fn configure(&mut self, cluster: Cluster, all: &[Reporting]) -> General {
        let mut refused = Vec::new();
        for reporting in all {
            let Reporting::Send { attribute, .. } = reporting else { continue };
            if self.unreportable.contains(&(cluster, *attribute)) {
                let wanted = ReportingWanted { direction: 0, attribute: *attribute };
                refused.push(ReportingRecord { status: Status::UNREPORTABLE, attribute: Some(wanted) });
                continue;
            }
            let mut own = reporting.clone();
            if let (Reporting::Send { most_s, .. }, Some(own_most_s)) = (&mut own, self.own_most_s) {
                *most_s = own_most_s;
            }
            self.reported.insert((cluster, *attribute), own);
        }
        if refused.is_empty() {
            refused.push(ReportingRecord { status: Status::SUCCESS, attribute: None });
        }
        General::ConfigureReportingResponse(refused)
    }

    /// Says when it reports.
    fn reporting(&self, cluster: Cluster, all: &[ReportingWanted]) -> General {
        let found = |wanted: &ReportingWanted| {
            let reporting = self.reported.get(&(cluster, wanted.attribute)).cloned();
            let status = if reporting.is_some() { Status::SUCCESS } else { Status::NOT_FOUND };
            ReportingFound { status, wanted: wanted.clone(), reporting }
        };
        General::ReadReportingResponse(all.iter().map(found).collect())
    }

    /// Goes into groups and out of them; the answer (ZCL, 3.6.2.3).
    fn group(&mut self, header: Header, payload: &[u8]) -> Vec<Heard> {
        let mut reader = Reader::new(payload);
        let group = reader.read::<Group>().unwrap_or_default();
        let payload = match header.command {
            0 | 3 => {
                // Who is in it already is in it: newer devices call that success (ZCL 8, 3.6.2.3.2.2).
                let was_in = self.groups.remove(&group);
                let shall_be_in = header.command == 0;
                if shall_be_in {
                    self.groups.insert(group);
                }
                let status = if was_in || shall_be_in { Status::SUCCESS } else { Status::NOT_FOUND };
                [&[status.0][..], &group.to_bytes()].concat()
            }
            2 => {
                let all: Vec<_> = self.groups.iter().copied().collect();
                [vec![0xff], List::try_from(all).expect("a few").to_bytes()].concat()
            }
            4 => {
                self.groups.clear();
                return outcome(Cluster(4), header, Status::SUCCESS);
            }
            _ => return outcome(Cluster(4), header, Status::UNSUPPORTED_COMMAND),
        };
        let header = Header { scope: Scope::Cluster, ..header.answer(header.command) };
        vec![Heard::Zcl { cluster: Cluster(4), frame: Frame { header, payload: &payload }.encode() }]
    }

    /// Does what a command of a cluster says.
    fn command(&mut self, cluster: Cluster, frame: &Frame<'_>) -> Vec<Heard> {
        if cluster == Cluster(4) {
            return self.group(frame.header, frame.payload);
        }
        if cluster == tuya::CLUSTER {
            let mut heard = outcome(cluster, frame.header, Status::SUCCESS);
            heard.extend(self.hear_tuya(frame.header, frame.payload));
            return heard;
        }
        let (header, payload) = (frame.header, frame.payload);
        if let (0x0020, 0x00, [stays, ..]) = (cluster.0, header.command, payload) {
            self.stays_awake = Some(*stays == 1);
            return Vec::new();
        }
        if cluster == Cluster(0x0501) {
            self.told_panel = Some((header.command, payload.to_vec()));
            return outcome(cluster, header, Status::SUCCESS);
        }
        let is_on = self.get(Cluster(6), Attribute(0)).and_then(Value::as_integer) == Some(1);
        let change = match (cluster.0, header.command, payload) {
            (6, command @ 0..=2, _) => {
                let is_on = if command == 2 { !is_on } else { command == 1 };
                Value::bits(zcl::Kind::Bool, is_on.into()).map(|value| (Attribute(0), value))
            }
            (8, 0x00 | 0x04, [level, ..]) => {
                Value::bits(zcl::Kind::Uint8, (*level).into()).map(|value| (Attribute(0), value))
            }
            // The zone is enrolled (ZCL, 8.2.2.3.1).
            (0x0500, 0x00, [0, ..]) => Value::bits(zcl::Kind::Enum8, 1).map(|value| (Attribute(0), value)),
            // Open, closed, and stopped half way.
            (0x0102, command @ 0..=2, _) => {
                let closed = [0, 100, 50][usize::from(command)];
                Value::bits(zcl::Kind::Uint8, closed).map(|value| (Attribute(8), value))
            }
            (0x0300, 0x07, [x, x_high, y, y_high, ..]) => {
                let [x, y] = [[*x, *x_high], [*y, *y_high]].map(|part| u16::from_le_bytes(part).into());
                self.attributes
                    .extend(Value::bits(zcl::Kind::Uint16, x).map(|value| ((cluster, Attribute(3)), value)));
                Value::bits(zcl::Kind::Uint16, y).map(|value| (Attribute(4), value))
            }
            (0x0300, 0x0a, [low, high, ..]) => {
                let mireds = u16::from_le_bytes([*low, *high]);
                Value::bits(zcl::Kind::Uint16, mireds.into()).map(|value| (Attribute(7), value))
            }
            _ => None,
        };
        let change = change.filter(|(attribute, _)| self.get(cluster, *attribute).is_some());
        let status = if change.is_some() { Status::SUCCESS } else { Status::UNSUPPORTED_COMMAND };
        let mut heard = outcome(cluster, header, status);
        if let Some((attribute, value)) = change {
            heard.extend(self.set(cluster, attribute, value).1);
        }
        heard
    }
}

/// Says how a command went, where that is wanted.
fn outcome(cluster: Cluster, header: Header, status: Status) -> Vec<Heard> {
    if header.disable_default_response && status.is_success() {
        return Vec::new();
    }
    let outcome = General::DefaultResponse(Outcome { command: header.command, status });
    vec![Heard::Zcl { cluster, frame: outcome.encode(header.answer(0)) }]
}
