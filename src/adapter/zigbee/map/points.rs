//! The points that a device has by its own description, and their names among each other.
//!
//! A device with several endpoints of a kind, as a plug with two sockets, has several points of a name: the endpoints
//! are counted in the order in which the device lists them, `on`, `on_2`. That order is the device's own and does not
//! change, so that a name stays with its socket.
//!
//! The voltage of a battery is `voltage`, as everywhere, unless its endpoint measures electricity: that voltage is what
//! the device is for, and the battery's is `battery_voltage` then. The endpoint's description alone decides, which is
//! known before any of its points has a name.

use std::borrow::Cow;

use super::{Finding, Rule, button, rules, zone};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Endpoint},
        zdo::descriptor::Simple,
    },
    model::Quantity,
};

/// Electrical measurement.
const ELECTRICITY: Cluster = Cluster(0x0b04);

/// A point that a cluster of an endpoint can feed.
#[derive(Debug)]
pub struct Possible {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The attribute and how it is read and set.
    pub rule: &'static Rule,
    /// Its name among the points of the device.
    pub name: Cow<'static, str>,
}

/// Every point that the attributes of a device's clusters can feed. Which of the attributes there are, the device has
/// to be asked.
pub fn possible(endpoints: &[Simple]) -> Vec<Possible> {
    let mut points = Vec::new();
    for endpoint in endpoints {
        for cluster in endpoint.inputs.as_slice() {
            points.extend(rules::of_cluster(*cluster).map(|rule| Possible {
                endpoint: endpoint.endpoint,
                rule,
                name: name(endpoints, endpoint.endpoint, rule.quantity, rule.nth),
            }));
        }
    }
    points
}

/// The name of the point that a finding on an endpoint is for.
pub fn name_of(endpoints: &[Simple], endpoint: Endpoint, finding: &Finding) -> Cow<'static, str> {
    name(endpoints, endpoint, finding.quantity, finding.nth)
}

/// A name with the number that earlier endpoints of the kind leave.
fn name(endpoints: &[Simple], endpoint: Endpoint, quantity: Quantity, nth: u8) -> Cow<'static, str> {
    let here = endpoints.iter().find(|other| other.endpoint == endpoint);
    let quantity = on(here.map_or(&[], |here| here.inputs.as_slice()), quantity);
    let earlier = endpoints.iter().take_while(|other| other.endpoint != endpoint);
    let same = earlier.filter(|other| can_give(other, quantity)).count();
    quantity.point(nth.saturating_add(u8::try_from(same).unwrap_or(u8::MAX)))
}

/// What a quantity is called on an endpoint that does these things.
fn on(inputs: &[Cluster], quantity: Quantity) -> Quantity {
    match quantity {
        Quantity::BatteryVoltage if !inputs.contains(&ELECTRICITY) => Quantity::Voltage,
        _ => quantity,
    }
}

/// Whether a point of this name can come from an endpoint.
fn can_give(endpoint: &Simple, quantity: Quantity) -> bool {
    let is_it = |rule: &Rule| on(endpoint.inputs.as_slice(), rule.quantity).name() == quantity.name();
    let named = |cluster: &Cluster| rules::of_cluster(*cluster).any(is_it);
    let inputs = endpoint.inputs.as_slice();
    match quantity {
        Quantity::Button => endpoint.outputs.as_slice().iter().any(|cluster| button::CLUSTERS.contains(cluster)),
        _ if inputs.contains(&zone::CLUSTER) && zone::can_give(quantity) => true,
        _ => inputs.iter().any(named),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        adapter::zigbee::{
            address::{DeviceKind, Profile},
            wire::List,
        },
        model::Value,
    };

    fn endpoint(number: Endpoint, inputs: &[u16], outputs: &[u16]) -> Simple {
        let list = |ids: &[u16]| List::try_from(ids.iter().copied().map(Cluster).collect::<Vec<_>>()).unwrap();
        Simple {
            endpoint: number,
            profile: Profile(0x0104),
            device: DeviceKind(0),
            version: 0,
            inputs: list(inputs),
            outputs: list(outputs),
        }
    }

    fn names(endpoints: &[Simple]) -> Vec<String> {
        possible(endpoints).iter().map(|point| format!("{}:{}", point.endpoint, point.name)).collect()
    }

    #[test]
    fn the_sockets_of_a_plug_are_counted_in_its_own_order() {
        let plug = [endpoint(11, &[0x0006], &[]), endpoint(2, &[0x0006], &[]), endpoint(242, &[], &[0x0021])];
        assert_eq!(names(&plug), ["11:on", "2:on_2"]);
    }

    #[test]
    fn an_endpoint_without_the_kind_does_not_count() {
        let sensor = [endpoint(1, &[0x0402], &[]), endpoint(2, &[0x0405], &[]), endpoint(3, &[0x0402], &[])];
        assert_eq!(names(&sensor), ["1:temperature", "2:humidity", "3:temperature_2"]);
    }

    #[test]
    fn the_keys_of_a_remote_control_are_buttons() {
        let remote = [endpoint(1, &[0x0001], &[0x0006, 0x0008]), endpoint(2, &[], &[0x0006])];
        let press = Finding { quantity: Quantity::Button, nth: 1, value: Ok(Value::Text("on".into())) };
        assert_eq!(name_of(&remote, 1, &press), "button");
        assert_eq!(name_of(&remote, 2, &press), "button_2");
    }

    #[test]
    fn a_battery_leaves_voltage_to_what_the_endpoint_measures() {
        let voltages = |endpoints: &[Simple]| {
            let all = names(endpoints).into_iter().filter(|name| name.contains("voltage"));
            all.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(voltages(&[endpoint(1, &[0x0001], &[])]), "1:mains_voltage 1:voltage 1:voltage_2");
        let meter = [endpoint(1, &[0x0b04, 0x0001], &[])];
        assert_eq!(
            voltages(&meter),
            "1:dc_voltage 1:voltage 1:voltage_b 1:voltage_c 1:mains_voltage 1:battery_voltage 1:battery_voltage_2"
        );
        // What another endpoint measures is counted behind, as of any other kind.
        let apart = [endpoint(1, &[0x0001], &[]), endpoint(2, &[0x0b04], &[])];
        assert!(voltages(&apart).ends_with("1:voltage 1:voltage_2 2:dc_voltage 2:voltage_2 2:voltage_b 2:voltage_c"));
    }

    #[test]
    fn the_phases_of_two_meters_in_one_device_have_names_of_their_own() {
        let device = [endpoint(1, &[0x0b04], &[]), endpoint(2, &[0x0b04], &[])];
        let points = possible(&device);
        let different: HashSet<_> = points.iter().map(|point| &point.name).collect();
        assert_eq!(different.len(), points.len(), "{:?}", names(&device));
    }

    #[test]
    fn two_zones_have_two_alarms() {
        let doors = [endpoint(1, &[0x0500], &[]), endpoint(2, &[0x0500], &[])];
        let open = Finding { quantity: Quantity::Opening, nth: 1, value: Ok(Value::Bool(true)) };
        assert_eq!(name_of(&doors, 2, &open), "opening_2");
    }
}
