//! What the gateway asks of a running network: commands, readings, and wishes of people.

use super::{End, LostError, session::Session};
use crate::{
    adapter::zigbee::radio::Radio as _,
    model::{DeviceRequest, NetworkWish},
};

impl Session<'_, '_> {
    /// Tells routers for how long devices are let in.
    pub(super) async fn permit(&mut self) -> Result<(), End> {
        if self.world.permit.left().is_zero() {
            return Ok(());
        }
        let seconds = self.world.permit.seconds();
        Ok(self.radio.permit_join(seconds).await.map_err(LostError::from)?)
    }

    /// Answers the gateway.
    pub(super) async fn request(&mut self, request: DeviceRequest) -> Result<(), End> {
        match request {
            DeviceRequest::Write { command, point, reply } if self.world.book.group(point.device()).is_some() => {
                self.write_to_group(&command, &point, reply).await?;
            }
            DeviceRequest::Write { command, point, reply } => self.write(&command, point, reply),
            DeviceRequest::Read { point, reply } => self.read(point, reply),
            DeviceRequest::Network { wish: wish @ (NetworkWish::Backup | NetworkWish::Restore(_)), reply } => {
                self.world.keep_or_restore(&mut self.radio, wish, reply).await?;
            }
            DeviceRequest::Network { wish: NetworkWish::Map, reply } => self.survey(reply).await?,
            DeviceRequest::Network { wish, reply } => {
                let answer = match wish {
                    NetworkWish::Show | NetworkWish::Map | NetworkWish::Backup | NetworkWish::Restore(_) => Ok(()),
                    NetworkWish::Form => Err("the coordinator holds a network; it is not overwritten".to_owned()),
                    NetworkWish::PermitJoin(time) => {
                        self.world.permit.set(time);
                        let seconds = self.world.permit.seconds();
                        self.radio.permit_join(seconds).await.map_err(LostError::from)?;
                        Ok(())
                    }
                };
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(answer.map(|()| self.world.view(Some(&self.network), "up")));
            }
        }
        Ok(())
    }
}
