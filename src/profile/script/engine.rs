//! The engine of scripts beside profiles: its limits, and the few functions it adds to the language.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rhai::{Blob, Engine, EvalAltResult};

use crate::script::{self, Limits};

/// A decoder of a whole frame takes some hundred operations.
const LIMITS: Limits = Limits { operations: 50_000, array: 2_048, map: 256, functions: 50 };
/// Longest call. Operations end nearly all that take too long; this ends those whose operations are slow.
const MAX_TIME: Duration = Duration::from_millis(100);

/// When the call under way is to end.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    /// What time is counted from.
    began: Instant,
    /// The end in microseconds since then.
    end_us: Arc<AtomicU64>,
}

impl Limit {
    /// No call is under way.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), end_us: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// A call begins.
    pub(super) fn begin(&self) {
        let end = self.now_us().saturating_add(u64::try_from(MAX_TIME.as_micros()).unwrap_or(u64::MAX));
        self.end_us.store(end, Ordering::Relaxed);
    }

    /// Whether its time is over.
    fn is_over(&self) -> bool {
        self.now_us() > self.end_us.load(Ordering::Relaxed)
    }

    /// The time now.
    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// An engine with every limit there is.
pub(super) fn build(limit: &Limit) -> Engine {
    let mut engine = script::engine();
    register(&mut engine);
    // What a script prints is nobody's to read.
    engine.on_print(|_| {}).on_debug(|_, _, _| {});
    let limit = limit.clone();
    LIMITS.set(&mut engine, "it takes too long", move || limit.is_over());
    engine
}

/// Numbers in bytes: `u16(data, 3)` is little-endian, `u16_be(data, 3)` big-endian.
fn register(engine: &mut Engine) {
    for (name, size) in [("u8", 1), ("u16", 2), ("u24", 3), ("u32", 4), ("u48", 6)] {
        engine.register_fn(name, move |data: Blob, at: i64| number(&data, at, size, false));
        engine.register_fn(format!("{name}_be"), move |data: Blob, at: i64| number(&data, at, size, true));
    }
    for (name, size) in [("i8", 1), ("i16", 2), ("i24", 3), ("i32", 4)] {
        let signed = move |data: &Blob, at, is_big| {
            let unused = 64 - size * 8;
            number(data, at, size, is_big).map(|number| number << unused >> unused)
        };
        engine.register_fn(name, move |data: Blob, at: i64| signed(&data, at, false));
        engine.register_fn(format!("{name}_be"), move |data: Blob, at: i64| signed(&data, at, true));
    }
    engine.register_fn("f32", |data: Blob, at: i64| number(&data, at, 4, false).map(float));
    engine.register_fn("f32_be", |data: Blob, at: i64| number(&data, at, 4, true).map(float));
    engine.register_fn("hex", |data: Blob| hex(&data));
}

/// So many bytes as a number.
fn number(data: &[u8], at: i64, size: usize, is_big: bool) -> Result<i64, Box<EvalAltResult>> {
    let from = usize::try_from(at).ok();
    let bytes = from.and_then(|from| data.get(from..from.checked_add(size)?));
    let bytes =
        bytes.ok_or_else(|| format!("bytes {at}..{} of {}", at.saturating_add_unsigned(size as u64), data.len()))?;
    let fold = |number, byte: &u8| number << 8 | i64::from(*byte);
    Ok(if is_big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
}

/// Four bytes as a single.
fn float(bits: i64) -> f64 {
    let single = f32::from_bits(u32::try_from(bits).unwrap_or_default());
    // As its own shortest digits, not as those of the double it is widened to.
    single.to_string().parse().unwrap_or(f64::from(single))
}

/// Bytes as text.
fn hex(data: &[u8]) -> String {
    use std::fmt::Write as _;
    data.iter().fold(String::with_capacity(data.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}
