//! Commands from the cloud: a session of their own, kept by the broker while the gateway is away.
//!
//! A message is acknowledged only when the command side said that it holds it, so a command survives a crash of ours
//! in the broker. Commands are not judged here: retained, malformed and oversized ones go on as they are. Requests for a
//! replay are, because delivery answers them and no device is asked.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use super::{
    link::{Inbound, LinkError, MAX_OPEN, Session, Token, Uplink},
    replay::{self, Replays},
    session::Backoff,
    topic::Topics,
};
use crate::{
    config,
    model::{CommandId, Envelope, Outcome, OutcomeStatus, Payload, Replay, ResponseTo, SharedClock, Source},
    shutdown::Stop,
};

/// Bytes of a command that are passed on; one more than this is enough for the command side to refuse it.
const MAX_PAYLOAD: usize = 64 * 1024 + 1;

/// Takes commands from one broker.
pub(super) struct Inbox {
    pub(super) config: config::Uplink,
    pub(super) commands: mpsc::Sender<Envelope>,
    /// Where requests for a replay go.
    pub(super) replays: Arc<Replays>,
    /// What of them is allowed.
    pub(super) rules: replay::Rules,
    /// Where refusals of them go.
    pub(super) outcomes: mpsc::Sender<Outcome>,
    pub(super) clock: SharedClock,
    pub(super) stop: Stop,
}

/// Resolves with the PUBACK to send, or `None` when the command side never took the message.
type Taking = Pin<Box<dyn Future<Output = Option<Token>> + Send>>;

impl Inbox {
    /// Takes commands until stopping is asked for.
    pub(super) async fn run<U: Uplink>(mut self) {
        let mut backoff = Backoff::new(self.config.reconnect);
        let mut told = None;
        let mut stop = self.stop.clone();
        while !self.stop.is_requested() {
            let error = tokio::select! {
                biased;
                () = stop.requested() => return,
                ended = self.session::<U>(&mut backoff) => match ended {
                    Ok(()) => return,
                    Err(error) => error.to_string(),
                },
            };
            if told.as_ref() != Some(&error) {
                warn!(uplink = %self.config.name, %error, "Cannot take commands, trying again");
                told = Some(error);
            }
            tokio::select! {
                biased;
                () = stop.requested() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// One connection; ends well only when nobody takes commands any more.
    async fn session<U: Uplink>(&mut self, backoff: &mut Backoff) -> Result<(), LinkError> {
        let mut link = U::connect(&self.config, Session::Kept).await?;
        let topic = Topics::under(&self.config.topic_prefix).command;
        link.subscribe(&topic)?;
        debug!(uplink = %self.config.name, %topic, "Taking commands");
        backoff.started();
        let mut open: FuturesUnordered<Taking> = FuturesUnordered::new();
        while !self.commands.is_closed() {
            tokio::select! {
                biased;
                Some(token) = open.next() => {
                    if let Some(token) = token {
                        link.acknowledge(token)?;
                    }
                }
                inbound = link.poll(), if open.len() < MAX_OPEN => {
                    match inbound? {
                        Some(inbound) if inbound.topic == topic => open.push(self.take(inbound)),
                        Some(stray) => self.drop_stray(&mut link, stray)?,
                        None => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// A subscription under an earlier prefix lives on in the kept session. Its messages are for nobody here.
    fn drop_stray<U: Uplink>(&self, link: &mut U, stray: Inbound) -> Result<(), LinkError> {
        let topic = String::from_utf8_lossy(&stray.topic);
        debug!(uplink = %self.config.name, %topic, "Message is not on the command topic, dropped");
        stray.token.map_or(Ok(()), |token| link.acknowledge(token))
    }

    /// Hands a message to whom it is for.
    fn take(&self, inbound: Inbound) -> Taking {
        let (taken, answer) = oneshot::channel();
        let uplink = Arc::clone(&self.config.name);
        let response = inbound.response_topic.as_deref().map(|topic| ResponseTo {
            uplink: Arc::clone(&uplink),
            topic: topic.into(),
            correlation: inbound.correlation.as_deref().map(Arc::from),
        });
        if let Some(request) = replay::read(&inbound.payload, &self.rules) {
            return self.take_replay(request, response, inbound);
        }
        let shown = &inbound.payload[..inbound.payload.len().min(MAX_PAYLOAD)];
        let envelope = Envelope {
            source: Source::Uplink(uplink),
            received: self.clock.now(),
            retained: inbound.retained,
            payload: Payload::Json(shown.to_vec()),
            response,
            reply: None,
            taken: Some(taken),
        };
        let (commands, puback) = (self.commands.clone(), inbound.token);
        Box::pin(async move {
            commands.send(envelope).await.ok()?;
            answer.await.ok()?;
            puback
        })
    }

    /// Queues a replay, or says why not. Unlike a command it is acknowledged at once: nothing is lost with it but a
    /// wish.
    fn take_replay(
        &self,
        request: Result<(CommandId, Replay), replay::Denied>,
        response: Option<ResponseTo>,
        inbound: Inbound,
    ) -> Taking {
        let denied = |id, why: &str| Outcome::new(id, OutcomeStatus::Denied, self.clock.now()).because(why);
        let refusal = match request {
            Err(replay::Denied { id, why }) => Some(denied(id, &why)),
            Ok((id, _)) if inbound.retained => Some(denied(Some(id), "a retained message may be of any age")),
            Ok((id, what)) => self.replays.ask(replay::Asked { id, what, response: response.clone() }),
        };
        let refusal = refusal.map(|outcome| Outcome { response, ..outcome });
        let (outcomes, puback) = (self.outcomes.clone(), inbound.token);
        Box::pin(async move {
            if let Some(outcome) = refusal {
                outcomes.send(outcome).await.ok()?;
            }
            puback
        })
    }
}
