//! Adapters: each is a task of its own; commands find them through the routes.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;

use super::core::Core;
use crate::{
    adapter::{Adapter, AdapterContext, Alive, Announce, Intake, Metrics, intake::Teller},
    command::Routes,
    model::{DeviceRequest, Point},
    supervisor::{Restart, Stage, TaskHandle},
};

/// Requests waiting for an adapter. When it is full the command desk waits, up to the command's timeout.
const REQUEST_QUEUE: usize = 64;

/// A running adapter.
pub(super) struct AdapterTask {
    /// What runs.
    pub(super) adapter: Arc<dyn Adapter>,
    /// What it counts, and what it says of its link.
    pub(super) metrics: Arc<Metrics>,
    /// Stops it alone.
    pub(super) handle: TaskHandle,
}

/// The way to the devices of each adapter. It changes when an adapter starts, also after an error.
#[derive(Default)]
pub(super) struct Switchboard(BTreeMap<String, (Arc<dyn Adapter>, Way)>);

/// The way of requests to an adapter.
type Way = mpsc::Sender<Box<DeviceRequest>>;

impl Core {
    /// Starts one adapter, unless the gateway is stopping. It is given its own way into the rules, so that the rules
    /// end when the last adapter has.
    pub(super) fn add_adapter(self: &Arc<Self>, adapter: Arc<dyn Adapter>) {
        let Some(way) = super::lock(&self.running.intake).clone() else { return };
        let (core, running) = (Arc::clone(self), Arc::clone(&adapter));
        let name = format!("adapter {}", adapter.name());
        let metrics = self.metrics.adapters.of(adapter.name());
        // It goes on counting where one of its name was, but what was wrong with that is not wrong with this.
        metrics.fault.over();
        // One for all its runs: what waits survives a fault of the adapter.
        let intake = Intake::new(way, adapter.pressure(), metrics.shed.clone());
        let memory = self.memories.of(adapter.name(), adapter.kind(), Arc::clone(&metrics));
        let counted = Arc::clone(&metrics);
        let handle =
            self.supervisor.spawn_watched(Stage::Intake, &name, Restart::WithBackoff, move |stop, progress| {
                let (sender, requests) = mpsc::channel(REQUEST_QUEUE);
                core.connect(&running, &sender);
                let announcing = Arc::downgrade(&core);
                let context = AdapterContext {
                    readings: intake.clone(),
                    events: core.ways.events.clone(),
                    requests,
                    stop,
                    clock: Arc::clone(&core.clock),
                    metrics: Arc::clone(&metrics),
                    alive: Alive::new(move || progress.made()),
                    memory: memory.clone(),
                    announce: Announce::new(move || {
                        if let Some(core) = announcing.upgrade() {
                            core.reroute();
                        }
                    }),
                };
                let (running, intake) = (Arc::clone(&running), intake.clone());
                let teller = core.teller(running.name());
                // On the heap: what keeps the task running would hold it several times over.
                Box::pin(async move { intake.carry(running.run(context), &teller).await })
            });
        super::lock(&self.running.adapters).push(AdapterTask { adapter, metrics: counted, handle });
    }

    /// How an adapter's losses are told.
    fn teller(&self, adapter: &str) -> Teller {
        Teller { adapter: adapter.to_owned(), events: self.ways.events.clone(), clock: Arc::clone(&self.clock) }
    }

    /// Makes an adapter's devices reachable for commands.
    fn connect(&self, adapter: &Arc<dyn Adapter>, requests: &Way) {
        let mut switchboard = super::lock(&self.running.switchboard);
        switchboard.0.insert(adapter.name().to_owned(), (Arc::clone(adapter), requests.clone()));
        // Its own are added to the others': all of them anew for each of hundreds of adapters would take a start seconds.
        self.ways.routes.send_modify(|routes| Arc::make_mut(routes).add(points(adapter), requests));
    }

    /// Lets commands find the points that adapters have by now.
    fn reroute(&self) {
        let switchboard = super::lock(&self.running.switchboard);
        self.ways.routes.send_replace(Arc::new(switchboard.routes()));
    }

    /// The way to an adapter itself, by its name.
    pub(super) fn way_to(&self, adapter: &str) -> Option<Way> {
        super::lock(&self.running.switchboard).0.get(adapter).map(|(_, requests)| requests.clone())
    }

    /// Makes an adapter's devices unreachable.
    pub(super) fn disconnect(&self, adapter: &str) {
        let mut switchboard = super::lock(&self.running.switchboard);
        switchboard.0.remove(adapter);
        self.ways.routes.send_replace(Arc::new(switchboard.routes()));
    }
}

impl Switchboard {
    /// The routes to every point.
    fn routes(&self) -> Routes {
        let mut routes = Routes::default();
        for (adapter, requests) in self.0.values() {
            routes.add(points(adapter), requests);
        }
        routes
    }
}

/// What an adapter announces.
fn points(adapter: &Arc<dyn Adapter>) -> impl Iterator<Item = Arc<Point>> {
    adapter.devices().into_iter().flat_map(|device| device.points)
}
