//! The SunSpec models we read, from the table that `transcribe.py` made of the published ones.

use std::fmt::Write as _;

/// The table; its head names where it comes from.
const TABLE: &str = include_str!("models.txt");

/// What a device offers under one id.
#[derive(Debug)]
pub(super) struct Model {
    /// Name for people.
    pub(super) label: &'static str,
    /// Its points in the order of their registers.
    pub(super) points: Vec<ModelPoint>,
}

/// A point of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModelPoint {
    /// Offset from the register of the model's id.
    offset: u16,
    /// Our name.
    pub(super) name: &'static str,
    /// SunSpec's type.
    data: &'static str,
    /// SunSpec's unit, `-` for none.
    unit: &'static str,
    /// Offset of its power of ten.
    power: Option<u16>,
    /// Whether every device has it, so that it is kept although it has no value now: an inverter at night.
    pub(super) is_needed: bool,
}

/// The model of an id, if it is one we read.
pub(super) fn find(id: u16) -> Option<Model> {
    let head = format!("model {id} ");
    let mut lines = TABLE.lines().skip_while(|line| !line.starts_with(&head));
    let label = lines.next()?.strip_prefix(&head)?;
    Some(Model { label, points: lines.map_while(|line| point(line.strip_prefix("  ")?)).collect() })
}

/// One line of the table, which a test reads whole.
fn point(line: &'static str) -> Option<ModelPoint> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    Some(ModelPoint {
        offset: word()?.parse().ok()?,
        name: word()?,
        data: word()?,
        unit: word()?,
        power: word()?.parse().ok(),
        is_needed: word()? == "needed",
    })
}

impl ModelPoint {
    /// The point as a profile has it, in a model whose id is at `start`. `None` beyond the last register.
    pub(super) fn to_toml(self, header: &str, name: &str, start: u16) -> Option<String> {
        let at = |offset: u16| start.checked_add(offset);
        let (data, invalid) = form(self.data);
        let (unit, scale) = unit(self.unit);
        let mut text = format!(
            "[[{header}]]\nname = \"{name}\"\nregister = \"holding:{}\"\ntype = \"{data}\"\n",
            at(self.offset)?
        );
        let mut key = |key: &str, value: &str| writeln!(text, "{key} = {value}").expect("a String takes any text");
        if let Some(power) = self.power {
            key("scale_from", &format!("\"holding:{}\"", at(power)?));
        }
        if let Some(marker) = invalid {
            key("invalid", &format!("[{marker}]"));
        }
        if let Some(scale) = scale {
            key("scale", scale);
        }
        if let Some(unit) = unit {
            key("unit", &format!("\"{unit}\""));
        }
        Some(text)
    }
}

/// Our type for SunSpec's, and what stands for no value (SunSpec Information Model Reference, "unimplemented").
fn form(data: &str) -> (&'static str, Option<&'static str>) {
    match data {
        "int16" => ("i16", Some("\"0x8000\"")),
        "uint32" => ("u32", Some("\"0xFFFFFFFF\"")),
        "acc32" => ("u32", Some("\"0\"")),
        "float32" => ("f32", None),
        // uint16 and enum16
        _ => ("u16", Some("\"0xFFFF\"")),
    }
}

/// Our unit for SunSpec's, and the factor between them.
fn unit(unit: &str) -> (Option<&'static str>, Option<&'static str>) {
    match unit {
        "A" => (Some("A"), None),
        "V" => (Some("V"), None),
        "W" => (Some("W"), None),
        "Hz" => (Some("Hz"), None),
        "VA" => (Some("V.A"), None),
        "var" => (Some("var"), None),
        "C" => (Some("Cel"), None),
        "Wh" => (Some("kW.h"), Some("0.001")),
        "%" | "%WHRtg" => (Some("%"), None),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_understood() {
        let heads = TABLE.lines().filter(|line| line.starts_with("model "));
        let ids: Vec<u16> = heads.map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect();

        let points: usize = ids.iter().map(|id| find(*id).unwrap().points.len()).sum();

        assert_eq!(points, TABLE.lines().filter(|line| line.starts_with("  ")).count());
        assert!(find(1).is_none());
        for point in ids.iter().flat_map(|id| find(*id).unwrap().points) {
            assert!(point.unit == "-" || unit(point.unit).0.is_some(), "{point:?}");
        }
    }

    #[test]
    fn a_point_lies_where_its_model_lies() {
        // Model 103: W is at 14, its power of ten at 15 (SunSpec inverter models, table 103).
        let power = find(103).unwrap().points.into_iter().find(|point| point.name == "power").unwrap();

        let text = power.to_toml("point", "power", 40_069).unwrap();

        let wanted = "[[point]]\nname = \"power\"\nregister = \"holding:40083\"\ntype = \"i16\"\n\
            scale_from = \"holding:40084\"\ninvalid = [\"0x8000\"]\nunit = \"W\"\n";
        assert_eq!(text, wanted);
        assert_eq!(power.to_toml("point", "power", 65_530), None);
    }
}
