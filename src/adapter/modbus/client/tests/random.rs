//! Faults at random, seeded, over every transport: no wrong value is ever taken, and every fault heals.

use super::*;

/// Requests per transport: enough to find what is common, or with `TIDEGATE_LONG` what is rare.
fn requests() -> u32 {
    if std::env::var_os("TIDEGATE_LONG").is_some() { 100_000 } else { 3000 }
}

/// One of the faults, or mostly none.
fn any_fault(random: &mut fastrand::Rng) -> Fault {
    match random.u8(0..40) {
        0 => Fault::Silent,
        1 | 2 => Fault::Delay(LIMIT.mul_f64(random.f64() * 3.0)),
        3 => Fault::Exception(random.u8(..)),
        4 => Fault::WrongUnit,
        5 => Fault::WrongFunction,
        6 => Fault::WrongTransaction,
        7 => Fault::WrongByteCount,
        8 => Fault::Short,
        9 => Fault::ByteByByte,
        10 => Fault::Garbage,
        11 => Fault::Close,
        12..15 => Fault::Late,
        15 => Fault::Cut,
        16 => Fault::WrongChecksum,
        17 => Fault::Twice,
        18 => Fault::Noise,
        19 => Fault::Foreign,
        20 => Fault::Merged,
        _ => Fault::None,
    }
}

/// What a run came to.
#[derive(Debug, Default)]
struct Tally {
    /// Calls still to make.
    left: u32,
    /// Calls that gave the right value.
    good: u32,
    /// Failures in a row although the unit has healed.
    stuck: u32,
    /// The most of them.
    worst: u32,
}

impl Tally {
    /// Counts a call to a unit that is well.
    fn healed(&mut self, is_good: bool) {
        self.stuck = if is_good { 0 } else { self.stuck + 1 };
        self.worst = self.worst.max(self.stuck);
    }
}

/// Reads at random until the connection breaks or nothing is left; every value must be the one asked for. Half of the
/// reads are of one length, so that the answer to another request has the right one.
async fn read_at_random(
    client: &mut Client<DuplexStream>,
    bank: &Bank,
    random: &mut fastrand::Rng,
    tally: &mut Tally,
) {
    let metrics = Metrics::default();
    while tally.left > 0 {
        tally.left -= 1;
        let fault = any_fault(random);
        bank.set_fault(1, fault);
        let count = if random.bool() { 2 } else { random.u16(1..=100) };
        let start = random.u16(0..800);
        let called = client.call(1, &read(start, count), PATIENCE, &metrics).await;
        if fault == Fault::None {
            tally.healed(called.is_ok());
        }
        match called {
            Ok(answer) => {
                assert_eq!(answer, data(start, count), "{fault:?}, {} left", tally.left);
                tally.good += 1;
            }
            Err(CallError::Link(_)) => return,
            Err(_) => {}
        }
    }
}

/// Runs all requests over one link, with a new connection whenever one breaks.
async fn run(link: &str, seed: u64) -> Tally {
    let (bank, mut random) = (bank(), fastrand::Rng::with_seed(seed));
    let mut tally = Tally { left: requests(), ..Tally::default() };
    let mut bus = bus(link, Duration::ZERO);
    while tally.left > 0 {
        let story = async |mut client: Client<DuplexStream>| {
            read_at_random(&mut client, &bank, &mut random, &mut tally).await;
            client.into_bus()
        };
        bus = over_bus(bus, &bank, story).await;
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn random_faults_give_no_wrong_value_on_any_transport_and_all_heal() {
    let requests = requests();
    for (seed, link) in (7..).zip(LINKS) {
        let tally = run(link, seed).await;
        eprintln!("{link}: {requests} requests, {} good, at most {} failed after healing", tally.good, tally.worst);
        assert!(tally.good > requests / 3, "{link}: {tally:?}");
        // What is late is behind the next answer on TCP, and on a line a sounding or two go before it.
        assert!(tally.worst <= 8, "{link}: {tally:?}");
    }
}
