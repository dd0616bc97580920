//! The client on serial lines, in RTU and in ASCII, with and without TCP between.

use super::*;
use crate::{
    adapter::modbus::identity::{Category, Identify},
    testing::modbus_unit::Identity,
};

/// The links without transaction ids.
const LINES: [&str; 3] = [LINKS[1], LINKS[2], LINKS[3]];

/// A line at which a read of one register has just timed out, and whose unit answers it `late` after the request.
async fn after_a_late_answer(link: &str, late: Duration, bank: &Bank, metrics: &Metrics) {
    bank.set_fault(1, Fault::Delay(late));
    over(link, bank, async |mut client| {
        let first = client.call(1, &read(10, 1), PATIENCE, metrics).await;
        assert!(matches!(first, Err(CallError::Timeout(_))), "{link}: {first:?}");
        bank.set_fault(1, Fault::None);

        let mut good = 0;
        for start in 20..40 {
            // Each answer has the length of the one that is late.
            if let Ok(answer) = client.call(1, &read(start, 1), PATIENCE, metrics).await {
                assert_eq!(answer, data(start, 1), "{link}, {late:?} late");
                good += 1;
            }
        }
        assert!(good >= 17, "{link}: {good} of 20 after an answer {late:?} late");
    })
    .await;
}

/// What unit 1 says of itself, in an answer that says itself how long it is.
fn identity() -> Identity {
    Identity { server_id: vec![7, 0xff], objects: [(0, b"Acme".to_vec()), (2, vec![0, 3, 0xff])].into() }
}

#[tokio::test(start_paused = true)]
async fn an_identification_is_found_in_any_framing_and_among_noise() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_identity(1, identity());
    let objects = Request::Identify(Identify::Objects { category: Category::Basic, first: 0 });
    for link in LINKS {
        for fault in [Fault::None, Fault::ByteByByte, Fault::Foreign, Fault::Merged, Fault::Twice] {
            bank.set_fault(1, fault);
            over(link, &bank, async |mut client| {
                let said = client.call(1, &Request::Identify(Identify::ServerId), PATIENCE, &metrics).await.unwrap();
                assert_eq!(said, [7, 0xff], "{link}, {fault:?}");
                let said = client.call(1, &objects, PATIENCE, &metrics).await.unwrap();
                assert_eq!(
                    said,
                    [0x83, 0, 0, 2, 0, 4, b'A', b'c', b'm', b'e', 2, 3, 0, 3, 0xff],
                    "{link}, {fault:?}"
                );
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_identification_is_not_taken_for_that_of_another_object() {
    let (bank, metrics) = (bank(), Metrics::default());
    bank.set_identity(1, identity());
    let objects = |first| Request::Identify(Identify::Objects { category: Category::One, first });
    for link in LINES {
        // The line is given time for the longest answer, too.
        bank.set_fault(1, Fault::Delay(LIMIT * 16 / 10));
        over(link, &bank, async |mut client| {
            let late = client.call(1, &objects(0), PATIENCE, &metrics).await;
            assert!(matches!(late, Err(CallError::Timeout(_))), "{link}: {late:?}");
            bank.set_fault(1, Fault::None);
            if let Ok(said) = client.call(1, &objects(2), PATIENCE, &metrics).await {
                assert_eq!(said, [0x83, 0, 0, 1, 2, 3, 0, 3, 0xff], "{link}");
            }
            let said = client.call(1, &objects(2), PATIENCE, &metrics).await.unwrap();
            assert_eq!(said[4], 2, "{link}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_of_the_right_length_is_never_taken_for_the_next_one_in_rtu() {
    for tenths in [11, 12, 13, 15, 20, 24, 31] {
        after_a_late_answer(LINKS[1], LIMIT * tenths / 10, &bank(), &Metrics::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_of_the_right_length_is_never_taken_for_the_next_one_in_rtu_over_tcp() {
    for tenths in [11, 12, 13, 15, 20, 24, 31] {
        after_a_late_answer(LINKS[2], LIMIT * tenths / 10, &bank(), &Metrics::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_of_the_right_length_is_never_taken_for_the_next_one_in_ascii() {
    for tenths in [11, 12, 13, 15, 20, 24, 31] {
        after_a_late_answer(LINKS[3], LIMIT * tenths / 10, &bank(), &Metrics::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_not_taken_on_the_next_connection_either() {
    let (bank, metrics) = (bank(), Metrics::default());
    for link in LINES {
        bank.set_fault(1, Fault::Silent);
        let bus = over(link, &bank, async |mut client| {
            client.call(1, &read(10, 1), PATIENCE, &metrics).await.unwrap_err();
            client.into_bus()
        });
        let bus = bus.await;
        bank.set_fault(1, Fault::None);

        let sent = metrics.requests.get();
        over_bus(bus, &bank, async |mut client| {
            assert_eq!(client.call(1, &read(20, 1), PATIENCE, &metrics).await.unwrap(), data(20, 1));
        })
        .await;

        assert_eq!(metrics.requests.get() - sent, 2, "{link}: a sounding goes first");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_timeout_the_line_is_quiet_for_a_quarter_of_it_before_the_next_request() {
    let (bank, metrics) = (bank(), Metrics::default());
    for link in LINES {
        bank.set_fault(1, Fault::Silent);
        over(link, &bank, async |mut client| {
            client.call(1, &read(10, 1), PATIENCE, &metrics).await.unwrap_err();
            bank.set_fault(1, Fault::None);
            let timed_out = Instant::now();

            client.call(1, &read(10, 2), PATIENCE, &metrics).await.unwrap();

            let took = timed_out.elapsed();
            assert!((LIMIT / 4..LIMIT / 3).contains(&took), "{link}: {took:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_is_on_the_line_does_not_cost_the_answer() {
    let bank = bank();
    for link in LINES {
        for fault in [Fault::Foreign, Fault::Noise, Fault::Merged, Fault::Twice, Fault::ByteByByte] {
            let metrics = Metrics::default();
            bank.set_fault(1, fault);
            over(link, &bank, async |mut client| {
                for start in 0..20 {
                    let answer = client.call(1, &read(start, 3), PATIENCE, &metrics).await;
                    assert_eq!(answer.unwrap(), data(start, 3), "{link}, {fault:?}");
                }
            })
            .await;
            assert_eq!(metrics.rejected.get() > 0, fault != Fault::ByteByByte, "{link}, {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_answer_says_how_and_the_next_one_counts() {
    let (bank, metrics) = (bank(), Metrics::default());
    for link in LINES {
        for (fault, wanted) in [
            (Fault::WrongChecksum, "checksum is"),
            (Fault::WrongByteCount, "answer says 4 bytes, 6 were asked"),
            (Fault::WrongFunction, "answer is to function 3, 4 was asked"),
        ] {
            over(link, &bank, async |mut client| {
                bank.set_fault(1, fault);
                let error = client.call(1, &read(5, 3), PATIENCE, &metrics).await.unwrap_err();
                assert!(error.to_string().contains(wanted), "{link}, {fault:?}: {error}");
                bank.set_fault(1, Fault::None);
                assert_eq!(client.call(1, &read(6, 3), PATIENCE, &metrics).await.unwrap(), data(6, 3));
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_never_answers_costs_one_request_a_call() {
    let bank = bank();
    bank.set_fault(1, Fault::Silent);
    for link in LINES {
        let metrics = Metrics::default();
        over(link, &bank, async |mut client| {
            for _ in 0..30 {
                client.call(1, &read(10, 1), PATIENCE, &metrics).await.unwrap_err();
            }
        })
        .await;
        assert_eq!(metrics.requests.get(), 30, "{link}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_never_falls_silent_is_opened_anew() {
    let metrics = Metrics::default();
    let (near, mut far) = duplex(64);
    let request = read(5, 3);
    let mut client = Client::new(near, bus(LINKS[1], Duration::ZERO));
    let chatter = async {
        while far.write_all(&[0x55; 3]).await.is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    };

    let error = tokio::select! {
        called = client.call(1, &request, PATIENCE, &metrics) => called.unwrap_err().to_string(),
        () = chatter => panic!("the line was closed"),
    };

    assert_eq!(error, "the line did not fall silent within 100ms");
    assert_eq!(metrics.requests.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_unit_gets_its_rest_between_requests() {
    let (bank, metrics, rest) = (bank(), Metrics::default(), Duration::from_millis(40));
    for link in LINKS {
        over_bus(bus(link, rest), &bank, async |mut client| {
            client.call(1, &read(1, 1), PATIENCE, &metrics).await.unwrap();
            let answered = Instant::now();
            client.call(1, &read(2, 1), PATIENCE, &metrics).await.unwrap();
            let took = answered.elapsed();
            assert!((rest..rest * 2).contains(&took), "{link}: {took:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_unit_is_asked_again_and_a_busy_write_is_not() {
    let metrics = Metrics::default();
    for (link, code) in LINKS.into_iter().zip([5, 6, 5, 6]) {
        let bank = bank();
        bank.set_fault(1, Fault::Exception(code));
        over(link, &bank, async |mut client| {
            let write = Request::WriteRegister { address: 0, value: 1 };
            let refused = client.call(1, &write, PATIENCE, &metrics).await;
            assert!(matches!(refused, Err(CallError::Exception(_))), "{link}: {refused:?}");

            let request = read(5, 1);
            let healing = async {
                sleep(LIMIT / 16).await;
                bank.set_fault(1, Fault::None);
            };
            let (answer, ()) = tokio::join!(client.call(1, &request, PATIENCE, &metrics), healing);
            assert_eq!(answer.unwrap(), data(5, 1), "{link}");
        })
        .await;
        assert_eq!(bank.writes(), [], "{link}");
    }
}
