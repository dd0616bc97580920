//! The one place where a key is stated: `section!` makes from a list of keys the struct as typed, its reading with
//! places and defaults, the refusal of unknown keys, the JSON Schema and the reference page.
//!
//! Each key has a type that knows how to read itself ([`FromNode`]) and one of three needs: `required`, `optional`
//! with what its absence means, or `default` with a value in TOML. Adapters read their own keys through the same
//! [`Section`].

use super::{
    report::{Fault, Place, Problems, suggest},
    tree::{self, Data, Entry, Node, Table},
};

/// Keys that the format has and this version does not know yet, so that the message can say so.
const LATER: &[&str] = &["expect", "group", "listen", "report", "webhook"];

/// One key of a section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name as a Rust field, which may begin with `r#`.
    field: &'static str,
    /// Its doc comment: meaning, unit, default, when to change it.
    pub docs: &'static [&'static str],
    /// What values it takes.
    pub shape: Shape,
    /// Whether it has to be there.
    pub need: Need,
}

impl Key {
    /// A key as `section!` states it.
    pub const fn new(field: &'static str, docs: &'static [&'static str], shape: Shape, need: Need) -> Self {
        Self { field, docs, shape, need }
    }

    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        self.field.trim_start_matches("r#")
    }

    /// Its doc comment as one paragraph.
    pub fn text(&self) -> String {
        self.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a key has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its absence is an error.
    Required,
    /// What its absence means, in words.
    Optional(&'static str),
    /// Its value when it is absent, in TOML.
    Default(&'static str),
}

/// What values a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text, with its form in words.
    Text(&'static str),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number within limits.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// Any number.
    Number,
    /// True or false.
    Bool,
    /// One of several kinds.
    Either(&'static [Shape]),
    /// A list of one kind.
    List(&'static Shape),
    /// A table with these keys.
    Table(&'static Keys),
    /// A table whose other keys its adapter kind knows.
    Open,
}

/// The keys of a section.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// The section's doc comment.
    pub docs: &'static [&'static str],
    /// The keys in the order a person would want to read them.
    pub keys: &'static [Key],
}

/// The keys an adapter kind adds to the common ones, as data, so that configuration knows no adapter.
#[derive(Debug, Clone, Copy)]
pub struct AdapterKind {
    /// The word in `kind = "…"`.
    pub kind: &'static str,
    /// Keys of its `[[adapter]]`.
    pub adapter: Keys,
    /// Keys of its `[[device]]`.
    pub device: Keys,
}

/// A value that reads itself from a file.
pub trait FromNode: Sized {
    /// What it takes, for the schema and the reference.
    const SHAPE: Shape;

    /// Reads the value; `None` when it is wrong, which is then in `problems`.
    fn from_node(node: Node, problems: &mut Problems) -> Option<Self>;
}

/// A struct made by `section!`.
pub trait Keyed: Sized {
    /// The keys.
    const KEYS: Keys;

    /// Takes the keys out of a section.
    fn read(section: &mut Section, problems: &mut Problems) -> Self;
}

/// A value and where it stands; a default stands at its table.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// Two are equal when they say the same, wherever they stand: a reload compares what is meant.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A table whose keys are being read.
#[derive(Debug, Clone)]
pub struct Section {
    /// Where the table stands; a missing key is placed here.
    pub place: Place,
    /// The keys nobody has taken yet.
    rest: Table,
    /// The keys somebody has asked for.
    known: Vec<&'static str>,
}

impl Section {
    /// A section over a table.
    pub fn new(place: Place, table: Table) -> Self {
        Self { place, rest: table, known: Vec::new() }
    }

    /// Reads all keys of a kind.
    pub fn read<T: Keyed>(&mut self, problems: &mut Problems) -> T {
        self.known.extend(T::KEYS.keys.iter().map(Key::name));
        T::read(self, problems)
    }

    /// Gives keys that were not typed values from elsewhere, such as a device profile.
    pub fn fill(&mut self, from: Table) {
        for (name, entry) in from {
            self.rest.entry(name).or_insert(entry);
        }
    }

    /// The keys nobody has taken, as they were typed.
    pub fn into_table(self) -> Table {
        self.rest
    }

    /// Takes a key out as it was typed, before anybody has read it.
    pub fn take(&mut self, name: &str) -> Option<Entry> {
        self.rest.remove(name)
    }

    /// Refuses the keys nobody asked for.
    pub fn close(self, problems: &mut Problems) {
        for (name, entry) in &self.rest {
            if LATER.contains(&name.as_str()) {
                let problem = problems.error(&entry.key, format!("key {name:?} is not in this version"));
                problem.help("leave it out");
            } else {
                let help = suggest(name, self.known.iter().copied());
                problems.error(&entry.key, format!("unknown key {name:?}")).help(help);
            }
        }
    }

    /// A key that has to be there.
    pub fn required<T: FromNode>(&mut self, key: &Key, problems: &mut Problems) -> Option<At<T>> {
        if !self.rest.contains_key(key.name()) {
            let fault =
                Fault::new(format!("key {:?} is missing", key.name())).help(format!("add it: {}", key.text()));
            problems.absent(&self.place, fault);
        }
        self.optional(key, problems)
    }

    /// A key that may be absent.
    pub fn optional<T: FromNode>(&mut self, key: &Key, problems: &mut Problems) -> Option<At<T>> {
        let node = self.rest.remove(key.name())?.node;
        let place = node.place.clone();
        T::from_node(node, problems).map(|value| At { value, place })
    }

    /// A key with a default, which also stands in for a wrong value, so that reading goes on.
    pub fn default<T: FromNode>(&mut self, key: &Key, problems: &mut Problems) -> At<T> {
        self.optional(key, problems)
            .unwrap_or_else(|| At { value: default_value(key, &self.place), place: self.place.clone() })
    }
}

/// A key's default; a test reads them all.
fn default_value<T: FromNode>(key: &Key, place: &Place) -> T {
    let Need::Default(text) = key.need else { panic!("only a key with a default is asked for it") };
    let node = tree::parse_value(text, place).expect("a default is TOML");
    T::from_node(node, &mut Problems::default()).expect("a default is a valid value")
}

/// A table, for `section!`; anything else is reported.
pub(crate) fn table_of(node: Node, problems: &mut Problems) -> Option<Section> {
    match node.data {
        Data::Table(table) => Some(Section::new(node.place, table)),
        data => {
            let help = "write { key = value, … }, or [single brackets]";
            problems.error(&node.place, format!("expected a table, found {}", data.kind())).help(help);
            None
        }
    }
}

/// States a section and its keys; see the module's documentation.
macro_rules! section {
    ($(#[doc = $doc:literal])+ $vis:vis struct $name:ident {
        $($(#[doc = $key_doc:literal])+ $key:ident: $type:ty = $need:ident $(($text:literal))?;)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        $vis struct $name {
            $($(#[doc = $key_doc])+ $vis $key: $crate::config::section::section!(@type $need $type),)+
        }

        impl $crate::config::section::Keyed for $name {
            const KEYS: $crate::config::section::Keys = $crate::config::section::Keys {
                docs: &[$($doc),+],
                keys: &[$($crate::config::section::Key::new(
                    stringify!($key),
                    &[$($key_doc),+],
                    <$type as $crate::config::section::FromNode>::SHAPE,
                    $crate::config::section::section!(@need $need $($text)?),
                )),+],
            };

            fn read(
                section: &mut $crate::config::section::Section,
                problems: &mut $crate::config::report::Problems,
            ) -> Self {
                let mut keys = Self::KEYS.keys.iter();
                let mut key = || keys.next().expect("there are as many keys as fields");
                Self { $($key: section.$need(key(), problems),)+ }
            }
        }

        impl $crate::config::section::FromNode for $name {
            const SHAPE: $crate::config::section::Shape =
                $crate::config::section::Shape::Table(&<Self as $crate::config::section::Keyed>::KEYS);

            fn from_node(
                node: $crate::config::tree::Node,
                problems: &mut $crate::config::report::Problems,
            ) -> Option<Self> {
                let mut section = $crate::config::section::table_of(node, problems)?;
                let keys = section.read(problems);
                section.close(problems);
                Some(keys)
            }
        }
    };
    (@type required $type:ty) => { Option<$crate::config::section::At<$type>> };
    (@type optional $type:ty) => { Option<$crate::config::section::At<$type>> };
    (@type default $type:ty) => { $crate::config::section::At<$type> };
    (@need required) => { $crate::config::section::Need::Required };
    (@need optional $text:literal) => { $crate::config::section::Need::Optional($text) };
    (@need default $text:literal) => { $crate::config::section::Need::Default($text) };
}
pub(crate) use section;
