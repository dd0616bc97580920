//! The reference consumer with databases: SQLite always, and a real PostgreSQL where one is installed.

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    consumer::completeness,
    harness::{Blocks, Broker, Gateway, LIMIT, Listener, Site, Units, eventually, process::Process},
    link::{Link, Weather},
    postgres::Server,
    say,
};

/// A running consumer with a session of its own at the broker.
struct Consumer(Process);

impl Consumer {
    /// Starts it and waits until it has subscribed.
    fn start(port: u16, client: &str, databases: &[&str]) -> Self {
        let mut command = completeness();
        command.args(["--port", &port.to_string(), "--client-id", client]).args(databases);
        let process = Process::start("completeness.py", &mut command);
        process.wait_for_log("subscribed");
        Self(process)
    }

    /// Ends it and gives its report.
    fn stop(mut self) -> Value {
        self.0.signal(Signal::TERM);
        let status = self.0.wait_exit(LIMIT);
        let report = serde_json::from_str(&self.0.line(0)).unwrap();
        assert!(status.code().is_some_and(|code| code < 2), "{}", self.0.log());
        report
    }
}

/// A site whose gateway is cut off and killed while somebody keeps what comes.
struct Scene {
    /// The gateway; killed and started again.
    gateway: Option<Gateway>,
    /// Its place.
    site: Site,
    /// The way to the broker.
    link: Link,
    /// Knows what should be kept.
    listener: Listener,
    /// The broker.
    broker: Broker,
    /// The devices.
    units: Units,
}

impl Scene {
    /// A site with a broker and no gateway yet.
    fn new() -> Self {
        let (broker, units) = (Broker::start(), Units::start(1, 4));
        let listener = Listener::start(broker.port());
        let link = Link::start(broker.port());
        let mut site = Site::new(link.port()).line(units.port(), 1, 4, "100ms").express();
        site.replace("window = 10", "window = 10\nack_timeout = \"1s\"");
        Self { gateway: None, site, link, listener, broker, units }
    }

    /// Starts the gateway and lets so many readings of each point come.
    fn run(&mut self, times: u32) {
        self.gateway = Some(Gateway::start(&self.site));
        self.more(times);
    }

    /// Lets so many more readings of each point come.
    fn more(&self, times: u32) {
        let before = self.units.served().into_values().max().unwrap();
        self.units.wait_served(before + times);
    }

    /// A link that swallows acknowledgements, so that messages are sent again, and a kill.
    fn go_wrong(&mut self) {
        self.link.set(Weather::Deaf);
        self.more(15);
        self.link.set(Weather::Silent);
        self.more(5);
        self.gateway.take().expect("a running gateway").kill();
        self.link.set(Weather::Fair);
    }

    /// Stops the gateway in order and waits for its goodbye.
    fn end(&mut self) {
        let epoch = self.listener.wait_for("the last epoch", |messages| {
            messages
                .iter()
                .rfind(|message| message.topic.ends_with("/state"))
                .map(|last| last.json()["epoch"].clone())
        });
        assert!(self.gateway.take().expect("a running gateway").stop().success());
        self.listener.wait_for_message("/state", |state| state["state"] == "offline" && state["epoch"] == epoch);
    }

    /// How many different numbered messages, and readings in them, the broker has passed on.
    fn passed_on(&self) -> (usize, usize) {
        let messages = self.listener.messages();
        let contents: std::collections::BTreeSet<_> =
            messages.iter().filter(|message| !message.topic.ends_with("/state")).map(|m| &m.payload).collect();
        let readings = Blocks::received(&messages).series().values().map(Vec::len).sum();
        (contents.len(), readings)
    }
}

/// Rows of the two tables in a database of SQLite.
fn rows(path: &str) -> Option<(usize, usize)> {
    let db = Connection::open(path).ok()?;
    let count = |table| db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
    let (messages, readings) = (count("message").ok()?, count("reading").ok()?);
    Some((usize::try_from(messages).ok()?, usize::try_from(readings).ok()?))
}

#[test]
fn a_consumer_that_stores_goes_on_with_its_proof_after_its_own_restart() {
    let mut scene = Scene::new();
    let file = scene.site.path("cloud.db").display().to_string();
    let consumer = Consumer::start(scene.broker.port(), "one", &["--sqlite", &file]);
    scene.run(10);
    scene.go_wrong();
    consumer.stop();

    scene.run(10);
    let consumer = Consumer::start(scene.broker.port(), "one", &["--sqlite", &file]);
    scene.end();
    let wanted = scene.passed_on();
    eventually("everything in the database", || rows(&file).is_some_and(|rows| rows == wanted).then_some(()));
    let report = consumer.stop();

    assert_eq!(report["complete"], true, "{report}");
    assert_eq!((&report["messages"], &report["readings"]), (&Value::from(wanted.0), &Value::from(wanted.1)));
    assert_eq!(report["closed_epochs"], 1, "{report}");
}

#[test]
fn postgresql_has_every_reading_once_when_two_receivers_write() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(why) => return say(&format!("SKIPPED: PostgreSQL: {why}")),
    };
    let mut scene = Scene::new();
    let dsn = server.dsn();
    let consumers = ["one", "two"].map(|name| Consumer::start(scene.broker.port(), name, &["--postgres", &dsn]));
    scene.run(10);
    scene.go_wrong();
    scene.run(10);
    scene.end();
    let (messages, readings) = scene.passed_on();

    let wanted = format!("{messages}|{readings}");
    eventually("everything in the database", || {
        (server.ask("SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM reading)") == wanted).then_some(())
    });
    for report in consumers.map(Consumer::stop) {
        assert_eq!(
            (&report["complete"], &report["messages"]),
            (&Value::from(true), &Value::from(messages)),
            "{report}"
        );
    }
    let doubles = "SELECT count(*) - count(DISTINCT (store, epoch, stream, seq)) FROM message";
    assert_eq!(server.ask(doubles), "0");
    let per_value = "SELECT max(times) FROM (SELECT count(*) AS times FROM reading WHERE value IS NOT NULL \
                     GROUP BY device, point, value) AS counted";
    assert_eq!(server.ask(per_value), "1");
    server.stop();
}
