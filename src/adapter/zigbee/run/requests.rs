//! What the gateway asks of a running network: commands, readings, and wishes of people.

use serde_json::Value as Json;

use super::{End, LostError, session::Session};
use crate::{
    adapter::zigbee::{install_code::Joiner, radio::Radio as _, znp::coordinator::ZnpError},
    model::{Confidential, DeviceRequest, NetworkWish},
};

impl Session<'_, '_> {
    /// Tells routers for how long devices are let in.
    pub(super) async fn permit(&mut self) -> Result<(), End> {
        if self.world.permit.left().is_zero() {
            return Ok(());
        }
        self.permit_now().await
    }

    /// The same, also when that is not at all.
    async fn permit_now(&mut self) -> Result<(), End> {
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
            DeviceRequest::Network { wish: NetworkWish::EnergyScan(wish), reply } => self.scan(&wish, reply).await?,
            DeviceRequest::Network { wish, reply } => {
                let answer = self.fulfil(wish).await?;
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(answer);
            }
        }
        Ok(())
    }

    /// Does what a person wants of the network.
    async fn fulfil(&mut self, wish: NetworkWish) -> Result<Result<Json, String>, End> {
        match wish {
            NetworkWish::Form => return Ok(Err("the coordinator holds a network; it is not overwritten".to_owned())),
            NetworkWish::Firmware => return Ok(self.world.firmware().await),
            NetworkWish::Update { device, is_forced } => return self.update(&device, is_forced).await,
            NetworkWish::CancelUpdate { device } => return self.cancel_update(&device).await,
            NetworkWish::PermitJoin { time, code } => {
                if let Err(why) = self.expect_joiner(code.as_deref()).await? {
                    return Ok(Err(why));
                }
                self.world.permit.set(time);
                self.permit_now().await?;
            }
            NetworkWish::Show
            | NetworkWish::Map
            | NetworkWish::EnergyScan(_)
            | NetworkWish::Backup
            | NetworkWish::Restore(_) => {}
        }
        Ok(Ok(self.world.view(Some(&self.network), "up")))
    }

    /// Gives the coordinator the key that a device joins with, if there is one. A refusal is an inner error.
    async fn expect_joiner(&mut self, code: Option<&Confidential>) -> Result<Result<(), String>, End> {
        let Some(Confidential(code)) = code else { return Ok(Ok(())) };
        let joiner = match code.as_str().unwrap_or_default().parse::<Joiner>() {
            Ok(joiner) => joiner,
            Err(error) => return Ok(Err(error.to_string())),
        };
        match self.radio.expect_device(joiner.ieee, &joiner.code.key()).await {
            Ok(()) => Ok(Ok(())),
            Err(ZnpError::Status { status, .. }) => Ok(Err(format!("the coordinator says: {status}"))),
            Err(error) => Err(LostError::from(error).into()),
        }
    }
}
