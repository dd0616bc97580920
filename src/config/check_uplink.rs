//! From typed to meant: uplinks, their TLS files and their secrets.

use std::sync::Arc;

use super::{
    Backlog, Gateway, Secret, Tls, Transport, Uplink,
    check::{Unique, in_order},
    file,
    parse::topic_prefix,
    report::{Fault, Place, Problems},
    section::{At, FromNode, Keyed as _, Shape},
    tls::{TlsKeys, readable},
    tree::{Data, Node},
};
use crate::model::Selector;

/// MQTT's keep-alive is a 16-bit number of seconds.
const LONGEST_KEEP_ALIVE: u64 = 65_535;

/// All uplinks that can be understood; the others are reported.
pub(super) fn uplinks(typed: Vec<At<file::Uplink>>, gateway: &Gateway, problems: &mut Problems) -> Vec<Uplink> {
    let mut names = Unique::default();
    let mut checked = Vec::new();
    for At { value, place } in typed {
        let is_new = value.name.as_ref().is_none_or(|n| names.take("uplink", &n.value.0, &n.place, problems));
        let Some(uplink) = uplink(value, gateway, problems).filter(|_| is_new) else { continue };
        check_neighbours(&uplink, &checked, &place, problems);
        checked.push(uplink);
    }
    checked
}

/// Warns of an uplink that gets in the way of another at the same broker. With the same topics each of them carries out
/// every command, and the last will of one says `offline` while the other is up.
fn check_neighbours(uplink: &Uplink, others: &[Uplink], place: &Place, problems: &mut Problems) {
    for other in others.iter().filter(|other| other.url == uplink.url) {
        let both = format!("uplinks {:?} and {:?} have the same", other.name, uplink.name);
        if other.topic_prefix == uplink.topic_prefix {
            problems.warning(place, format!("{both} topics at one broker")).help("give it a topic_prefix of its own");
        }
        if other.client_id == uplink.client_id {
            problems.warning(place, format!("{both} client_id at one broker")).help("leave it out at one of them");
        }
    }
}

/// One uplink; `None` when a required key is missing or wrong.
fn uplink(typed: file::Uplink, gateway: &Gateway, problems: &mut Problems) -> Option<Uplink> {
    check_keep_alive(&typed, problems);
    check_login(&typed, problems);
    check_share(&typed.backlog.value, problems);
    in_order(&typed.reconnect.value.min, &typed.reconnect.value.max, problems);
    let prefix = topic_prefix(&typed.topic_prefix.value, &gateway.site, &gateway.id);
    let topic_prefix = prefix.map_err(|faults| problems.faults(&typed.topic_prefix.place, faults)).ok();
    let tls = tls(typed.tls, typed.url.as_ref().map(|url| url.value.transport), problems);
    let (name, url) = (typed.name?.value.0, typed.url?.value);
    Some(Uplink {
        client_id: typed.client_id.map_or_else(|| default_client_id(gateway, &name), |id| id.value),
        name,
        filter: filter(typed.filter.value),
        url,
        protocol: typed.protocol.value,
        username: typed.username.map(|username| username.value),
        password: typed.password.map(|password| password.value),
        tls,
        encoding: typed.encoding.value,
        compression: typed.compression.value,
        order: typed.order.value,
        backlog: Backlog {
            rate: typed.backlog.value.rate.map(|rate| rate.value),
            share: typed.backlog.value.share.value,
        },
        window: typed.window.value.get(),
        topic_prefix: topic_prefix?,
        commands: typed.commands.value,
        keep_alive: typed.keep_alive.value.0,
        ack_timeout: typed.ack_timeout.value.0,
        reconnect: (typed.reconnect.value.min.value.0, typed.reconnect.value.max.value.0),
    })
}

/// No selectors are no filter.
fn filter(typed: Vec<At<Selector>>) -> Option<Arc<[Selector]>> {
    let selectors: Arc<[Selector]> = typed.into_iter().map(|at| at.value).collect();
    (!selectors.is_empty()).then_some(selectors)
}

/// `tidegate-<gateway>-<uplink>`, so that two uplinks to one broker do not throw each other out.
fn default_client_id(gateway: &Gateway, name: &Arc<str>) -> String {
    format!("tidegate-{}-{name}", gateway.id)
}

/// Whole seconds that fit MQTT's field.
fn check_keep_alive(typed: &file::Uplink, problems: &mut Problems) {
    let span = typed.keep_alive.value.0;
    if span.subsec_nanos() != 0 || span.as_secs() > LONGEST_KEEP_ALIVE {
        let message = format!("a keep-alive of {span:?} cannot be told to a broker");
        problems.error(&typed.keep_alive.place, message).help("give whole seconds, at most 65535");
    }
}

/// A part of the window that is neither nothing nor more than all of it.
fn check_share(typed: &file::Backlog, problems: &mut Problems) {
    let share = typed.share.value;
    if share <= 0.0 || share > 1.0 {
        let message = format!("a share of {share} of the window");
        problems.error(&typed.share.place, message).help("give a part above 0 and at most 1, such as 0.5");
    }
}

/// MQTT 3.1.1 forbids a password without a name, and MQTT 5 brokers seldom take one.
fn check_login(typed: &file::Uplink, problems: &mut Problems) {
    let Some(password) = &typed.password else { return };
    if typed.username.is_none() {
        problems.error(&password.place, "a password without a username").help("add the key username");
    }
    if let Secret::File(path) = &password.value {
        readable(path, &password.place, None, problems);
    }
}

/// The TLS files, which only `mqtts` has a use for.
fn tls(At { value: typed, place }: At<TlsKeys>, transport: Option<Transport>, problems: &mut Problems) -> Tls {
    if typed.is_set() && transport == Some(Transport::Tcp) {
        problems.warning(&place, "TLS settings are not used with mqtt://").help("use mqtts:// for TLS");
    }
    typed.check(problems)
}

impl FromNode for Secret {
    const SHAPE: Shape = Shape::Table(&file::SecretPlace::KEYS);

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let place = node.place.clone();
        if matches!(node.data, Data::Text(_)) {
            let help = "give its place: { credential = \"…\" }, { file = \"…\" } or { env = \"…\" }";
            problems.error(&place, "a secret in plain text").help(help);
            return None;
        }
        let typed = file::SecretPlace::from_node(node, problems)?;
        match (typed.credential, typed.file, typed.env) {
            (Some(name), None, None) => Some(Self::Credential(name.value)),
            (None, Some(path), None) => Some(Self::File(path.value)),
            (None, None, Some(name)) => Some(Self::Env(name.value)),
            _ => {
                let fault = Fault::new("a secret has exactly one place");
                problems.absent(&place, fault.help("give one of credential, file and env"));
                None
            }
        }
    }
}
