//! Status bytes: each layer has its own numbers, and all are written, shown and judged alike.

/// Makes a status byte of constants and of words for its numbers.
macro_rules! statuses {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$constant_doc:meta])* $constant:ident = $number:literal,)* }
        $($numbers:pat => $meaning:literal,)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$constant_doc])* pub const $constant: Self = Self($number);)*

            /// Whether it was done.
            pub fn is_success(self) -> bool {
                self == Self::SUCCESS
            }

            /// The reason in words; `None` for numbers without a name.
            fn meaning(self) -> Option<&'static str> {
                Some(match self.0 {
                    $($numbers => $meaning,)*
                    _ => return None,
                })
            }
        }

        /// For people: `read only (0x88)`.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.meaning() {
                    Some("success") => f.write_str("success"),
                    Some(meaning) => write!(f, "{meaning} ({:#04x})", self.0),
                    None => write!(f, "status {:#04x}", self.0),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl $crate::adapter::zigbee::wire::Wire for $name {
            fn read(
                reader: &mut $crate::adapter::zigbee::wire::Reader<'_>,
            ) -> Result<Self, $crate::adapter::zigbee::wire::WireError> {
                reader.read().map(Self)
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.push(self.0);
            }
        }
    };
}

pub(crate) use statuses;
