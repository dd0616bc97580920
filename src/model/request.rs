//! What an adapter can be asked to do, besides its polls.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Authorized, Command, DeviceId, Point, Reading, Value};

/// A request to the adapter that owns a device. Dropping the reply unanswered tells the asker the adapter is gone.
///
/// It waits on the heap: a queue makes room for dozens at once, hundreds of adapters have one, and it is mostly empty.
#[derive(Debug)]
pub enum DeviceRequest {
    /// Carry out a command, unless its time is over when its turn comes.
    Write {
        /// What to set; nothing else can be written.
        command: Authorized<Command>,
        /// The point as the adapter announced it.
        point: Arc<Point>,
        /// Where it is told what became of it.
        reply: WriteReply,
    },
    /// Read one point now.
    Read {
        /// The point as the adapter announced it.
        point: Arc<Point>,
        /// The reading; a device that does not answer gives a bad one.
        reply: oneshot::Sender<Reading>,
    },
    /// Do something with the radio network itself.
    Network {
        /// What.
        wish: NetworkWish,
        /// What came of it, or why nothing did.
        reply: oneshot::Sender<Result<serde_json::Value, String>>,
    },
}

/// Where an adapter tells what became of a command: that it waits for its device, at most once, and then its end.
#[derive(Debug)]
pub struct WriteReply {
    /// Gone once it was told that the command waits.
    queued: Option<oneshot::Sender<()>>,
    /// The end.
    done: oneshot::Sender<Written>,
}

/// The value that a device holds after a command, if it was read back, or why the command was not carried out.
pub type Written = Result<Option<Value>, WriteError>;

impl WriteReply {
    /// A reply and the side that waits for it.
    pub fn pair() -> (Self, WriteAnswer) {
        let (queued, is_queued) = oneshot::channel();
        let (done, end) = oneshot::channel();
        (Self { queued: Some(queued), done }, WriteAnswer { queued: Some(is_queued), done: end })
    }

    /// The device sleeps: the command waits for it, and ends when the device wakes or the command's time is over.
    pub fn queued(&mut self) {
        if let Some(queued) = self.queued.take() {
            // An asker that stopped waiting does not need to know.
            let _ = queued.send(());
        }
    }

    /// Whether it was told that the command waits.
    pub fn is_queued(&self) -> bool {
        self.queued.is_none()
    }

    /// How the command ended. Gives it back when nobody waits any more.
    pub fn send(self, end: Written) -> Result<(), Written> {
        self.done.send(end)
    }

    /// Whether nobody waits any more; then the command must not be carried out.
    pub fn is_closed(&self) -> bool {
        self.done.is_closed()
    }
}

/// The side that waits for a [`WriteReply`].
#[derive(Debug)]
pub struct WriteAnswer {
    /// Gone once the command was told to wait.
    queued: Option<oneshot::Receiver<()>>,
    /// The end.
    done: oneshot::Receiver<Written>,
}

/// What an adapter tells of a command.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// It waits for a device that sleeps.
    Queued,
    /// It has ended.
    Done(Written),
}

impl WriteAnswer {
    /// The next thing that is told; `None` when the adapter is gone. Safe to cancel; not to be asked after the end.
    pub async fn next(&mut self) -> Option<Told> {
        if let Some(queued) = &mut self.queued {
            tokio::select! {
                biased;
                told = queued => {
                    self.queued = None;
                    // Else it ended, or the adapter is gone, without having waited.
                    if told.is_ok() {
                        return Some(Told::Queued);
                    }
                }
                done = &mut self.done => return done.ok().map(Told::Done),
            }
        }
        (&mut self.done).await.ok().map(Told::Done)
    }

    /// The end, however long the command waits for its device; `None` when the adapter is gone.
    pub async fn end(self) -> Option<Written> {
        self.done.await.ok()
    }
}

/// What a person can want of an adapter's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkWish {
    /// Show the network and its devices.
    Show,
    /// Let devices in.
    PermitJoin {
        /// For so long; zero ends it.
        time: Duration,
        /// A device, a colon, and the install code on its label, which it joins with.
        code: Option<Box<Confidential>>,
    },
    /// Make a new network on an empty coordinator.
    Form,
    /// Find out who hears whom.
    Map,
    /// Measure how busy channels are.
    EnergyScan(EnergyScan),
    /// List firmware images, and the updates under way.
    Firmware,
    /// Give a device new firmware.
    Update {
        /// Which.
        device: DeviceId,
        /// Whether the same or an older version will do.
        is_forced: bool,
    },
    /// Give it no new firmware after all.
    CancelUpdate {
        /// Which device.
        device: DeviceId,
    },
    /// Give out everything that devices know the coordinator by, its keys as well.
    Backup,
    /// Give the coordinator what another one had.
    Restore(Box<Restoration>),
}

/// How channels are to be measured; what is left out is for the adapter to choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyScan {
    /// Which.
    pub channels: Option<Vec<u8>>,
    /// How long each time, as the radio's standard counts it.
    pub duration: Option<u8>,
    /// How often.
    pub rounds: Option<u8>,
}

/// What a coordinator is to be given. It is rare and large, and so has a place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// The backup of the other.
    pub backup: Confidential,
    /// The network that it may throw away for that, by the name it is shown with.
    pub overwrite: Option<String>,
    /// Whether only to tell both sides, and whether it could be done.
    pub is_trial: bool,
}

/// A document with secrets in it. Prints as `***`.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Confidential(pub serde_json::Value);

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The device did not answer in time; it may or may not have acted.
    #[error("{0}")]
    Timeout(String),
    /// The device or the adapter refused.
    #[error("{0}")]
    Refused(String),
    /// The value is none that the device can hold; it was not asked to take it.
    #[error("{0}")]
    Misfit(String),
    /// The command's time was over before its turn came.
    #[error("expired while it waited for its turn")]
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_is_told_to_wait_at_most_once_and_then_its_end() {
        let (mut reply, mut answer) = WriteReply::pair();
        reply.queued();
        reply.queued();

        assert_eq!(answer.next().await, Some(Told::Queued));
        reply.send(Ok(None)).unwrap();
        assert_eq!(answer.next().await, Some(Told::Done(Ok(None))));
    }

    #[tokio::test]
    async fn what_was_queued_and_ended_before_anybody_looked_is_told_in_order() {
        let (mut reply, mut answer) = WriteReply::pair();
        reply.queued();
        reply.send(Err(WriteError::Expired)).unwrap();

        assert_eq!(answer.next().await, Some(Told::Queued));
        assert_eq!(answer.next().await, Some(Told::Done(Err(WriteError::Expired))));
    }

    #[tokio::test]
    async fn an_adapter_that_is_gone_tells_nothing() {
        let (reply, mut answer) = WriteReply::pair();
        drop(reply);

        assert_eq!(answer.next().await, None);
    }
}
