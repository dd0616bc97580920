//! From typed to meant: grants, and whether each of them covers anything.

use std::sync::Arc;

use super::{
    draft::NamedPoint,
    file,
    report::{Fault, Place, Problems, nearest, suggest},
    section::At,
};
use crate::model::{Grant, Selector};

/// A grant and the places of what it names.
#[derive(Debug)]
pub(super) struct Placed {
    /// The grant.
    pub(super) grant: Grant,
    /// Where `from` stands.
    from: Place,
    /// Where each target stands.
    targets: Vec<Place>,
}

/// All grants that can be understood; the others are reported.
pub(super) fn grants(typed: Vec<At<file::Grant>>, problems: &mut Problems) -> Vec<Placed> {
    typed.into_iter().filter_map(|at| grant(at.value, problems)).collect()
}

/// One grant.
fn grant(typed: file::Grant, problems: &mut Problems) -> Option<Placed> {
    // A range that is wrong must never become no range.
    let range = match typed.range {
        Some(at) => range(&at, problems).map(Some),
        None => Some(None),
    };
    let (from, targets) = (typed.from?, typed.targets?);
    if targets.value.is_empty() {
        let fault = Fault::new("a grant without targets covers nothing").help("name a point, or \"*/*\" for all");
        problems.absent(&targets.place, fault);
    }
    let (places, selectors) = targets.value.into_iter().map(|at| (at.place, at.value)).unzip();
    let rate = typed.rate.map(|rate| rate.value);
    let grant = Grant { from: from.value.0.into(), targets: selectors, range: range?, rate };
    Some(Placed { grant, from: from.place, targets: places })
}

/// Two numbers in order.
fn range(at: &At<Vec<f64>>, problems: &mut Problems) -> Option<(f64, f64)> {
    match *at.value {
        [min, max] if min <= max => return Some((min, max)),
        [min, max] => problems.error(&at.place, format!("range {min} to {max} holds no number")).help("swap them"),
        _ => problems.error(&at.place, "a range is two numbers").help("write [SMALLEST, LARGEST]"),
    };
    None
}

/// Warns of grants that allow nothing: an uplink that is not there or takes no commands, a target that is no
/// writable point. `uplinks` and `points` are `None` when they are not all known.
pub(super) fn warn_of_empty(
    grants: &[Placed],
    uplinks: Option<&[(Arc<str>, bool)]>,
    points: Option<&[NamedPoint]>,
    problems: &mut Problems,
) {
    for Placed { grant, from, targets } in grants {
        if let Some(uplinks) = uplinks {
            warn_of_uplink(&grant.from, from, uplinks, problems);
        }
        for (target, place) in grant.targets.iter().zip(targets) {
            if let Some(points) = points {
                warn_of_target(target, place, points, problems);
            }
        }
    }
}

/// Warns of an uplink that cannot send commands. Patterns are left alone: they speak of uplinks still to come.
fn warn_of_uplink(from: &str, place: &Place, uplinks: &[(Arc<str>, bool)], problems: &mut Problems) {
    let Some(name) = from.strip_prefix("uplink:").filter(|name| !name.contains('*')) else { return };
    match uplinks.iter().find(|(uplink, _)| &**uplink == name) {
        None => {
            let help = suggest(name, uplinks.iter().map(|(uplink, _)| &**uplink));
            problems.warning(place, format!("the grant covers nothing: no uplink {name:?}")).help(help);
        }
        Some((_, false)) => {
            let message = format!("the grant covers nothing: uplink {name:?} takes no commands");
            problems.warning(place, message).help("set commands = true on the uplink");
        }
        Some((_, true)) => {}
    }
}

/// Warns of a target that is no writable point.
fn warn_of_target(target: &Selector, place: &Place, points: &[NamedPoint], problems: &mut Problems) {
    let mut covered = points.iter().filter(|point| target.matches(&point.address)).peekable();
    if covered.peek().is_none() {
        let names: Vec<_> = points.iter().map(|point| point.address.to_string()).collect();
        let problem = problems.warning(place, format!("the grant covers nothing: no point matches {target}"));
        let near = nearest(&target.to_string(), names.iter().map(String::as_str));
        problem.help = near.map(|name| format!("did you mean {name:?}?"));
    } else if !covered.any(|point| point.access.can_write()) {
        let message = format!("the grant covers nothing: no point that matches {target} can be written");
        problems.warning(place, message).help("give the point access = \"rw\"");
    }
}
