//! From typed to meant: Modbus TCP servers of ours, as far as nobody has to know Modbus for it.

use super::{
    Republish, RepublishPoint,
    check::Unique,
    file,
    report::{Fault, Problems},
    section::At,
};

/// All servers that can be understood; the others are reported.
pub(super) fn servers(typed: Vec<At<file::Republish>>, problems: &mut Problems) -> Vec<Republish> {
    let (mut names, mut places) = (Unique::default(), Unique::default());
    let mut servers = Vec::new();
    for At { value, .. } in typed {
        let is_new = value.name.as_ref().is_none_or(|n| names.take("republish", &n.value.0, &n.place, problems));
        if let Some(listen) = &value.listen {
            places.take("address", &listen.value.0.to_string(), &listen.place, problems);
        }
        servers.extend(server(value, problems).filter(|_| is_new));
    }
    servers
}

/// One server; `None` when a required key is missing or wrong.
fn server(typed: file::Republish, problems: &mut Problems) -> Option<Republish> {
    if typed.base.value > 1 {
        let help = "0 counts registers as on the wire, 1 as many data sheets do";
        problems.error(&typed.base.place, format!("{} is outside 0 to 1", typed.base.value)).help(help);
    }
    let points = typed.point.map(|points| points.value.into_iter().filter_map(point).collect());
    let (name, listen, allow) = (typed.name?.value.0, typed.listen?.value.0, typed.allow?);
    if allow.value.is_empty() {
        let fault = Fault::new("nobody is served").help("name the addresses of the clients: [\"192.168.1.10\"]");
        problems.absent(&allow.place, fault);
    }
    Some(Republish {
        name,
        listen,
        allow: allow.value.into_iter().map(|at| at.value).collect(),
        unit: typed.unit.value,
        base: typed.base,
        max_clients: typed.max_clients.value.get().into(),
        max_rate: typed.max_rate.value,
        idle: typed.idle.value.0,
        write_timeout: typed.write_timeout.value.0,
        on_bad: typed.on_bad.value,
        fill: typed.fill.value,
        points: points?,
    })
}

/// One point; `None` when a required key is missing or wrong.
fn point(At { value: typed, place }: At<file::RepublishPoint>) -> Option<At<RepublishPoint>> {
    let text = |At { value, place }: At<file::RegisterText>| At { value: value.0, place };
    let point = RepublishPoint {
        source: typed.source?,
        made_by_rule: typed.made_by_rule.value,
        register: text(typed.register?),
        data: typed.r#type.map(|At { value, place }| At { value: value.0, place })?,
        order: At { value: typed.order.value.0, place: typed.order.place },
        scale: typed.scale.value,
        offset: typed.offset.value,
        quality: typed.quality.map(text),
        age: typed.age.map(text),
    };
    Some(At { value: point, place })
}
