mod sleepers;
mod together;

use std::{sync::Mutex, time::Duration};

use proptest::prelude::*;
use serde_json::json;
use tokio::sync::{mpsc::error::TryRecvError, oneshot};

use super::{
    super::{
        inbox,
        lanes::{MAX_OPEN, MAX_WAITING},
    },
    *,
};
use crate::{
    model::{
        Access, ClockQuality, CommandId, DeviceId, DeviceRequest, Domain, OutcomeStatus, Payload, Point, PointName,
        PointType, Rate, ResponseTo, Selector, Source, Value, WriteError,
    },
    shutdown::StopSignal,
    testing::clock::ManualClock,
};

/// How the fake adapter answers writes.
#[derive(Clone)]
enum Device {
    Answers(Result<Option<Value>, WriteError>),
    Silent,
    Gone,
}

/// A desk with its surroundings, and a fake adapter that counts writes.
struct Bench {
    dir: tempfile::TempDir,
    inbox: mpsc::Sender<Envelope>,
    outcomes: mpsc::Receiver<Outcome>,
    audit: mpsc::Receiver<Event>,
    requests: mpsc::Receiver<Box<DeviceRequest>>,
    _routes: watch::Sender<Arc<Routes>>,
    stop: StopSignal,
    desk: Desk,
    context: Context,
    written: Arc<Mutex<Vec<Value>>>,
}

fn settings() -> Commands {
    let (expires, timeout) = (Duration::from_secs(60), Duration::from_secs(15));
    Commands { expires, timeout, remember: Duration::from_secs(86_400) }
}

fn point(name: &str, access: Access) -> Arc<Point> {
    let (device, name) = (DeviceId::new("pump-1").unwrap(), PointName::new(name).unwrap());
    let point = Point::new(device, name, PointType::Float, None);
    Arc::new(Point { access, domain: Domain::within(Some(0.0), Some(100.0)), ..point })
}

fn grants() -> Vec<Grant> {
    let targets = vec![Selector::parse("pump-*/speed").unwrap()];
    let rate = Some(Rate { count: 20, per: Duration::from_secs(60) });
    vec![Grant { from: "uplink:cloud".into(), targets, range: Some((0.0, 50.0)), rate }]
}

impl Bench {
    fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap())
    }

    /// One whose senders may send as often as they like.
    fn unlimited() -> Self {
        let mut bench = Self::new();
        let grants = grants().into_iter().map(|grant| Grant { rate: None, ..grant });
        bench.desk.reconfigure(&settings(), grants.collect());
        bench
    }

    fn in_dir(dir: tempfile::TempDir) -> Self {
        let desk = Desk::open(&settings(), grants(), &dir.path().join("commands.db")).unwrap();
        let (inbox, inbox_end) = mpsc::channel(8);
        let (outcome_end, outcomes) = mpsc::channel(100);
        let (audit_end, audit) = mpsc::channel(1000);
        let (request_end, requests) = mpsc::channel(8);
        let mut table = Routes::default();
        table.add([point("speed", Access::Rw), point("flow", Access::R)], &request_end);
        let (table_end, routes) = watch::channel(Arc::new(table));
        let (signal, stop) = StopSignal::pair();
        let context = Context {
            inbox: inbox_end,
            outcomes: outcome_end,
            audit: audit_end,
            routes,
            clock: Arc::new(ManualClock::default()),
            stop,
            metrics: Metrics::default(),
        };
        let written = Arc::default();
        Self { dir, inbox, outcomes, audit, requests, _routes: table_end, stop: signal, desk, context, written }
    }

    /// Sends one envelope, lets the device answer, and gives the first final outcome.
    async fn ask_with(&mut self, envelope: Envelope, device: Device) -> Outcome {
        self.inbox.send(envelope).await.unwrap();
        if matches!(device, Device::Gone) {
            self.requests.close();
        }
        let (requests, written) = (&mut self.requests, &self.written);
        let adapter = async {
            let mut held = Vec::new();
            while let Some(request) = requests.recv().await {
                let DeviceRequest::Write { command, reply, .. } = *request else { continue };
                written.lock().unwrap().push(command.command().value.clone());
                match &device {
                    Device::Answers(answer) => drop(reply.send(answer.clone())),
                    Device::Silent | Device::Gone => held.push(reply),
                }
            }
            std::future::pending::<Outcome>().await
        };
        tokio::select! {
            outcome = self.outcomes.recv() => outcome.unwrap(),
            result = self.desk.run(&mut self.context) => panic!("desk ended: {result:?}"),
            outcome = adapter => outcome,
        }
    }

    async fn ask(&mut self, payload: &str) -> Outcome {
        self.ask_with(envelope(payload), Device::Answers(Ok(None))).await
    }

    fn writes(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    /// Ends this desk as a crash would, and starts another on the same file.
    fn restart(self) -> Self {
        let Self { dir, .. } = self;
        Self::in_dir(dir)
    }
}

fn envelope(payload: &str) -> Envelope {
    Envelope {
        source: Source::Uplink("cloud".into()),
        received: ManualClock::START,
        retained: false,
        payload: Payload::Json(payload.into()),
        response: None,
        reply: None,
        taken: None,
    }
}

fn speed(id: &str, value: &serde_json::Value) -> String {
    json!({"id": id, "device": "pump-1", "point": "speed", "value": value}).to_string()
}

/// Sends commands `c0`, `c1` and so on for one device, and stays.
async fn flood(inbox: mpsc::Sender<Envelope>, count: usize) {
    for number in 0..count {
        inbox.send(envelope(&speed(&format!("c{number}"), &json!(1)))).await.unwrap();
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn an_allowed_command_is_written_once_and_told_everywhere() {
    let mut bench = Bench::new();
    let (reply, mut replied) = oneshot::channel();
    let (taken, mut was_taken) = oneshot::channel();
    let response = ResponseTo { uplink: "cloud".into(), topic: "answers".into(), correlation: None };
    let order = Envelope {
        reply: Some(reply),
        taken: Some(taken),
        response: Some(response.clone()),
        ..envelope(&speed("c1", &json!(42)))
    };

    let outcome = bench.ask_with(order, Device::Answers(Ok(None))).await;

    assert_eq!(outcome.fields(), r#"{"id":"c1","status":"done","value":42.0}"#);
    assert_eq!(outcome.response, Some(response));
    assert_eq!(replied.try_recv().unwrap(), outcome);
    assert!(was_taken.try_recv().is_ok());
    assert_eq!(bench.writes(), 1);
    let audit = bench.audit.try_recv().unwrap().fields();
    let wanted =
        r#"{"type":"audit","from":"uplink:cloud","what":"set pump-1/speed to 42 (c1): grant 1","allowed":true}"#;
    assert_eq!(audit, wanted);
}

#[tokio::test]
async fn what_must_not_be_done_reaches_no_device_and_says_why() {
    let past = r#"{"id":"e1","device":"pump-1","point":"speed","value":1,"expires":"2026-11-20T11:59:59Z"}"#;
    let far = r#"{"id":"e2","device":"pump-1","point":"speed","value":1,"expires":"2027-11-20T11:59:59Z"}"#;
    let cases = [
        ("{".to_owned(), "denied", "payload is no JSON"),
        ("x".repeat(inbox::MAX_BYTES + 1), "denied", "at most 16384"),
        (r#"{"id":"m1","device":"pump-1"}"#.to_owned(), "denied", "\"point\" is missing"),
        (r#"{"id":"u1","device":"No/One","point":"x","value":1}"#.to_owned(), "denied", "no device has"),
        (r#"{"id":"r1","device":"pump-1","point":"flow","value":1}"#.to_owned(), "denied", "read-only"),
        (speed("t1", &json!("fast")), "denied", "is no number"),
        (speed("p1", &json!(101)), "denied", "outside the limits of pump-1/speed (0 to 100)"),
        (speed("g1", &json!(51)), "denied", "outside the granted range"),
        (past.to_owned(), "expired", "expired at"),
        (far.to_owned(), "denied", "later than ids are remembered"),
    ];
    let mut bench = Bench::new();
    for (payload, status, reason) in cases {
        let outcome = bench.ask(&payload).await;

        assert_eq!(outcome.status.as_str(), status, "{payload}");
        assert!(outcome.error.as_deref().unwrap().contains(reason), "{payload}: {:?}", outcome.error);
    }
    assert_eq!(bench.writes(), 0);
}

#[tokio::test]
async fn a_time_limit_from_afar_is_judged_by_no_clock_that_is_known_to_be_wrong() {
    let limited = |id: &str| {
        json!({"id": id, "device": "pump-1", "point": "speed", "value": 1, "expires": "2026-11-20T12:01:00Z"})
            .to_string()
    };
    let clock = Arc::new(ManualClock::default());
    let mut bench = Bench::new();
    bench.context.clock = clock.clone();
    for (quality, status) in [
        (ClockQuality::None, "denied"),
        (ClockQuality::Estimated, "done"),
        (ClockQuality::Rtc, "done"),
        (ClockQuality::Ntp, "done"),
    ] {
        clock.trust(quality);
        assert_eq!(bench.ask(&limited(quality.as_str())).await.status.as_str(), status, "{quality:?}");
    }

    clock.trust(ClockQuality::None);
    let refused = bench.ask(&limited("c1")).await.error.unwrap();
    let unlimited = bench.ask(&speed("c2", &json!(1))).await;

    assert_eq!(refused, "the gateway's clock is not set reliably (none), so expires cannot be judged");
    assert_eq!(unlimited.status, OutcomeStatus::Done);
}

#[tokio::test]
async fn a_sender_without_a_grant_is_denied() {
    let mut bench = Bench::new();
    let stranger = Envelope { source: Source::Rule("cloud".into()), ..envelope(&speed("c1", &json!(1))) };

    let outcome = bench.ask_with(stranger, Device::Answers(Ok(None))).await;

    assert_eq!(outcome.status, OutcomeStatus::Denied);
    assert_eq!(outcome.error.unwrap(), "no grant allows rule:cloud to set pump-1/speed");
}

#[tokio::test]
async fn a_retained_message_is_refused_and_its_id_stays_free() {
    let mut bench = Bench::new();
    let retained = Envelope { retained: true, ..envelope(&speed("c1", &json!(1))) };

    let refused = bench.ask_with(retained, Device::Answers(Ok(None))).await;
    let live = bench.ask(&speed("c1", &json!(1))).await;

    assert_eq!((refused.status, live.status), (OutcomeStatus::Denied, OutcomeStatus::Done));
    assert_eq!(bench.writes(), 1);
}

#[tokio::test]
async fn a_repeat_is_told_the_first_outcome_also_after_a_restart() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(&speed("c1", &json!(1))).await.status, OutcomeStatus::Done);
    assert_eq!(bench.ask(&speed("c2", &json!(99))).await.status, OutcomeStatus::Denied);

    let again = bench.ask(&speed("c1", &json!(1))).await;
    assert_eq!(again.fields(), r#"{"id":"c1","status":"duplicate","first":"done"}"#);
    assert_eq!(bench.writes(), 1);

    let mut bench = bench.restart();
    assert_eq!(bench.ask(&speed("c1", &json!(1))).await.first, Some(OutcomeStatus::Done));
    assert_eq!(bench.ask(&speed("c2", &json!(1))).await.first, Some(OutcomeStatus::Denied));
    assert_eq!(bench.writes(), 0);
}

#[tokio::test]
async fn a_command_that_a_crash_interrupted_is_reported_and_never_repeated() {
    let mut bench = Bench::new();
    bench.inbox.send(envelope(&speed("c1", &json!(1)))).await.unwrap();
    tokio::select! {
        result = bench.desk.run(&mut bench.context) => panic!("desk ended: {result:?}"),
        request = bench.requests.recv() => assert!(request.is_some()),
    }

    let mut bench = bench.restart();
    let interrupted = bench.ask("").await;
    assert_eq!(interrupted.id, CommandId::new("c1"));
    assert_eq!(interrupted.status, OutcomeStatus::Failed);

    bench.outcomes.recv().await;
    let again = bench.ask(&speed("c1", &json!(1))).await;
    assert_eq!((again.status, again.first), (OutcomeStatus::Duplicate, Some(OutcomeStatus::Failed)));
    assert_eq!(bench.writes(), 0);
}

#[tokio::test]
async fn what_the_device_says_is_what_the_sender_hears() {
    let timeout = WriteError::Timeout("unit 3 did not answer".to_owned());
    let cases = [
        (Device::Answers(Ok(Some(Value::Float(41.5)))), OutcomeStatus::Done, None),
        (Device::Answers(Err(timeout)), OutcomeStatus::Timeout, Some("unit 3 did not answer")),
        (Device::Answers(Err(WriteError::Refused("no".to_owned()))), OutcomeStatus::Failed, Some("no")),
        (Device::Answers(Err(WriteError::Misfit("70000".to_owned()))), OutcomeStatus::Denied, Some("70000")),
        (
            Device::Answers(Err(WriteError::Expired)),
            OutcomeStatus::Expired,
            Some("expired while it waited for its turn"),
        ),
        (Device::Gone, OutcomeStatus::Failed, Some("the adapter is not running")),
    ];
    let mut bench = Bench::new();
    for (number, (device, status, error)) in cases.into_iter().enumerate() {
        let outcome = bench.ask_with(envelope(&speed(&format!("c{number}"), &json!(1))), device).await;

        assert_eq!((outcome.status, outcome.error.as_deref()), (status, error));
    }
}

#[tokio::test]
async fn a_mute_device_gives_a_timeout() {
    let mut bench = Bench::new();
    // Waiting is cut to nothing instead of pausing time, which would race ahead of the ledger's thread.
    bench.desk.settings.timeout = Duration::from_millis(1);

    let outcome = bench.ask_with(envelope(&speed("c1", &json!(1))), Device::Silent).await;

    assert_eq!(outcome.status, OutcomeStatus::Timeout);
    assert_eq!(bench.ask(&speed("c1", &json!(1))).await.first, Some(OutcomeStatus::Timeout));
}

#[tokio::test]
async fn stopping_answers_what_still_waits() {
    let mut bench = Bench::new();
    bench.inbox.send(envelope(&speed("c1", &json!(1)))).await.unwrap();
    bench.inbox.send(envelope(&speed("c2", &json!(2)))).await.unwrap();
    let (stop, requests, audit) = (&bench.stop, &mut bench.requests, &mut bench.audit);
    let adapter = async {
        let Some(DeviceRequest::Write { reply, .. }) = requests.recv().await.map(|it| *it) else {
            panic!("no write")
        };
        // Both were decided on once both are in the audit.
        audit.recv().await;
        audit.recv().await;
        stop.raise();
        reply.send(Ok(None)).unwrap();
    };

    let (result, ()) = tokio::join!(bench.desk.run(&mut bench.context), adapter);

    result.unwrap();
    let statuses = [bench.outcomes.recv().await.unwrap().status, bench.outcomes.recv().await.unwrap().status];
    assert_eq!(statuses, [OutcomeStatus::Done, OutcomeStatus::Failed]);
    assert!(matches!(bench.requests.try_recv(), Err(TryRecvError::Empty)));
}

#[tokio::test]
async fn a_rule_is_told_of_a_command_that_a_stop_left_in_the_inbox() {
    let mut bench = Bench::new();
    bench.inbox.send(envelope(&speed("c1", &json!(1)))).await.unwrap();
    let of_rule = Envelope { source: Source::Rule("r".into()), ..envelope(&speed("c2", &json!(2))) };
    bench.inbox.send(of_rule).await.unwrap();

    bench.context.turn_away_rules().await;

    let outcome = bench.outcomes.try_recv().unwrap();
    assert_eq!((outcome.id, outcome.status), (CommandId::new("c2"), OutcomeStatus::Failed));
    assert!(bench.outcomes.try_recv().is_err(), "the broker sends its command again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_payloads_get_exactly_one_outcome_each(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 1..6),
        values in prop::collection::vec("[0-9a-z\"{}\\[\\],.eE+-]{0,8}", 1..6),
    ) {
        let near = values.iter().enumerate().map(|(number, value)| {
            format!(r#"{{"id":"c{number}","device":"pump-1","point":"speed","value":{value}}}"#).into_bytes()
        });
        let all: Vec<Vec<u8>> = payloads.into_iter().chain(near).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new();
            for payload in all {
                let sent = Envelope { payload: Payload::Json(payload), ..envelope("") };
                bench.ask_with(sent, Device::Answers(Ok(None))).await;
                assert!(matches!(bench.outcomes.try_recv(), Err(TryRecvError::Empty)));
            }
        });
    }
}
