//! `tidegate modbus find-order`: which type, order, place and scale make a known value of the registers.
//!
//! A data sheet that says "float, register 30001" leaves open how bytes lie and whether it counts from 0 or 1. Somebody who
//! reads the device's display knows the value; so all that is in use is tried, and what fits is ordered by how common it
//! is. Reading is all that is done.

use serde_json::json;

use super::{
    candidate::{Candidate, beside_narrow, page},
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

#[cfg(test)]
#[path = "find_order_tests.rs"]
mod tests;
