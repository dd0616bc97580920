//! From typed to meant: the sections that stand alone.

use std::{collections::HashMap, num::NonZeroU64};

use super::{
    Api, Buffer, Commands, Gateway, Log, Policy, Profiles, Rules, file,
    report::{Place, Problems},
    section::At,
    values::{Span, slugify},
};

/// Who this gateway is; the host's name stands in for a missing id.
pub(super) fn gateway(typed: file::Gateway) -> Gateway {
    let id = typed.id.map_or_else(|| host_slug().into(), |id| id.value.0);
    Gateway { id, site: typed.site.value.0 }
}

/// The host name as a slug.
fn host_slug() -> String {
    slugify(&rustix::system::uname().nodename().to_string_lossy()).unwrap_or_else(|| "gateway".to_owned())
}

/// The smallest buffer: the write-ahead log, and room for an outage beside it.
const MIN_BUFFER: u64 = 16 << 20;

/// How readings are kept.
pub(super) fn buffer(typed: file::Buffer, problems: &mut Problems) -> Buffer {
    let (history, max_age) = (typed.history.value.0, typed.max_age.value.0);
    if typed.max_size.value.0 < MIN_BUFFER {
        problems
            .error(&typed.max_size.place, "a buffer below 16MiB holds no outage: its log alone takes 5MiB")
            .help("give at least \"16MiB\"");
    }
    let durability = typed.durability.value;
    Buffer {
        path: typed.path.value,
        max_size: typed.max_size.value.0,
        max_age,
        durability,
        history,
        commit: typed.commit.map_or_else(|| durability.default_commit(), |commit| commit.value.0),
        linger: typed.linger.value.0,
        express: typed.express.value,
        policies: typed.policy.value.into_iter().filter_map(|at| policy(at.value)).collect(),
        key: typed.key.map(|key| key.value),
    }
}

/// What becomes of some points; `None` without any, which is reported.
fn policy(typed: file::Policy) -> Option<Policy> {
    let points = typed.points?.value.into_iter().map(|at| at.value).collect();
    Some(Policy { points, priority: typed.priority.value, thin: typed.thin.value })
}

/// Where device profiles are.
pub(super) fn profiles(typed: file::Profiles) -> Profiles {
    Profiles { dirs: typed.dirs.value }
}

/// Rules on this gateway.
pub(super) fn rules(typed: file::Rules) -> Rules {
    Rules {
        dir: typed.dir.value,
        max_operations: NonZeroU64::get(typed.max_operations.value),
        max_time: typed.max_time.value.0,
        quarantine_after: typed.quarantine_after.value.get(),
    }
}

/// Commands on this gateway. An id that is forgotten while its command can still run could run twice.
pub(super) fn commands(typed: &file::Commands, problems: &mut Problems) -> Commands {
    let (expires, remember) = (typed.expires.value.0, typed.remember.value.0);
    if remember < expires {
        let message = format!("commands are remembered for {remember:?} and live for {expires:?}");
        problems.error(&typed.remember.place, message).help("remember them at least as long as they live");
    }
    Commands { expires, timeout: typed.timeout.value.0, remember }
}

/// The local API.
pub(super) fn api(typed: file::Api, problems: &mut Problems) -> Api {
    // sockaddr_un holds 108 bytes with the closing NUL (unix(7)).
    if typed.socket.value.as_os_str().len() > 107 {
        problems
            .error(&typed.socket.place, "the path of a socket has at most 107 bytes")
            .help("choose a shorter one");
    }
    Api { socket: typed.socket.value }
}

/// Logging.
pub(super) fn log(typed: file::Log) -> Log {
    Log { level: typed.level.value.0 }
}

/// Checks that a shortest time is not above the longest.
pub fn in_order(min: &At<Span>, max: &At<Span>, problems: &mut Problems) {
    if min.value.0 > max.value.0 {
        let message = format!("min {:?} is above max {:?}", min.value.0, max.value.0);
        problems.error(&min.place, message).help("lower min or raise max");
    }
}

/// Names that may be given once.
#[derive(Debug, Default)]
pub struct Unique {
    /// Each name with its first place.
    seen: HashMap<String, Place>,
}

impl Unique {
    /// Takes a name, or reports where it was given before. `what` is what it names.
    pub fn take(&mut self, what: &str, name: &str, place: &Place, problems: &mut Problems) -> bool {
        if let Some(first) = self.seen.get(name) {
            let message = format!("{what} {name:?} is there twice: first at {first}");
            problems.error(place, message).help("give it another name");
            return false;
        }
        self.seen.insert(name.to_owned(), place.clone());
        true
    }

    /// The names taken so far.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.seen.keys().map(String::as_str)
    }
}
