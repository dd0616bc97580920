//! An advertisement as a line of JSON.

use std::{borrow::Cow, collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::{
    adapter::ble::decode::{Address, Advertisement, Uuid},
    cli::object,
};

/// Names that are remembered. Those of more devices are not, which then are decoded as if they had none.
const MAX_NAMES: usize = 65_536;

/// Names of devices, which send them apart from their data.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<[u8; 6], String>);

/// An advertisement that owns what the line only spelled.
#[derive(Debug)]
pub(super) struct Advert<'a> {
    /// Who sent it.
    address: Address,
    /// The name, from this line or an earlier one.
    name: Option<&'a str>,
    /// By company.
    manufacturer: Vec<(u16, Vec<u8>)>,
    /// By service.
    service: Vec<(Uuid, Vec<u8>)>,
    /// Services it says it has.
    services: Vec<Uuid>,
    /// The device's key.
    pub(super) key: Option<Vec<u8>>,
}

/// The line.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    address: Text<'a>,
    #[serde(borrow, default)]
    name: Option<Name<'a>>,
    #[serde(borrow, default)]
    manufacturer_data: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    service_data: Option<Pairs<'a>>,
    #[serde(borrow, default)]
    service_uuids: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    key: Option<Text<'a>>,
}

/// Text that is copied only if it holds escapes.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Text of any bytes: devices put into their names what they like, and no name is a reason to lose the data.
#[derive(Debug)]
struct Name<'a>(Cow<'a, str>);

/// The members of an object in their order.
#[derive(Debug)]
struct Pairs<'a>(Vec<(Text<'a>, Text<'a>)>);

/// Reads a line, or says what is wrong with it.
pub(super) fn parse<'a>(line: &[u8], names: &'a mut Names) -> Result<Advert<'a>, String> {
    let line: Line<'_> = object::read(line).map_err(|error| format!("not JSON as expected: {error}"))?;
    let address = address(&line.address.0)?;
    let manufacturer = line.manufacturer_data.iter().flat_map(|pairs| &pairs.0);
    let service = line.service_data.iter().flat_map(|pairs| &pairs.0);
    Ok(Advert {
        address,
        manufacturer: manufacturer
            .map(|(id, data)| Ok((company(&id.0)?, bytes("manufacturer_data", id, data)?)))
            .collect::<Result<_, String>>()?,
        service: service
            .map(|(id, data)| Ok((uuid(&id.0)?, bytes("service_data", id, data)?)))
            .collect::<Result<_, String>>()?,
        services: line.service_uuids.iter().flatten().map(|text| uuid(&text.0)).collect::<Result<_, _>>()?,
        key: line.key.map(|key| hex(&key.0).ok_or_else(|| "key is no hex".to_owned())).transpose()?,
        name: names.of(address, line.name),
    })
}

impl Names {
    /// The name of this line, which is remembered, or the one that was.
    fn of(&mut self, address: Address, name: Option<Name<'_>>) -> Option<&str> {
        if let Some(Name(name)) = name.filter(|name| !name.0.is_empty()) {
            if let Some(known) = self.0.get_mut(&address.0) {
                name.as_ref().clone_into(known);
            } else if self.0.len() < MAX_NAMES {
                self.0.insert(address.0, name.into_owned());
            }
        }
        self.0.get(&address.0).map(String::as_str)
    }
}

impl Advert<'_> {
    /// As decoders take it.
    pub(super) fn with_view<T>(&self, look: impl FnOnce(&Advertisement<'_>) -> T) -> T {
        let manufacturer: Vec<_> = self.manufacturer.iter().map(|(id, data)| (*id, data.as_slice())).collect();
        let service: Vec<_> = self.service.iter().map(|(id, data)| (*id, data.as_slice())).collect();
        look(&Advertisement {
            address: self.address,
            name: self.name,
            manufacturer: &manufacturer,
            service: &service,
            services: &self.services,
        })
    }
}

/// `AA:BB:CC:DD:EE:FF`, with colons, hyphens or nothing between.
fn address(text: &str) -> Result<Address, String> {
    let mut digits = text.bytes().filter(|byte| !matches!(byte, b':' | b'-'));
    let mut byte = || pair(digits.next()?, digits.next()?);
    let mut bytes = [0; 6];
    let is_whole = bytes.iter_mut().all(|place| byte().map(|byte| *place = byte).is_some());
    let is_it = is_whole && digits.next().is_none();
    if is_it { Ok(Address(bytes)) } else { Err(format!("address {text:?} is no Bluetooth address")) }
}

/// `0x0499`, or the number in decimal.
fn company(text: &str) -> Result<u16, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("manufacturer_data: {text:?} is no company identifier"))
}

/// A UUID in full, or the 16 or 32 bits that stand for one.
fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::parse(text).ok_or_else(|| format!("{text:?} is no UUID"))
}

/// The data of a member.
fn bytes(of: &str, Text(id): &Text<'_>, Text(data): &Text<'_>) -> Result<Vec<u8>, String> {
    hex(data).ok_or_else(|| format!("{of} {id}: {data:?} is no hex"))
}

/// Bytes from hex in either case.
fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push(pair(*high, *low)?);
    }
    Some(bytes)
}

/// The byte of two digits.
fn pair(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

/// What a hex digit stands for.
fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, because half of a surrogate pair is no text.
        deserializer.deserialize_bytes(NameVisitor)
    }
}

/// Takes the bytes of a name, and marks those that are no text.
struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Name(String::from_utf8_lossy(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Name(String::from_utf8_lossy(bytes).into_owned().into()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Reads an object member by member.
struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of hex")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = members.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line names its sender.
    fn name(line: &str, names: &mut Names) -> Option<String> {
        parse(line.as_bytes(), names).unwrap().name.map(str::to_owned)
    }

    #[test]
    fn a_name_is_remembered_for_its_address() {
        let mut names = Names::default();

        assert_eq!(name(r#"{"address":"AA:BB:CC:DD:EE:FF","name":"sps"}"#, &mut names).as_deref(), Some("sps"));
        assert_eq!(name(r#"{"address":"aa-bb-cc-dd-ee-ff"}"#, &mut names).as_deref(), Some("sps"));
        assert_eq!(name(r#"{"address":"AABBCCDDEEFF","name":"t\u0070s"}"#, &mut names).as_deref(), Some("tps"));
        assert_eq!(name(r#"{"address":"AABBCCDDEE00","name":null}"#, &mut names), None);
    }

    #[test]
    fn a_name_is_taken_whatever_bytes_it_has() {
        let mut names = Names::default();
        let mut read = |name: &[u8]| {
            let line = [br#"{"address":"AABBCCDDEEFF","name":""#, name, br#""}"#].concat();
            parse(&line, &mut names).unwrap().name.map(str::to_owned)
        };

        assert_eq!(read(b"caf\xc3\xa9").as_deref(), Some("caf\u{e9}"));
        assert_eq!(read(b"a\xff").as_deref(), Some("a\u{fffd}"));
        assert!(read(br"a\udcff").unwrap().starts_with('a'));
    }

    #[test]
    fn numbers_and_uuids_are_taken_as_people_write_them() {
        assert_eq!(company("0x0499"), Ok(0x0499));
        assert_eq!(company("1177"), Ok(0x0499));
        assert!(company("0x10499").is_err());
        assert_eq!(uuid("0000FCD2-0000-1000-8000-00805F9B34FB"), Ok(Uuid::short(0xFCD2)));
        assert_eq!(uuid("fcd2"), Ok(Uuid::short(0xFCD2)));
        assert_eq!(uuid("0x0000FCD2"), Ok(Uuid::short(0xFCD2)));
        assert!(uuid("fcd").is_err() && uuid("0000fcd2+0000-1000-8000-00805f9b34f").is_err());
        assert_eq!(hex("0aFf"), Some(vec![0x0A, 0xFF]));
        assert!(hex("0").is_none() && hex("0 1 ").is_none() && hex("éé").is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut names = Names::default();
        let mut why = |line: &str| parse(line.as_bytes(), &mut names).unwrap_err();

        assert_eq!(why(r#"{"address":"AA:BB"}"#), r#"address "AA:BB" is no Bluetooth address"#);
        assert!(why(r#"{"address":"AABBCCDDEEFF","key":"x"}"#).contains("key is no hex"));
        assert!(why(r#"{"address":"AABBCCDDEEFF","service_data":{"12":"00"}}"#).contains("no UUID"));
        assert!(why("[1]").starts_with("not JSON as expected: "));
        let fields_of_a_list = r#"["AABBCCDDEEFF",null,{"0x0757":"F164"},null,null,null]"#;
        assert_eq!(why(fields_of_a_list), "not JSON as expected: it does not begin with {");
    }
}
