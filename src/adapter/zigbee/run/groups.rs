//! Commands to groups: one message, which the members take as their own. Nobody confirms it; what they do, they report.

use super::{End, LostError, session::Session};
use crate::{
    adapter::zigbee::{
        map::order,
        radio::{Destination, HOME, Outgoing, Radio as _},
        znp::coordinator::ZnpError,
    },
    model::{Authorized, Command, Point, WriteError, WriteReply},
};

impl Session<'_, '_> {
    /// Sends a command to all members of a group at once.
    pub(super) async fn write_to_group(
        &mut self,
        command: &Authorized<Command>,
        point: &Point,
        reply: WriteReply,
    ) -> Result<(), End> {
        let command = command.command();
        let sent = match self.for_group(command, point) {
            Ok(_) if command.expires < self.world.clock.now() => Err(WriteError::Expired),
            Ok(message) => match self.radio.send(&message).await {
                Ok(()) => Ok(None),
                Err(ZnpError::Status { status, .. }) => {
                    Err(WriteError::Refused(format!("the coordinator says: {status}")))
                }
                Err(error) => return Err(LostError::from(error).into()),
            },
            Err(why) => Err(why),
        };
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(sent);
        Ok(())
    }

    /// The message of a command to a group.
    fn for_group(&mut self, command: &Command, point: &Point) -> Result<Outgoing, WriteError> {
        let number = self.calls.number();
        let name = point.name().as_str();
        let refused = WriteError::Refused;
        let group = self.world.book.group(point.device()).ok_or_else(|| refused("there is no such group".into()))?;
        let setter = self.world.book.members(group).find_map(|member| member.setter(name));
        let (_, rule) = setter.ok_or_else(|| refused(format!("no member of the group has {name}")))?;
        let order = order::order(rule, &command.value).map_err(|error| WriteError::Misfit(error.to_string()))?;
        let (to, frame) = (Destination::Group(group.number), order.encode(number));
        Ok(Outgoing { to, from: HOME.number, cluster: rule.cluster, transaction: number, frame })
    }
}
