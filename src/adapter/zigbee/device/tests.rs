use super::*;
use crate::adapter::zigbee::{
    address::{DeviceKind, Profile},
    map::{Finding, Missing, form},
    wire::List,
    zcl::Value,
};

/// A device with one endpoint that has a cluster.
fn device(cluster: u16) -> Device {
    let mut device = Device::new(Ieee(1), None, DeviceId::new("d-1").unwrap());
    device.describe(Simple {
        endpoint: 1,
        profile: Profile(0x0104),
        device: DeviceKind(0),
        version: 0,
        inputs: List::try_from(vec![Cluster(cluster)]).unwrap(),
        outputs: List::try_from(Vec::new()).unwrap(),
    });
    device
}

#[test]
fn a_siren_can_be_set_although_it_tells_nothing() {
    let mut siren = device(0x0502);
    let longest = Value::bits(Kind::Uint16, 240).unwrap();
    let record = ReadRecord { attribute: Attribute(0), found: ReadOutcome::Value(longest) };

    siren.take_read(1, Cluster(0x0502), &[record]);

    assert_eq!(siren.settable().collect::<Vec<_>>(), [("siren", Quantity::Siren)]);
    assert_eq!(crate::adapter::zigbee::reporting::attributes(&siren, 1, Cluster(0x0502)), []);
}

#[test]
fn a_point_takes_the_unit_that_its_device_says_later() {
    let mut input = device(0x000c);
    let finding = Finding { quantity: Quantity::AnalogInput, nth: 1, value: Err(Missing::NotAvailable) };
    let (_, point, _) = input.point_of(1, &finding).unwrap();
    assert_eq!(point.unit, None);

    input.known.entry(1).or_default().insert(Cluster(0x000c), Attribute(0x0075), 62);

    let (_, point, is_new) = input.point_of(1, &finding).unwrap();
    assert_eq!((point.unit.as_deref(), is_new), (Some("Cel"), true));
}

#[test]
fn totals_of_a_meter_without_factors_for_them_count_as_its_phases() {
    let mut meter = device(0x0b04);
    let unsupported = ReadOutcome::Status(crate::adapter::zigbee::zcl::Status::UNSUPPORTED_ATTRIBUTE);
    let records = [0x0402, 0x0403, 0x0604, 0x0605]
        .map(|attribute| ReadRecord { attribute: Attribute(attribute), found: unsupported.clone() });

    meter.take_read(1, Cluster(0x0b04), &records);

    let rule = rules::of(Cluster(0x0b04), Attribute(0x0304)).next().unwrap();
    let found = form::apply(rule, &Value::signed(Kind::Int32, 230).unwrap(), &meter.known[&1]).unwrap();
    assert_eq!((found.quantity, found.value), (Quantity::TotalPower, Ok(crate::model::Value::Float(230.0))));
}
