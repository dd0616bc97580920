//! One decoder of advertisements at a time.

use tidegate::adapter::ble::decode::{Address, Advertisement, Uuid, Value, decode};

use crate::Bytes;

/// What makes an advertisement one of a format: where its data are, and what else it says of its sender.
pub struct Sender {
    /// Services whose data they may be.
    pub services: &'static [u16],
    /// Companies whose data they may be.
    pub companies: &'static [u16],
    /// Services it says it has.
    pub uuids: &'static [u16],
    /// Names it may have.
    pub names: &'static [&'static str],
}

impl Sender {
    /// One that says nothing.
    pub const NOBODY: Self = Self { services: &[], companies: &[], uuids: &[], names: &[] };

    /// Decodes an advertisement of this sender: a byte that says whether there is a key, the key, who it is, and the data.
    pub fn try_one(&self, bytes: &[u8]) {
        let mut bytes = Bytes(bytes);
        let head = bytes.byte();
        let key = [(); 16].map(|()| if head & 1 == 1 { bytes.byte() } else { 0 });
        // 12 bytes for the formats that have such keys.
        let key = (head & 1 == 1).then(|| if head & 2 == 2 { &key[..12] } else { &key[..] });
        let address = Address([(); 6].map(|()| bytes.byte()));
        let name = if self.names.is_empty() { "" } else { bytes.pick(self.names) };
        let uuids: Vec<_> = self.uuids.iter().map(|uuid| Uuid::short(*uuid)).collect();
        let (company, service) = (self.companies.first(), self.services.first());
        // Data in two places: the first byte is where one ends.
        let first = if company.is_some() && service.is_some() { usize::from(bytes.byte()) } else { 0 };
        let company = company.map(|_| bytes.pick(self.companies));
        let service = service.map(|_| bytes.pick(self.services));
        let (front, back) = bytes.0.split_at(first.min(bytes.0.len()));
        let manufacturer: Vec<_> = company.map(|id| (id, if service.is_some() { front } else { back })).into_iter().collect();
        let service: Vec<_> = service.map(|id| (Uuid::short(id), back)).into_iter().collect();
        let name = Some(name).filter(|name| !name.is_empty());
        let advert = Advertisement { address, name, manufacturer: &manufacturer, service: &service, services: &uuids };
        check(&advert, key);
    }
}

/// Decodes an advertisement; what comes out has a name, is a number if it is one, and is explained if there is nothing.
pub fn check(advert: &Advertisement<'_>, key: Option<&[u8]>) {
    let decoded = decode(advert, key);
    assert!(!decoded.readings.is_empty() || decoded.why.is_some());
    for reading in decoded.readings.iter() {
        assert!(!reading.point().is_empty());
        assert!(!matches!(reading.value, Value::Float(number) if !number.is_finite()), "{reading:?}");
    }
}

/// A target that tries the decoder of one sender.
#[macro_export]
macro_rules! decoder {
    ($sender:expr) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            const SENDER: Sender = $sender;
            SENDER.try_one(bytes);
        });
    };
}
