//! Who may set what: grants, and the proof that one covered a command.
//!
//! Nothing is allowed unless a grant covers it. [`Grants::authorize`] is the only place that makes an
//! [`Authorized`], and adapters accept nothing else, so a command that was not checked cannot reach a device.

mod group;

use std::{collections::VecDeque, fmt, time::Duration};

use super::{Command, PointAddress, PointName, Selector, Source, Timestamp, Value, selector::glob};

/// The place of a grant in the configuration, counted from 1, as an operator would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GrantId(pub usize);

/// At most so many commands in a sliding span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Commands allowed within `per`.
    pub count: usize,
    /// The span.
    pub per: Duration,
}

/// One `[[grant]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Who: `uplink:<name>`, `rule:<name>` or `api:<user or role>`, with `*` globs.
    pub from: Box<str>,
    /// Which points.
    pub targets: Vec<Selector>,
    /// Inclusive limits for numbers; a value that is no number is refused where they are set.
    pub range: Option<(f64, f64)>,
    /// How often.
    pub rate: Option<Rate>,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Denied {
    /// No grant names this sender and target together.
    #[error("no grant allows {from} to set {target}")]
    NoGrant {
        /// The sender.
        from: String,
        /// The point it wanted to set.
        target: String,
    },
    /// The value lies outside the grant's range.
    #[error("{value} is outside the granted range {min} to {max}")]
    Range {
        /// The value asked for.
        value: String,
        /// Smallest value granted.
        min: f64,
        /// Largest value granted.
        max: f64,
    },
    /// The grant's rate is used up.
    #[error("the granted rate of {count} commands in {per:?} is used up")]
    Rate {
        /// Commands allowed within `per`.
        count: usize,
        /// The span.
        per: Duration,
    },
}

/// A command that a grant covers. Private fields, one constructor: only [`Grants::authorize`] can make one.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorized<C> {
    /// What may be done.
    command: C,
    /// The grant that allows it.
    grant: GrantId,
}

impl<C> Authorized<C> {
    /// What may be done.
    pub fn command(&self) -> &C {
        &self.command
    }

    /// The grant that allows it.
    pub fn grant(&self) -> GrantId {
        self.grant
    }
}

/// All grants, with the times at which limited ones were used.
#[derive(Debug, Default)]
pub struct Grants {
    /// The grants in the order of the configuration, each with the moments of its last `rate.count` uses.
    grants: Vec<(Grant, VecDeque<Timestamp>)>,
}

impl Grants {
    /// Grants in the order of the configuration.
    pub fn new(grants: Vec<Grant>) -> Self {
        Self { grants: grants.into_iter().map(|grant| (grant, VecDeque::new())).collect() }
    }

    /// Finds a grant that covers the command and uses one of its turns; for a group, whose `members` are given, it may
    /// take one for each member. When several name the sender and target, one that allows it is enough; otherwise the
    /// first one's reason is given.
    pub fn authorize(
        &mut self,
        command: Command,
        members: Option<&[PointName]>,
        now: Timestamp,
    ) -> Result<Authorized<Command>, Denied> {
        let indices = match members {
            Some(members) => self.covering_group(&command, members, now)?,
            None => vec![self.covering(&command.source, &command.target, &[&command.value], now)?],
        };
        for &index in &indices {
            let (grant, uses) = &mut self.grants[index];
            grant.take_turn(uses, now);
        }
        let first = indices.first().copied().unwrap_or_default();
        Ok(Authorized { command, grant: GrantId(first + 1) })
    }

    /// The first grant that covers values for a target and has a turn left.
    fn covering(
        &self,
        source: &Source,
        target: &PointAddress,
        values: &[&Value],
        now: Timestamp,
    ) -> Result<usize, Denied> {
        let mut refusal = None;
        for (index, (grant, uses)) in self.grants.iter().enumerate() {
            if !grant.names(source, target) {
                continue;
            }
            let covered = values.iter().try_for_each(|value| grant.covers(value));
            match covered.and_then(|()| grant.has_turn(uses, now)) {
                Ok(()) => return Ok(index),
                Err(denied) => refusal = refusal.or(Some(denied)),
            }
        }
        let no_grant = || Denied::NoGrant { from: source.to_string(), target: target.to_string() };
        Err(refusal.unwrap_or_else(no_grant))
    }
}

impl Grant {
    /// Whether the grant speaks of this sender and target.
    fn names(&self, source: &Source, target: &PointAddress) -> bool {
        self.names_source(source) && self.targets.iter().any(|t| t.matches(target))
    }

    /// Whether `from` covers the sender, by name or by one of its roles.
    fn names_source(&self, source: &Source) -> bool {
        let is = |text: &dyn fmt::Display| glob(self.from.as_bytes(), text.to_string().as_bytes());
        let has_role = match source {
            Source::Api { roles, .. } => roles.iter().any(|role| is(&format_args!("api:{role}"))),
            Source::Uplink(_) | Source::Rule(_) => false,
        };
        is(source) || has_role
    }

    /// Checks the value against the range.
    fn covers(&self, value: &Value) -> Result<(), Denied> {
        let Some((min, max)) = self.range else { return Ok(()) };
        match value.as_f64() {
            Some(number) if (min..=max).contains(&number) => Ok(()),
            Some(_) | None => Err(Denied::Range { value: value.to_string(), min, max }),
        }
    }

    /// Whether the rate has a turn left. A wall clock that jumped back frees the turns it took in the future.
    fn has_turn(&self, uses: &VecDeque<Timestamp>, now: Timestamp) -> Result<(), Denied> {
        let Some(Rate { count, per }) = self.rate else { return Ok(()) };
        let recent = uses.iter().filter(|&&moment| is_recent(moment, now, per)).count();
        if recent < count { Ok(()) } else { Err(Denied::Rate { count, per }) }
    }

    /// Uses one turn of the rate, if there is one.
    fn take_turn(&self, uses: &mut VecDeque<Timestamp>, now: Timestamp) {
        let Some(Rate { per, .. }) = self.rate else { return };
        uses.retain(|&used| is_recent(used, now, per));
        uses.push_back(now);
    }
}

/// Whether a turn that was used still counts.
fn is_recent(used: Timestamp, now: Timestamp, per: Duration) -> bool {
    used <= now && now.since(used) < per
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CommandId, DeviceId};

    fn command(source: Source, target: &str, value: f64) -> Command {
        let (device, point) = target.split_once('/').unwrap();
        Command {
            id: CommandId::new("c1").unwrap(),
            source,
            target: PointAddress { device: DeviceId::new(device).unwrap(), point: PointName::new(point).unwrap() },
            value: Value::Float(value),
            expires: Timestamp::from_millis(i64::MAX),
        }
    }

    fn cloud() -> Source {
        Source::Uplink("cloud".into())
    }

    fn grants(range: Option<(f64, f64)>, rate: Option<Rate>) -> Grants {
        let targets = vec![Selector::parse("pump-*/speed").unwrap()];
        Grants::new(vec![Grant { from: "uplink:cloud".into(), targets, range, rate }])
    }

    #[test]
    fn nothing_is_allowed_without_a_grant() {
        let now = Timestamp::default();
        let mut none = Grants::default();
        assert!(matches!(
            none.authorize(command(cloud(), "pump-1/speed", 1.0), None, now),
            Err(Denied::NoGrant { .. })
        ));

        let mut some = grants(None, None);
        assert!(some.authorize(command(cloud(), "pump-1/speed", 1.0), None, now).is_ok());
        assert!(some.authorize(command(cloud(), "pump-1/mode", 1.0), None, now).is_err());
        assert!(some.authorize(command(Source::Rule("cloud".into()), "pump-1/speed", 1.0), None, now).is_err());
    }

    #[test]
    fn the_range_is_inclusive() {
        let mut grants = grants(Some((0.0, 50.0)), None);
        for (value, is_ok) in [(0.0, true), (50.0, true), (50.1, false), (-0.1, false)] {
            let result = grants.authorize(command(cloud(), "pump-1/speed", value), None, Timestamp::default());
            assert_eq!(result.is_ok(), is_ok, "{value}");
        }
    }

    #[test]
    fn the_rate_slides() {
        let mut grants = grants(None, Some(Rate { count: 2, per: Duration::from_secs(60) }));
        let mut ask =
            |ms| grants.authorize(command(cloud(), "pump-1/speed", 1.0), None, Timestamp::from_millis(ms)).is_ok();

        assert_eq!([ask(0), ask(1_000), ask(2_000), ask(60_000), ask(60_500)], [true, true, false, true, false]);
    }

    #[test]
    fn a_role_is_as_good_as_a_name() {
        let targets = vec![Selector::parse("*/*").unwrap()];
        let mut grants = Grants::new(vec![Grant { from: "api:operator".into(), targets, range: None, rate: None }]);
        let ada = |roles: &[&str]| Source::Api {
            user: "ada".into(),
            roles: roles.iter().map(|&role| role.into()).collect(),
        };

        assert!(grants.authorize(command(ada(&["operator"]), "a/b", 1.0), None, Timestamp::default()).is_ok());
        assert!(grants.authorize(command(ada(&[]), "a/b", 1.0), None, Timestamp::default()).is_err());
    }
}
