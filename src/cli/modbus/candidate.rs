//! Ways in which registers give a value that is known: which is likelier, and how they are told.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::forms::Order;
use crate::{
    adapter::modbus::{
        config::{DataType, Register},
        layout::registers,
    },
    cli::table::Table,
};

/// Orders whose first word is the lowest: a number that is small in them is the same in fewer registers.
const LOW_WORD_FIRST: [&str; 4] = ["CDAB", "DCBA", "GHEFCDAB", "HGFEDCBA"];

/// A way in which the registers give the value.
pub(super) struct Candidate {
    /// Its first register.
    pub(super) register: Register,
    /// Steps from the register that was named.
    pub(super) step: i32,
    /// Its type.
    pub(super) data: DataType,
    /// Its byte order.
    pub(super) order: Order,
    /// Its scale.
    pub(super) scale: f64,
    /// The value it gives.
    pub(super) value: f64,
    /// Distance from what was expected, in parts of it.
    pub(super) off: f64,
    /// How uncommon it is: the sum of its choices' places in their lists.
    pub(super) rarity: usize,
    /// Whether it is the one before it in more registers, which are all sign today.
    pub(super) is_wider: bool,
}

/// Puts wider forms right behind the narrow one that they say the same as: as long as a number is small nothing but the
/// data sheet tells how many registers it has.
pub(super) fn beside_narrow(sorted: Vec<Candidate>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for mut candidate in sorted {
        match found.iter().rposition(|known| candidate.widens(known)) {
            Some(narrow) => {
                candidate.is_wider = true;
                found.insert(narrow + 1, candidate);
            }
            None => found.push(candidate),
        }
    }
    found
}

impl Candidate {
    /// Whether it is another one in more registers, all of which are sign today.
    fn widens(&self, narrow: &Self) -> bool {
        let is_whole = |data| {
            use DataType::{I16, I32, I64, U16, U32, U64};
            matches!(data, I16 | I32 | I64 | U16 | U32 | U64)
        };
        let is_same =
            self.value.to_bits() == narrow.value.to_bits() && self.scale.to_bits() == narrow.scale.to_bits();
        is_same
            && self.register == narrow.register
            && is_whole(self.data)
            && is_whole(narrow.data)
            && registers(self.data) > registers(narrow.data)
            && LOW_WORD_FIRST.contains(&&*self.order.name)
    }

    /// The likelier one first: what is nearly exact before what is only near, then the common before the rare.
    pub(super) fn likelier(&self, other: &Self) -> Ordering {
        let class = |candidate: &Self| (candidate.off > 0.0005, candidate.rarity);
        class(self).cmp(&class(other)).then(self.off.total_cmp(&other.off))
    }

    /// The keys of a point, as a configuration has them.
    fn keys(&self) -> Vec<String> {
        let mut keys = vec![format!("register = \"{}\"", self.register), format!("type = \"{}\"", self.data)];
        if !matches!(self.order.name.as_str(), "AB" | "ABCD" | "ABCDEFGH") {
            keys.push(format!("order = \"{}\"", self.order.name));
        }
        if self.scale.to_bits() != 1f64.to_bits() {
            keys.push(format!("scale = {}", self.scale));
        }
        keys
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        json!({
            "register": self.register.to_string(), "step": self.step, "type": self.data.to_string(),
            "order": self.order.name, "scale": self.scale, "value": self.value, "off": self.off,
            "same_in_more_registers": self.is_wider,
            "point": self.keys().join("\n"),
        })
    }
}

/// For people: all that fits, and the likeliest as lines for the configuration.
pub(super) fn page(found: &[Candidate], total: usize) -> String {
    let Some(best) = found.first() else { return String::new() };
    let mut table = Table::new(&["VALUE", "OFF BY", "BASE", "POINT"]);
    for candidate in found {
        let base = match candidate.step {
            0 => "as named",
            step if step < 0 => "one less",
            _ => "one more",
        };
        table.push([
            format!("{}", candidate.value),
            format!("{:.3} %", candidate.off * 100.0),
            base.to_owned(),
            format!("{{ {} }}", candidate.keys().join(", ")),
        ]);
    }
    let more =
        if total > found.len() { format!("… and {} more (--limit)\n", total - found.len()) } else { String::new() };
    let (keys, wider) = (best.keys().join("\n"), wider(found));
    format!("{table}{more}\nThe likeliest:\n\n[[device.point]]\nname = \"value\"\n{keys}\n{wider}")
}

/// What is said of the forms that only the data sheet tells from the likeliest one.
fn wider(found: &[Candidate]) -> String {
    let wider: Vec<String> = found
        .iter()
        .skip(1)
        .take_while(|candidate| candidate.is_wider)
        .map(|candidate| candidate.keys().into_iter().skip(1).collect::<Vec<_>>().join(", "))
        .collect();
    if wider.is_empty() {
        return String::new();
    }
    format!(
        "\nThe same as long as the number is small, so the data sheet decides: {{ {} }}\n",
        wider.join(" } or { ")
    )
}
