//! Commands: at most one write for each.

use tokio::sync::Semaphore;

use super::{Held, Keeper};
use crate::{
    adapter::{AdapterError, ble::air::LinkError},
    model::{Command, Value, WriteError, WriteReply},
};

impl Keeper<'_> {
    /// Carries out a command and answers it. What was read back is a reading too.
    pub(super) async fn write<'s>(
        &mut self,
        command: &Command,
        reply: WriteReply,
        held: &mut Option<Held<'s>>,
        slots: &'s Semaphore,
    ) -> Result<(), AdapterError> {
        let written = self.set(command, &reply, held, slots).await;
        let read_back = written.as_ref().ok().cloned().flatten();
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(written);
        match (read_back, self.place(&command.target)) {
            (Some(value), Some((place, _))) => self.report_good(place, value).await,
            _ => Ok(()),
        }
    }

    /// Sets a point: at most one write, and none that nobody waits for or whose time is over.
    pub(super) async fn set<'s>(
        &mut self,
        command: &Command,
        reply: &WriteReply,
        held: &mut Option<Held<'s>>,
        slots: &'s Semaphore,
    ) -> Result<Option<Value>, WriteError> {
        let place = self.place(&command.target).filter(|(_, behind)| behind.point.access.can_write());
        let refused = |why: &dyn std::fmt::Display| WriteError::Refused(why.to_string());
        let (_, behind) = place.ok_or_else(|| refused(&format!("{} is read-only", command.target)))?;
        let encoded = behind.layout.encode(&command.value, &behind.point);
        let bytes = encoded.map_err(|error| WriteError::Misfit(error.to_string()))?;
        self.check(command, reply)?;
        let connection = self.hold(held, slots).await.map_err(|error| refused(&error))?;
        // Connecting took its time.
        self.check(command, reply)?;
        let written = connection.link.write(behind.at, &bytes, behind.is_confirmed).await;
        self.counted(written).map_err(|error| match error {
            LinkError::Timeout(_) | LinkError::Lost | LinkError::Bus(_) => WriteError::Timeout(error.to_string()),
            _ => refused(&error),
        })?;
        if !behind.point.access.can_read() {
            return Ok(None);
        }
        // It was done, whatever becomes of this.
        let bytes = self.counted(connection.link.read(behind.at).await).ok();
        Ok(bytes.and_then(|bytes| behind.layout.decode(&bytes, &behind.point).ok()))
    }

    /// Whether a command may still be carried out.
    pub(super) fn check(&self, command: &Command, reply: &WriteReply) -> Result<(), WriteError> {
        if self.ways.clock.now() > command.expires {
            return Err(WriteError::Expired);
        }
        // Its sender was told that there was no answer; acting now would surprise him.
        if reply.is_closed() { Err(WriteError::Timeout("nobody waits for it any more".to_owned())) } else { Ok(()) }
    }
}
