//! Answers, checked against the request they claim to answer.
//!
//! An answer counts only if function code, byte count and echo are exactly what was asked for; everything else is
//! refused whole. Nothing is ever guessed from an answer that does not fit.

use super::{config::Table, exception::Exception, pdu::Request};

/// Set in the function code of an exception answer (MODBUS Application Protocol 1.1b3, 4.1).
pub const EXCEPTION_FLAG: u8 = 0x80;

/// Why an answer has no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The device refused.
    #[error("{0}")]
    Exception(Exception),
    /// The answer is not one to this request.
    #[error("{0}")]
    Mismatch(#[from] Mismatch),
}

/// In which way an answer does not fit its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another unit answered.
    #[error("unit {found} answered, unit {asked} was asked")]
    Unit {
        /// The unit asked.
        asked: u8,
        /// The unit in the answer.
        found: u8,
    },
    /// Another function was carried out.
    #[error("answer is to function {found}, {asked} was asked")]
    Function {
        /// The function asked.
        asked: u8,
        /// The function in the answer.
        found: u8,
    },
    /// More or fewer bytes than asked for.
    #[error("answer has {found} bytes, {wanted} were asked")]
    Length {
        /// What the request calls for.
        wanted: usize,
        /// What came.
        found: usize,
    },
    /// The byte count says something else than the bytes there.
    #[error("answer says {said} bytes, {wanted} were asked")]
    ByteCount {
        /// What the request calls for.
        wanted: usize,
        /// What the answer says.
        said: usize,
    },
    /// A write was confirmed for another address or value.
    #[error("answer confirms another address or value than was written")]
    Echo,
    /// An identification is not of the kind or form that was asked for.
    #[error("answer is no list of the objects asked for")]
    Objects,
    /// The bytes were damaged on their way.
    #[error("checksum is {found:#06x}, bytes give {computed:#06x}")]
    Checksum {
        /// What came.
        found: u16,
        /// What the bytes before it give.
        computed: u16,
    },
    /// An ASCII frame has something else than pairs of hexadecimal digits.
    #[error("frame is no row of hexadecimal digits")]
    Digits,
}

/// The data of an answer: the bytes behind the byte count of a read, nothing for a write.
pub fn parse<'a>(request: &Request, pdu: &'a [u8]) -> Result<&'a [u8], ReplyError> {
    let asked = request.function();
    let Some((&found, body)) = pdu.split_first() else { return Err(Mismatch::Length { wanted: 2, found: 0 }.into()) };
    if found == asked | EXCEPTION_FLAG {
        return Err(exception(body));
    }
    if found != asked {
        return Err(Mismatch::Function { asked, found }.into());
    }
    match request {
        Request::Read { table, count, .. } => read_data(read_bytes(*table, *count), body),
        Request::Identify(what) => Ok(what.form().data(body)?),
        Request::WriteCoil { .. }
        | Request::WriteRegister { .. }
        | Request::WriteCoils { .. }
        | Request::WriteRegisters { .. }
        | Request::MaskWrite { .. } => check_echo(request, body),
    }
}

/// How many data bytes a read of this size gives (6.1 to 6.4).
pub fn read_bytes(table: Table, count: u16) -> usize {
    match table {
        Table::Coil | Table::Discrete => usize::from(count).div_ceil(8),
        Table::Input | Table::Holding => usize::from(count) * 2,
    }
}

/// One byte of code, nothing else.
fn exception(body: &[u8]) -> ReplyError {
    match body {
        [code] => ReplyError::Exception(Exception(*code)),
        _ => Mismatch::Length { wanted: 1, found: body.len() }.into(),
    }
}

/// The bytes behind the byte count, if both are as many as were asked for.
fn read_data(wanted: usize, body: &[u8]) -> Result<&[u8], ReplyError> {
    let Some((&said, data)) = body.split_first() else { return Err(Mismatch::Length { wanted, found: 0 }.into()) };
    if usize::from(said) != wanted {
        return Err(Mismatch::ByteCount { wanted, said: said.into() }.into());
    }
    if data.len() != wanted {
        return Err(Mismatch::Length { wanted, found: data.len() }.into());
    }
    Ok(data)
}

/// Writes are answered with the beginning of their own body (6.5, 6.6, 6.11, 6.12), a mask with all of it (6.16).
fn check_echo<'a>(request: &Request, body: &'a [u8]) -> Result<&'a [u8], ReplyError> {
    let wanted = echo_bytes(request);
    if body.len() != wanted {
        return Err(Mismatch::Length { wanted, found: body.len() }.into());
    }
    let mut sent = Vec::with_capacity(8);
    request.encode(&mut sent);
    if sent[1..=wanted] == *body { Ok(&[]) } else { Err(Mismatch::Echo.into()) }
}

/// How many bytes of a write's body its answer repeats.
pub fn echo_bytes(request: &Request) -> usize {
    match request {
        Request::MaskWrite { .. } => 6,
        Request::Read { .. }
        | Request::Identify(_)
        | Request::WriteCoil { .. }
        | Request::WriteRegister { .. }
        | Request::WriteCoils { .. }
        | Request::WriteRegisters { .. } => 4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adapter::modbus::identity::Identify;

    const READ: Request = Request::Read { table: Table::Holding, start: 0x6b, count: 3 };

    #[test]
    fn a_read_gives_exactly_the_bytes_asked_for() {
        assert_eq!(parse(&READ, &[3, 6, 2, 0x2b, 0, 0, 0, 0x64]), Ok(&[2, 0x2b, 0, 0, 0, 0x64][..]));
        let coils = Request::Read { table: Table::Coil, start: 0, count: 9 };
        assert_eq!(parse(&coils, &[1, 2, 0xcd, 0x01]), Ok(&[0xcd, 0x01][..]));
    }

    #[test]
    fn an_answer_of_another_length_is_refused_although_it_is_well_formed() {
        let two_registers = parse(&READ, &[3, 4, 2, 0x2b, 0, 0]);
        assert_eq!(two_registers, Err(Mismatch::ByteCount { wanted: 6, said: 4 }.into()));
        let cut = parse(&READ, &[3, 6, 2, 0x2b, 0, 0]);
        assert_eq!(cut, Err(Mismatch::Length { wanted: 6, found: 4 }.into()));
        assert_eq!(parse(&READ, &[]), Err(Mismatch::Length { wanted: 2, found: 0 }.into()));
    }

    #[test]
    fn an_answer_to_another_function_is_refused() {
        let input = parse(&READ, &[4, 6, 2, 0x2b, 0, 0, 0, 0x64]);
        assert_eq!(input, Err(Mismatch::Function { asked: 3, found: 4 }.into()));
        assert_eq!(parse(&READ, &[0x84, 2]), Err(Mismatch::Function { asked: 3, found: 0x84 }.into()));
    }

    #[test]
    fn an_exception_has_its_meaning() {
        let error = parse(&READ, &[0x83, 2]).unwrap_err();
        assert_eq!(error.to_string(), "exception 2 (illegal-address)");
        assert_eq!(parse(&READ, &[0x83, 2, 2]), Err(Mismatch::Length { wanted: 1, found: 2 }.into()));
    }

    #[test]
    fn a_write_counts_only_with_its_own_echo() {
        let one = Request::WriteRegister { address: 1, value: 3 };
        assert_eq!(parse(&one, &[6, 0, 1, 0, 3]), Ok(&[][..]));
        assert_eq!(parse(&one, &[6, 0, 1, 0, 4]), Err(Mismatch::Echo.into()));
        let row = Request::WriteRegisters { start: 1, values: vec![9, 9] };
        assert_eq!(parse(&row, &[16, 0, 1, 0, 2]), Ok(&[][..]));
        assert_eq!(parse(&row, &[16, 0, 1, 0, 1]), Err(Mismatch::Echo.into()));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic_or_give_another_length(
            count in 1..=125u16, pdu in proptest::collection::vec(any::<u8>(), 0..260),
        ) {
            let request = Request::Read { table: Table::Input, start: 0, count };
            if let Ok(data) = parse(&request, &pdu) {
                prop_assert_eq!(data.len(), usize::from(count) * 2);
            }
            let _ = parse(&Request::WriteCoil { address: 7, on: true }, &pdu);
            let _ = parse(&Request::Identify(Identify::ServerId), &pdu);
        }
    }
}
