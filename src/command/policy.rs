//! Decides whether a request may go to a device: the target exists and can be written, the value fits, the time is
//! not over, and a grant covers it.

use crate::{
    config::Commands,
    model::{
        Authorized, ClockQuality, Command, Denied, DeviceId, Grants, OutcomeStatus, Point, PointAddress, PointName,
        Source, Timestamp, Value, ValueError,
    },
};

use super::{
    inbox::{ReadError, Request},
    routes::{Route, Routes},
};

/// Why a command is refused before any device is asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    /// It is no command.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// It may be of any age.
    #[error("the message is retained; publish commands without the retain flag")]
    Retained,
    /// No device has this point.
    #[error("no device has the point {0}")]
    UnknownTarget(String),
    /// The point cannot be written.
    #[error("{0} is read-only")]
    ReadOnly(PointAddress),
    /// The value is not of the point's type.
    #[error(transparent)]
    WrongType(#[from] ValueError),
    /// The value is beyond what the point can be.
    #[error("{value} is outside the limits of {point}{}", limits(*.min, *.max))]
    Implausible {
        /// The value asked for.
        value: String,
        /// The point.
        point: PointAddress,
        /// The point's smallest value.
        min: Option<f64>,
        /// The point's largest value.
        max: Option<f64>,
    },
    /// Its time is over.
    #[error("expired at {0}")]
    Expired(Timestamp),
    /// It would outlive the memory of its id, and could then be repeated.
    #[error("expires at {0}, which is later than ids are remembered")]
    ExpiresTooLate(Timestamp),
    /// Nobody can say whether its time is over.
    #[error("the gateway's clock is not set reliably ({}), so expires cannot be judged", .0.as_str())]
    ClockUntrusted(ClockQuality),
    /// Too many commands wait for the device already.
    #[error("{count} commands wait for {device} already")]
    Busy {
        /// The device.
        device: DeviceId,
        /// Commands that wait for it.
        count: usize,
    },
    /// No grant covers it.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Refusal {
    /// The word the sender is told.
    pub(super) fn status(&self) -> OutcomeStatus {
        match self {
            Self::Expired(_) => OutcomeStatus::Expired,
            Self::Unreadable(_)
            | Self::Retained
            | Self::UnknownTarget(_)
            | Self::ReadOnly(_)
            | Self::WrongType(_)
            | Self::Implausible { .. }
            | Self::ExpiresTooLate(_)
            | Self::ClockUntrusted(_)
            | Self::Busy { .. }
            | Self::Denied(_) => OutcomeStatus::Denied,
        }
    }
}

/// A command that may go, and the way to its device.
#[derive(Debug)]
pub(super) struct Approved {
    /// What may be done.
    pub(super) command: Authorized<Command>,
    /// Where it goes.
    pub(super) route: Route,
}

/// When a request is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// When it came in.
    pub(super) received: Timestamp,
    /// Now.
    pub(super) now: Timestamp,
    /// How far both can be trusted.
    pub(super) clock: ClockQuality,
}

/// Checks a request; the grant comes last, because it uses one of its turns.
pub(super) fn approve(
    request: Request,
    source: &Source,
    moment: Moment,
    settings: &Commands,
    routes: &Routes,
    grants: &mut Grants,
) -> Result<Approved, Refusal> {
    let route = find_route(&request, routes)?;
    let value = fitting_value(&request, &route.point)?;
    let expires = end_of_life(&request, source, moment, settings)?;
    let target = route.point.address.clone();
    let command = Command { id: request.id, source: source.clone(), target, value, expires };
    let command = grants.authorize(command, route.point.domain.members(), moment.now)?;
    Ok(Approved { command, route })
}

/// The way to the point that a request names, if it can be written.
fn find_route(request: &Request, routes: &Routes) -> Result<Route, Refusal> {
    let (device, point) = (DeviceId::new(&request.device), PointName::new(&request.point));
    let address = device.ok().zip(point.ok()).map(|(device, point)| PointAddress { device, point });
    let route = address.and_then(|address| routes.get(&address));
    let unknown = || Refusal::UnknownTarget(super::shorten(&format!("{}/{}", request.device, request.point)));
    let route = route.ok_or_else(unknown)?;
    if route.point.access.can_write() { Ok(route) } else { Err(Refusal::ReadOnly(route.point.address.clone())) }
}

/// The value in the point's type and within its limits.
fn fitting_value(request: &Request, point: &Point) -> Result<Value, Refusal> {
    let value = Value::from_json(&request.value, point.kind)?;
    if value.as_f64().is_none_or(|number| point.is_plausible(number)) {
        return Ok(value);
    }
    let [min, max] = point.domain.ends();
    Err(Refusal::Implausible { value: value.to_string(), point: point.address.clone(), min, max })
}

/// The moment after which it must not be carried out. A clock that is known to be wrong would take for fresh what has
/// waited at a broker for days, so with such a clock a command from there goes only without `expires`: its time is
/// counted from when it came in. Who sends from this host goes by the same clock.
fn end_of_life(
    request: &Request,
    source: &Source,
    moment: Moment,
    settings: &Commands,
) -> Result<Timestamp, Refusal> {
    let Moment { received, now, clock } = moment;
    let is_from_afar = matches!(source, Source::Uplink(_));
    let is_judged = request.expires.is_none() || !is_from_afar || clock != ClockQuality::None;
    let expires = request.expires.unwrap_or_else(|| received.plus(settings.expires));
    if expires <= now {
        return Err(Refusal::Expired(expires));
    }
    if !is_judged {
        return Err(Refusal::ClockUntrusted(clock));
    }
    if request.expires.is_some() && expires > now.plus(settings.remember) {
        return Err(Refusal::ExpiresTooLate(expires));
    }
    Ok(expires)
}

/// ` (0 to 50)`, with open ends.
fn limits(min: Option<f64>, max: Option<f64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!(" ({min} to {max})"),
        (Some(min), None) => format!(" (at least {min})"),
        (None, Some(max)) => format!(" (at most {max})"),
        (None, None) => String::new(),
    }
}
