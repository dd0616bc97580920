//! Records: fields one after the other, written down once for reading, writing and showing.

/// Makes a struct whose fields stand on the wire in the order they are written.
macro_rules! record {
    ($(
        $(#[$meta:meta])*
        $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty),* $(,)? }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $kind,)*
        }

        impl $crate::adapter::zigbee::wire::Wire for $name {
            #[allow(unused_variables, reason = "a record may have no fields")]
            fn read(
                reader: &mut $crate::adapter::zigbee::wire::Reader<'_>,
            ) -> Result<Self, $crate::adapter::zigbee::wire::WireError> {
                Ok(Self { $($field: reader.read()?,)* })
            }

            #[allow(unused_variables, reason = "a record may have no fields")]
            fn write(&self, out: &mut Vec<u8>) {
                $($crate::adapter::zigbee::wire::Wire::write(&self.$field, out);)*
            }
        }
    )*};
}

pub(crate) use record;
