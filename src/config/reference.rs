//! The reference of all keys as Markdown, made from what states them.

use std::fmt::Write as _;

use super::{
    file,
    section::{AdapterKind, Key, Keyed as _, Keys, Need, Shape},
};

/// A table of keys for each section and each of these adapter kinds.
pub fn reference(kinds: &[AdapterKind]) -> String {
    let mut page = String::new();
    for key in file::Root::KEYS.keys {
        match key.shape {
            Shape::Table(keys) => section(&mut page, &format!("[{}]", key.name()), &key.text(), keys),
            Shape::List(Shape::Table(keys)) => section(&mut page, &format!("[[{}]]", key.name()), &key.text(), keys),
            _ if key.name() == "adapter" => {
                section(&mut page, "[[adapter]]", &key.text(), &file::Adapter::KEYS);
                for kind in kinds {
                    of_kind(&mut page, "[[adapter]]", kind.kind, &kind.adapter);
                }
            }
            _ => {
                section(&mut page, "[[device]]", &key.text(), &file::Device::KEYS);
                for kind in kinds {
                    of_kind(&mut page, "[[device]]", kind.kind, &kind.device);
                }
            }
        }
    }
    page
}

/// What a kind adds.
fn of_kind(page: &mut String, header: &str, kind: &str, keys: &Keys) {
    section(page, &format!("{header} of kind {kind}"), &paragraph(keys.docs), keys);
}

/// A heading, its paragraph, its keys, and the sections within it.
fn section(page: &mut String, title: &str, text: &str, keys: &Keys) {
    let written = write!(page, "### `{title}`\n\n{text}\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
    written.expect("a String takes any text");
    for key in keys.keys {
        row(page, key);
    }
    page.push('\n');
    for key in keys.keys {
        match key.shape {
            Shape::Table(inner) => nested(page, title, key, inner),
            Shape::List(Shape::Table(inner)) => nested(page, title, key, inner),
            Shape::Either(shapes) => either(page, title, key, shapes),
            _ => {}
        }
    }
}

/// The tables among the kinds of value that a key takes.
fn either(page: &mut String, title: &str, key: &Key, shapes: &[Shape]) {
    for shape in shapes {
        if let Shape::Table(inner) = shape {
            nested(page, title, key, inner);
        }
    }
}

/// A table within a section.
fn nested(page: &mut String, title: &str, key: &Key, keys: &Keys) {
    section(page, &format!("{title} {}", key.name()), &paragraph(keys.docs), keys);
}

/// One key.
fn row(page: &mut String, key: &Key) {
    let default = match key.need {
        Need::Required => "required".to_owned(),
        Need::Optional(text) => plain(text),
        Need::Default(text) => format!("`{text}`"),
    };
    let meaning = key.text().replace('|', "\\|");
    let written = writeln!(page, "| `{}` | {} | {default} | {meaning} |", key.name(), values(key.shape));
    written.expect("a String takes any text");
}

/// What values a key takes, in words.
fn values(shape: Shape) -> String {
    match shape {
        Shape::Text(form) => plain(form),
        Shape::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::Integer { min, max } => format!("{min} to {max}"),
        Shape::Number => "number".to_owned(),
        Shape::Bool => "`true`, `false`".to_owned(),
        Shape::Either(shapes) => shapes.iter().map(|shape| values(*shape)).collect::<Vec<_>>().join(", or "),
        Shape::List(item) => format!("list: {}", values(*item)),
        Shape::Table(_) | Shape::Open => "table".to_owned(),
    }
}

/// Text in which Markdown sees no markup.
fn plain(text: &str) -> String {
    text.replace('<', "\\<").replace('*', "\\*")
}

/// A doc comment as one paragraph.
fn paragraph(docs: &[&str]) -> String {
    docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
