//! What a device answers to applications.

use super::{Device, Heard};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster},
    zcl::{
        self, Frame, General, Status, Value,
        general::{Assignment, Outcome, ReadOutcome, ReadRecord, Reporting, ReportingRecord, WriteRecord},
    },
};

impl Device {
    /// Its endpoint.
    pub(super) fn hear_zcl(&mut self, cluster: Cluster, frame: &Frame<'_>) -> Vec<Heard> {
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

    /// Remembers what it shall report.
    fn configure(&mut self, cluster: Cluster, all: &[Reporting]) -> General {
        for reporting in all {
            if let Reporting::Send { attribute, .. } = reporting {
                self.reported.insert((cluster, *attribute));
            }
        }
        General::ConfigureReportingResponse(vec![ReportingRecord { status: Status::SUCCESS, attribute: None }])
    }

    /// Does what a command of a cluster says.
    fn command(&mut self, cluster: Cluster, frame: &Frame<'_>) -> Vec<Heard> {
        let (header, payload) = (frame.header, frame.payload);
        let is_on = self.get(Cluster(6), Attribute(0)).and_then(Value::as_integer) == Some(1);
        let change = match (cluster.0, header.command, payload) {
            (6, command @ 0..=2, _) => {
                let is_on = if command == 2 { !is_on } else { command == 1 };
                Value::bits(zcl::Kind::Bool, is_on.into()).map(|value| (Attribute(0), value))
            }
            (8, 0x00 | 0x04, [level, ..]) => {
                Value::bits(zcl::Kind::Uint8, (*level).into()).map(|value| (Attribute(0), value))
            }
            (0x0300, 0x0a, [low, high, ..]) => {
                let mireds = u16::from_le_bytes([*low, *high]);
                Value::bits(zcl::Kind::Uint16, mireds.into()).map(|value| (Attribute(7), value))
            }
            _ => None,
        };
        let change = change.filter(|(attribute, _)| self.get(cluster, *attribute).is_some());
        let status = if change.is_some() { Status::SUCCESS } else { Status::UNSUPPORTED_COMMAND };
        let mut heard = Vec::new();
        if !header.disable_default_response || !status.is_success() {
            let outcome = General::DefaultResponse(Outcome { command: header.command, status });
            heard.push(Heard::Zcl { cluster, frame: outcome.encode(header.answer(0)) });
        }
        if let Some((attribute, value)) = change {
            heard.extend(self.set(cluster, attribute, value).1);
        }
        heard
    }
}
