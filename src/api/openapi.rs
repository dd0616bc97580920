//! The OpenAPI 3.1 document, made from the table of routes.

use serde_json::{Map, Value, json};

use super::{
    routes::{ROUTES, Route},
    schemas::{reference, schemas},
};

/// The whole document; `docs/openapi.json` is this.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate local API",
            "version": "1",
            "description": "HTTP on the gateway's unix socket ([api] socket). Who may open the socket may read; writes need a grant.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

/// One method of one path.
fn operation(route: &Route) -> Value {
    let schema = route.answer.map_or_else(|| json!({ "type": "string" }), reference);
    let content: Map<_, _> =
        route.media.iter().map(|media| ((*media).to_owned(), json!({ "schema": schema }))).collect();
    let error = json!({ "application/json": { "schema": reference("Error") } });
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "parameters": parameters(route),
        "responses": {
            "200": { "description": "As asked", "content": content },
            "default": { "description": "Not as asked, and why", "content": error },
        },
    });
    if let Some(body) = route.body {
        let content = json!({ "application/json": { "schema": reference(body) } });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

/// Method and path in one word: `get_points_device_point`.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1").replace(['{', '}'], "").replace(['/', '-', '.'], "_");
    format!("{}{path}", route.method)
}

/// Parameters in the path and behind the `?`.
fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    all.extend(route.query.iter().map(|(name, required, what)| {
        let mut parameter =
            json!({ "name": name, "in": "query", "description": what, "schema": { "type": "string" } });
        if *required {
            parameter["required"] = json!(true);
        }
        parameter
    }));
    all
}

#[cfg(test)]
mod tests {
    use serde_json::to_value;

    use super::*;
    use crate::api::view;

    #[test]
    fn every_schema_that_is_named_exists() {
        let document = document();
        let text = document.to_string();
        let names = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        for name in names {
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn required_fields_are_those_that_are_always_sent() {
        let shown = [
            ("Status", to_value(view::Status::default()).unwrap()),
            ("Device", to_value(view::Device::default()).unwrap()),
            ("Point", to_value(view::Point::default()).unwrap()),
            ("Live", to_value(view::Live::default()).unwrap()),
            ("Outcome", to_value(view::Outcome::default()).unwrap()),
            ("History", to_value(view::History::default()).unwrap()),
            ("Bucket", to_value(view::Bucket::default()).unwrap()),
            ("Adapter", to_value(view::Adapter::default()).unwrap()),
            ("Health", to_value(view::Health::default()).unwrap()),
        ];
        let schemas = schemas();
        for (name, value) in shown {
            let mut required: Vec<&str> =
                schemas[name]["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            required.sort_unstable();
            let mut sent: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
            sent.sort_unstable();
            assert_eq!(required, sent, "{name}");
        }
    }

    #[test]
    fn the_shipped_document_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        let shipped: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(shipped == document(), "docs/openapi.json is old: tidegate schema api > docs/openapi.json");
    }

    #[test]
    fn the_page_about_the_api_names_every_route() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
        for route in ROUTES {
            let call = format!("`{} {}`", route.method.to_uppercase(), route.path);
            assert!(page.contains(&call), "docs/api.md does not name {call}");
        }
    }
}
