//! From a frame of a device to the values of its quirk's points.

use super::{OwnPoint, Quirk, Source, form::Raw};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Endpoint},
        map::{Missing, exact::Exact},
        tuya::{self, Data, Record},
        zcl::{
            self, Content, Direction, Frame, General,
            general::{Assignment, ReadOutcome},
        },
    },
    model::Value,
    profile::{Answer, Argument},
};

/// The value of a point, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'q> {
    /// The point.
    pub point: &'q OwnPoint,
    /// Its value.
    pub value: Result<Value, Missing>,
}

impl Quirk {
    /// What the keys of the points make of a frame.
    pub fn read(&self, endpoint: Endpoint, cluster: Cluster, frame: &Frame<'_>) -> Vec<Found<'_>> {
        match Data::of(cluster, frame) {
            Some(Ok(data)) => self.of_records(&data.records),
            // Half of a message may mean anything.
            Some(Err(_)) => Vec::new(),
            None => self.of_attributes(endpoint, cluster, frame),
        }
    }

    /// What a script's answer says of the points, and names that are none of them.
    pub fn take(&self, answer: Answer) -> (Vec<Found<'_>>, Vec<String>) {
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for (name, value) in answer {
            match self.point(&name) {
                Some(point) => found.push(Found { point, value: point.given(value) }),
                None => unknown.push(name),
            }
        }
        (found, unknown)
    }

    /// What data points say; one may feed several points, as bits do.
    fn of_records(&self, records: &[Record]) -> Vec<Found<'_>> {
        let of_record = |record: &Record| {
            let points = self
                .points
                .iter()
                .filter(|point| matches!(point.source, Source::DataPoint { dp, .. } if dp == record.dp));
            let found = |point| Found { point, value: raw_of_record(record).and_then(|raw| point.value(raw)) };
            points.map(found).collect::<Vec<_>>()
        };
        records.iter().flat_map(of_record).collect()
    }

    /// What attributes say.
    fn of_attributes(&self, endpoint: Endpoint, cluster: Cluster, frame: &Frame<'_>) -> Vec<Found<'_>> {
        if frame.header.direction != Direction::ToClient {
            return Vec::new();
        }
        let of_attribute = |assignment: &Assignment| {
            let points = self.points.iter().filter(|point| {
                matches!(point.source, Source::Attribute(place) if place.cluster == cluster
                    && place.attribute == assignment.attribute
                    && place.manufacturer == frame.header.manufacturer
                    && place.endpoint.is_none_or(|own| own == endpoint))
            });
            let found = |point| Found { point, value: raw_of(&assignment.value).and_then(|raw| point.value(raw)) };
            points.map(found).collect::<Vec<_>>()
        };
        assignments(frame).iter().flat_map(of_attribute).collect()
    }
}

/// The attributes that a frame tells.
fn assignments(frame: &Frame<'_>) -> Vec<Assignment> {
    match General::of(frame) {
        Some(Ok(General::Report(assignments))) => assignments,
        Some(Ok(General::ReadResponse(records))) => {
            let read = records.into_iter().filter_map(|record| match record.found {
                ReadOutcome::Value(value) => Some(Assignment::new(record.attribute, value)),
                ReadOutcome::Status(_) => None,
            });
            read.collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// What a data point holds.
fn raw_of_record(record: &Record) -> Result<Raw, Missing> {
    match record.kind {
        tuya::Type::Raw => Ok(Raw::Bytes(record.data.clone())),
        tuya::Type::String => Ok(Raw::Text(String::from_utf8_lossy(&record.data).into_owned())),
        kind => {
            let number = record.number().ok_or(Missing::Shape(kind.word()))?;
            Ok(Raw::Number(Exact::whole(number.into())))
        }
    }
}

/// What an attribute holds.
fn raw_of(value: &zcl::Value) -> Result<Raw, Missing> {
    match value.content() {
        Content::Invalid | Content::Empty => Err(Missing::NotAvailable),
        Content::Bits(bits) => Ok(Raw::Number(Exact::whole((*bits).into()))),
        Content::Signed(number) => Ok(Raw::Number(Exact::whole((*number).into()))),
        Content::Float(_) => Exact::of(value).map(Raw::Number).ok_or(Missing::OutOfRange),
        Content::Bytes(bytes) => Ok(value.as_text().map_or_else(|| Raw::Bytes(bytes.clone()), Raw::Text)),
        Content::List(..) | Content::Structure(_) => Err(Missing::Type(value.kind())),
    }
}

/// A frame as `decode.rhai` is given it.
pub(super) fn message(endpoint: Endpoint, cluster: Cluster, frame: &Frame<'_>) -> Argument {
    let header = &frame.header;
    let attributes = assignments(frame).into_iter().map(|one| (one.attribute.to_string(), argument(&one.value)));
    let records = Data::of(cluster, frame).and_then(Result::ok).map_or_else(Vec::new, |data| data.records);
    let records = records.iter().map(|record| (record.dp.to_string(), argument_of_record(record)));
    let manufacturer = header.manufacturer.map_or(Argument::None, |code| Argument::Int(code.0.into()));
    Argument::Map(vec![
        ("endpoint".to_owned(), Argument::Int(endpoint.into())),
        ("cluster".to_owned(), Argument::Int(cluster.0.into())),
        ("command".to_owned(), Argument::Int(header.command.into())),
        ("is_general".to_owned(), Argument::Bool(header.scope == zcl::Scope::Global)),
        ("manufacturer".to_owned(), manufacturer),
        ("payload".to_owned(), Argument::Bytes(frame.payload.to_vec())),
        ("attributes".to_owned(), Argument::Map(attributes.collect())),
        ("data_points".to_owned(), Argument::Map(records.collect())),
    ])
}

/// A data point for a script.
fn argument_of_record(record: &Record) -> Argument {
    match raw_of_record(record) {
        Ok(Raw::Number(number)) if record.kind == tuya::Type::Bool => Argument::Bool(number != Exact::whole(0)),
        Ok(Raw::Number(number)) => Argument::Int(number.as_whole().and_then(|n| i64::try_from(n).ok()).unwrap_or(0)),
        Ok(Raw::Text(text)) => Argument::Text(text),
        Ok(Raw::Bytes(bytes)) => Argument::Bytes(bytes),
        Err(_) => Argument::None,
    }
}

/// An attribute for a script. What is beyond the script's numbers is its digits.
fn argument(value: &zcl::Value) -> Argument {
    match value.content() {
        Content::Invalid | Content::Empty => Argument::None,
        Content::Bits(bits) if value.kind() == zcl::Kind::Bool => Argument::Bool(*bits == 1),
        Content::Bits(bits) => i64::try_from(*bits).map_or_else(|_| Argument::Text(bits.to_string()), Argument::Int),
        Content::Signed(number) => Argument::Int(*number),
        Content::Float(number) => Argument::Float(*number),
        // A key is a secret.
        Content::Bytes(_) if value.kind() == zcl::Kind::Key128 => Argument::None,
        Content::Bytes(bytes) => value.as_text().map_or_else(|| Argument::Bytes(bytes.clone()), Argument::Text),
        Content::List(_, items) | Content::Structure(items) => Argument::List(items.iter().map(argument).collect()),
    }
}
