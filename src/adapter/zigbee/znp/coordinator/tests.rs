use tokio::{io::DuplexStream, time::Instant};

use super::*;
use crate::adapter::zigbee::{
    address::{ExtendedPan, Group, Ieee, Nwk},
    radio::{Delivery, Incoming},
    wire::{Bytes8, Rest},
    znp::{
        command::{
            af::{DataConfirm, DataRetrieve, DataStore, IncomingMsg, IncomingMsgExt, Retrieved},
            status::Status,
            sys::{Capabilities, Done, Firmware, OwnIeee},
            zdo::{LeaveInd, MsgCbIncoming, NetworkInfo, Started, TcDeviceInd},
        },
        fake::{Stick as Fake, stick},
    },
};

const DONE: Done = Done { status: Status::SUCCESS };
const PONG: Capabilities = Capabilities { mask: 0x0659 };
const IEEE: Ieee = Ieee(0x0012_4b00_14d9_a7b1);

fn coordinator() -> (Coordinator<DuplexStream>, Fake) {
    let (link, fake) = stick();
    (Coordinator::new(link), fake)
}

fn reset() -> ResetInd {
    ResetInd { reason: 0, transport: 2, product: 1, major: 2, minor: 7, hardware: 1 }
}

fn firmware(product: u8) -> Firmware {
    Firmware { transport: 2, product, major: 2, minor: 7, maintenance: 1, revision: Some(20_240_710) }
}

/// A report of a thermometer.
fn report() -> IncomingMsg {
    let data = vec![0x18, 5, 0x0a, 0, 0, 0x29, 0, 0xfe];
    IncomingMsg {
        group: Group(0),
        cluster: Cluster(0x0402),
        from: Nwk(0x1a2b),
        from_endpoint: 1,
        to_endpoint: 1,
        was_broadcast: false,
        link_quality: 123,
        is_secure: false,
        timestamp: 0,
        sequence: 5,
        data: Bytes8::try_from(data).unwrap(),
    }
}

fn outgoing(to: Destination, length: usize) -> Outgoing {
    Outgoing { to, from: 1, cluster: Cluster(6), transaction: 42, frame: (0..=255).cycle().take(length).collect() }
}

#[tokio::test(start_paused = true)]
async fn a_stick_is_woken_restarted_and_told_our_endpoints() {
    let (mut coordinator, mut fake) = coordinator();

    let served = async {
        // The first question comes while the boot loader waits, and is lost. The next settles what is owed of it.
        fake.expect::<Ping>().await;
        fake.serve::<Version>(&firmware(1)).await;
        fake.serve::<Ping>(&PONG).await;
        assert_eq!(fake.expect::<ResetReq>().await.kind, PROGRAM);
        fake.tell(&reset()).await;
        fake.serve::<Version>(&firmware(1)).await;
        fake.serve::<GetIeee>(&OwnIeee { ieee: IEEE }).await;
        let home = fake.serve::<Register>(&DONE).await;
        assert_eq!((home.endpoint, home.inputs.as_slice()), (1, HOME.inputs));
        assert_eq!(fake.serve::<MsgCbRegister>(&DONE).await.cluster, EVERYTHING);
    };
    let (started, ()) = tokio::join!(coordinator.start(), served);

    let started = started.unwrap();
    assert_eq!(started, Stick { firmware: "Z-Stack 3.x 2.7.1 (20240710)".to_owned(), ieee: IEEE });
}

#[tokio::test(start_paused = true)]
async fn a_stick_of_an_unknown_kind_is_refused() {
    let (mut coordinator, mut fake) = coordinator();

    let served = async {
        fake.serve::<Ping>(&PONG).await;
        fake.expect::<ResetReq>().await;
        fake.tell(&reset()).await;
        fake.serve::<Version>(&firmware(9)).await;
    };
    let (started, ()) = tokio::join!(coordinator.start(), served);

    assert!(matches!(started, Err(ZnpError::Product(9))), "{started:?}");
}

#[tokio::test(start_paused = true)]
async fn a_mute_stick_costs_seconds_not_minutes() {
    let (mut coordinator, _fake) = coordinator();
    let before = Instant::now();

    let started = coordinator.start().await;

    assert!(matches!(started, Err(ZnpError::Host(HostError::Mute { .. }))), "{started:?}");
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn going_on_with_a_network_loses_no_message_that_comes_meanwhile() {
    let (mut coordinator, mut fake) = coordinator();
    let info = NetworkInfo {
        nwk: Nwk(0),
        state: 9,
        pan: Pan(0x1a62),
        parent: Nwk(0xffff),
        extended_pan: ExtendedPan(0xdddd_dddd_dddd_dddd),
        parent_ieee: Ieee(0),
        channel: 15,
    };

    let served = async {
        fake.serve::<StartupFromApp>(&Started { outcome: 0 }).await;
        fake.tell(&StateChangeInd { state: 8 }).await;
        fake.tell(&report()).await;
        fake.tell(&StateChangeInd { state: 9 }).await;
        fake.serve::<ExtNwkInfo>(&info).await;
    };
    let (network, ()) = tokio::join!(coordinator.resume(), served);

    let network = network.unwrap();
    assert_eq!((network.channel, network.pan, network.extended_pan), (15, info.pan, info.extended_pan));
    let Event::Message(message) = coordinator.next_event().await.unwrap() else { panic!("no message") };
    assert_eq!((message.from, message.link_quality), (Nwk(0x1a2b), Some(123)));
}

#[tokio::test(start_paused = true)]
async fn a_restart_while_going_on_is_told_at_once() {
    let (mut coordinator, mut fake) = coordinator();
    let before = Instant::now();

    let served = async {
        fake.serve::<StartupFromApp>(&Started { outcome: 0 }).await;
        fake.tell(&reset()).await;
    };
    let (network, ()) = tokio::join!(coordinator.resume(), served);

    assert!(matches!(network, Err(ZnpError::Host(HostError::Restarted { .. }))), "{network:?}");
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_to_one_device_asks_for_an_acknowledgement_and_one_to_many_does_not() {
    let (mut coordinator, mut fake) = coordinator();
    let one = outgoing(Destination::Device(Nwk(0x1a2b), 1), 3);
    let (sent, request) = tokio::join!(coordinator.send(&one), fake.serve::<DataRequestExt>(&DONE));
    sent.unwrap();
    assert_eq!((request.to, request.options), (Address::Nwk(Nwk(0x1a2b)), 0x30));
    assert_eq!(request.data, LongData::Here(Bytes16::try_from(vec![0, 1, 2]).unwrap()));

    let many = outgoing(Destination::Group(Group(7)), 3);
    let (sent, request) = tokio::join!(coordinator.send(&many), fake.serve::<DataRequestExt>(&DONE));
    sent.unwrap();
    assert_eq!((request.to, request.to_endpoint, request.options), (Address::Group(Group(7)), 0xff, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_the_stick_does_not_take_is_told_with_its_reason() {
    let (mut coordinator, mut fake) = coordinator();
    let message = outgoing(Destination::Device(Nwk(1), 1), 3);
    let full = Done { status: Status::BUFFER_FULL };

    let (sent, _) = tokio::join!(coordinator.send(&message), fake.serve::<DataRequestExt>(&full));

    assert_eq!(sent.unwrap_err().to_string(), "AF.DataRequestExt: buffer full (0x11)");
}

#[tokio::test(start_paused = true)]
async fn a_long_message_goes_in_parts() {
    let (mut coordinator, mut fake) = coordinator();
    let message = outgoing(Destination::Device(Nwk(1), 1), 500);

    let stored = async {
        assert_eq!(fake.serve::<DataRequestExt>(&DONE).await.data, LongData::Apart(500));
        let mut parts = Vec::new();
        loop {
            let part = fake.serve::<DataStore>(&DONE).await;
            assert_eq!(usize::from(part.index), parts.len());
            if part.data.as_slice().is_empty() {
                return parts;
            }
            parts.extend_from_slice(part.data.as_slice());
        }
    };
    let (sent, parts) = tokio::join!(coordinator.send(&message), stored);

    sent.unwrap();
    assert_eq!(parts, message.frame);
}

#[tokio::test(start_paused = true)]
async fn a_long_message_is_fetched_in_parts_also_when_that_is_interrupted() {
    let (mut coordinator, mut fake) = coordinator();
    let long: Vec<u8> = (0..=255).cycle().take(300).collect();
    fake.tell(&IncomingMsgExt {
        group: Group(0),
        cluster: Cluster(6),
        from: Address::Nwk(Nwk(0x1a2b)),
        from_endpoint: 1,
        from_pan: Pan(0),
        to_endpoint: 1,
        was_broadcast: false,
        link_quality: 9,
        is_secure: false,
        timestamp: 77,
        sequence: 1,
        data: LongData::Apart(300),
    })
    .await;
    let part = |range: std::ops::Range<usize>| Retrieved {
        status: Status::SUCCESS,
        data: Bytes8::try_from(long[range].to_vec()).unwrap(),
    };

    let interrupted = timeout(Duration::from_millis(10), coordinator.next_event()).await;
    assert!(interrupted.is_err());
    fake.serve::<DataRetrieve>(&part(0..240)).await;

    let served = async {
        fake.serve::<Ping>(&PONG).await;
        assert_eq!(fake.serve::<DataRetrieve>(&part(0..240)).await.index, 0);
        let second = fake.serve::<DataRetrieve>(&part(240..300)).await;
        assert_eq!((second.timestamp, second.index, second.length), (77, 240, 60));
        assert_eq!(fake.serve::<DataRetrieve>(&part(0..0)).await.length, 0);
    };
    let (event, ()) = tokio::join!(coordinator.next_event(), served);

    let Event::Message(message) = event.unwrap() else { panic!("no message") };
    assert_eq!(message.frame, long);
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_in_the_words_of_every_radio() {
    let (mut coordinator, mut fake) = coordinator();
    let (nwk, ieee) = (Nwk(0x1a2b), IEEE);
    fake.tell(&TcDeviceInd { nwk, ieee, parent: Nwk(0) }).await;
    fake.tell(&DataConfirm { status: Status::NO_ROUTE, endpoint: 1, transaction: 42 }).await;
    fake.tell(&LeaveInd { from: nwk, ieee, was_asked: false, with_children: false, will_rejoin: true }).await;
    fake.tell(&StateChangeInd { state: 9 }).await;
    let answer = MsgCbIncoming {
        from: nwk,
        was_broadcast: false,
        cluster: Cluster(0x8005),
        is_secure: false,
        sequence: 11,
        to: Nwk(0),
        data: Rest(vec![0x81]),
    };
    fake.tell(&answer).await;
    fake.tell(&reset()).await;

    let mut events = Vec::new();
    for _ in 0..5 {
        events.push(coordinator.next_event().await.unwrap());
    }

    let zdo = Incoming {
        from: nwk,
        from_endpoint: 0,
        to_endpoint: 0,
        group: None,
        cluster: Cluster(0x8005),
        link_quality: None,
        frame: vec![11, 0x81],
    };
    let expected = [
        Event::Joined { nwk, ieee, parent: Nwk(0) },
        Event::Confirmed { endpoint: 1, transaction: 42, delivery: Delivery::NoRoute },
        Event::Left { nwk, ieee, will_rejoin: true },
        Event::Message(zdo),
        Event::Restarted,
    ];
    assert_eq!(events, expected);
}
