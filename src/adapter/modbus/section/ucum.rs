//! Units that data sheets write in another way than UCUM does (The Unified Code for Units of Measure, 2.1: units are
//! made of ASCII characters, §2 and §3; a product has a point, §7).

use crate::config::{report::Problems, section::At};

/// What is usual, and what it is here. Only what UCUM does not know stands on the left. It has no unit for reactive power;
/// `var` is what our profiles write for it.
const USUAL: [(&str, &str); 22] = [
    ("°C", "Cel"),
    ("degC", "Cel"),
    ("°F", "[degF]"),
    ("Wh", "W.h"),
    ("kWh", "kW.h"),
    ("MWh", "MW.h"),
    ("VA", "V.A"),
    ("kVA", "kV.A"),
    ("VAh", "V.A.h"),
    ("kVAh", "kV.A.h"),
    ("Ah", "A.h"),
    ("mAh", "mA.h"),
    ("VAr", "var"),
    ("VAR", "var"),
    ("kVAr", "kvar"),
    ("varh", "var.h"),
    ("kvarh", "kvar.h"),
    ("Ω", "Ohm"),
    ("m³", "m3"),
    ("m³/h", "m3/h"),
    ("ppm", "[ppm]"),
    ("rpm", "/min"),
];

/// Warns of a unit that whoever reads UCUM will not know.
pub(super) fn check(unit: &At<String>, problems: &mut Problems) {
    if let Some((usual, ucum)) = USUAL.iter().find(|(usual, _)| *usual == unit.value) {
        problems.warning(&unit.place, format!("{usual:?} is no unit of UCUM")).help(format!("write {ucum:?}"));
    }
}
