//! What a server counts.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

type Labels = Vec<(String, String)>;

/// The counters of every server.
#[derive(Debug, Clone, Default)]
pub struct Families {
    requests: Family<Labels, Counter>,
    exceptions: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    displaced: Family<Labels, Counter>,
    misfits: Family<Labels, Counter>,
    clients: Family<Labels, Gauge>,
}

impl Families {
    /// Adds the counters to the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Self::default();
        let f = &families;
        registry.register("republish_requests", "Requests of Modbus clients", f.requests.clone());
        registry.register("republish_exceptions", "Requests answered with an exception", f.exceptions.clone());
        registry.register("republish_refused", "Connections from addresses not allowed", f.refused.clone());
        registry.register("republish_displaced", "Clients that had to make room for another", f.displaced.clone());
        registry.register("republish_misfits", "Values shown as bad because they do not fit", f.misfits.clone());
        registry.register("republish_clients", "Modbus clients connected", f.clients.clone());
        families
    }

    /// The counters of one server.
    pub fn of(&self, name: &str) -> Metrics {
        let labels = vec![("republish".to_owned(), name.to_owned())];
        Metrics {
            requests: self.requests.get_or_create(&labels).clone(),
            exceptions: self.exceptions.get_or_create(&labels).clone(),
            refused: self.refused.get_or_create(&labels).clone(),
            displaced: self.displaced.get_or_create(&labels).clone(),
            misfits: self.misfits.get_or_create(&labels).clone(),
            clients: self.clients.get_or_create(&labels).clone(),
        }
    }
}

/// The counters of one server.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Requests of clients.
    pub requests: Counter,
    /// Requests answered with an exception.
    pub exceptions: Counter,
    /// Connections from addresses that are not allowed.
    pub refused: Counter,
    /// Clients that had to make room for another.
    pub displaced: Counter,
    /// Values shown as bad because they do not fit.
    pub misfits: Counter,
    /// Clients connected.
    pub clients: Gauge,
}
