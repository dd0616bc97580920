//! Whole servers over real sockets of this host.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;
use crate::{
    adapter::modbus::image::Known,
    config::{self, Republish, report::Problems},
    model::{
        Access, DeviceId, Outcome, OutcomeStatus, Payload, Point, PointName, PointType, Reading, Timestamp, Value,
    },
    shutdown::StopSignal,
    testing::clock::ManualClock,
};

/// A server of one float at `holding:0`, with 230.1 in it.
struct Scene {
    address: SocketAddr,
    metrics: Metrics,
    commands: mpsc::Receiver<Envelope>,
    stop: StopSignal,
}

/// The point behind it.
fn point() -> Arc<Point> {
    let (device, name) = (DeviceId::new("pump-1").unwrap(), PointName::new("speed").unwrap());
    Arc::new(Point { access: Access::Rw, ..Point::new(device, name, PointType::Float, None) })
}

/// The section, with more keys.
fn section(keys: &str) -> Republish {
    let text = format!(
        "[[republish]]\nname = 'scada'\nlisten = '127.0.0.1:1502'\nallow = ['127.0.0.1']\nunit = 7\n{keys}\n\
         [[republish.point]]\nsource = 'pump-1/speed'\nregister = 'holding:0'\ntype = 'f32'\nage = 'input:0'\n"
    );
    let mut draft = config::read_text("t.toml".as_ref(), &text);
    assert_eq!(draft.problems.into_report().to_string(), "");
    draft.problems = Problems::default();
    draft.republish().0[0].clone()
}

impl Scene {
    /// The server, and what it does until the test ends.
    async fn start(keys: &str) -> (Self, impl Future<Output = ()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (config, points) = (section(keys), [point()]);
        let image = Arc::new(Image::plan(&config, &Known::new(&points, &[], false), &mut Problems::default()));
        let live = Live::new(vec![Reading::good(point(), Value::Float(230.1), ManualClock::START)]);
        let (inbox, commands) = mpsc::channel(4);
        let (stop, stopped) = StopSignal::pair();
        let metrics = Families::default().of("scada");
        let address = listener.local_addr().unwrap();
        let clock = Arc::new(ManualClock::default());
        let context = Context { image, live, inbox, clock, stop: stopped, metrics: metrics.clone() };
        let serve = async move { server::serve(listener, &config, context).await };
        (Self { address, metrics, commands, stop }, serve)
    }

    /// A client.
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Answers the next command with this outcome; gives sender, target, value and life of it.
    async fn decide(&mut self, status: OutcomeStatus) -> (String, String, String, Duration) {
        let envelope = self.commands.recv().await.unwrap();
        let Payload::Fields { target, value, expires, .. } = envelope.payload else { panic!("fields") };
        envelope.reply.unwrap().send(Outcome::new(None, status, Timestamp::default())).unwrap();
        (envelope.source.to_string(), target, value.to_string(), expires.unwrap().since(envelope.received))
    }
}

/// Sends a PDU to a unit and gives the PDU of the answer; `None` when the server closed.
async fn ask(client: &mut TcpStream, unit: u8, pdu: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(pdu.len() + 1).unwrap();
    client.write_all(&[&[0x12, 0x34, 0, 0, 0, length, unit], pdu].concat()).await.ok()?;
    let mut head = [0; 7];
    client.read_exact(&mut head).await.ok()?;
    assert_eq!((&head[..4], head[6]), (&[0x12, 0x34, 0, 0][..], unit));
    let mut answer = vec![0; usize::from(head[5]) - 1];
    client.read_exact(&mut answer).await.ok()?;
    Some(answer)
}

/// Runs a test beside the server.
async fn beside<T>(serve: impl Future<Output = ()>, test: impl Future<Output = T>) -> T {
    tokio::select! {
        () = serve => panic!("the server ended"),
        result = test => result,
    }
}

const READ: [u8; 5] = [3, 0, 0, 0, 2];
const WRITE: [u8; 10] = [16, 0, 0, 0, 2, 4, 0x42, 0x28, 0, 0];

#[tokio::test]
async fn a_client_reads_what_was_read_last() {
    let (scene, serve) = Scene::start("").await;
    beside(serve, async {
        let mut client = scene.connect().await;
        for unit in [7, 0, 255] {
            assert_eq!(ask(&mut client, unit, &READ).await.unwrap(), [3, 4, 0x43, 0x66, 0x19, 0x9a]);
        }
        assert_eq!(ask(&mut client, 8, &READ).await.unwrap(), [0x83, 11], "another unit");
        assert_eq!(ask(&mut client, 7, &[3, 0, 1, 0, 2]).await.unwrap(), [0x83, 2], "beyond the point");
        assert_eq!(ask(&mut client, 7, &[4, 0, 0, 0, 1]).await.unwrap(), [4, 2, 0, 0], "its age");
        assert_eq!(ask(&mut client, 7, &[99]).await.unwrap(), [0xe3, 1]);
    })
    .await;
    let Metrics { requests, exceptions, .. } = scene.metrics;
    assert_eq!((requests.get(), exceptions.get()), (7, 3));
}

#[tokio::test]
async fn a_write_is_a_command_and_its_answer_the_outcome() {
    let (mut scene, serve) = Scene::start("write_timeout = '3s'").await;
    let outcomes = [
        (OutcomeStatus::Done, vec![16, 0, 0, 0, 2]),
        (OutcomeStatus::Denied, vec![0x90, 1]),
        (OutcomeStatus::Timeout, vec![0x90, 11]),
        (OutcomeStatus::Failed, vec![0x90, 4]),
    ];
    beside(serve, async {
        let mut client = scene.connect().await;
        for (status, wanted) in outcomes {
            let (answer, command) = tokio::join!(ask(&mut client, 7, &WRITE), scene.decide(status));
            assert_eq!(answer.unwrap(), wanted, "{status:?}");
            let (from, target, value, life) = command;
            assert_eq!((&*from, &*target, &*value), ("api:republish-scada", "pump-1/speed", "42.0"));
            assert_eq!(life, Duration::from_secs(3));
        }
        assert_eq!(ask(&mut client, 7, &[6, 0, 0, 0, 1]).await.unwrap(), [0x86, 2], "half of a value");
    })
    .await;
    assert!(scene.commands.try_recv().is_err(), "half of a value became a command");
}

#[tokio::test]
async fn a_write_that_takes_long_is_acknowledged() {
    let (mut scene, serve) = Scene::start("write_timeout = '50ms'").await;
    beside(serve, async {
        let mut client = scene.connect().await;
        assert_eq!(ask(&mut client, 7, &WRITE).await.unwrap(), [0x90, 5]);
        assert_eq!(ask(&mut client, 7, &READ).await.unwrap().len(), 6, "the connection goes on");
    })
    .await;
    assert!(scene.commands.try_recv().is_ok());
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_closed_without_an_answer() {
    let (scene, serve) = Scene::start("").await;
    beside(serve, async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut stranger = socket.connect(scene.address).await.unwrap();
        assert_eq!(ask(&mut stranger, 7, &READ).await, None);
        assert!(ask(&mut scene.connect().await, 7, &READ).await.is_some());
    })
    .await;
    assert_eq!((scene.metrics.refused.get(), scene.metrics.requests.get()), (1, 1));
}

#[tokio::test]
async fn one_client_too_many_takes_the_place_of_the_most_silent() {
    let (scene, serve) = Scene::start("max_clients = 2").await;
    beside(serve, async {
        let (mut first, mut second) = (scene.connect().await, scene.connect().await);
        assert!(ask(&mut second, 7, &READ).await.is_some());
        assert!(ask(&mut first, 7, &READ).await.is_some());
        let mut third = scene.connect().await;
        assert!(ask(&mut third, 7, &READ).await.is_some());
        let still = [ask(&mut first, 7, &READ).await.is_some(), ask(&mut second, 7, &READ).await.is_some()];
        assert_eq!(still.iter().filter(|is_there| **is_there).count(), 1);
    })
    .await;
    assert_eq!(scene.metrics.displaced.get(), 1);
}

#[tokio::test]
async fn silence_and_what_is_no_modbus_end_a_connection() {
    let (scene, serve) = Scene::start("idle = '50ms'").await;
    beside(serve, async {
        let mut silent = scene.connect().await;
        assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
        let mut browser = scene.connect().await;
        browser.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(browser.read(&mut [0; 1]).await.unwrap_or(0), 0);
    })
    .await;
    assert_eq!(scene.metrics.requests.get(), 0);
}

#[tokio::test]
async fn a_server_ends_when_it_is_asked_to() {
    let (scene, serve) = Scene::start("").await;
    let _client = scene.connect().await;
    scene.stop.raise();
    serve.await;
    assert_eq!(scene.metrics.clients.get(), 0);
}
