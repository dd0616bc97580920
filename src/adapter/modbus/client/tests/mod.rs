//! The client against a unit that misbehaves, over a pipe and with paused time.

mod broadcast;
mod line;
mod many;
mod random;

use std::future::Future;

use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

use super::*;
use crate::{
    adapter::modbus::{
        config::{Config, Connect, Table},
        fixtures::device,
    },
    config::Pressure,
    testing::modbus_unit::{Bank, Fault, serve_framed},
};

const LIMIT: Duration = Duration::from_millis(100);
const PATIENCE: Patience = Patience { limit: LIMIT, retries: 0 };

/// Every way to a unit.
const LINKS: [&str; 4] = ["tcp://plc", "rtu:///dev/ttyS0?baud=115200", "rtu+tcp://plc", "ascii+tcp://plc"];

/// Unit 1, whose input register `n` holds `n`.
fn bank() -> Bank {
    let bank = Bank::new(&[1]);
    let words: Vec<u16> = (0..1000).collect();
    bank.set_inputs(1, 0, &words);
    bank
}

fn read(start: u16, count: u16) -> Request {
    Request::Read { table: Table::Input, start, count }
}

/// What a read of such a register must give.
fn data(start: u16, count: u16) -> Vec<u8> {
    (start..start + count).flat_map(u16::to_be_bytes).collect()
}

/// A link to unit 1, which needs this rest.
fn bus(link: &str, pause: Duration) -> Bus {
    let mut device = device(Vec::new());
    device.pause = pause;
    let link = link.parse().unwrap();
    let (name, connect) = ("line1".into(), Connect::default());
    Bus::new(&Config { name, pressure: Pressure::Wait, link, connect, devices: vec![device] })
}

/// Runs a client's story beside the unit, over TCP.
async fn with_unit<T>(bank: &Bank, story: impl AsyncFnOnce(Client<DuplexStream>) -> T) -> T {
    over("tcp://plc", bank, story).await
}

/// Runs a client's story beside the unit.
async fn over<T>(link: &str, bank: &Bank, story: impl AsyncFnOnce(Client<DuplexStream>) -> T) -> T {
    over_bus(bus(link, Duration::ZERO), bank, story).await
}

/// The same with a link that is known already.
async fn over_bus<T>(bus: Bus, bank: &Bank, story: impl AsyncFnOnce(Client<DuplexStream>) -> T) -> T {
    let (near, far) = duplex(4096);
    let framing = bus.framing();
    let client = Client::new(near, bus);
    let unit = async {
        // The story decides when it is over.
        let _ = serve_framed(far, bank, framing).await;
        std::future::pending::<()>().await;
    };
    tokio::select! { biased; told = story(client) => told, () = unit => unreachable!("never ends") }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_never_taken_for_the_next_one() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_fault(1, Fault::Delay(LIMIT + LIMIT / 2));

    with_unit(&bank, async |mut client| {
        let first = client.call(1, &read(10, 1), PATIENCE, &metrics).await;
        assert!(matches!(first, Err(CallError::Timeout(_))), "{first:?}");
        bank.set_fault(1, Fault::None);

        for start in 20..30 {
            let answer = client.call(1, &read(start, 1), PATIENCE, &metrics).await.unwrap();
            assert_eq!(answer, data(start, 1));
        }
    })
    .await;

    assert_eq!((metrics.timeouts.get(), metrics.rejected.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_on_the_last_connection_is_not_answered_on_the_next() {
    let (metrics, mut asked) = (Metrics::default(), [0; 12]);
    let (near, mut far) = duplex(4096);
    let mut client = Client::new(near, bus("tcp://plc", Duration::ZERO));
    assert!(matches!(client.call(1, &read(3, 1), PATIENCE, &metrics).await, Err(CallError::Timeout(_))));
    far.read_exact(&mut asked).await.unwrap();

    let (near, mut far) = duplex(4096);
    let mut client = Client::new(near, client.into_bus());
    let answer = |asked: [u8; 12], value| [asked[0], asked[1], 0, 0, 0, 5, 1, 4, 2, 0, value];
    let gateway = async {
        let late = answer(asked, 3);
        far.read_exact(&mut asked).await.unwrap();
        far.write_all(&[late, answer(asked, 7)].concat()).await.unwrap();
    };
    let request = read(7, 1);
    let (answered, ()) = tokio::join!(client.call(1, &request, PATIENCE, &metrics), gateway);

    assert_eq!((answered.unwrap(), metrics.rejected.get()), (&data(7, 1)[..], 1));
}

#[tokio::test(start_paused = true)]
async fn answers_that_stay_one_behind_never_give_a_value() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_fault(1, Fault::Late);

    with_unit(&bank, async |mut client| {
        for start in 0..10 {
            let answer = client.call(1, &read(start, 2), PATIENCE, &metrics).await;
            assert!(matches!(answer, Err(CallError::Timeout(_))), "{answer:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_question_is_rejected_and_the_next_one_counts() {
    let (bank, metrics) = (bank(), Metrics::default());
    for fault in [Fault::WrongUnit, Fault::WrongFunction, Fault::WrongByteCount] {
        with_unit(&bank, async |mut client| {
            bank.set_fault(1, fault);
            let answer = client.call(1, &read(5, 3), PATIENCE, &metrics).await;
            assert!(matches!(answer, Err(CallError::Rejected(_))), "{fault:?}: {answer:?}");
            bank.set_fault(1, Fault::None);
            assert_eq!(client.call(1, &read(5, 3), PATIENCE, &metrics).await.unwrap(), data(5, 3));
        })
        .await;
    }
    assert_eq!(metrics.rejected.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_told_from_a_slow_one() {
    let (bank, metrics) = (bank(), Metrics::default());
    for (fault, wanted) in [
        (Fault::Close, "the other end closed the connection"),
        (Fault::Short, "the other end closed the connection"),
        (Fault::Garbage, "received no Modbus: protocol id is 0x5450, Modbus has 0x0000"),
        (Fault::Silent, "no answer within 100ms"),
        (Fault::WrongTransaction, "no answer within 100ms"),
        (Fault::Exception(6), "exception 6 (busy)"),
    ] {
        bank.set_fault(1, fault);
        let error = with_unit(&bank, async |mut client| {
            client.call(1, &read(5, 3), PATIENCE, &metrics).await.unwrap_err().to_string()
        });
        assert_eq!(error.await, wanted, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_asks_anew_and_still_drops_the_late_answer() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_fault(1, Fault::Late);
    let patience = Patience { limit: LIMIT, retries: 2 };

    with_unit(&bank, async |mut client| {
        let answer = client.call(1, &read(5, 1), patience, &metrics).await;
        assert!(matches!(answer, Err(CallError::Timeout(_))), "{answer:?}");
    })
    .await;

    assert_eq!((metrics.requests.get(), metrics.timeouts.get(), metrics.rejected.get()), (3, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_byte_by_byte() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_fault(1, Fault::ByteByByte);
    with_unit(&bank, async |mut client| {
        assert_eq!(client.call(1, &read(100, 100), PATIENCE, &metrics).await.unwrap(), data(100, 100));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_that_comes_while_nothing_is_asked_is_dropped() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_fault(1, Fault::Delay(LIMIT * 2));

    with_unit(&bank, async |mut client| {
        client.call(1, &read(1, 1), PATIENCE, &metrics).await.unwrap_err();
        let idle = tokio::time::timeout(LIMIT * 3, client.closed(&metrics)).await;

        assert!(idle.is_err(), "the connection is still open");
        assert_eq!(metrics.rejected.get(), 1);
    })
    .await;
}

/// Keeps the futures of this file checked as sendable, which the supervisor needs.
#[test]
fn calls_can_move_between_threads() {
    fn is_send<F: Future + Send>(_: F) {}
    let (near, _far) = duplex(16);
    let metrics = Metrics::default();
    let mut client = Client::new(near, bus("tcp://plc", Duration::ZERO));
    is_send(client.call(1, &read(0, 1), PATIENCE, &metrics));
}
