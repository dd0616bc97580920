//! `tidegate modbus read`: a block of registers, raw and in every type and order side by side.

use serde_json::{Map, Value, json};

use super::{
    forms::{self, Order},
    question::{About, Question},
    target::{Spot, Unit, parsed},
};
use crate::{
    adapter::modbus::{
        config::{DataType, Register},
        decode,
        layout::{is_bits, registers},
        pdu::{MAX_READ_BITS, MAX_READ_REGISTERS},
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
        table::Table,
    },
};

/// How many registers or bits are read when nothing is said.
const MANY: u16 = 10;

/// What is shown together when no type is asked for.
const GROUPS: [&[DataType]; 7] = [
    &[DataType::U16, DataType::I16],
    &[DataType::F32],
    &[DataType::U32],
    &[DataType::I32],
    &[DataType::F64],
    &[DataType::U64],
    &[DataType::I64],
];

/// Shows a block of registers raw and in every type and byte order, or in those asked for.
#[derive(Debug, clap::Args)]
#[command(override_usage = "tidegate modbus read [OPTIONS] [LINK] <REGISTER>")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    spot: Spot,
    #[command(flatten)]
    unit: Unit,
    /// How many registers or bits: at most 125 registers or 2000 bits; 10 by default, with --type those of one value.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    count: Option<u16>,
    /// Only this type, one value behind the other: f32, u16, string:20 and all that the configuration knows.
    #[arg(long = "type", value_name = "TYPE", value_parser = parsed::<DataType>)]
    data: Option<DataType>,
    /// Only this byte order, such as CDAB.
    #[arg(long, value_parser = parsed::<Order>)]
    order: Option<Order>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let (target, register) = args.spot.find()?;
    let (unit, count) = (args.unit.number(), args.count(register));
    check(register, count)?;
    let mut asker = target.asker(context)?;
    let link = asker.link().clone();
    let question = Question {
        link: &link,
        unit: args.unit,
        text: format!("read {register}+{count}"),
        about: About::Block(register, count),
    };
    let wire = block_on(async {
        let read = asker.read(unit, register.table, register.offset, count).await;
        read.map_err(|error| question.unanswered(&error))
    })?;
    let block = Block { register, count, wire };
    let views = args.views();
    let document = json!({
        "link": link.to_string(), "unit": unit, "register": register.to_string(), "count": count,
        "hex": forms::hex(&block.wire).replace(' ', ""), "values": block.document(&views),
    });
    context.show(args.json, &document, || format!("unit {unit} at {link}\n\n{}", block.page(&views)))
}

/// Refuses what no request can ask for.
fn check(register: Register, count: u16) -> Result<(), CliError> {
    let most = if is_bits(register.table) { MAX_READ_BITS } else { MAX_READ_REGISTERS };
    if count > most {
        return Err(CliError::Usage(format!(
            "--count {count} is more than one request can read (help: at most {most})"
        )));
    }
    if u32::from(register.offset) + u32::from(count) > 1 << 16 {
        return Err(CliError::Usage(format!("{register}+{count} reaches beyond 65535 (help: lower --count)")));
    }
    Ok(())
}

impl Args {
    /// How much is read. Who names a type asks for a value: a unit may refuse whatever lies behind it.
    fn count(&self, register: Register) -> u16 {
        let of_one = |data| if is_bits(register.table) { 1 } else { registers(data) };
        self.count.unwrap_or_else(|| self.data.map_or(MANY, of_one))
    }

    /// What is shown: groups of types, each with its orders, and the step from one value to the next.
    fn views(&self) -> Vec<View> {
        match self.data {
            Some(data) => vec![View { forms: self.forms(&[data]), step: registers(data) }],
            None => GROUPS.iter().map(|types| View { forms: self.forms(types), step: 1 }).collect(),
        }
    }

    /// The types in their orders, or in the one asked for.
    fn forms(&self, types: &[DataType]) -> Vec<(DataType, Order)> {
        let orders = |data| self.order.clone().map_or_else(|| forms::orders(data), |order| vec![order]);
        types.iter().flat_map(|&data| orders(data).into_iter().map(move |order| (data, order))).collect()
    }
}

/// Values that stand in one table.
struct View {
    forms: Vec<(DataType, Order)>,
    /// Registers from one row to the next.
    step: u16,
}

impl View {
    /// Registers of a value, which all forms have in common.
    fn width(&self) -> u16 {
        self.forms.first().map_or(1, |(data, _)| registers(*data))
    }
}

/// What was read.
struct Block {
    register: Register,
    count: u16,
    wire: Vec<u8>,
}

impl Block {
    /// The rows of a view: where a value begins, and its bytes.
    fn rows(&self, view: &View) -> impl Iterator<Item = (Register, &[u8])> {
        let width = usize::from(view.width()) * 2;
        (0..self.count).step_by(usize::from(view.step)).filter_map(move |index| {
            let from = usize::from(index) * 2;
            let wire = self.wire.get(from..from + width)?;
            Some((Register { offset: self.register.offset + index, ..self.register }, wire))
        })
    }

    /// The bits, where the table has single ones.
    fn bits(&self) -> impl Iterator<Item = (Register, bool)> {
        (0..self.count).filter_map(|index| {
            let byte = self.wire.get(usize::from(index) / 8)?;
            let register = Register { offset: self.register.offset + index, ..self.register };
            Some((register, byte >> (index % 8) & 1 == 1))
        })
    }

    /// For people.
    fn page(&self, views: &[View]) -> String {
        if is_bits(self.register.table) {
            let mut table = Table::new(&["REGISTER", "VALUE"]);
            self.bits().for_each(|(register, on)| table.push([register.to_string(), on.to_string()]));
            return table.to_string();
        }
        let tables = views.iter().filter_map(|view| self.table(view));
        tables.map(|table| table.to_string()).collect::<Vec<_>>().join("\n")
    }

    /// One view; `None` when no value of its width fits.
    fn table(&self, view: &View) -> Option<Table> {
        let names = view.forms.iter().map(|(data, order)| format!("{data} {}", order.name));
        let head: Vec<String> = ["REGISTER", "HEX", "TEXT"].map(str::to_owned).into_iter().chain(names).collect();
        let mut table = Table::new(&head.iter().map(String::as_str).collect::<Vec<_>>());
        let mut rows = self.rows(view).peekable();
        rows.peek()?;
        for (register, wire) in rows {
            let values = view.forms.iter().map(|(data, order)| forms::shown(*data, order, wire));
            table.push([register.to_string(), forms::hex(wire), forms::text(wire)].into_iter().chain(values));
        }
        Some(table)
    }

    /// For programs: a list of places, each with its values by type and order.
    fn document(&self, views: &[View]) -> Value {
        if is_bits(self.register.table) {
            return self
                .bits()
                .map(|(register, on)| json!({ "register": register.to_string(), "bool": on }))
                .collect();
        }
        let mut places: Vec<(Register, Map<String, Value>)> = Vec::new();
        for view in views {
            for (register, wire) in self.rows(view) {
                let at = places.iter().position(|(known, _)| *known == register).unwrap_or_else(|| {
                    let place = json!({ "register": register.to_string(), "hex": forms::hex(wire).replace(' ', "") });
                    places.push((register, place.as_object().cloned().unwrap_or_default()));
                    places.len() - 1
                });
                for (data, order) in &view.forms {
                    let value = decode::plain(*data, &order.order, wire).ok();
                    places[at].1.entry(data.to_string()).or_insert_with(|| json!({}))[&order.name] = json!(value);
                }
            }
        }
        places.into_iter().map(|(_, place)| Value::Object(place)).collect()
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
