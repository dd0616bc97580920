//! Advertisements in the tests of the decoders, and what is expected of them in one line of text.

use super::*;

/// An advertisement that owns its data.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    address: [u8; 6],
    name: Option<&'static str>,
    manufacturer: Vec<(u16, Vec<u8>)>,
    service: Vec<(Uuid, Vec<u8>)>,
    services: Vec<Uuid>,
    pub(super) key: Option<Vec<u8>>,
}

/// One with manufacturer data.
pub(super) fn manufacturer(company: u16, data: &str) -> Sample {
    Sample::default().with_manufacturer(company, data)
}

/// One with service data.
pub(super) fn service(short: u16, data: &str) -> Sample {
    Sample::default().with_service(short, data)
}

/// One with manufacturer data that were made.
pub(super) fn of_company(company: u16, data: Vec<u8>) -> Sample {
    Sample { manufacturer: Vec::from([(company, data)]), ..Sample::default() }
}

/// One with service data that were made.
pub(super) fn of_service(short: u16, data: Vec<u8>) -> Sample {
    Sample::default().and_service(short, data)
}

/// Bytes from hex; spaces are for the reader.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

impl Sample {
    pub(super) fn with_manufacturer(mut self, company: u16, data: &str) -> Self {
        self.manufacturer.push((company, hex(data)));
        self
    }

    pub(super) fn with_service(mut self, short: u16, data: &str) -> Self {
        self.service.push((Uuid::short(short), hex(data)));
        self
    }

    pub(super) fn with_service_uuid(mut self, uuid: Uuid) -> Self {
        self.services.push(uuid);
        self
    }

    pub(super) fn from(mut self, address: &str) -> Self {
        self.address = hex(address).try_into().unwrap();
        self
    }

    pub(super) fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    pub(super) fn with_key(mut self, key: &str) -> Self {
        self.key = Some(hex(key));
        self
    }

    pub(super) fn and_service(mut self, short: u16, data: Vec<u8>) -> Self {
        self.service.push((Uuid::short(short), data));
        self
    }

    pub(super) fn at(mut self, address: [u8; 6]) -> Self {
        self.address = address;
        self
    }

    pub(super) fn keyed(mut self, key: &[u8]) -> Self {
        self.key = Some(key.into());
        self
    }

    /// One of its data.
    pub(super) fn any_part(&mut self, dice: &mut fastrand::Rng) -> &mut Vec<u8> {
        let parts = self
            .manufacturer
            .iter_mut()
            .map(|part| &mut part.1)
            .chain(self.service.iter_mut().map(|part| &mut part.1));
        let mut parts: Vec<_> = parts.collect();
        let chosen = dice.usize(..parts.len());
        parts.swap_remove(chosen)
    }

    pub(super) fn decode(&self) -> Decoded {
        let manufacturer: Vec<_> = self.manufacturer.iter().map(|(id, data)| (*id, data.as_slice())).collect();
        let service: Vec<_> = self.service.iter().map(|(id, data)| (*id, data.as_slice())).collect();
        let advert = Advertisement {
            address: Address(self.address),
            name: self.name,
            manufacturer: &manufacturer,
            service: &service,
            services: &self.services,
        };
        decode(&advert, self.key.as_deref())
    }

    /// Asserts the format and the readings, `point value unit` and commas between.
    pub(super) fn gives(&self, format: &str, readings: &str) {
        let decoded = self.decode();
        assert_eq!(decoded.format.map(Format::as_str), Some(format), "{decoded:?}");
        assert_eq!(shown(&decoded.readings), readings, "{:?}", decoded.why);
    }

    /// Asserts that the format is recognised and nothing is read.
    pub(super) fn refuses(&self, format: &str, why: Why) {
        let decoded = self.decode();
        assert_eq!(decoded.format.map(Format::as_str), Some(format), "{decoded:?}");
        assert_eq!((shown(&decoded.readings), decoded.why), (String::new(), Some(why)));
    }

    /// Asserts that no beginning of the data gives a reading, and that all of it does.
    pub(super) fn gives_nothing_when_cut(&self) {
        assert!(!self.decode().readings.is_empty());
        let mut cut = self.clone();
        let data = |sample: &Self| {
            sample
                .manufacturer
                .iter()
                .map(|part| part.1.len())
                .chain(sample.service.iter().map(|part| part.1.len()))
                .sum::<usize>()
        };
        while data(&cut) > 0 {
            for part in cut
                .manufacturer
                .iter_mut()
                .map(|part| &mut part.1)
                .chain(cut.service.iter_mut().map(|part| &mut part.1))
            {
                part.pop();
            }
            let decoded = cut.decode();
            assert!(decoded.readings.is_empty() && decoded.why.is_some(), "{cut:?}: {decoded:?}");
        }
    }
}

/// Readings in one line.
pub(super) fn shown(readings: &Readings) -> String {
    let show = |reading: &Reading| {
        let value = match &reading.value {
            Value::Float(value) => format!("{value:?}"),
            Value::Int(value) => value.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Text(value) => value.to_string(),
        };
        let unit = reading.quantity.unit().map(|unit| format!(" {unit}")).unwrap_or_default();
        format!("{} {value}{unit}", reading.point())
    };
    readings.iter().map(show).collect::<Vec<_>>().join(", ")
}
