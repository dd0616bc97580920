//! `tidegate profile match`: the profile that a Zigbee device takes by itself.

use serde_json::{Value, json};

use crate::{
    adapter::zigbee::quirk::{OwnPoint, Quirk, Quirks, Source},
    cli::{context::Context, error::CliError, table::Table},
    config::report::Problems,
    profile::Library,
};

/// Looks for the profile, and shows its points.
pub(super) fn run(
    library: &mut Library,
    manufacturer: &str,
    model: &str,
    as_json: bool,
    context: &mut Context,
) -> Result<(), CliError> {
    // A profile with a mistake fits nobody; `tidegate profile test` tells what is wrong with it.
    let quirks = Quirks::of(library, &mut Problems::default());
    let found = quirks.find(manufacturer, model).ok_or_else(|| {
        let help = "docs/quirks.md leads to a profile of your own";
        CliError::Failed(format!("no profile fits {manufacturer:?} {model:?} (help: {help})"))
    })?;
    let points: Vec<Value> = found.points.iter().map(row).collect();
    let json = json!({ "profile": found.name, "has_decoder": found.decode.is_some(), "points": points });
    context.show(as_json, &json, || text(&found, &points))
}

/// The profile for people.
fn text(found: &Quirk, points: &[Value]) -> String {
    let keys = ["name", "source", "type", "unit", "access"];
    format!("{}\n\n{}", found.name, Table::of("point", &keys, points))
}

/// One point.
fn row(point: &OwnPoint) -> Value {
    let source = match point.source {
        Source::DataPoint { dp, .. } => format!("dp {dp}"),
        Source::Attribute(place) => format!("{} {}", place.cluster, place.attribute),
        Source::Script => "script".to_owned(),
    };
    json!({
        "name": point.name.as_str(), "source": source, "type": point.kind.as_str(), "unit": point.unit.as_deref(),
        "access": point.access.as_str(),
    })
}
