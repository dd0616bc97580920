//! Commands for groups: points that are set together, each of which has to be granted.

use super::{Denied, Grants};
use crate::model::{Command, PointAddress, PointName, Timestamp, Value};

/// One member of a group with what a command wants it to be.
type Part = (PointAddress, Value);

impl Grants {
    /// The grants that cover a command for a group, by number: one that names the group, or for each member one that
    /// names it. A range has to hold the values of all members that it is for.
    pub(super) fn covering_group(
        &self,
        command: &Command,
        members: &[PointName],
        now: Timestamp,
    ) -> Result<Vec<usize>, Denied> {
        let parts = parts(command, members);
        let values: Vec<&Value> = parts.iter().map(|(_, value)| value).collect();
        let whole = match self.covering(&command.source, &command.target, &values, now) {
            Ok(index) => return Ok(vec![index]),
            Err(denied) => denied,
        };
        let of_part = |(target, value): &Part| self.covering(&command.source, target, &[value], now);
        let mut indices = parts.iter().map(of_part).collect::<Result<Vec<_>, _>>().map_err(|denied| match whole {
            Denied::NoGrant { .. } => denied,
            // Somebody thought of the group, so that is the reason to give.
            whole => whole,
        })?;
        // One command takes one turn of a grant, however many of its points the group has.
        let mut seen = std::collections::BTreeSet::new();
        indices.retain(|&index| seen.insert(index));
        Ok(indices)
    }
}

/// The members with their values. One that the command leaves out is null, which no range holds; the adapter refuses
/// it anyway.
fn parts(command: &Command, members: &[PointName]) -> Vec<Part> {
    let json = match &command.value {
        Value::Json(json) => json.as_object(),
        _ => None,
    };
    let value = |name: &PointName| {
        let json = json.and_then(|values| values.get(name.as_str()));
        let number = json.and_then(serde_json::Value::as_f64).and_then(Value::finite);
        number.unwrap_or_else(|| Value::Json(json.cloned().unwrap_or_default().into()))
    };
    let target = |name: &PointName| PointAddress { device: command.target.device.clone(), point: name.clone() };
    members.iter().map(|name| (target(name), value(name))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::model::{CommandId, DeviceId, Grant, Rate, Selector, Source};

    fn grant(targets: &[&str], range: Option<(f64, f64)>) -> Grant {
        let targets = targets.iter().map(|target| Selector::parse(target).unwrap()).collect();
        Grant { from: "uplink:cloud".into(), targets, range, rate: None }
    }

    fn ask(grants: &mut Grants, value: &serde_json::Value) -> Result<usize, String> {
        let name = |name: &str| PointName::new(name).unwrap();
        let target = PointAddress { device: DeviceId::new("pump-1").unwrap(), point: name("setpoints") };
        let command = Command {
            id: CommandId::new("c1").unwrap(),
            source: Source::Uplink("cloud".into()),
            target,
            value: Value::Json(value.clone().into()),
            expires: Timestamp::from_millis(i64::MAX),
        };
        let members = [name("mode"), name("limit")];
        let authorized = grants.authorize(command, Some(&members), Timestamp::default());
        authorized.map(|authorized| authorized.grant().0).map_err(|denied| denied.to_string())
    }

    #[test]
    fn a_range_has_to_hold_every_member() {
        for targets in [&["pump-*/setpoints"][..], &["pump-1/*"], &["pump-1/mode", "pump-1/limit"]] {
            let mut grants = Grants::new(vec![grant(targets, Some((0.0, 50.0)))]);
            assert_eq!(ask(&mut grants, &json!({"mode": 0, "limit": 50.0})), Ok(1), "{targets:?}");
            for (value, shown) in [
                (json!({"mode": 1, "limit": 50.5}), "50.5"),
                (json!({"mode": -1, "limit": 5}), "-1"),
                (json!({"mode": "auto", "limit": 5}), "\"auto\""),
                (json!({"limit": 5}), "null"),
                (json!(5), "null"),
            ] {
                let wanted = format!("{shown} is outside the granted range 0 to 50");
                assert_eq!(ask(&mut grants, &value), Err(wanted), "{targets:?}");
            }
        }
    }

    #[test]
    fn each_member_may_have_its_own_grant_and_none_may_be_without() {
        let value = json!({"mode": "auto", "limit": 40});
        let both = vec![grant(&["pump-1/mode"], None), grant(&["pump-1/limit"], Some((0.0, 50.0)))];
        assert_eq!(ask(&mut Grants::new(both), &value), Ok(1));

        let one = vec![grant(&["pump-1/limit"], None)];
        let denied = "no grant allows uplink:cloud to set pump-1/mode";
        assert_eq!(ask(&mut Grants::new(one), &value), Err(denied.into()));
    }

    #[test]
    fn a_group_without_range_needs_no_word_on_its_members() {
        let mut grants = Grants::new(vec![grant(&["pump-1/setpoints"], None)]);
        assert_eq!(ask(&mut grants, &json!({"mode": "auto", "limit": 1e9})), Ok(1));
    }

    #[test]
    fn a_command_takes_one_turn_of_each_grant_it_needs_and_none_when_one_is_used_up() {
        let limited = |target, count| Grant {
            rate: Some(Rate { count, per: Duration::from_secs(60) }),
            ..grant(&[target], None)
        };
        let value = json!({"mode": 1, "limit": 2});
        let mut shared = Grants::new(vec![limited("pump-1/*", 2)]);
        assert_eq!([ask(&mut shared, &value).is_ok(), ask(&mut shared, &value).is_ok()], [true, true]);
        assert!(ask(&mut shared, &value).unwrap_err().contains("used up"));

        let mut apart = Grants::new(vec![limited("pump-1/mode", 2), limited("pump-1/limit", 1)]);
        assert_eq!(ask(&mut apart, &value), Ok(1));
        assert!(ask(&mut apart, &value).unwrap_err().contains("1 commands"));
        assert_eq!(apart.grants[0].1.len(), 1);
    }
}
