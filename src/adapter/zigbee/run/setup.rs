//! Which network it will be: compare, form, refuse, or wait.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};
use tracing::warn;

use super::{End, LostError, Radio, World};
use crate::{
    adapter::{
        Condition,
        zigbee::{
            network::{Held, Wish},
            radio::{Event, Network, Radio as _, Stick},
            znp::coordinator::ZnpError,
        },
    },
    model::{DeviceRequest, NetworkWish},
};

/// How often a stick that rests is asked whether it is still there, and the limit of its answer.
const CHECK: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));

/// Where the answer to a wish goes.
type Reply = oneshot::Sender<Result<serde_json::Value, String>>;

/// What is to be done with what a stick holds.
enum Verdict {
    /// Go on with it.
    Resume,
    /// It is not the one that is wanted, or nobody can say.
    Refuse(String),
    /// There is none, and none may be made unasked.
    Wait,
    /// There is none, and one may be made.
    Form(Wish),
}

impl World<'_> {
    /// Brings the network up, or waits until that is possible.
    pub(super) async fn settle(&mut self, radio: &mut Radio, stick: &Stick) -> Result<Network, End> {
        let stick = format!("coordinator {} at {}", stick.ieee, self.config.link);
        loop {
            let alive = self.alive.clone();
            let verdict = match alive.during(radio.held()).await {
                Ok(held) => self.judge(held.as_ref()),
                // What nobody can read, nobody may use.
                Err(error @ (ZnpError::Memory(_) | ZnpError::Unfinished)) => Verdict::Refuse(error.to_string()),
                Err(error) => return Err(LostError::from(error).into()),
            };
            let (state, why) = match verdict {
                Verdict::Resume => return self.resume(radio).await,
                Verdict::Form(wish) => match self.form(radio, &wish).await? {
                    Ok(network) => return Ok(network),
                    Err(why) => ("refused", why),
                },
                Verdict::Refuse(why) => ("refused", format!("{why}; nothing was changed")),
                Verdict::Wait => ("empty", "it holds no network (help: tidegate zigbee form --yes makes one)".into()),
            };
            if let Some(network) = self.rest(radio, state, format!("{stick}: {why}")).await? {
                return Ok(network);
            }
        }
    }

    /// Compares what the stick holds with what is wanted.
    fn judge(&self, held: Option<&Held>) -> Verdict {
        let wish = match self.wish() {
            Ok(wish) => wish,
            Err(why) => return Verdict::Refuse(why),
        };
        match held {
            None if self.config.may_form => Verdict::Form(wish),
            None => Verdict::Wait,
            Some(held) => match wish.differences(held) {
                none if none.is_empty() => Verdict::Resume,
                differences => Verdict::Refuse(differences.join(", ")),
            },
        }
    }

    /// Goes on with the network.
    async fn resume(&mut self, radio: &mut Radio) -> Result<Network, End> {
        let mut stop = self.stop.clone();
        let alive = self.alive.clone();
        tokio::select! {
            biased;
            () = stop.requested() => Err(End::Stopped),
            resumed = alive.during(radio.resume()) => Ok(resumed.map_err(LostError::from)?),
        }
    }

    /// Makes a network; what it is afterwards is compared once more, because a stick may choose another name.
    async fn form(&mut self, radio: &mut Radio, wish: &Wish) -> Result<Result<Network, String>, End> {
        let plan = match wish.plan() {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(format!("no chance for a new network: {error}"))),
        };
        let alive = self.alive.clone();
        let network = alive.during(radio.form(&plan)).await.map_err(LostError::from)?;
        if network != plan.network {
            return Ok(Err(format!(
                "the coordinator made {network:?} instead of {:?}, most likely because a network of that name is near",
                plan.network
            )));
        }
        let text = format!("network {} formed on channel {}", network.extended_pan, network.channel);
        self.tell("zigbee-formed", text).await?;
        Ok(Ok(network))
    }

    /// Tells why nothing happens, once, and waits: until somebody forms a network, the stick goes away, or the end.
    /// Gives the network that was formed; without one it is worth to look again.
    async fn rest(&mut self, radio: &mut Radio, state: &'static str, why: String) -> Result<Option<Network>, End> {
        self.tell_rest(state, &why).await?;
        let mut check = Instant::now() + CHECK.0;
        loop {
            self.alive.sign();
            self.put_aside.end_overdue(self.clock.now());
            let sign = Instant::now() + crate::adapter::Alive::INTERVAL;
            tokio::select! {
                biased;
                () = self.stop.requested() => return Err(End::Stopped),
                Some(request) = self.requests.recv() => {
                    match self.possible(*request, state, &why) {
                        Some((NetworkWish::Form, reply)) => return self.form_now(radio, reply).await,
                        Some((wish, reply)) => self.keep_or_restore(radio, wish, reply).await?,
                        None => {}
                    }
                }
                // Nothing else that happens on a network that is not ours concerns us.
                event = radio.next_event() => if event.map_err(LostError::from)? == Event::Restarted {
                    return Err(LostError::Restarted.into());
                },
                () = sleep_until(check) => {
                    radio.check(CHECK.1).await.map_err(LostError::from)?;
                    check = Instant::now() + CHECK.0;
                }
                () = sleep_until(sign) => {}
            }
        }
    }

    /// Tells why nothing happens, unless that was the last thing told.
    async fn tell_rest(&mut self, state: &'static str, why: &str) -> Result<(), End> {
        self.shown.lock().condition = Some(Condition { state, text: why.to_owned() });
        if self.told.as_deref() != Some(why) {
            warn!(adapter = self.config.name, state, "{why}");
            self.tell(&format!("zigbee-{state}"), format!("adapter {}: {why}", self.config.name)).await?;
            self.told = Some(why.to_owned());
        }
        Ok(())
    }

    /// Gives back a wish that can be carried out without a network; answers everything else.
    fn possible(&self, request: DeviceRequest, state: &str, why: &str) -> Option<(NetworkWish, Reply)> {
        match request {
            DeviceRequest::Network { wish: NetworkWish::Form, reply } if state == "empty" => {
                Some((NetworkWish::Form, reply))
            }
            DeviceRequest::Network { wish: wish @ (NetworkWish::Backup | NetworkWish::Restore(_)), reply } => {
                Some((wish, reply))
            }
            DeviceRequest::Network { wish: NetworkWish::Show, reply } => {
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(Ok(self.view(None, state)));
                None
            }
            request => {
                self.refuse(request, why);
                None
            }
        }
    }

    /// Forms a network because somebody wants it, and says how that went.
    async fn form_now(&mut self, radio: &mut Radio, reply: Reply) -> Result<Option<Network>, End> {
        let formed = match self.wish() {
            Err(why) => Ok(Err(why)),
            Ok(wish) => self.form(radio, &wish).await,
        };
        let answer = match &formed {
            Ok(Ok(network)) => Ok(self.view(Some(network), "up")),
            Ok(Err(why)) => Err(why.clone()),
            Err(End::Lost(error)) => Err(error.to_string()),
            Err(End::Stopped | End::Anew | End::Closed(_)) => Err("the gateway is stopping".to_owned()),
        };
        // An asker that stopped waiting sees the network at work.
        let _ = reply.send(answer);
        formed.map(Result::ok)
    }
}
