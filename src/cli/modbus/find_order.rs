//! `tidegate modbus find-order`: which type, order, place and scale make a known value of the registers.
//!
//! A data sheet that says "float, register 30001" leaves open how bytes lie and whether it counts from 0 or 1. Somebody who
//! reads the device's display knows the value; so all that is in use is tried, and what fits is ordered by how common it
//! is. Reading is all that is done.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{
    forms::{self, Order},
    question::{About, Question},
    target::{Spot, Unit},
};
use crate::{
    adapter::modbus::{
        asking::{AskError, Asker},
        config::{Conversion, DataType, Register},
        decode,
        layout::{is_bits, registers},
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
        table::Table,
    },
};

/// The types that are tried, the common ones first.
const TYPES: [DataType; 11] = [
    DataType::U16,
    DataType::I16,
    DataType::F32,
    DataType::U32,
    DataType::I32,
    DataType::F64,
    DataType::U64,
    DataType::I64,
    DataType::Bcd16,
    DataType::Bcd32,
    DataType::F16,
];

/// The scales that are tried, the common ones first.
const SCALES: [f64; 8] = [1.0, 0.1, 0.01, 0.001, 10.0, 100.0, 1000.0, 0.0001];

/// The places that are tried: the register itself, and its neighbours for one who counted from the other base.
const STEPS: [i32; 3] = [0, -1, 1];

/// How many registers a value has.
const WIDTHS: [u16; 3] = [1, 2, 4];

/// Orders whose first word is the lowest: a number that is small in them is the same in fewer registers.
const LOW_WORD_FIRST: [&str; 4] = ["CDAB", "DCBA", "GHEFCDAB", "HGFEDCBA"];

/// What registers often hold while there is no value.
const NO_VALUE: [u16; 3] = [0x7fff, 0x8000, 0xffff];

/// Part of the expected value that another value may differ from it.
const TOLERANCE: f64 = 0.01;

/// Finds which type, byte order, base and scale give a value that is known.
#[derive(Debug, clap::Args)]
#[command(override_usage = "tidegate modbus find-order [OPTIONS] --expect <VALUE> [LINK] <REGISTER>")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    spot: Spot,
    /// The value that the device shows at this moment, such as 230.1.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    expect: f64,
    #[command(flatten)]
    unit: Unit,
    /// Largest difference from the value; by default a hundredth of it.
    #[arg(long, value_name = "DIFFERENCE")]
    tolerance: Option<f64>,
    /// How many are listed at most, the likeliest first.
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let (target, register) = args.spot.find()?;
    let sought = args.sought(register)?;
    let mut asker = target.asker(context)?;
    let places = block_on(places(&mut asker, args.unit, register))?;
    let mut found: Vec<Candidate> = places.iter().flat_map(|place| sought.candidates(place)).collect();
    found.sort_by(Candidate::likelier);
    let mut found = beside_narrow(found);
    let total = found.len();
    found.truncate(args.limit);
    let document = json!({
        "link": asker.link().to_string(), "unit": args.unit.number(), "register": register.to_string(),
        "expect": args.expect, "found": total,
        "candidates": found.iter().map(Candidate::document).collect::<Vec<_>>(),
    });
    context.show(args.json, &document, || page(&found, total))?;
    if found.is_empty() { Err(sought.nothing(register, &places)) } else { Ok(()) }
}

/// Registers that were read together.
struct Place {
    register: Register,
    /// Steps from the register that was named.
    step: i32,
    wire: Vec<u8>,
}

impl Place {
    /// Its first register.
    fn word(&self) -> Option<u16> {
        self.wire.first_chunk().map(|pair| u16::from_be_bytes(*pair))
    }
}

impl Args {
    /// What is looked for.
    fn sought(&self, register: Register) -> Result<Sought, CliError> {
        let usage = |text: &str| Err(CliError::Usage(text.to_owned()));
        if is_bits(register.table) {
            return usage("coils and discrete inputs are single bits (help: only registers have an order)");
        }
        if !self.expect.is_finite() {
            return usage("--expect is no finite number");
        }
        if self.expect == 0.0 {
            return usage("zero is found nearly everywhere (help: wait until the device shows another value)");
        }
        let tolerance = self.tolerance.unwrap_or(self.expect.abs() * TOLERANCE);
        if !(tolerance >= 0.0 && tolerance.is_finite()) {
            return usage("--tolerance is a difference from the value, 0 or more");
        }
        Ok(Sought { value: self.expect, tolerance })
    }
}

/// The registers that could hold the value. Each width is read by itself: many units refuse to give half a value.
/// What is refused is no place; when all is, the first refusal is told.
async fn places(asker: &mut Asker, unit: Unit, named: Register) -> Result<Vec<Place>, CliError> {
    let (mut places, mut refusal) = (Vec::new(), None);
    let link = asker.link().clone();
    let question = Question { link: &link, unit, text: format!("read {named}"), about: About::Around(named) };
    for step in STEPS {
        let Some(register) = beside(named, step) else { continue };
        for width in WIDTHS {
            match asker.read(unit.number(), register.table, register.offset, width).await {
                Ok(wire) => places.push(Place { register, step, wire }),
                Err(error @ (AskError::Refused(_) | AskError::Unusable(_))) => {
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(question.unanswered(&error)),
            }
        }
    }
    match refusal {
        Some(error) if places.is_empty() => Err(question.unanswered(&error)),
        Some(_) | None => Ok(places),
    }
}

/// A register so many steps away, within its table.
fn beside(register: Register, step: i32) -> Option<Register> {
    let offset = u16::try_from(i32::from(register.offset) + step).ok()?;
    Some(Register { offset, ..register })
}

/// What is looked for.
struct Sought {
    value: f64,
    tolerance: f64,
}

/// A way in which the registers give the value.
struct Candidate {
    register: Register,
    step: i32,
    data: DataType,
    order: Order,
    scale: f64,
    value: f64,
    /// Distance from what was expected, in parts of it.
    off: f64,
    /// How uncommon it is: the sum of its choices' places in their lists.
    rarity: usize,
    /// Whether it is the one before it in more registers, which are all sign today.
    is_wider: bool,
}

impl Sought {
    /// All that fits in a place. A form that says the same as a likelier one of the same type's width is left out.
    fn candidates(&self, place: &Place) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let fitting = TYPES.iter().filter(|data| usize::from(registers(**data)) * 2 == place.wire.len());
        for data in fitting {
            for (index, order) in forms::orders(*data).into_iter().enumerate() {
                let Some(raw) = decode::plain(*data, &order.order, &place.wire).ok().and_then(|raw| raw.as_f64())
                else {
                    continue;
                };
                for candidate in self.scaled(place, *data, &order, index, raw) {
                    let is_known = |known: &Candidate| {
                        known.value.to_bits() == candidate.value.to_bits()
                            && known.scale.to_bits() == candidate.scale.to_bits()
                    };
                    if !found.iter().any(is_known) {
                        found.push(candidate);
                    }
                }
            }
        }
        found
    }

    /// The scales with which a raw number gives the value.
    fn scaled(&self, place: &Place, data: DataType, order: &Order, index: usize, raw: f64) -> Vec<Candidate> {
        let by = |(rank, &scale): (usize, &f64)| {
            let value = Conversion { scale, ..Conversion::default() }.value(raw, 0);
            let fits = (value - self.value).abs() <= self.tolerance;
            fits.then(|| Candidate {
                register: place.register,
                step: place.step,
                data,
                order: order.clone(),
                scale,
                value,
                off: ((value - self.value) / self.value).abs(),
                rarity: rarity(data, index, rank, place.step),
                is_wider: false,
            })
        };
        SCALES.iter().enumerate().filter_map(by).collect()
    }

    /// That nothing fits, and what can be tried.
    fn nothing(&self, register: Register, places: &[Place]) -> CliError {
        let here = places.iter().find(|place| place.step == 0).and_then(Place::word);
        if let Some(word) = here.filter(|word| NO_VALUE.contains(word)) {
            let mark = "the device may have no value at this moment";
            let sought = self.value;
            return CliError::Failed(format!(
                "nothing at {register} or beside it gives {sought}: it holds {word:#06x}, often the mark of no value (help: {mark})"
            ));
        }
        let other = match register.table {
            crate::adapter::modbus::config::Table::Input => "holding",
            _ => "input",
        };
        CliError::Failed(format!(
            "nothing at {register} or beside it gives {} (help: try {other}:{}, or a larger --tolerance if the value moves)",
            self.value, register.offset
        ))
    }
}

/// How uncommon a form is. A float is rarely scaled, a neighbour rarely meant, and bytes within words are rarely swapped.
fn rarity(data: DataType, order: usize, scale: usize, step: i32) -> usize {
    let kind = TYPES.iter().position(|known| *known == data).unwrap_or(TYPES.len());
    let is_float = matches!(data, DataType::F16 | DataType::F32 | DataType::F64);
    let scale = if is_float { 3 * scale } else { scale };
    kind + 2 * order + scale + if step == 0 { 0 } else { 4 }
}

/// Puts wider forms right behind the narrow one that they say the same as: as long as a number is small nothing but the
/// data sheet tells how many registers it has.
fn beside_narrow(sorted: Vec<Candidate>) -> Vec<Candidate> {
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
    fn likelier(&self, other: &Self) -> Ordering {
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
    fn document(&self) -> Value {
        json!({
            "register": self.register.to_string(), "step": self.step, "type": self.data.to_string(),
            "order": self.order.name, "scale": self.scale, "value": self.value, "off": self.off,
            "same_in_more_registers": self.is_wider,
            "point": self.keys().join("\n"),
        })
    }
}

/// For people: all that fits, and the likeliest as lines for the configuration.
fn page(found: &[Candidate], total: usize) -> String {
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

#[cfg(test)]
#[path = "find_order_tests.rs"]
mod tests;
