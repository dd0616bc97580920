use super::*;
use crate::{
    adapter::zigbee::{
        address::{DeviceKind, Ieee, Profile},
        wire::List,
        zdo::descriptor::Simple,
    },
    model::DeviceId,
};

/// A thermometer with a battery that was asked to report.
fn device() -> Device {
    let mut device = Device::new(Ieee(1), None, DeviceId::new("t-1").unwrap());
    device.attributes.insert((1, Cluster(0x0402)), vec![(Attribute(0), zcl::Kind::Int16)]);
    device
        .attributes
        .insert((1, Cluster(0x0001)), vec![(Attribute(0x20), zcl::Kind::Uint8), (Attribute(0x21), zcl::Kind::Uint8)]);
    device
}

/// The device says that it reports an attribute at such times.
fn found(attribute: u16, least_s: u16, most_s: u16) -> ReportingFound {
    let (attribute, kind) = (Attribute(attribute), zcl::Kind::Uint8);
    let reporting = Some(Reporting::Send { attribute, kind, least_s, most_s, change: Value::bits(kind, 1) });
    let wanted = ReportingWanted { direction: SENT, attribute };
    ReportingFound { status: Status::SUCCESS, wanted, reporting }
}

#[test]
fn what_is_done_as_asked_is_not_told() {
    let mut device = device();
    let success = ReportingRecord { status: Status::SUCCESS, attribute: None };
    take_refusals(&mut device, 1, Cluster(1), &[success]);
    take_found(&mut device, 1, Cluster(1), &[found(0x20, 5, 3600), found(0x21, 5, 3600)]);

    assert_eq!(device.others, Others::new());
    assert_eq!(device.reports_within_s, Some(3600));
}

#[test]
fn refusals_and_other_times_are_told_by_attribute() {
    let mut device = device();
    let wanted = ReportingWanted { direction: SENT, attribute: Attribute(0x20) };
    let refused = ReportingRecord { status: Status::UNREPORTABLE, attribute: Some(wanted) };
    take_refusals(&mut device, 1, Cluster(1), &[refused]);
    // The device shows times for what it refused, and for an attribute that nobody asked for.
    take_found(&mut device, 1, Cluster(1), &[found(0x20, 0, 0), found(0x21, 60, 43_200), found(0x99, 1, 1)]);

    let told: Vec<_> = device.others.values().map(|other| in_words(*other, device.asked_reporting.all)).collect();
    assert_eq!(told, ["refused: unreportable attribute (0x8c)", "every 60 s to 43200 s instead of 5 s to 3600 s"]);
    assert_eq!(device.reports_within_s, Some(43_200));
}

#[test]
fn a_point_is_reported_at_times_of_its_own() {
    let mut device = device();
    device.describe(Simple {
        endpoint: 1,
        profile: Profile(0x0104),
        device: DeviceKind(0),
        version: 0,
        inputs: List::try_from(vec![Cluster(0x0001), Cluster(0x0402)]).unwrap(),
        outputs: List::try_from(Vec::new()).unwrap(),
    });
    let (all, own) = (Intervals::default(), Intervals { least_s: 1, most_s: 60 });
    device.shall_report(Wanted { all, points: [("temperature".to_owned(), own)].into() });
    let times = |cluster| {
        wanted(&device, 1, Cluster(cluster))
            .into_iter()
            .map(|reporting| match reporting {
                Reporting::Send { least_s, most_s, .. } => Intervals { least_s, most_s },
                Reporting::Receive { .. } => panic!("it shall send"),
            })
            .collect::<Vec<_>>()
    };

    assert_eq!((times(0x0402), times(0x0001)), (vec![own], vec![all, all]));
    let success = ReportingRecord { status: Status::SUCCESS, attribute: None };
    take_refusals(&mut device, 1, Cluster(0x0402), &[success]);
    take_found(&mut device, 1, Cluster(0x0402), &[found(0, 1, 60)]);
    assert_eq!(device.others, Others::new());
}

#[test]
fn a_refusal_of_all_is_one_of_each() {
    let mut device = device();
    let refused = ReportingRecord { status: Status::UNSUPPORTED_COMMAND, attribute: None };
    take_refusals(&mut device, 1, Cluster(1), &[refused]);

    assert_eq!(device.others.len(), 2);
    take_refusals(&mut device, 1, Cluster(1), &[]);
    assert_eq!(device.others.len(), 0);
}
