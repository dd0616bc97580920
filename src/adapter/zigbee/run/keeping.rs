//! Backups of the coordinator: made when they are due, given out and restored when somebody wants it.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::{sync::oneshot, time::timeout};
use tracing::{info, warn};

use super::{End, LostError, Radio, World, session::Session};
use crate::{
    adapter::zigbee::{
        backup::{Backup, Member},
        network::Held,
        radio::Radio as _,
        znp::coordinator::ZnpError,
    },
    model::{Confidential, NetworkWish, Restoration},
};

/// Longest time it may take while the gateway stops.
const STOP_LIMIT: Duration = Duration::from_secs(5);

impl World<'_> {
    /// Reads the coordinator, and adds the devices that only the gateway knows. A coordinator that refuses is an inner
    /// error, one that is away an outer.
    pub(super) async fn copy(&self, radio: &mut Radio) -> Result<Result<Backup, String>, End> {
        let alive = self.alive.clone();
        let mut backup = match alive.during(radio.backup()).await {
            Ok(backup) => backup,
            Err(ZnpError::Host(error)) => return Err(LostError::from(ZnpError::Host(error)).into()),
            Err(error) => return Ok(Err(error.to_string())),
        };
        backup.made = Some(self.clock.now());
        for device in self.book.iter() {
            if !backup.members.iter().any(|member| member.ieee == device.ieee) {
                backup.members.push(Member { ieee: device.ieee, nwk: device.nwk, is_child: false, link: None });
            }
        }
        Ok(Ok(backup))
    }

    /// Gives a backup out, or restores one; then the coordinator has to be started anew.
    pub(super) async fn keep_or_restore(
        &mut self,
        radio: &mut Radio,
        wish: NetworkWish,
        reply: oneshot::Sender<Result<Json, String>>,
    ) -> Result<(), End> {
        let done = match wish {
            NetworkWish::Restore(wanted) => {
                let Restoration { backup, overwrite, is_trial } = *wanted;
                self.restore(radio, &backup, overwrite.as_deref(), is_trial).await
            }
            _ => self.copy(radio).await.map(|copy| copy.map(|backup| (backup.document(), false))),
        };
        let (answer, end) = match done {
            Ok(Ok((answer, is_anew))) => (Ok(answer), if is_anew { Err(End::Anew) } else { Ok(()) }),
            Ok(Err(why)) => (Err(why), Ok(())),
            Err(End::Lost(error)) => (Err(error.to_string()), Err(End::Lost(error))),
            Err(end) => (Err("the gateway is stopping".to_owned()), Err(end)),
        };
        // An asker that stopped waiting sees it by what the network is.
        let _ = reply.send(answer);
        end
    }

    /// Restores a backup if nothing speaks against it; both sides, and whether it was done.
    async fn restore(
        &mut self,
        radio: &mut Radio,
        document: &Confidential,
        overwrite: Option<&str>,
        is_trial: bool,
    ) -> Result<Result<(Json, bool), String>, End> {
        let backup = match Backup::read(&document.0) {
            Ok(backup) => backup,
            Err(error) => return Ok(Err(format!("the backup cannot be used: {error}"))),
        };
        let held = match self.alive.clone().during(radio.held()).await {
            Ok(held) => held,
            // What was not restored to its end may be restored once more.
            Err(ZnpError::Unfinished) => None,
            Err(ZnpError::Host(error)) => return Err(LostError::from(ZnpError::Host(error)).into()),
            Err(error) => return Ok(Err(format!("{error}; nothing was changed"))),
        };
        if let Some(why) = self.objection(&backup, held.as_ref(), overwrite) {
            return Ok(Err(why));
        }
        let sides =
            json!({ "backup": side(&backup), "coordinator": held.as_ref().map(names), "restored": !is_trial });
        if !is_trial {
            self.give(radio, &backup).await?;
        }
        Ok(Ok((sides, !is_trial)))
    }

    /// What speaks against restoring a backup, with both sides.
    fn objection(&self, backup: &Backup, held: Option<&Held>, overwrite: Option<&str>) -> Option<String> {
        let differences = match self.wish() {
            Ok(wish) => wish.differences(&backup.held),
            Err(why) => return Some(why),
        };
        if !differences.is_empty() {
            let differences = differences.join(", ").replace("the coordinator has", "the backup has");
            return Some(format!("the backup is not of the network that is configured: {differences}"));
        }
        let held = held?;
        let own = format!("{:016x}", held.network.extended_pan.0);
        if overwrite.is_some_and(|allowed| allowed.trim_start_matches("0x").eq_ignore_ascii_case(&own)) {
            return None;
        }
        let [holds, has] = [held, &backup.held].map(in_words);
        Some(format!(
            "the coordinator holds network {holds}; the backup is of network {has}; nothing was changed \
             (help: --overwrite {own} throws away what the coordinator holds)"
        ))
    }

    /// Restores a backup, and makes its devices known.
    async fn give(&mut self, radio: &mut Radio, backup: &Backup) -> Result<(), End> {
        let now = self.clock.now();
        self.alive.clone().during(radio.restore(backup, now)).await.map_err(LostError::from)?;
        for member in &backup.members {
            if let Some(nwk) = member.nwk.filter(|_| self.book.accepts(member.ieee)) {
                // Beyond its room the book has told so.
                self.book.arrive(member.ieee, nwk);
            }
        }
        self.keep();
        let text = format!("network {} restored with {} devices", in_words(&backup.held), backup.members.len());
        info!(adapter = self.config.name, "{text}");
        self.tell("zigbee-restored", text).await
    }
}

impl Session<'_, '_> {
    /// Makes the backup that is due.
    pub(super) async fn back_up(&mut self) -> Result<(), End> {
        match self.world.copy(&mut self.radio).await? {
            Ok(backup) => {
                let now = self.world.clock.now();
                self.world.keeper.keep(&backup, now).await;
            }
            Err(error) => {
                warn!(adapter = self.world.config.name, error, "No backup of the coordinator could be made");
                self.world.keeper.postpone();
            }
        }
        Ok(())
    }

    /// Makes a backup before the end if the network changed since the last.
    pub(super) async fn back_up_at_the_end(&mut self) {
        if !self.world.keeper.is_owed() {
            return;
        }
        let made = timeout(STOP_LIMIT, self.back_up()).await;
        if !matches!(made, Ok(Ok(()))) {
            warn!(adapter = self.world.config.name, "No backup of the coordinator before the end, it is too slow");
        }
    }
}

/// What a backup is of, without its keys.
fn side(backup: &Backup) -> Json {
    let mut side = names(&backup.held);
    side["made"] = json!(backup.made);
    side["coordinator"] = json!(backup.ieee);
    side["devices"] = json!(backup.members.len());
    side
}

/// The names of a network.
fn names(held: &Held) -> Json {
    let network = &held.network;
    json!({
        "channel": network.channel,
        "pan_id": network.pan,
        "extended_pan_id": format!("{:016x}", network.extended_pan.0),
    })
}

/// The names of a network for people.
fn in_words(held: &Held) -> String {
    let network = &held.network;
    format!("{:016x} ({}, channel {})", network.extended_pan.0, network.pan, network.channel)
}
