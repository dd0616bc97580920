//! Reload: read the configuration again and restart only what differs.
//!
//! An invalid configuration changes nothing. Sections that are fixed for the life of a process (`gateway`, `buffer`,
//! `api`) are named when they differ; they are taken at the next start.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::core::Core;
use crate::{
    adapter::{
        Adapter,
        registry::{self, Loaded},
    },
    buffer::Feed,
    config,
    host::notify,
    model::Event,
    rules,
};

/// What a reload says of changes that it cannot put in force.
pub const NEEDS_RESTART: &str = "restart to apply";

/// Time a part may take to end before it is ended by force.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(5);

impl Core {
    /// Applies the configuration as it is on disk now. The answer is a summary, or the report of what is wrong.
    pub(super) async fn reload(self: &Arc<Self>) -> Result<String, String> {
        let _one_at_a_time = self.running.reloading.lock().await;
        notify::reloading();
        let result = match registry::load(&self.path) {
            Ok(loaded) => Ok(self.apply(loaded).await),
            Err(report) => Err(report.to_string()),
        };
        notify::ready();
        self.tell(&result).await;
        result
    }

    /// Logs the result and records it as an event.
    async fn tell(&self, result: &Result<String, String>) {
        let (what, text) = match result {
            Ok(summary) => ("reloaded", summary.clone()),
            Err(report) => ("reload-refused", report.clone()),
        };
        match result {
            Ok(summary) => info!(%summary, "Configuration reloaded"),
            Err(report) => warn!(%report, "Configuration is invalid, the old one stays in force"),
        }
        // The recorder is gone only at shutdown.
        let _ = self.ways.events.send(Event::gateway(self.clock.now(), what, text)).await;
    }

    /// Takes a valid configuration into force; says what changed.
    async fn apply(self: &Arc<Self>, loaded: Loaded) -> String {
        let (mut config, adapters, _) = loaded;
        let old = super::lock(&self.config).clone();
        let restart = need_restart(&old, &config);
        if old.gateway != config.gateway {
            // Topics and client ids are made of its names: messages of one gateway under the topics of another would
            // be the result.
            config.uplinks.clone_from(&old.uplinks);
        }
        let mut changes = Vec::new();
        self.apply_log(&old, &config, &mut changes);
        self.apply_commands(&old, &config, &mut changes).await;
        self.apply_uplinks(&config, &mut changes).await;
        self.apply_adapters(adapters, &mut changes).await;
        self.apply_republish(&config.republish, &mut changes).await;
        self.apply_rules(&mut changes).await;
        changes.extend(restart);
        *super::lock(&self.config) =
            config::Config { gateway: old.gateway, buffer: old.buffer, rules: old.rules, api: old.api, ..config };
        if changes.is_empty() { "nothing changed".to_owned() } else { changes.join("; ") }
    }

    /// The log level.
    fn apply_log(&self, old: &config::Config, new: &config::Config, changes: &mut Vec<String>) {
        if old.log == new.log {
            return;
        }
        match self.log.set_level(&new.log.level) {
            Ok(()) => changes.push(format!("log level is {}", new.log.level)),
            Err(error) => changes.push(format!("log level stays: {error}")),
        }
    }

    /// Grants and command settings: the desk ends what it has begun and goes on with the new ones.
    async fn apply_commands(self: &Arc<Self>, old: &config::Config, new: &config::Config, changes: &mut Vec<String>) {
        if old.grants == new.grants && old.commands == new.commands {
            return;
        }
        let task = super::lock(&self.running.desk_task).take();
        if let Some(task) = task {
            task.stop(STOP_LIMIT).await;
        }
        self.running.desk.lock().await.0.reconfigure(&new.commands, new.grants.clone());
        self.start_desk();
        changes.push(format!("{} grants in force", new.grants.len()));
    }

    /// Uplinks: ends those that went or differ, starts those that came or differ.
    async fn apply_uplinks(self: &Arc<Self>, new: &config::Config, changes: &mut Vec<String>) {
        let gone: Vec<_> =
            super::lock(&self.running.uplinks).extract_if(.., |task| !new.uplinks.contains(&task.config)).collect();
        for task in gone {
            changes.push(format!("uplink {} stopped", task.config.name));
            task.handle.stop(STOP_LIMIT).await;
        }
        self.buffer.set_uplinks(new.uplinks.iter().map(Feed::of).collect()).await;
        for section in &new.uplinks {
            if super::lock(&self.running.uplinks).iter().any(|task| task.config == *section) {
                continue;
            }
            changes.push(format!("uplink {} started", section.name));
            self.add_uplink(section.clone());
        }
    }

    /// Adapters: ends those that went or differ, starts those that came or differ.
    async fn apply_adapters(self: &Arc<Self>, new: Vec<Arc<dyn Adapter>>, changes: &mut Vec<String>) {
        let wanted: BTreeSet<String> = new.iter().map(|adapter| adapter.fingerprint()).collect();
        let gone: Vec<_> = super::lock(&self.running.adapters)
            .extract_if(.., |task| !wanted.contains(&task.adapter.fingerprint()))
            .collect();
        for task in gone {
            changes.push(format!("adapter {} stopped", task.adapter.name()));
            task.handle.stop(STOP_LIMIT).await;
            self.disconnect(task.adapter.name());
            self.forget(task.adapter.as_ref(), &new);
        }
        for adapter in new {
            let fingerprint = adapter.fingerprint();
            if super::lock(&self.running.adapters).iter().any(|task| task.adapter.fingerprint() == fingerprint) {
                continue;
            }
            changes.push(format!("adapter {} started", adapter.name()));
            self.add_adapter(adapter);
        }
    }

    /// Takes the points that an adapter had and the new configuration has not out of the live view.
    fn forget(&self, old: &dyn Adapter, new: &[Arc<dyn Adapter>]) {
        let points = |adapter: &dyn Adapter| {
            let points = adapter.devices().into_iter().flat_map(|device| device.points);
            points.map(|point| point.address.clone()).collect::<BTreeSet<_>>()
        };
        let kept: BTreeSet<_> = new.iter().flat_map(|adapter| points(adapter.as_ref())).collect();
        self.live.forget(points(old).difference(&kept));
    }

    /// Rules are compiled again; each that fails keeps its last good version.
    async fn apply_rules(&self, changes: &mut Vec<String>) {
        let (reply, answer) = oneshot::channel();
        if self.ways.rules.send(rules::Control::Reload { reply }).await.is_err() {
            return;
        }
        let Ok(report) = answer.await else { return };
        changes.extend(report.loaded.iter().map(|name| format!("rule {name} loaded")));
        changes.extend(report.removed.iter().map(|name| format!("rule {name} removed")));
        changes.extend(report.problems.iter().map(ToString::to_string));
    }
}

/// Sections that differ and are taken at the next start only.
fn need_restart(old: &config::Config, new: &config::Config) -> Option<String> {
    let differs = [
        ("[gateway]", old.gateway != new.gateway),
        ("[buffer]", old.buffer != new.buffer),
        ("[rules]", old.rules != new.rules),
        ("[api]", old.api != new.api),
    ];
    let mut names: Vec<&str> = differs.into_iter().filter_map(|(name, is_new)| is_new.then_some(name)).collect();
    if old.gateway != new.gateway && old.uplinks != new.uplinks {
        names.push("[[uplink]]");
    }
    (!names.is_empty()).then(|| format!("{} changed: {NEEDS_RESTART}", names.join(", ")))
}
