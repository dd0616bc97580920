//! Who could have sent an advertisement: the decoders by company and by service, in the order in which they are tried.

use super::{
    Advertisement, Why, atc, bluemaestro, bthome, eddystone, ela, ess,
    finding::{Finding, Frame},
    govee, ibeacon, inkbird, mi_scale, mibeacon, mikrotik, minew, mopeka, qingping, ruuvi, sensorpush, switchbot,
    teltonika, thermobeacon, victron,
};

/// A decoder.
pub(super) type Attempt = fn(&Frame<'_>, &mut Finding) -> Result<(), Why>;

/// What makes a decoder a candidate.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    /// Manufacturer data of a company.
    Company(u16),
    /// Service data of a service.
    Service(u16),
    /// More than one of them, or a name, for devices that put values where the company belongs.
    Shape(for<'a> fn(&Advertisement<'a>) -> Option<&'a [u8]>),
}

/// Every decoder. Those of sensors stand before those of beacons, because many sensors also send a beacon's frame.
pub(super) const TABLE: &[(Sign, Attempt)] = &[
    (Sign::Service(bthome::V2), bthome::decode_v2),
    (Sign::Service(bthome::V1), bthome::decode_v1),
    (Sign::Service(bthome::V1_ENCRYPTED), bthome::decode_v1_encrypted),
    (Sign::Service(mibeacon::SERVICE), mibeacon::decode),
    (Sign::Service(atc::SERVICE), atc::decode),
    (Sign::Company(ruuvi::COMPANY), ruuvi::decode),
    (Sign::Company(victron::COMPANY), victron::decode),
    (Sign::Company(teltonika::COMPANY), teltonika::decode),
    (Sign::Company(ela::COMPANY), ela::decode),
    (Sign::Service(minew::SERVICE), minew::decode),
    (Sign::Company(mikrotik::COMPANY), mikrotik::decode),
    (Sign::Service(switchbot::SERVICE), switchbot::decode),
    (Sign::Service(switchbot::OLD_SERVICE), switchbot::decode),
    (Sign::Service(qingping::SERVICE), qingping::decode),
    (Sign::Company(bluemaestro::COMPANY), bluemaestro::decode),
    (Sign::Service(mi_scale::WEIGHT), mi_scale::decode_weight),
    (Sign::Service(mi_scale::BODY), mi_scale::decode_body),
    (Sign::Shape(mopeka::find), mopeka::decode),
    (Sign::Shape(thermobeacon::find), thermobeacon::decode),
    (Sign::Shape(sensorpush::find), sensorpush::decode),
    (Sign::Shape(inkbird::find), inkbird::decode),
    (Sign::Shape(govee::find), govee::decode),
    (Sign::Shape(ess::find), ess::decode),
    (Sign::Service(eddystone::SERVICE), eddystone::decode),
    (Sign::Company(ibeacon::COMPANY), ibeacon::decode),
];

/// The decoders to try, each with the data that made it a candidate.
pub(super) fn candidates<'a>(advert: &'a Advertisement<'a>) -> impl Iterator<Item = (Attempt, &'a [u8])> {
    TABLE.iter().filter_map(|(sign, attempt)| Some((*attempt, sign.data(advert)?)))
}

impl Sign {
    /// The data in an advertisement that carries the sign.
    fn data<'a>(self, advert: &Advertisement<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Company(company) => advert.manufacturer_data(company),
            Self::Service(short) => advert.service_data(short),
            Self::Shape(find) => find(advert),
        }
    }
}
