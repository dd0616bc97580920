//! What the targets share: numbers from the fuzzer's bytes, the search for frames on a line, and advertisements.

pub mod ble;

use tidegate::adapter::modbus::{
    config::Table,
    frame::{Expected, Mode, Step},
    pdu::Request,
};

/// The bytes of a run, taken from the front. When they are used up, everything is zero.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Two bytes as a number.
    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// One of several things.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }
}

/// Looks for requests and for answers in the bytes of a line, as both ends do, until there are none.
pub fn find_frames(mode: Mode, bytes: &[u8]) {
    let mut content = Vec::new();
    take_all(bytes, |rest| mode.find_request(rest, &mut content));
    let mut head = Bytes(bytes);
    let request = Request::Read { table: Table::Holding, start: head.word(), count: 1 + head.word() % 125 };
    let requests = [request, Request::WriteRegister { address: head.word(), value: head.word() }];
    for request in &requests {
        let expected = Expected::of(head.byte(), request);
        take_all(head.0, |rest| mode.find_answer(rest, expected, &mut content));
    }
}

/// Takes step after step; each must lead on and stay within the bytes.
fn take_all(mut rest: &[u8], mut step: impl FnMut(&[u8]) -> Step) {
    loop {
        let used = match step(rest) {
            Step::More => return,
            Step::Skip(used, _) | Step::Frame(used) => used,
        };
        assert!((1..=rest.len()).contains(&used), "{used} of {}", rest.len());
        rest = &rest[used..];
    }
}
