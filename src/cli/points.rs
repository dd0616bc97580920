//! `tidegate points`

use std::time::Duration;

use super::{
    context::{Context, known},
    error::CliError,
    format::{measured, span},
    table::{Table, cell},
};
use crate::{api::view::Point, model::Selector};

/// List points with their last values.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which points: device/point, with * for any run of characters.
    selector: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let path = format!("/api/v1/points{}", select_query(args.selector.as_deref())?);
    let json = context.get(&path)?;
    let points: Vec<Point> = known(&json)?;
    context.show(args.json, &json, || table(points).to_string())
}

/// `?select=…`; a selector has no character that a query would have to escape.
pub(super) fn select_query(selector: Option<&str>) -> Result<String, CliError> {
    let Some(text) = selector else { return Ok(String::new()) };
    let selector = Selector::parse(text).map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(format!("?select={selector}"))
}

/// The points for people.
fn table(points: Vec<Point>) -> Table {
    let mut table = Table::new(&["POINT", "VALUE", "AGE", "TYPE", "ACCESS"]);
    for point in points {
        let value = measured(&cell(&point.value), point.unit.as_deref(), point.quality.as_deref());
        let age = point.age_ms.map_or_else(|| "never".to_owned(), |millis| span(Duration::from_millis(millis)));
        table.push([format!("{}/{}", point.device, point.point), value, age, point.kind, point.access]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_point_without_a_reading_says_never() {
        let voltage = Point { device: "meter-1".into(), point: "voltage".into(), ..Point::default() };
        let current = Point { value: json!(4.5), unit: Some("A".into()), age_ms: Some(2_500), ..voltage.clone() };

        let text = table(vec![voltage, current]).to_string();

        assert_eq!(text.lines().nth(1).unwrap().trim_end(), "meter-1/voltage         never");
        assert!(text.lines().nth(2).unwrap().starts_with("meter-1/voltage  4.5 A  2 s"), "{text}");
    }

    #[test]
    fn a_selector_is_checked_before_the_daemon_is_asked() {
        assert_eq!(select_query(Some("meter-*/volt*")).unwrap(), "?select=meter-*/volt*");
        assert!(matches!(select_query(Some("meter 1&x=/y")), Err(CliError::Usage(_))));
    }
}
