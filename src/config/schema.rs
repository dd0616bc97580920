//! The configuration as JSON Schema (draft 2020-12), for editors.

use serde_json::{Map, Value, json};

use super::{
    file,
    report::Place,
    section::{AdapterKind, Key, Keyed as _, Keys, Need, Shape},
    tree,
};

/// The schema of a configuration file, with the keys of these adapter kinds. A file of `conf.d` may leave out what
/// another one has, so nothing is required at the top.
pub fn schema(kinds: &[AdapterKind]) -> Value {
    let mut root = table(&file::Root::KEYS);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("Tidegate configuration");
    root["properties"]["adapter"]["items"] = adapter(kinds);
    root["properties"]["device"]["items"] = device(kinds);
    root
}

/// An adapter: the common keys, and those of its kind.
fn adapter(kinds: &[AdapterKind]) -> Value {
    let mut common = open_table(&file::Adapter::KEYS);
    common["properties"]["kind"]["enum"] = kinds.iter().map(|kind| kind.kind).collect();
    let rule = |kind: &AdapterKind| {
        let is_kind = json!({"properties": {"kind": {"const": kind.kind}}});
        json!({"if": is_kind, "then": open_table(&kind.adapter)})
    };
    common["allOf"] = kinds.iter().map(rule).collect();
    common["unevaluatedProperties"] = json!(false);
    common
}

/// A device: the common keys, and those of one of the kinds.
fn device(kinds: &[AdapterKind]) -> Value {
    let mut common = open_table(&file::Device::KEYS);
    if !kinds.is_empty() {
        common["anyOf"] = kinds.iter().map(|kind| open_table(&kind.device)).collect();
    }
    common["unevaluatedProperties"] = json!(false);
    common
}

/// A table that has these keys and no others.
fn table(keys: &Keys) -> Value {
    let mut schema = open_table(keys);
    schema["additionalProperties"] = json!(false);
    schema
}

/// A table that has these keys among others.
fn open_table(keys: &Keys) -> Value {
    let properties: Map<_, _> = keys.keys.iter().map(|key| (key.name().to_owned(), property(key))).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    let required: Vec<_> = keys.keys.iter().filter(|key| key.need == Need::Required).map(Key::name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// One key with its documentation and default.
fn property(key: &Key) -> Value {
    let mut schema = shape(key.shape);
    schema["description"] = json!(key.text());
    if let Need::Default(text) = key.need {
        schema["default"] = default(text);
    }
    schema
}

/// What values a key takes.
fn shape(shape_of: Shape) -> Value {
    match shape_of {
        Shape::Text(_) => json!({"type": "string"}),
        Shape::Words(words) => json!({"enum": words}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Number => json!({"type": "number"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(|one| shape(*one)).collect::<Vec<_>>()}),
        Shape::List(item) => json!({"type": "array", "items": shape(*item)}),
        Shape::Table(keys) => table(keys),
        Shape::Open => json!({"type": "object"}),
    }
}

/// A default's TOML as JSON.
fn default(text: &str) -> Value {
    let place = Place::start_of("default".as_ref());
    tree::parse_value(text, &place).map_or(Value::Null, |node| node.to_json())
}
