//! The whole adapter against simulated units on loopback; each test waits for events, never for a time.

use std::future::Future;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::{mpsc::Receiver, oneshot},
};

use super::{
    config::{Connect, DataType, Link},
    fixtures::{device, mapped},
    *,
};
use crate::{
    adapter::{Alive, Announce, Intake, Metrics, memory::Memory},
    model::{
        Batch, Command, CommandId, DeviceChange, DeviceId, Event, EventKind, Grant, Grants, Reading, Selector,
        Source, Timestamp, Value, WriteError, WriteReply,
    },
    shutdown::StopSignal,
    testing::{
        clock::ManualClock,
        modbus_unit::{Bank, Fault, Write, Written, serve, serve_connection},
    },
};

/// The other ends of an adapter's channels, and its unit.
pub(super) struct Site {
    pub(super) bank: Arc<Bank>,
    readings: Receiver<Batch>,
    events: Receiver<Event>,
    requests: mpsc::Sender<Box<DeviceRequest>>,
    pub(super) point: Arc<crate::model::Point>,
    pub(super) metrics: Arc<Metrics>,
    clock: Arc<ManualClock>,
    pub(super) stop: Arc<StopSignal>,
    /// Readings received and not yet looked at.
    pending: Vec<Reading>,
}

impl Site {
    pub(super) async fn reading(&mut self) -> Reading {
        while self.pending.is_empty() {
            self.pending = self.readings.recv().await.unwrap().readings;
        }
        self.pending.remove(0)
    }

    /// The text of the next reading: its value, or its quality when bad.
    pub(super) async fn next(&mut self) -> String {
        let reading = self.reading().await;
        reading.value.map_or(reading.quality.to_string(), |value| value.to_string())
    }

    /// The next text that is not `old`.
    pub(super) async fn next_but(&mut self, old: &str) -> String {
        loop {
            let text = self.next().await;
            if text != old {
                return text;
            }
        }
    }

    /// Resolves when so many further requests have been sent.
    pub(super) async fn requests_sent(&self, more: u64) {
        let wanted = self.metrics.requests.get() + more;
        while self.metrics.requests.get() < wanted {
            tokio::task::yield_now().await;
        }
    }

    /// Asks the adapter for something.
    pub(super) async fn ask(&self, request: DeviceRequest) {
        self.requests.send(Box::new(request)).await.unwrap();
    }

    async fn change(&mut self) -> DeviceChange {
        match self.events.recv().await.unwrap().kind {
            EventKind::Device { what, .. } => what,
            other => panic!("{other:?} is no change of a device"),
        }
    }

    pub(super) async fn write(&mut self, value: Value, expires: i64) -> Result<Option<Value>, WriteError> {
        let (reply, answer) = WriteReply::pair();
        let targets = vec![Selector::parse("*/*").unwrap()];
        let grant = Grant { from: "rule:test".into(), targets, range: None, rate: None };
        let command = Command {
            id: CommandId::new("c1").unwrap(),
            source: Source::Rule("test".into()),
            target: self.point.address.clone(),
            value,
            expires: Timestamp::from_millis(expires),
        };
        let command = Grants::new(vec![grant]).authorize(command, None, Timestamp::default()).unwrap();
        let request = DeviceRequest::Write { command, point: Arc::clone(&self.point), reply };
        self.requests.send(Box::new(request)).await.unwrap();
        self.hear_until(answer.end()).await.unwrap()
    }

    /// Takes readings in while it waits, so that the adapter never waits for us.
    pub(super) async fn hear_until<T>(&mut self, event: impl Future<Output = T>) -> T {
        let mut event = std::pin::pin!(event);
        loop {
            tokio::select! {
                biased;
                done = &mut event => return done,
                Some(batch) = self.readings.recv() => self.pending.extend(batch.readings),
            }
        }
    }
}

/// Tells a story at a site whose unit 1 holds 7 in the one configured register, polled every 20 ms.
async fn at_site(story: impl AsyncFnOnce(Site)) {
    at_unit(one_register(), story).await;
}

/// Unit 1 with one register.
fn one_register() -> Device {
    device(vec![mapped("holding", 0, DataType::U16)])
}

/// Tells a story at a site with this unit, whose first register holds 7, and gives what it holds afterwards.
pub(super) async fn at_unit(unit: Device, story: impl AsyncFnOnce(Site)) -> Arc<Bank> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let bank = Arc::new(Bank::new(&[1]));
    bank.set_holdings(1, 0, &[7]);
    let (_unit_stop, stop) = StopSignal::pair();
    let server = serve(listener, Arc::clone(&bank), stop);
    let told = story_at(port, Arc::clone(&bank), unit, story);
    tokio::select! { biased; () = told => {} () = server => unreachable!("never stops") }
    bank
}

/// Tells a story with an adapter that dials `port`, then stops the adapter. Writes are for the unit's first group, or
/// without one for its first point.
async fn story_at(port: u16, bank: Arc<Bank>, mut unit: Device, story: impl AsyncFnOnce(Site)) {
    for point in &mut unit.points {
        point.poll = Duration::from_millis(20);
    }
    let address = Arc::clone(unit.groups.first().map_or(&unit.points[0].point, |group| &group.point));
    unit.timeout = Duration::from_millis(100);
    unit.backoff.min = Duration::from_millis(10);
    unit.backoff.max = Duration::from_millis(50);
    let link = Link::Tcp { host: "127.0.0.1".into(), port };
    let (name, connect) = ("line1".into(), Connect::default());
    let adapter = Modbus::new(Config { name, pressure: Pressure::Wait, link, connect, devices: vec![unit] });

    let (readings_in, readings) = mpsc::channel(4);
    // Room for all events of a story that does not look at them.
    let (events_in, events) = mpsc::channel(100);
    let (requests, requests_out) = mpsc::channel(4);
    let (stop_signal, stop) = StopSignal::pair();
    let (stop_signal, clock) = (Arc::new(stop_signal), Arc::new(ManualClock::default()));
    let metrics = Arc::new(Metrics::default());
    let context = AdapterContext {
        readings: Intake::waiting(readings_in),
        events: events_in,
        requests: requests_out,
        stop,
        clock: Arc::clone(&clock) as _,
        metrics: Arc::clone(&metrics),
        alive: Alive::new(|| {}),
        memory: Memory::none(),
        announce: Announce::nobody(),
    };
    let (point, pending, stop) = (address, Vec::new(), Arc::clone(&stop_signal));
    let site = Site { bank, readings, events, requests, point, metrics, clock, stop, pending };
    let told = async {
        story(site).await;
        stop_signal.raise();
    };
    let (ran, ()) = tokio::join!(bounded(adapter.run(context)), bounded(told));
    // A story that is over no longer takes readings, which may be noticed before the stop.
    assert!(matches!(ran, Ok(()) | Err(AdapterError::Closed)), "{ran:?}");
}

/// Fails instead of hanging.
async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("nothing happened for half a minute")
}

#[tokio::test]
async fn every_poll_is_a_reading_and_the_first_one_brings_the_device_online() {
    at_site(async |mut site| {
        assert_eq!(site.next().await, "7");
        assert_eq!(site.change().await, DeviceChange::Online);
        site.bank.set_holdings(1, 0, &[8]);
        assert_eq!(site.next_but("7").await, "8");
        assert_eq!(site.reading().await.ts, ManualClock::START);
    })
    .await;
}

#[tokio::test]
async fn a_stop_waits_until_what_was_measured_is_handed_on() {
    at_site(async |mut site| {
        // The way out has room for four readings; the fifth waits.
        while site.clock.looks() < 5 {
            tokio::task::yield_now().await;
        }

        site.stop.raise();

        tokio::task::yield_now().await;
        let mut handed_on = 0;
        while site.readings.recv().await.is_some() {
            handed_on += 1;
        }
        assert_eq!(handed_on, 5);
    })
    .await;
}

#[tokio::test]
async fn every_fault_gives_one_bad_reading_and_heals_by_itself() {
    let offline = "bad:device-offline";
    let faults = [
        (Fault::Silent, "bad:timeout"),
        (Fault::Late, "bad:timeout"),
        (Fault::WrongTransaction, "bad:timeout"),
        (Fault::Exception(2), "bad:illegal-address"),
        (Fault::WrongUnit, "bad:protocol"),
        (Fault::WrongFunction, "bad:protocol"),
        (Fault::WrongByteCount, "bad:protocol"),
        (Fault::Garbage, "bad:protocol"),
        (Fault::Short, offline),
        (Fault::Close, offline),
    ];
    at_site(async |mut site| {
        for (fault, wanted) in faults {
            site.bank.set_holdings(1, 0, &[7]);
            assert_eq!(site.next_but("8").await, "7");
            site.bank.set_fault(1, fault);
            assert_eq!(site.next_but("7").await, wanted, "{fault:?}");

            // Several failed polls later nothing more was said, and the next word is the value of the healed unit.
            site.requests_sent(4).await;
            site.bank.set_holdings(1, 0, &[8]);
            site.bank.set_fault(1, Fault::None);
            assert_eq!(site.next().await, "8", "{fault:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_unit_that_stops_answering_goes_offline_and_comes_back() {
    at_site(async |mut site| {
        assert_eq!(site.change().await, DeviceChange::Online);
        site.bank.set_fault(1, Fault::Silent);
        assert_eq!(site.next_but("7").await, "bad:timeout");
        assert_eq!(site.change().await, DeviceChange::Offline);
        site.bank.set_fault(1, Fault::None);
        assert_eq!(site.next().await, "7");
        assert_eq!(site.change().await, DeviceChange::Online);
    })
    .await;
}

#[tokio::test]
async fn a_refused_connection_is_told_once_and_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let bank = Arc::new(Bank::new(&[1]));
    story_at(port, Arc::clone(&bank), one_register(), async |mut site| {
        assert_eq!(site.next().await, "bad:device-offline");
        assert_eq!(site.change().await, DeviceChange::Offline);
        let refused = site.write(Value::Int(9), i64::MAX).await.unwrap_err();
        assert!(matches!(&refused, WriteError::Refused(why) if why.contains("cannot connect")), "{refused:?}");

        let (_unit_stop, stop) = StopSignal::pair();
        let unit = serve(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), bank, stop);
        tokio::select! { text = site.next() => assert_eq!(text, "0"), () = unit => unreachable!("never stops") }
    })
    .await;
}

/// Two registers that no request can join.
fn two_registers() -> Device {
    device(vec![mapped("holding", 0, DataType::U16), mapped("holding", 100, DataType::U16)])
}

/// What a server does with a request for the register at an address.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers, and hangs up.
    AnswerAndClose,
    /// Hangs up when it is asked for the first register, and answers otherwise.
    CloseAtFirst,
    /// Hangs up.
    Close,
}

/// Answers with the address that was asked for plus 7, in its manner.
async fn serve_in(manner: Manner, listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 12];
        while stream.read_exact(&mut request).await.is_ok() {
            let [t0, t1, .., a0, a1, _, 1] = request else { panic!("{request:?}") };
            let [v0, v1] = (u16::from_be_bytes([a0, a1]) + 7).to_be_bytes();
            let is_first = [a0, a1] == [0, 0];
            if matches!(manner, Manner::Close) || is_first && matches!(manner, Manner::CloseAtFirst) {
                break;
            }
            // A client that has gone is no concern of a server's.
            let _ = stream.write_all(&[t0, t1, 0, 0, 0, 5, 1, 3, 2, v0, v1]).await;
            if matches!(manner, Manner::AnswerAndClose) {
                break;
            }
        }
    }
}

/// Tells a story with two registers behind such a server.
async fn at_server(manner: Manner, story: impl AsyncFnOnce(Site)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = story_at(port, Arc::new(Bank::new(&[1])), two_registers(), story);
    tokio::select! { biased; () = told => {} () = serve_in(manner, listener) => {} }
}

#[tokio::test]
async fn a_server_that_hangs_up_after_each_answer_is_read_all_the_same() {
    at_server(Manner::AnswerAndClose, async |mut site| {
        let mut values = Vec::new();
        for _ in 0..20 {
            values.push(site.next().await);
        }
        let heard = |wanted: &str| values.iter().filter(|value| *value == wanted).count();
        assert!(heard("7") >= 8 && heard("107") >= 8, "{values:?}");
    })
    .await;
}

#[tokio::test]
async fn a_register_at_which_the_server_hangs_up_keeps_no_other_from_being_read() {
    at_server(Manner::CloseAtFirst, async |mut site| {
        let mut values = Vec::new();
        for _ in 0..20 {
            values.push(site.next().await);
        }
        let bad = values.iter().filter(|value| value.starts_with("bad:")).count();
        assert!(values.contains(&"bad:device-offline".to_owned()) && bad <= 2, "{values:?}");
    })
    .await;
}

#[tokio::test]
async fn points_that_were_never_asked_for_are_offline_with_the_link() {
    at_server(Manner::Close, async |mut site| {
        assert_eq!([site.next().await, site.next().await], ["bad:device-offline", "bad:device-offline"]);
        assert_eq!(site.change().await, DeviceChange::Offline);
    })
    .await;
}

#[tokio::test]
async fn a_write_reaches_the_register_exactly_once() {
    at_site(async |mut site| {
        assert_eq!(site.write(Value::Int(9), i64::MAX).await, Ok(None));

        let once = Write { unit: 1, address: 0, data: Written::Registers(vec![9]) };
        assert_eq!(site.bank.writes(), [once]);
        assert_eq!(site.next_but("7").await, "9");
    })
    .await;
}

#[tokio::test]
async fn a_write_without_an_answer_is_not_sent_again() {
    at_site(async |mut site| {
        site.bank.set_fault(1, Fault::Late);
        let lost = site.write(Value::Int(9), i64::MAX).await.unwrap_err();
        assert!(matches!(lost, WriteError::Timeout(_)), "{lost:?}");

        site.bank.set_fault(1, Fault::None);
        assert_eq!(site.next_but("7").await.replace("bad:timeout", "9"), "9");
        assert_eq!(site.bank.writes().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn writes_that_must_not_happen_touch_nothing() {
    at_site(async |mut site| {
        assert_eq!(site.write(Value::Int(9), ManualClock::START.as_millis() - 1).await, Err(WriteError::Expired));
        let misfit = site.write(Value::Int(65_536), i64::MAX).await.unwrap_err();
        assert_eq!(misfit, WriteError::Misfit("65536 does not fit the point's registers".into()));
        site.bank.set_fault(1, Fault::Exception(3));
        let refused = site.write(Value::Int(9), i64::MAX).await.unwrap_err();
        assert_eq!(refused.to_string(), "unit 1: exception 3 (illegal-value)");

        assert_eq!(site.bank.writes(), []);
    })
    .await;
}

#[tokio::test]
async fn a_point_can_be_read_between_its_polls() {
    at_site(async |site| {
        let (reply, answer) = oneshot::channel();
        let request = DeviceRequest::Read { point: Arc::clone(&site.point), reply };
        site.requests.send(Box::new(request)).await.unwrap();
        assert_eq!(answer.await.unwrap().value, Some(Value::Int(7)));
    })
    .await;
}

/// Unit 1 and unit 2, one register each, polled every 20 ms.
fn two_units() -> Config {
    let second = DeviceId::new("meter-2").unwrap();
    let mut points = [mapped("holding", 0, DataType::U16), mapped("holding", 0, DataType::U16)];
    Arc::get_mut(&mut points[1].point).unwrap().address.device = second.clone();
    let [mut first, mut other] = points.map(|mut point| {
        point.poll = Duration::from_millis(20);
        device(vec![point])
    });
    (other.id, other.unit) = (second, 2);
    first.timeout = Duration::from_millis(100);
    let link = Link::Tcp { host: "127.0.0.1".into(), port: 502 };
    let (name, connect) = ("line1".into(), Connect::default());
    Config { name, pressure: Pressure::Wait, link, connect, devices: vec![first, other] }
}

#[tokio::test(start_paused = true)]
async fn a_silent_unit_costs_its_neighbour_less_than_a_twentieth_of_its_polls() {
    let bank = Bank::new(&[1, 2]);
    bank.set_fault(1, Fault::Silent);
    let config = two_units();
    let (near, far) = tokio::io::duplex(4096);
    let (readings_in, mut readings) = mpsc::channel(4);
    let (events_in, _events) = mpsc::channel(100);
    let (_requests, mut requests_out) = mpsc::channel(4);
    let (_stop_signal, mut stop) = StopSignal::pair();
    let metrics = Arc::new(Metrics::default());
    let clock = Arc::new(ManualClock::default());
    let mut poller = Poller::new(&config, clock, metrics, Intake::waiting(readings_in), events_in, Alive::new(|| {}));
    let mut heard = [0, 0];

    let minute = tokio::time::timeout(Duration::from_secs(60), async {
        let counting = async {
            while let Some(batch) = readings.recv().await {
                let is_second = batch.readings[0].point.device().as_str() == "meter-2";
                heard[usize::from(is_second)] += 1;
            }
        };
        let mut client = Client::new(near, Bus::new(&config));
        let session = poller.session(&mut client, &mut requests_out, &mut stop);
        tokio::join!(session, serve_connection(far, &bank), counting)
    });

    assert!(minute.await.is_err(), "the session goes on");
    assert_eq!(heard[0], 1, "the silent unit's fault is told once");
    assert!(heard[1] >= 3000 * 95 / 100, "{} of 3000 polls", heard[1]);
}
