//! One advertisement as it was heard, and the hands it goes through: owned, of this moment alone.

use super::decode::{Address, Advertisement, Uuid};

/// One advertisement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// Who sent it.
    pub address: Address,
    /// The radio that received it.
    pub radio: String,
    /// Power of reception in dBm.
    pub rssi: Option<i16>,
    /// The name, from this or an earlier one of the device.
    pub name: Option<String>,
    /// Manufacturer data by company, in the order of the identifiers.
    pub manufacturer: Vec<(u16, Vec<u8>)>,
    /// Service data by service, in the order of the identifiers.
    pub service: Vec<(Uuid, Vec<u8>)>,
    /// Services the device says it has.
    pub services: Vec<Uuid>,
}

impl Heard {
    /// Whether it holds anything a decoder could look at.
    pub fn has_data(&self) -> bool {
        !self.manufacturer.is_empty() || !self.service.is_empty()
    }

    /// As decoders take it, with a name that stands in when none was heard.
    pub fn with_view<T>(&self, name: Option<&str>, look: impl FnOnce(&Advertisement<'_>) -> T) -> T {
        let manufacturer: Vec<_> = self.manufacturer.iter().map(|(id, data)| (*id, data.as_slice())).collect();
        let service: Vec<_> = self.service.iter().map(|(id, data)| (*id, data.as_slice())).collect();
        look(&Advertisement {
            address: self.address,
            name: self.name.as_deref().or(name),
            manufacturer: &manufacturer,
            service: &service,
            services: &self.services,
        })
    }

    /// The data as text: `0499:0512fc… fcd2:4002…`, companies and short services as four digits.
    pub fn data_text(&self) -> String {
        let companies = self.manufacturer.iter().map(|(id, data)| format!("{id:04x}:{}", hex(data)));
        let services = self.service.iter().map(|(uuid, data)| format!("{uuid}:{}", hex(data)));
        companies.chain(services).collect::<Vec<_>>().join(" ")
    }
}

/// Bytes as hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_told_with_whose_they_are() {
        let heard = Heard {
            manufacturer: vec![(0x0499, vec![5, 0x12])],
            service: vec![(Uuid::short(0xFCD2), vec![0x40]), (Uuid(1), vec![])],
            ..Heard::default()
        };

        let long = "00000000-0000-0000-0000-000000000001";
        assert_eq!(heard.data_text(), format!("0499:0512 fcd2:40 {long}:"));
        assert!(heard.has_data() && !Heard::default().has_data());
    }
}
