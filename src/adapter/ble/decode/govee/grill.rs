//! Grill thermometers with one to six probes: temperatures in 0.01 °C, most significant byte first, each with the limit
//! of an alarm, which is a setting and no measurement. A probe that is not plugged in is negative.

use super::super::{Advertisement, Uuid, Value, Why, finding::Finding};
use crate::model::Quantity;

/// A model: its name, company identifiers, service, length, and where its probes are.
struct Model {
    name: &'static str,
    companies: &'static [u16],
    service: u16,
    length: usize,
    probes: Probes,
}

/// Where temperatures are.
enum Probes {
    /// At these places.
    At(&'static [usize]),
    /// A probe, and the air around the device.
    WithAmbient(usize, usize),
    /// Two of four at these places; byte 6 says which.
    PairOfFour([usize; 2]),
}

/// The models.
const MODELS: [Model; 7] = [
    Model {
        name: "H5181",
        companies: &[0xF861, 0x388A, 0xEA42, 0xAAA2, 0xD14B],
        service: 0x8151,
        length: 14,
        probes: Probes::At(&[8]),
    },
    Model { name: "H5182", companies: &[0x2730], service: 0x8251, length: 17, probes: Probes::At(&[8, 13]) },
    Model {
        name: "H5183",
        companies: &[0x67DD, 0xE02F, 0xF79F],
        service: 0x8351,
        length: 14,
        probes: Probes::At(&[8]),
    },
    Model { name: "H5184", companies: &[0x1B36], service: 0x8451, length: 17, probes: Probes::PairOfFour([8, 13]) },
    Model {
        name: "H5185",
        companies: &[0x4A32, 0x0332, 0x4C32],
        service: 0x8551,
        length: 20,
        probes: Probes::At(&[8, 14]),
    },
    Model { name: "H5191", companies: &[0xAC63], service: 0x9151, length: 20, probes: Probes::WithAmbient(8, 14) },
    Model { name: "H5198", companies: &[0x3022], service: 0x9851, length: 20, probes: Probes::PairOfFour([8, 14]) },
];

/// Service of the H5055, whose six probes are in whole degrees.
const SIX_PROBES: u16 = 0x5550;

/// Whether a company identifier is one of a grill thermometer.
pub(super) fn is_known(company: u16) -> bool {
    MODELS.iter().any(|model| model.companies.contains(&company))
}

/// Whether a device says that it has the service of one.
pub(super) fn is_announced(advert: &Advertisement<'_>) -> bool {
    let services = MODELS.iter().map(|model| model.service).chain([SIX_PROBES]);
    services.into_iter().any(|service| advert.has_service(Uuid::short(service)))
}

/// Decodes a frame of 14, 17 or 20 bytes.
pub(super) fn decode(
    advert: &Advertisement<'_>,
    company: u16,
    data: &[u8],
    finding: &mut Finding,
) -> Result<(), Why> {
    let is = |model: &&Model| {
        let is_named = advert.name_or_empty().contains(model.name);
        let is_marked = model.companies.contains(&company) || advert.has_service(Uuid::short(model.service));
        model.length == data.len() && (is_named || is_marked)
    };
    if let Some(model) = MODELS.iter().find(is) {
        return probes(&model.probes, data, finding);
    }
    if data.len() == 20 && advert.has_service(Uuid::short(SIX_PROBES)) {
        return six_probes(data, finding);
    }
    Err(Why::UnknownLength(data.len()))
}

/// Reads the probes of a model.
fn probes(probes: &Probes, data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    match probes {
        Probes::At(places) => {
            for (nth, at) in (1..).zip(*places) {
                probe(nth, data, *at, finding);
            }
        }
        Probes::WithAmbient(at, ambient) => {
            probe(1, data, *at, finding);
            let raw = i16::from_be_bytes([data[*ambient], data[ambient + 1]]);
            if raw != -1 {
                finding.readings.push_nth(Quantity::Temperature, 2, Value::decimal(raw.into(), 2));
            }
        }
        Probes::PairOfFour(places) => {
            let first = match data[6] & 0x3F {
                1 => 1,
                2 => 3,
                other => return Err(Why::UnknownObject(other.into())),
            };
            probe(first, data, places[0], finding);
            probe(first + 1, data, places[1], finding);
        }
    }
    Ok(())
}

/// One probe, if it is plugged in.
fn probe(nth: u8, data: &[u8], at: usize, finding: &mut Finding) {
    let raw = i16::from_be_bytes([data[at], data[at + 1]]);
    if raw >= 0 {
        finding.readings.push_nth(Quantity::Temperature, nth, Value::decimal(raw.into(), 2));
    }
}

/// H5055: byte 3 says which pair of six it is and which of them are plugged in.
fn six_probes(data: &[u8], finding: &mut Finding) -> Result<(), Why> {
    let (first, plugged) = match data[3] >> 6 {
        0 => (1, [0x01, 0x02]),
        1 => (3, [0x04, 0x08]),
        2 => (5, [0x10, 0x20]),
        other => return Err(Why::UnknownObject(other.into())),
    };
    for (nth, (mask, at)) in (first..).zip(plugged.into_iter().zip([5, 12])) {
        if data[3] & mask != 0 {
            finding.readings.push_nth(
                Quantity::Temperature,
                nth,
                i64::from(i16::from_le_bytes([data[at], data[at + 1]])),
            );
        }
    }
    finding.readings.push(Quantity::Battery, data[2] & 0x7F);
    Ok(())
}
