//! The kinds of values keys take, each with its reading and its shape.

use std::{
    num::{NonZeroU16, NonZeroU32, NonZeroU64},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{
    report::{Fault, Problems, suggest},
    section::{FromNode, Section, Shape, table_of},
    tree::{Data, Node},
    units,
};
use crate::model::{Access, DeviceId, PointAddress, PointName, Rate, Selector};

/// A duration above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A duration, zero included, where zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanOrZero(pub Duration);

/// A number of bytes above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A name that is a slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug(pub Arc<str>);

/// Reads text and turns it into a value.
pub fn from_text<T>(node: &Node, problems: &mut Problems, parse: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
    let Data::Text(text) = &node.data else {
        let problem = problems.error(&node.place, format!("expected text, found {}", node.data.kind()));
        problem.help = help_for_text(&node.data, parse);
        return None;
    };
    parse(text).map_err(|fault| problems.fault(&node.place, fault)).ok()
}

/// What to write instead of a value that is no text: itself in quotes if the key takes that, else the key's form.
fn help_for_text<T>(found: &Data, parse: impl FnOnce(&str) -> Result<T, Fault>) -> Option<String> {
    let Some(text) = found.unquoted() else { return parse("").err().and_then(|fault| fault.help) };
    match parse(&text) {
        Ok(_) => Some("put it in quotes".to_owned()),
        Err(fault) => fault.help.or(Some(fault.message)),
    }
}

/// Reads one of a few words. `later` are words of the format that this version cannot do.
pub fn from_word<T: Copy>(
    node: &Node,
    problems: &mut Problems,
    words: &[(&'static str, T)],
    later: &[&str],
) -> Option<T> {
    from_text(node, problems, |text| {
        let known = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let all = words.iter().map(|(word, _)| *word);
        match known {
            Some(value) => Ok(value),
            None if later.contains(&text) => {
                let help = format!("this version has {}", all.collect::<Vec<_>>().join(", "));
                Err(Fault::new(format!("{text:?} is not in this version")).help(help))
            }
            None => Err(Fault::new(format!("{text:?} is no value of this key")).help(suggest(text, all))),
        }
    })
}

/// Reads a whole number within limits.
pub fn from_integer(node: &Node, problems: &mut Problems, min: i64, max: i64) -> Option<i64> {
    match node.data {
        Data::Int(number) if (min..=max).contains(&number) => Some(number),
        Data::Int(number) => {
            let problem = problems.error(&node.place, format!("{number} is outside {min} to {max}"));
            problem.help("give a number within these limits");
            None
        }
        _ => {
            let problem = problems.error(&node.place, format!("expected a whole number, found {}", node.data.kind()));
            problem.help("write it without quotes and without a point");
            None
        }
    }
}

/// States that a type is read from text by a function.
macro_rules! text_values {
    ($($type:ty: $form:literal, $parse:expr;)+) => { $(
        impl $crate::config::section::FromNode for $type {
            const SHAPE: $crate::config::section::Shape = $crate::config::section::Shape::Text($form);

            fn from_node(
                node: $crate::config::tree::Node,
                problems: &mut $crate::config::report::Problems,
            ) -> Option<Self> {
                $crate::config::values::from_text(&node, problems, $parse)
            }
        }
    )+ };
}
pub(crate) use text_values;

/// States that a type is one of a few words.
macro_rules! word_values {
    ($($type:ty: [$($word:literal => $value:expr),+], later [$($later:literal),*];)+) => { $(
        impl $crate::config::section::FromNode for $type {
            const SHAPE: $crate::config::section::Shape = $crate::config::section::Shape::Words(&[$($word),+]);

            fn from_node(
                node: $crate::config::tree::Node,
                problems: &mut $crate::config::report::Problems,
            ) -> Option<Self> {
                $crate::config::values::from_word(&node, problems, &[$(($word, $value)),+], &[$($later),*])
            }
        }
    )+ };
}
pub(crate) use word_values;

text_values! {
    String: "text", filled;
    Slug: "a-z, 0-9, - and _", |text| slug(text, |id: DeviceId| Self(id.as_str().into()));
    DeviceId: "a-z, 0-9, - and _", |text| slug(text, |id| id);
    PointName: "a-z, 0-9, - and _", |text| Self::new(text).map_err(|error| not_slug(text, &error));
    Selector: "device/point, with *", selector;
    PointAddress: "device/point", point_address;
    Rate: "a count per s, min, h or day: 10/min", units::rate;
    SpanOrZero: "a duration or 0: 10s, 5m, 24h, 90d", |text| units::duration(text).map(Self);
    Span: "a duration: 50ms, 10s, 5m, 24h, 90d", |text| match units::duration(text)? {
        Duration::ZERO => Err(Fault::new("duration is zero").help("give a duration above zero")),
        span => Ok(Self(span)),
    };
    Size: "a size: 512KiB, 100MB, 2GiB", |text| match units::size(text)? {
        0 => Err(Fault::new("size is zero").help("give a size above zero")),
        bytes => Ok(Self(bytes)),
    };
}

word_values! {
    Access: ["r" => Access::R, "w" => Access::W, "rw" => Access::Rw], later [];
}

/// Which points are meant.
fn selector(text: &str) -> Result<Selector, Fault> {
    Selector::parse(text).map_err(|error| Fault::new(error.to_string()).help("\"*/*\" stands for all"))
}

/// Text with something in it.
fn filled(text: &str) -> Result<String, Fault> {
    if text.is_empty() {
        return Err(Fault::new("text is empty").help("give at least one character"));
    }
    Ok(text.to_owned())
}

/// A slug, with its own text made into one as help.
fn slug<T>(text: &str, make: impl FnOnce(DeviceId) -> T) -> Result<T, Fault> {
    DeviceId::new(text).map(make).map_err(|error| not_slug(text, &error))
}

/// One point of one device.
fn point_address(text: &str) -> Result<PointAddress, Fault> {
    let form = || Fault::new(format!("{text:?} is no point")).help("write device/point");
    let (device, point) = text.split_once('/').ok_or_else(form)?;
    let point = PointName::new(point).map_err(|error| not_slug(point, &error))?;
    Ok(PointAddress { device: slug(device, |id| id)?, point })
}

/// Why a text is no name, with what it could be.
fn not_slug(text: &str, error: &dyn std::fmt::Display) -> Fault {
    let fault = Fault::new(format!("{text:?} is no name: {error}"));
    match slugify(text) {
        Some(slug) => fault.help(format!("use {slug:?}")),
        None => fault.help("choose another name"),
    }
}

/// The slug nearest to a text, or `None` when nothing of it can be in one.
pub fn slugify(text: &str) -> Option<String> {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let slug: String = text.chars().map(keep).skip_while(|c| !c.is_ascii_alphanumeric()).take(64).collect();
    let slug = slug.trim_end_matches('-').to_owned();
    (!slug.is_empty()).then_some(slug)
}

/// States whole numbers with their limits.
macro_rules! integers {
    ($($type:ty: $min:expr, $max:expr;)+) => { $(
        impl FromNode for $type {
            const SHAPE: Shape = Shape::Integer { min: $min, max: $max };

            fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
                let number = from_integer(&node, problems, $min, $max)?;
                Self::try_from(number).ok()
            }
        }
    )+ };
}

integers! {
    u8: 0, 255;
    u16: 0, 65_535;
    u32: 0, 4_294_967_295;
}

/// States whole numbers that cannot be zero.
macro_rules! counts {
    ($($type:ty: $inner:ty, $max:expr;)+) => { $(
        impl FromNode for $type {
            const SHAPE: Shape = Shape::Integer { min: 1, max: $max };

            fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
                let number = from_integer(&node, problems, 1, $max)?;
                Self::new(<$inner>::try_from(number).ok()?)
            }
        }
    )+ };
}

counts! {
    NonZeroU16: u16, 65_535;
    NonZeroU32: u32, 4_294_967_295;
    NonZeroU64: u64, i64::MAX;
}

impl FromNode for bool {
    const SHAPE: Shape = Shape::Bool;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let Data::Bool(flag) = node.data else {
            let problem = problems.error(&node.place, format!("expected true or false, found {}", node.data.kind()));
            problem.help("write true or false, without quotes");
            return None;
        };
        Some(flag)
    }
}

impl FromNode for f64 {
    const SHAPE: Shape = Shape::Number;

    #[expect(clippy::cast_precision_loss, reason = "a limit or factor beyond 2^53 means the nearest float")]
    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        match node.data {
            Data::Int(number) => Some(number as f64),
            Data::Float(number) if number.is_finite() => Some(number),
            _ => {
                let found = if matches!(node.data, Data::Float(_)) { "nan or inf" } else { node.data.kind() };
                let problem = problems.error(&node.place, format!("expected a finite number, found {found}"));
                problem.help("write a number such as 0.5, without quotes");
                None
            }
        }
    }
}

/// A path; a relative one starts at the folder of the file that names it.
impl FromNode for PathBuf {
    const SHAPE: Shape = Shape::Text("a path, relative to this file's folder");

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let text = from_text(&node, problems, |text| match text {
            "" => Err(Fault::new("path is empty").help("name a file or folder, or leave the key out")),
            _ if text.contains('\0') => Err(Fault::new("path has a NUL character")),
            _ => Ok(text.to_owned()),
        })?;
        let path = node.place.file.parent().map_or_else(|| Self::from(&text), |folder| folder.join(&text));
        // Anew from its parts, so that `./buffer.db` does not show as `/etc/tidegate/./buffer.db`.
        Some(path.components().collect())
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let Data::List(items) = node.data else {
            let help = "write [value, …], or [[double brackets]] for a list of tables";
            problems.error(&node.place, format!("expected a list, found {}", node.data.kind())).help(help);
            return None;
        };
        // A list whose entries are all wrong is wrong, not empty.
        let was_empty = items.is_empty();
        let read: Self = items.into_iter().filter_map(|item| T::from_node(item, problems)).collect();
        (was_empty || !read.is_empty()).then_some(read)
    }
}

/// A value together with its place, for the entries of a list.
impl<T: FromNode> FromNode for super::section::At<T> {
    const SHAPE: Shape = T::SHAPE;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let place = node.place.clone();
        T::from_node(node, problems).map(|value| Self { value, place })
    }
}

/// A table whose keys are read later.
impl FromNode for Section {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        table_of(node, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_becomes_a_slug() {
        assert_eq!(slugify("Plant 7.local").as_deref(), Some("plant-7-local"));
        assert_eq!(slugify("--"), None);
        assert!(DeviceId::new(&slugify(&"É".repeat(99)).unwrap_or("x".into())).is_ok());
    }
}
