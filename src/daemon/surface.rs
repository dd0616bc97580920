//! What the API sees of the daemon.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{broadcast, oneshot},
    time::timeout,
};
use tracing::error;

use super::{
    assembly::{Daemon, StartError},
    core::Core,
};
use crate::{
    api::{
        self, ApiError, BoxFuture, Gateway, HistoryWish, LetterRequest, NetworkRequest, Server, SocketError,
        WriteRequest, view,
    },
    command::damaged_ledgers,
    host::{disk::Wear, identity, process::Usage},
    model::{
        CommandId, DeviceRequest, Envelope, Event, EventKind, Grade, Outcome, OutcomeStatus, Payload, PointAddress,
        Reading, Selector, Source,
    },
    rules::RuleState,
    supervisor::{Restart, Stage, TaskState},
    telemetry, uplink,
};

/// Longest silence of the buffer's writer before the watchdog is not fed; a commit on a slow card is shorter.
const WRITER_LIMIT: Duration = Duration::from_secs(10);
/// Longest silence of an adapter, several times what it promises.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);
/// Longest wait for a reading that was asked for by hand.
const READ_LIMIT: Duration = Duration::from_secs(15);

impl Daemon {
    /// The running gateway as the API sees it.
    pub fn gateway(&self) -> Arc<dyn Gateway> {
        Arc::new(Surface(Arc::clone(&self.core)))
    }

    /// Readings that the buffer accepted for uplinks since the start.
    pub fn accepted(&self) -> u64 {
        self.core.buffer.status().borrow().committed
    }
}

impl Core {
    /// Opens the API's socket and serves it. A second gateway on the same socket ends here.
    pub(super) fn start_surface(self: &Arc<Self>) -> Result<(), StartError> {
        let socket = super::lock(&self.config).api.socket.clone();
        let surface: Arc<dyn Gateway> = Arc::new(Surface(Arc::clone(self)));
        let first = Server::bind(&socket, Arc::clone(&surface), identity::user_name)?;
        let first = Mutex::new(Some(first));
        self.supervisor.spawn(Stage::Surface, "api", Restart::WithBackoff, move |stop| {
            let server = super::lock(&first).take();
            let (socket, surface) = (socket.clone(), Arc::clone(&surface));
            async move {
                match server {
                    Some(server) => server.run(stop).await,
                    None => api::serve(&socket, surface, identity::user_name, stop).await?,
                }
                Ok::<(), SocketError>(())
            }
        });
        Ok(())
    }

    /// One line for `systemctl status`.
    pub(super) fn status_line(&self, rate: f64) -> String {
        let uplinks = super::lock(&self.running.uplinks);
        let connected = uplinks.iter().filter(|task| task.status.borrow().state == uplink::State::Connected).count();
        format!("{rate:.0} readings/s, {connected} of {} uplinks connected", uplinks.len())
    }

    /// Whether the buffer's writer answers and every adapter gave a sign of life of late. Says who did not.
    pub(super) async fn is_alive(&self) -> bool {
        let answers = timeout(WRITER_LIMIT, self.buffer.ping()).await.is_ok_and(|answer| answer.is_ok());
        let stalled = self.supervisor.stalled(self.clock.uptime().saturating_sub(SILENCE_LIMIT));
        if !answers || !stalled.is_empty() {
            error!(?stalled, writer_answers = answers, "Something is stuck, the watchdog is not fed");
        }
        answers && stalled.is_empty()
    }

    /// What an operator should look at, one sentence each.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for task in self.supervisor.status().borrow().iter() {
            if task.state == TaskState::Waiting {
                problems
                    .push(task.last_error.clone().unwrap_or_else(|| format!("{} rests after a fault", task.name)));
            }
        }
        let is_down = |adapter: &view::Adapter| adapter.state == "down";
        let adapters = self.adapter_views().into_iter().filter(is_down);
        problems.extend(adapters.map(|adapter| {
            let fault = adapter.fault.map(|fault| format!(": {fault}")).unwrap_or_default();
            format!("adapter {}: its link is down{fault}", adapter.name)
        }));
        for task in super::lock(&self.running.adapters).iter() {
            let condition = task.adapter.condition();
            problems.extend(condition.map(|rests| format!("adapter {}: {}", task.adapter.name(), rests.text)));
        }
        for uplink in super::lock(&self.running.uplinks).iter() {
            let status = uplink.status.borrow();
            if let Some(error) = &status.error {
                problems.push(format!("uplink {}: {error}", uplink.config.name));
            }
        }
        if let Some(failing) = &self.buffer.status().borrow().failing {
            problems.push(format!("buffer: {failing}"));
        }
        for rule in self.ways.rule_status.borrow().iter() {
            // A rule that failed and runs on is told by its count of faults; here stands what somebody has to mend.
            if rule.state != RuleState::Running {
                let error = rule.last_error.as_deref().unwrap_or("is out of service");
                problems.push(format!("rule {}: {error}", rule.name));
            }
        }
        problems
    }

    /// What this process does to the disk of the buffer.
    fn wear(&self) -> Wear {
        let since = self.clock.uptime().saturating_sub(self.started_at);
        Wear::of(Usage::now().written_bytes, since, &self.buffer.status().borrow().path)
    }

    /// Adapters with their state.
    fn adapter_views(&self) -> Vec<view::Adapter> {
        let view = |task: &super::adapters::AdapterTask| {
            let is_up = task.metrics.up.get() > 0;
            let state = match task.adapter.condition() {
                Some(condition) => condition.state,
                None if is_up => "up",
                None => "down",
            };
            view::Adapter {
                name: task.adapter.name().to_owned(),
                kind: task.adapter.kind().to_owned(),
                fault: task.metrics.fault.text().filter(|_| state == "down"),
                state: state.to_owned(),
                devices: task.adapter.devices().len() as u64,
            }
        };
        super::lock(&self.running.adapters).iter().map(view).collect()
    }
}

/// The daemon behind the API.
struct Surface(Arc<Core>);

impl Gateway for Surface {
    fn status(&self) -> view::Status {
        let core = &self.0;
        // Each look ends with its statement: a guard that lived on would meet the next one on the same lock.
        let config = super::lock(&core.config).gateway.clone();
        let tasks = core.supervisor.status().borrow().iter().map(|task| json!(task)).collect();
        let uplinks = core.uplink_views();
        let rules = core.ways.rule_status.borrow().iter().map(|rule| json!(rule)).collect();
        let rate = *super::lock(&core.rate);
        let identity = core.buffer.identity();
        view::Status {
            gateway: config.id.to_string(),
            site: config.site.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: core.started.to_string(),
            uptime: core.clock.uptime().saturating_sub(core.started_at).as_secs(),
            store: identity.store.to_string(),
            epoch: identity.epoch,
            boot: core.clock.boot().to_string(),
            clock: core.clock.quality().as_str().to_owned(),
            tasks,
            adapters: core.adapter_views(),
            uplinks,
            republish: core.servers.views(),
            buffer: self.buffer(),
            rules,
            alarms: core.live.alarms().iter().map(|alarm| json!(alarm)).collect(),
            readings: view::Readings { total: core.live.total(), rate },
            warnings: core.problems(),
        }
    }

    fn devices(&self) -> Vec<view::Device> {
        let core = &self.0;
        let mut devices = Vec::new();
        for task in super::lock(&core.running.adapters).iter() {
            for device in task.adapter.devices() {
                let state = reachability(device.points.iter().filter_map(|point| core.live.get(&point.address)));
                devices.push(view::Device {
                    id: device.id.to_string(),
                    adapter: task.adapter.name().to_owned(),
                    address: device.address,
                    state: state.to_owned(),
                    points: device.points.len() as u64,
                });
            }
        }
        devices.sort_by(|a, b| a.id.cmp(&b.id));
        devices
    }

    fn points(&self, select: Option<&Selector>) -> Vec<view::Point> {
        let (core, now) = (&self.0, self.0.clock.now());
        let is_wanted = |address: &PointAddress| select.is_none_or(|selector| selector.matches(address));
        let mut last: BTreeMap<PointAddress, Option<Reading>> =
            core.live.all().into_iter().map(|reading| (reading.point.address.clone(), Some(reading))).collect();
        let mut points = BTreeMap::new();
        for task in super::lock(&core.running.adapters).iter() {
            for point in task.adapter.devices().into_iter().flat_map(|device| device.points) {
                let reading = last.remove(&point.address).flatten();
                points.insert(point.address.clone(), view::Point::new(&point, reading.as_ref(), now));
            }
        }
        for (address, reading) in last {
            let virtual_point = reading.map(|reading| view::Point::new(&reading.point.clone(), Some(&reading), now));
            points.extend(virtual_point.map(|point| (address, point)));
        }
        points.into_iter().filter(|(address, _)| is_wanted(address)).map(|(_, point)| point).collect()
    }

    fn watch(&self) -> broadcast::Receiver<Arc<[Reading]>> {
        self.0.live.watch()
    }

    fn read(&self, target: PointAddress) -> BoxFuture<'_, Result<Reading, ApiError>> {
        Box::pin(async move {
            let route = self.0.ways.routes.borrow().get(&target);
            let route = route.ok_or_else(|| match self.0.live.get(&target) {
                Some(_) => ApiError::Invalid(format!("{target} comes from a rule: there is no device to ask")),
                None => ApiError::NoPoint(target.clone()),
            })?;
            if !route.point.access.can_read() {
                return Err(ApiError::Invalid(format!("{target} can only be written")));
            }
            let (reply, answer) = oneshot::channel();
            let gone = || ApiError::Unavailable(format!("the adapter of {target} does not run at the moment"));
            let ask = async {
                let request = DeviceRequest::Read { point: route.point, reply };
                route.requests.send(Box::new(request)).await.map_err(|_| gone())?;
                answer.await.map_err(|_| gone())
            };
            let late = |_| ApiError::Timeout(format!("{target} was not read within {READ_LIMIT:?}"));
            timeout(READ_LIMIT, ask).await.map_err(late)?
        })
    }

    fn write(&self, request: WriteRequest) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let id = CommandId::random();
            let envelope = Envelope {
                source: Source::Api { user: request.user, roles: request.roles },
                received: self.0.clock.now(),
                retained: false,
                payload: Payload::Fields {
                    id: id.clone(),
                    target: request.target,
                    value: request.value,
                    expires: request.expires,
                },
                response: None,
                reply: Some(reply),
                taken: None,
            };
            let stopping = || {
                Outcome::new(Some(id.clone()), OutcomeStatus::Failed, self.0.clock.now())
                    .because("the gateway is stopping")
            };
            if self.0.ways.inbox.send(envelope).await.is_err() {
                return stopping();
            }
            answer.await.unwrap_or_else(|_| stopping())
        })
    }

    fn history(&self, point: PointAddress, wish: HistoryWish) -> BoxFuture<'_, Result<view::History, ApiError>> {
        Box::pin(self.0.past(point, wish))
    }

    fn buffer(&self) -> Value {
        let mut buffer = json!(*self.0.buffer.status().borrow());
        buffer["wear"] = json!(self.0.wear());
        // A folder that cannot be listed is told of by the buffer itself, which lies in it.
        let ledger = self.0.buffer.status().borrow().path.with_file_name("commands.db");
        buffer["damaged_ledgers"] = json!(damaged_ledgers(&ledger).unwrap_or_default());
        buffer
    }

    fn deadletters(&self, request: LetterRequest) -> BoxFuture<'_, Result<Vec<Value>, ApiError>> {
        Box::pin(self.0.deadletters(request))
    }

    fn network(&self, request: NetworkRequest) -> BoxFuture<'_, Result<Value, ApiError>> {
        Box::pin(self.0.network(request))
    }

    fn rules(&self) -> Value {
        json!(*self.0.ways.rule_status.borrow())
    }

    fn reload(&self, user: Arc<str>) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let from = Source::Api { user, roles: Vec::new() }.to_string();
            let kind = EventKind::Audit { from, what: "reload the configuration".to_owned(), allowed: true };
            // The recorder is gone only at shutdown.
            let _ = self.0.ways.events.send(Event { ts: self.0.clock.now(), kind }).await;
            self.0.reload().await
        })
    }

    fn set_log_level(&self, user: Arc<str>, level: String) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            self.0.log.set_level(&level).map_err(|error| error.to_string())?;
            let from = Source::Api { user, roles: Vec::new() }.to_string();
            let kind = EventKind::Audit { from, what: format!("log at the level {level}"), allowed: true };
            // The recorder is gone only at shutdown.
            let _ = self.0.ways.events.send(Event { ts: self.0.clock.now(), kind }).await;
            Ok(())
        })
    }

    fn metrics(&self) -> String {
        let wear = self.0.wear();
        self.0.metrics.written.set(i64::try_from(wear.written_bytes).unwrap_or(i64::MAX));
        self.0.show_backlogs();
        telemetry::metrics::text(&self.0.metrics.registry)
    }

    fn health(&self) -> view::Health {
        let problems = self.0.problems();
        view::Health { ok: problems.is_empty(), problems }
    }
}

/// Reasons of bad readings that nobody answered for; behind every other one stands an answer, be it a refusal.
const SILENCE: [&str; 4] = ["timeout", "device-offline", "gateway-path", "gateway-target"];

/// `online` when any last reading came of an answer, `offline` when none did, `unknown` before the first.
fn reachability(last: impl Iterator<Item = Reading>) -> &'static str {
    let mut answered =
        last.map(|reading| !matches!(reading.quality.grade(), Grade::Bad(why) if SILENCE.contains(&why)));
    match answered.next() {
        None => "unknown",
        Some(first) if first || answered.any(|is_answer| is_answer) => "online",
        Some(_) => "offline",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{DeviceId, Point, PointName, PointType},
        testing::clock::ManualClock,
    };

    fn state(reasons: &[&str]) -> &'static str {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new("power").unwrap());
        let point = Arc::new(Point::new(device, name, PointType::Float, None));
        reachability(reasons.iter().map(|why| Reading::bad(Arc::clone(&point), why, ManualClock::START)))
    }

    #[test]
    fn a_device_that_answers_is_online_even_if_all_it_says_is_no() {
        assert_eq!(state(&[]), "unknown");
        assert_eq!(state(&["timeout", "device-offline", "gateway-path", "gateway-target"]), "offline");
        for why in ["illegal-address", "busy", "not-available", "decode", "out-of-range", "protocol"] {
            assert_eq!(state(&["timeout", why]), "online", "{why}");
        }
    }
}
