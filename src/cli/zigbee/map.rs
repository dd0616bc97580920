//! `tidegate zigbee map`: who hears whom, as a table, for programs, or drawn.

use std::f64::consts::TAU;

use serde_json::{Value, json};

use super::network::{Which, route};
use crate::cli::{context::Context, error::CliError, table::Table};

/// What is shown of a link.
const COLUMNS: &[&str] = &["from", "to", "link_quality", "relation"];

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people.
    Table,
    /// One document.
    Json,
    /// For Graphviz.
    Dot,
    /// A drawing.
    Svg,
}

pub(super) fn map(which: &Which, format: Format, context: &mut Context) -> Result<(), CliError> {
    let route = route(which, context)?;
    let map = context.send("POST", &route, &json!({ "action": "map" }))?;
    match format {
        Format::Table => context.print(&table(&map)),
        Format::Json => context.print_json(&map),
        Format::Dot => context.print(&dot(&map)),
        Format::Svg => context.print(&svg(&map)),
    }
}

/// The rows of a part of the map.
fn rows<'a>(map: &'a Value, part: &str) -> &'a [Value] {
    map[part].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What a device is called; its address where nobody knows it.
fn name(map: &Value, ieee: &Value) -> String {
    let known = rows(map, "nodes").iter().find(|node| node["ieee"] == *ieee);
    let name = known.map_or(ieee, |node| &node["device"]);
    name.as_str().unwrap_or_default().to_owned()
}

/// Links between names, and who did not answer.
fn table(map: &Value) -> String {
    let link = |link: &Value| {
        json!({
            "from": name(map, &link["from"]), "to": name(map, &link["to"]),
            "link_quality": link["link_quality"], "relation": link["relation"],
        })
    };
    let links: Vec<_> = rows(map, "links").iter().map(link).collect();
    let silent = rows(map, "nodes").iter().filter(|node| node["is_silent"] == true);
    let silent: Vec<_> = silent.map(|node| format!("no answer from {}\n", name(map, &node["ieee"]))).collect();
    format!("{}{}", Table::of("from", COLUMNS, &links), silent.concat())
}

/// For Graphviz. Names are slugs, so that nothing has to be escaped.
fn dot(map: &Value) -> String {
    let shape = |role: &Value| match role.as_str() {
        Some("coordinator") => "box",
        Some("router") => "ellipse",
        _ => "plaintext",
    };
    let nodes = rows(map, "nodes").iter();
    let nodes: Vec<_> =
        nodes.map(|node| format!("  \"{}\" [shape={}]\n", name(map, &node["ieee"]), shape(&node["role"]))).collect();
    let links = rows(map, "links").iter();
    let links: Vec<_> = links
        .map(|link| {
            let (from, to) = (name(map, &link["from"]), name(map, &link["to"]));
            format!("  \"{from}\" -> \"{to}\" [label={}]\n", link["link_quality"])
        })
        .collect();
    format!("digraph zigbee {{\n{}{}}}\n", nodes.concat(), links.concat())
}

/// A drawing: the coordinator in the middle, routers around it, devices that sleep around them.
fn svg(map: &Value) -> String {
    let places = places(map);
    let place = |ieee: &Value| places.iter().find(|(of, ..)| of == ieee).map(|(_, x, y)| (*x, *y));
    let line = |link: &Value| {
        let ((x1, y1), (x2, y2)) = (place(&link["from"])?, place(&link["to"])?);
        let strength = link["link_quality"].as_f64().unwrap_or_default() / 255.0;
        Some(format!(
            "<line x1=\"{x1:.0}\" y1=\"{y1:.0}\" x2=\"{x2:.0}\" y2=\"{y2:.0}\" stroke=\"#468\" \
             stroke-opacity=\"{:.2}\"/>\n",
            0.2 + 0.8 * strength
        ))
    };
    let text = |(ieee, x, y): &(Value, f64, f64)| {
        format!(
            "<circle cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"5\" fill=\"#246\"/>\n\
             <text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\n",
            y - 9.0,
            name(map, ieee)
        )
    };
    let lines: String = rows(map, "links").iter().filter_map(line).collect();
    let texts: String = places.iter().map(text).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-500 -500 1000 1000\" font-family=\"sans-serif\" \
         font-size=\"12\">\n{lines}{texts}</svg>\n"
    )
}

/// Where each device is drawn.
fn places(map: &Value) -> Vec<(Value, f64, f64)> {
    let rings = [("coordinator", 0.0), ("router", 240.0), ("end_device", 420.0)];
    let ring = |(role, radius): (&str, f64)| {
        let nodes: Vec<_> = rows(map, "nodes").iter().filter(|node| node["role"] == *role).collect();
        let step = TAU / f64::from(u32::try_from(nodes.len().max(1)).unwrap_or(u32::MAX));
        let place = move |(at, node): (u32, &Value)| {
            let (sine, cosine) = (step * f64::from(at)).sin_cos();
            (node["ieee"].clone(), radius * cosine, radius * sine)
        };
        (0..).zip(nodes).map(place).collect::<Vec<_>>()
    };
    rings.into_iter().flat_map(ring).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Value {
        json!({
            "nodes": [
                { "device": "zb", "ieee": "0x1", "role": "coordinator", "is_silent": false },
                { "device": "plug-1", "ieee": "0x2", "role": "router", "is_silent": true },
            ],
            "links": [{ "from": "0x1", "to": "0x2", "link_quality": 120, "relation": "sibling", "depth": 1 }],
        })
    }

    #[test]
    fn every_form_names_who_hears_whom() {
        let text = table(&two());
        assert!(text.contains("zb    plug-1  120") && text.ends_with("no answer from plug-1\n"), "{text}");
        let text = dot(&two());
        assert!(text.contains("\"zb\" -> \"plug-1\" [label=120]") && text.contains("\"zb\" [shape=box]"), "{text}");
        let text = svg(&two());
        assert!(text.contains("x1=\"0\" y1=\"0\" x2=\"240\" y2=\"0\"") && text.contains(">plug-1</text>"), "{text}");
    }
}
