//! Modbus servers of ours: each is a task of its own.

use std::sync::{Arc, Mutex};

use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::{assembly::points_of, core::Core, reload::STOP_LIMIT};
use crate::{
    adapter::modbus::image::{Image, Known},
    config::{self, report::Problems},
    republish::{Context, Families, Metrics, run},
    supervisor::{Restart, Stage, TaskHandle},
};

/// All servers.
pub(super) struct Servers {
    /// What they count.
    families: Families,
    /// Those that run.
    running: Mutex<Vec<Server>>,
}

/// A running server.
struct Server {
    /// The section it runs with.
    config: config::Republish,
    /// What it shows; it differs also when a point does.
    image: Arc<Image>,
    /// What it counts.
    metrics: Metrics,
    /// Stops it alone.
    handle: TaskHandle,
}

impl Servers {
    /// None yet; their counters are added to the registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self { families: Families::register(registry), running: Mutex::default() }
    }

    /// How they do.
    pub(super) fn views(&self) -> Vec<Value> {
        super::lock(&self.running).iter().map(Server::view).collect()
    }
}

impl Server {
    /// How it does.
    fn view(&self) -> Value {
        let Metrics { requests, exceptions, refused, clients, .. } = &self.metrics;
        json!({
            "name": self.config.name, "listen": self.config.listen, "points": self.image.points(),
            "clients": clients.get(), "requests": requests.get(), "exceptions": exceptions.get(),
            "refused": refused.get(),
        })
    }
}

impl Core {
    /// Ends the servers that went or differ, starts those that came or differ. The adapters are those of the new
    /// configuration already.
    pub(super) async fn apply_republish(self: &Arc<Self>, new: &[config::Republish], changes: &mut Vec<String>) {
        let wanted = self.images(new);
        let is_wanted = |server: &Server| {
            wanted.iter().any(|(config, image)| *config == server.config && **image == *server.image)
        };
        let gone: Vec<_> = super::lock(&self.servers.running).extract_if(.., |server| !is_wanted(server)).collect();
        for server in gone {
            changes.push(format!("republish {} stopped", server.config.name));
            server.handle.stop(STOP_LIMIT).await;
        }
        for (config, image) in wanted {
            if super::lock(&self.servers.running).iter().any(|server| server.config.name == config.name) {
                continue;
            }
            changes.push(format!("republish {} started", config.name));
            self.add_server(config, image);
        }
    }

    /// What each server shows of the points there are. Problems were told when the configuration was read.
    fn images(&self, servers: &[config::Republish]) -> Vec<(config::Republish, Arc<Image>)> {
        let adapters: Vec<_> =
            super::lock(&self.running.adapters).iter().map(|task| Arc::clone(&task.adapter)).collect();
        let points = points_of(&adapters);
        let known = Known::new(&points, &[], false);
        let image = |server| Arc::new(Image::plan(server, &known, &mut Problems::default()));
        servers.iter().map(|server| (server.clone(), image(server))).collect()
    }

    /// Starts one server. It ends with the API: until then a write of a client is answered.
    fn add_server(self: &Arc<Self>, config: config::Republish, image: Arc<Image>) {
        let metrics = self.servers.families.of(&config.name);
        let (core, section, shown, counted) = (Arc::clone(self), config.clone(), Arc::clone(&image), metrics.clone());
        let name = format!("republish {}", config.name);
        let handle = self.supervisor.spawn(Stage::Surface, &name, Restart::WithBackoff, move |stop| {
            let context = Context {
                image: Arc::clone(&shown),
                live: core.live.clone(),
                inbox: core.ways.inbox.clone(),
                clock: Arc::clone(&core.clock),
                stop,
                metrics: counted.clone(),
            };
            run(section.clone(), context)
        });
        super::lock(&self.servers.running).push(Server { config, image, metrics, handle });
    }
}
