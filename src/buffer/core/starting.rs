//! How the writer takes over a store that was opened.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tracing::info;

use super::{
    Core,
    pressure::Disk,
    ticking::{Timers, sync_interval},
};
use crate::{
    buffer::{
        Identity, Metrics, Origin, Status,
        codec::Encoder,
        commit::States,
        cutter::{Cutter, Seqs},
        damage::Skipped,
        delivery::Delivery,
        last::LastValues,
        opening::Notice,
        ring::Ring,
        rollup::Rollups,
        route::Router,
        shelf::Shelf,
        store::Store,
        trail::Trail,
    },
    config,
    model::{BlockId, Event, EventKind},
};

impl Core {
    /// Takes over an opened store. A notice becomes an event.
    pub(in crate::buffer) fn new(
        settings: config::Buffer,
        origin: Origin,
        metrics: Metrics,
        store: Store,
        encoder: Encoder,
        notice: Option<Notice>,
    ) -> rusqlite::Result<Self> {
        let committed = store.last_id()?;
        let trail = resume_trail(&store, &origin, committed)?;
        let mut delivery = Delivery::new(store.progress()?);
        delivery.set_uplinks(&origin.uplinks, committed);
        store.keep_uplinks(&delivery.names())?;
        let rollups = Rollups::open(&store.db, &settings, metrics.rollup.clone(), committed, origin.clock.now())?
            .sealed(&store.seal);
        let mut core =
            Self::begin(settings, origin, (metrics, store, encoder), (trail, delivery, rollups), committed);
        core.tell_notice(notice);
        for skipped in Skipped::untold(&core.store.db)? {
            core.tell_numbers(&skipped);
        }
        core.begin_if_trusted();
        core.bound_asides(Instant::now());
        core.refresh();
        Ok(core)
    }

    /// With nothing in memory yet.
    fn begin(
        settings: config::Buffer,
        origin: Origin,
        (metrics, store, encoder): (Metrics, Store, Encoder),
        (trail, delivery, rollups): (Trail, Delivery, Rollups),
        committed: u64,
    ) -> Self {
        let identity = store.identity.clone();
        let status = first_status(&settings, &identity);
        info!(path = %settings.path.display(), store = %identity.store, epoch = identity.epoch,
            loss_window_ms = status.loss_window_ms, "Buffer is open");
        Self {
            router: Router::new(origin.uplinks.clone(), settings.policies.clone()),
            cutter: Cutter::new(origin, identity, committed),
            ring: Ring::default(),
            shelf: Shelf::default(),
            last: LastValues::default(),
            rollups,
            receipts: Vec::new(),
            states: States::new(),
            states_since: None,
            doomed: Vec::new(),
            disk: Disk::default(),
            asides_looked: None,
            trail,
            pass: None,
            jump: None,
            look_due: Instant::now(),
            is_withholding: false,
            timers: Timers::default(),
            is_urgent: false,
            metas: BTreeMap::new(),
            skipped: Skipped::default(),
            damage: None,
            committed_seqs: Seqs::new(),
            snapshot: (Instant::now(), 0, 0),
            followed: committed,
            newest: watch::Sender::new(BlockId(committed)),
            status: watch::Sender::new(status),
            settings,
            metrics,
            store,
            encoder,
            delivery,
            committed,
        }
    }

    /// Tells what happened to the store while nobody looked.
    fn tell_notice(&mut self, notice: Option<Notice>) {
        let Some(Notice { what, text, gaps, given }) = notice else { return };
        let ts = self.cutter.now();
        self.event(&Event::gateway(ts, what, text));
        for gap in gaps {
            self.event(&Event { ts, kind: EventKind::Gap { gap } });
        }
        // A kill in between has it told again; the other way round it would not be told.
        if !given.is_empty()
            && self.commit()
            && let Err(error) = self.store.restore(&given)
        {
            self.fail(&error);
        }
    }
}

/// What earlier runs of this boot knew of its clock, each stream up to the number it gave last.
fn resume_trail(store: &Store, origin: &Origin, last_id: u64) -> rusqlite::Result<Trail> {
    let mut trail = Trail::resume(store.trail()?, &origin.clock.boot(), last_id);
    for (epoch, stream) in trail.keys() {
        let last = store.last_seq(epoch, &stream)?;
        trail.close(epoch, &stream, last);
    }
    Ok(trail)
}

/// The status before anything happened.
fn first_status(settings: &config::Buffer, identity: &Identity) -> Status {
    Status {
        path: settings.path.clone(),
        store: Arc::clone(&identity.store),
        epoch: identity.epoch,
        max_size: settings.max_size,
        durability: settings.durability.as_str(),
        loss_window_ms: u64::try_from(loss_window(settings).as_millis()).unwrap_or(u64::MAX),
        ..Status::default()
    }
}

/// What a power cut may take at most.
fn loss_window(settings: &config::Buffer) -> Duration {
    settings.commit + sync_interval(settings.durability).unwrap_or_default()
}
