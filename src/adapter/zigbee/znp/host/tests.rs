use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::adapter::zigbee::{
    address::{Ieee, Nwk},
    znp::{
        command::{
            sys::{Capabilities, Firmware, GetIeee, NvLength, NvSize, OwnIeee},
            zdo::{PermitJoinInd, StateChangeInd, TcDeviceInd},
        },
        fake::stick,
    },
};

const PONG: Capabilities = Capabilities { mask: 0x0659 };

fn size(length: u16) -> NvSize {
    NvSize { length }
}

fn joined(nwk: u16) -> TcDeviceInd {
    TcDeviceInd { nwk: Nwk(nwk), ieee: Ieee(7), parent: Nwk(0) }
}

fn reset() -> ResetInd {
    ResetInd { reason: 2, transport: 2, product: 1, major: 2, minor: 7, hardware: 1 }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_found_among_news_and_the_news_are_kept_in_order() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let told = async {
        stick.expect::<Ping>().await;
        stick.tell(&joined(1)).await;
        stick.tell(&joined(2)).await;
        stick.answer::<Ping>(&PONG).await;
    };
    let (answer, ()) = tokio::join!(host.request(&Ping {}), told);

    assert_eq!(answer.unwrap(), PONG);
    assert_eq!(TcDeviceInd::of(&host.next_news().await.unwrap()), Some(Ok(joined(1))));
    assert_eq!(TcDeviceInd::of(&host.next_news().await.unwrap()), Some(Ok(joined(2))));
    assert_eq!(host.counts(), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_never_taken_for_the_next() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let (mute, _) = tokio::join!(host.request(&NvLength { id: 1 }), stick.expect::<NvLength>());
    assert_eq!(mute.unwrap_err().to_string(), "SYS.NvLength: no answer within 6 s");

    let late = async {
        // The answer to the first question comes now, then the stick goes on in order.
        stick.answer::<NvLength>(&size(1)).await;
        stick.serve::<Ping>(&PONG).await;
        assert_eq!(stick.serve::<NvLength>(&size(2)).await.id, 2);
    };
    let (second, ()) = tokio::join!(host.request(&NvLength { id: 2 }), late);

    assert_eq!(second.unwrap(), size(2));
    assert_eq!(host.counts().stray, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_waited_for_is_cleared_up_after() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let cancelled = timeout(Duration::from_millis(10), host.request(&Ping {})).await;
    assert!(cancelled.is_err());
    stick.serve::<Ping>(&Capabilities { mask: 1 }).await;

    let served = async {
        stick.serve::<Version>(&firmware()).await;
        stick.serve::<Ping>(&PONG).await;
    };
    let (answer, ()) = tokio::join!(host.request(&Ping {}), served);

    assert_eq!(answer.unwrap(), PONG);
}

fn firmware() -> Firmware {
    Firmware { transport: 2, product: 1, major: 2, minor: 7, maintenance: 1, revision: Some(20_240_710) }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_command_and_the_code() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let refusing = async {
        stick.expect::<GetIeee>().await;
        let data = Refusal { code: 2, first: 0x21, second: GetIeee::ID }.to_bytes();
        stick.send(&Frame { kind: Kind::Srsp, subsystem: Subsystem::ERROR, id: 0, data }).await;
    };
    let (refused, ()) = tokio::join!(host.request(&GetIeee {}), refusing);
    assert_eq!(refused.unwrap_err().to_string(), "SYS.GetIeee: refused with code 2");

    // Nothing is owed: the next request goes out at once.
    let own = OwnIeee { ieee: Ieee(1) };
    let (answer, _) = tokio::join!(host.request(&GetIeee {}), stick.serve::<GetIeee>(&own));
    assert_eq!(answer.unwrap(), own);
}

#[tokio::test(start_paused = true)]
async fn a_restart_ends_a_request_at_once_and_is_news() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);
    let before = Instant::now();

    let restarting = async {
        stick.expect::<Ping>().await;
        stick.tell(&reset()).await;
    };
    let (ended, ()) = tokio::join!(host.request(&Ping {}), restarting);

    assert!(matches!(ended, Err(HostError::Restarted { .. })), "{ended:?}");
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(ResetInd::of(&host.next_news().await.unwrap()), Some(Ok(reset())));
}

#[tokio::test(start_paused = true)]
async fn a_false_start_holds_frames_up_only_until_the_line_is_quiet() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let garbled = async {
        stick.expect::<Ping>().await;
        // A start byte and a length of 200 in noise.
        stick.send_bytes(&[0x13, 0xfe, 0xc8, 0x41]).await;
        stick.answer::<Ping>(&PONG).await;
    };
    let (answer, ()) = tokio::join!(host.request(&Ping {}), garbled);

    assert_eq!(answer.unwrap(), PONG);
    assert_eq!(host.counts().skipped, 4);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_come_one_by_one_make_frames() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let slow = async {
        stick.expect::<Ping>().await;
        let mut bytes = Vec::new();
        Ping::answer(&PONG).encode(&mut bytes).unwrap();
        for byte in bytes {
            stick.send_bytes(&[byte]).await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    let (answer, ()) = tokio::join!(host.request(&Ping {}), slow);

    assert_eq!(answer.unwrap(), PONG);
    assert_eq!(host.counts(), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_closed_link_is_told() {
    let (link, stick) = stick();
    let mut host = Host::new(link);
    drop(stick);

    let news = host.next_news().await.unwrap_err();

    assert_eq!(news.to_string(), "the link was closed");
}

#[tokio::test(start_paused = true)]
async fn more_news_than_there_is_room_for_cost_the_oldest() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let flood = async {
        stick.expect::<Ping>().await;
        stick.tell(&StateChangeInd { state: 9 }).await;
        for seconds in 0..MAX_NEWS {
            stick.tell(&PermitJoinInd { seconds: u8::try_from(seconds % 256).unwrap() }).await;
        }
        stick.answer::<Ping>(&PONG).await;
    };
    let (answer, ()) = tokio::join!(host.request(&Ping {}), flood);

    answer.unwrap();
    assert_eq!(host.counts().shed, 1);
    assert!(PermitJoinInd::of(&host.next_news().await.unwrap()).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_short_is_no_answer() {
    let (link, mut stick) = stick();
    let mut host = Host::new(link);

    let short = async {
        stick.expect::<Ping>().await;
        stick.send(&Frame { data: vec![1], ..Ping::answer(&PONG) }).await;
    };
    let (answer, ()) = tokio::join!(host.request(&Ping {}), short);

    assert!(matches!(answer, Err(HostError::Answer { command: "SYS.Ping", .. })), "{answer:?}");
}
