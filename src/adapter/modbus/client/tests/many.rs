//! Several requests under way at once, against a server that follows a script.

use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::adapter::modbus::client::many::{Answers, Ask};

/// What the server makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Answer,
    Twice,
    /// An answer to a request that nobody sent goes before it.
    Stray,
    Silence,
    Refusal,
    OtherUnit,
    TooShort,
}

/// The registers of a unit: each says whose it is and where.
fn words(unit: u8, start: u16, count: u16) -> Vec<u8> {
    (start..start + count).flat_map(|at| (u16::from(unit) << 12 | at).to_be_bytes()).collect()
}

/// Reads so many requests and answers each as the script says, in the order it says.
async fn serve_script(mut far: DuplexStream, acts: &[Act], order: &[usize]) {
    let mut received = Vec::new();
    let mut requests = Vec::new();
    while requests.len() < acts.len() {
        far.read_buf(&mut received).await.unwrap();
        while let Some((frame, used)) = mbap::decode(&received).unwrap() {
            let Request::Read { start, count, .. } = Request::decode(frame.pdu).unwrap() else { panic!("a read") };
            requests.push((frame.transaction, frame.unit, start, count));
            received.drain(..used);
        }
    }
    for &index in order {
        let (id, unit, start, count) = requests[index];
        let mut out = Vec::new();
        let good = |out: &mut Vec<u8>, id, unit, count| {
            let data = words(unit, start, count);
            mbap::encode(out, id, unit, |out| {
                out.extend([4, u8::try_from(data.len()).unwrap()]);
                out.extend(&data);
            });
        };
        match acts[index] {
            Act::Silence => {}
            Act::Answer => good(&mut out, id, unit, count),
            Act::Twice => (0..2).for_each(|_| good(&mut out, id, unit, count)),
            Act::Stray => [id.wrapping_sub(100), id].iter().for_each(|&id| good(&mut out, id, unit, count)),
            Act::Refusal => mbap::encode(&mut out, id, unit, |out| out.extend([0x84, 2])),
            Act::OtherUnit => good(&mut out, id, unit + 1, count),
            Act::TooShort => good(&mut out, id, unit, count - 1),
        }
        far.write_all(&out).await.unwrap();
    }
    // The connection stays.
    std::future::pending::<()>().await;
}

fn asks(places: &[(u8, u16, u16)]) -> Vec<Ask> {
    places.iter().map(|&(unit, start, count)| Ask { unit, request: read(start, count) }).collect()
}

/// Asks all at once while the script is played, after a few thousand earlier requests.
async fn play(places: &[(u8, u16, u16)], acts: &[Act], order: &[usize], earlier: u16) -> (Answers, Metrics) {
    let (near, far) = duplex(16_384);
    let metrics = Metrics::default();
    let mut client = Client::new(near, bus("tcp://plc", Duration::ZERO));
    client.transaction = earlier;
    let asks = asks(places);
    let answers = tokio::select! {
        biased;
        answers = client.call_many(&asks, LIMIT, &metrics) => answers,
        () = serve_script(far, acts, order) => unreachable!("never ends"),
    };
    (answers, metrics)
}

/// A request, what becomes of it, and when it is answered among the others.
fn any_exchange() -> impl Strategy<Value = ((u8, u16, u16), Act, u16)> {
    let acts = vec![Act::Answer, Act::Twice, Act::Stray, Act::Silence, Act::Refusal, Act::OtherUnit, Act::TooShort];
    ((1..4u8, 0..4000u16, 2..50u16), proptest::sample::select(acts), any::<u16>())
}

proptest! {
    #[test]
    fn answers_in_any_order_meet_their_requests_and_nothing_else_does(
        exchanges in proptest::collection::vec(any_exchange(), 1..=16), earlier: u16,
    ) {
        let places: Vec<_> = exchanges.iter().map(|&(place, ..)| place).collect();
        let acts: Vec<_> = exchanges.iter().map(|&(_, act, _)| act).collect();
        let mut order: Vec<_> = (0..exchanges.len()).collect();
        order.sort_by_key(|&index| exchanges[index].2);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();

        let (Answers { each, lost }, metrics) = runtime.block_on(play(&places, &acts, &order, earlier));

        prop_assert!(lost.is_none(), "{:?}", lost);
        for ((answer, act), (unit, start, count)) in each.iter().zip(&acts).zip(places) {
            let is_right = match (act, answer) {
                (Act::Answer | Act::Twice | Act::Stray, Some(Ok(data))) => *data == words(unit, start, count),
                (Act::Silence, None)
                | (Act::Refusal, Some(Err(CallError::Exception(Exception::ILLEGAL_ADDRESS))))
                | (Act::OtherUnit | Act::TooShort, Some(Err(CallError::Rejected(_)))) => true,
                _ => false,
            };
            prop_assert!(is_right, "{:?}: {:?}", act, answer);
        }
        let count = |wanted: &[Act]| u64::try_from(acts.iter().filter(|act| wanted.contains(act)).count()).unwrap();
        prop_assert_eq!(metrics.requests.get(), u64::try_from(acts.len()).unwrap());
        prop_assert_eq!(metrics.timeouts.get(), count(&[Act::Silence]));
        prop_assert_eq!(metrics.exceptions.get(), count(&[Act::Refusal]));
        // A second answer behind the last that is wanted is not looked at any more.
        prop_assert!(metrics.rejected.get() >= count(&[Act::Stray, Act::OtherUnit, Act::TooShort]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_connection_broke_counts() {
    let (near, mut far) = duplex(4096);
    let metrics = Metrics::default();
    let mut client = Client::new(near, bus("tcp://plc", Duration::ZERO));
    client.transaction = 0;
    let serve = async {
        let mut out = Vec::new();
        mbap::encode(&mut out, 2, 1, |out| out.extend([4, 2, 0x10, 0x07]));
        out.extend(b"HTTP/1.1 400 Bad Request");
        far.write_all(&out).await.unwrap();
        std::future::pending::<()>().await;
    };
    // Listens first, or the answer would come before its question.
    let asks = asks(&[(1, 5, 1), (1, 7, 1)]);
    let answers = tokio::select! {
        biased;
        answers = client.call_many(&asks, LIMIT, &metrics) => answers,
        () = serve => unreachable!("never ends"),
    };

    assert!(matches!(&answers.each[..], [None, Some(Ok(data))] if *data == [0x10, 0x07]), "{answers:?}");
    assert!(matches!(answers.lost, Some(LinkError::Garbage(_))), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn each_answer_gives_the_others_their_time_again_and_silence_ends_it() {
    let (near, mut far) = duplex(4096);
    let metrics = Metrics::default();
    let mut client = Client::new(near, bus("tcp://plc", Duration::ZERO));
    client.transaction = 0;
    let serve = async {
        for id in 1..=3 {
            tokio::time::sleep(LIMIT * 3 / 4).await;
            let mut out = Vec::new();
            mbap::encode(&mut out, id, 1, |out| out.extend([4, 2, 0, 1]));
            far.write_all(&out).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    let asks = asks(&[(1, 5, 1), (1, 7, 1), (1, 9, 1), (1, 11, 1)]);
    let start = Instant::now();
    let answers = tokio::select! {
        biased;
        answers = client.call_many(&asks, LIMIT, &metrics) => answers,
        () = serve => unreachable!("never ends"),
    };

    assert!(matches!(&answers.each[..], [Some(Ok(_)), Some(Ok(_)), Some(Ok(_)), None]), "{answers:?}");
    assert_eq!(start.elapsed(), LIMIT * 3 / 4 * 3 + LIMIT);
}
