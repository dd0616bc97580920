//! Takes the answers to the steps of an interview.

use super::{MAKER, MODEL, Step};
use crate::adapter::zigbee::{
    address::Cluster,
    device::Device,
    reporting,
    wire::Wire as _,
    zcl::{
        General,
        general::{ReadOutcome, ReportingRecord},
    },
    zdo::{
        Answer, Request,
        request::{ActiveEndpoints, Bind, NodeDescriptor, SimpleDescriptor},
    },
};

/// Takes the answer of a ZDO to a step, its fields without the transaction. Whether it could be read.
pub(in crate::adapter::zigbee) fn take_zdo(device: &mut Device, step: Step, fields: &[u8]) -> bool {
    match step {
        Step::Node => answer::<NodeDescriptor>(fields, |node| device.node = Some(node.node)),
        Step::Endpoints => answer::<ActiveEndpoints>(fields, |all| {
            // 0 is ZDO; from 241 on endpoints are reserved, and 242 is green power's (Zigbee R21, 2.2.4.1.1.4).
            device.listed = all.endpoints.as_slice().iter().copied().filter(|n| (1..=240).contains(n)).collect();
        }),
        Step::Simple(endpoint) => answer::<SimpleDescriptor>(fields, |of| {
            if of.simple.endpoint == endpoint {
                device.describe(of.simple);
            }
        }),
        Step::Bind(..) => answer::<Bind>(fields, |()| {}),
        Step::Basic(_)
        | Step::Read(..)
        | Step::Enroll(_)
        | Step::Report(..)
        | Step::ReadBack(..)
        | Step::Group(..)
        | Step::Ungroup(..)
        | Step::Greet(_)
        | Step::Own(..)
        | Step::OwnReport(..) => false,
    }
}

/// Reads an answer and keeps it if it is one; a refusal is an answer without anything to keep.
fn answer<R: Request>(fields: &[u8], keep: impl FnOnce(R::Answer)) -> bool {
    match Answer::<R::Answer>::from_bytes(fields) {
        Ok(answer) => {
            if let Some(fields) = answer.fields {
                keep(fields);
            }
            true
        }
        Err(_) => false,
    }
}

/// Takes the answer of an endpoint to a step. Whether it is one.
pub(in crate::adapter::zigbee) fn take_general(device: &mut Device, step: Step, command: &General) -> bool {
    match (step, command) {
        (Step::Basic(_), General::ReadResponse(records)) => {
            for record in records {
                let ReadOutcome::Value(value) = &record.found else { continue };
                let text = value.as_text().filter(|text| !text.is_empty());
                match record.attribute {
                    MAKER => device.manufacturer = text,
                    MODEL => device.model = text,
                    _ => {}
                }
            }
            true
        }
        (Step::Read(endpoint, cluster, _), General::ReadResponse(records)) => {
            device.take_read(endpoint, Cluster(cluster), records);
            true
        }
        (Step::Report(endpoint, cluster), General::ConfigureReportingResponse(records)) => {
            reporting::take_refusals(device, endpoint, Cluster(cluster), records);
            true
        }
        (Step::Report(endpoint, cluster), General::DefaultResponse(outcome)) => {
            let record = ReportingRecord { status: outcome.status, attribute: None };
            reporting::take_refusals(device, endpoint, Cluster(cluster), &[record]);
            true
        }
        (Step::ReadBack(endpoint, cluster), General::ReadReportingResponse(found)) => {
            reporting::take_found(device, endpoint, Cluster(cluster), found);
            true
        }
        (Step::Enroll(_), General::WriteResponse(_))
        | (Step::Greet(_) | Step::Own(..), General::ReadResponse(_))
        | (Step::OwnReport(..), General::ConfigureReportingResponse(_))
        | (_, General::DefaultResponse(_)) => true,
        _ => false,
    }
}
