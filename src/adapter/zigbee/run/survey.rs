//! Who hears whom: the coordinator and every router are asked for their neighbours, one after the other and part by
//! part, so that it costs the network little. A router that does not answer is passed over and named.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value as Json, json};
use tokio::{sync::oneshot, time::Instant};

use super::{End, session::Session};
use crate::adapter::zigbee::{
    address::{Ieee, Nwk},
    device::Device,
    interview,
    radio::Incoming,
    wire::Wire as _,
    zdo::{Answer, Request as _, request::MgmtLqi, response::Neighbors, tables::Neighbor},
};

/// How long a router may take for a part; all routers listen all the time.
const ANSWER_LIMIT: Duration = Duration::from_secs(4);

/// How long all of it may take; what is not known by then is left out.
const LIMIT: Duration = Duration::from_secs(120);

/// Who waits for one survey. A further one is refused.
const MAX_ASKERS: usize = 8;

/// Where the answer goes.
type Reply = oneshot::Sender<Result<Json, String>>;

/// A survey under way.
#[derive(Debug)]
pub(super) struct Survey {
    /// Who is to be asked, and for neighbours from which on.
    waiting: VecDeque<(Nwk, u8)>,
    /// Who is asked, from which on, under which number, and until when.
    asked: Option<(Nwk, u8, u8, Instant)>,
    /// Who hears whom.
    heard: Vec<(Nwk, Neighbor)>,
    /// Who did not answer.
    silent: Vec<Nwk>,
    /// When it ends in any case.
    ends: Instant,
    /// Who wants to know.
    askers: Vec<Reply>,
}

impl Survey {
    /// When something is due.
    pub(super) fn due(&self) -> Instant {
        self.asked.map_or(self.ends, |(_, _, _, deadline)| deadline.min(self.ends))
    }

    /// Takes a part of somebody's neighbours.
    fn take(&mut self, from: Nwk, part: &Neighbors) {
        let rows = part.neighbors.as_slice();
        self.heard.extend(rows.iter().map(|neighbor| (from, *neighbor)));
        // Each part begins behind the last, so that there are at most 255 of them.
        let next = u8::try_from(rows.len()).ok().and_then(|rows| part.start.checked_add(rows));
        if let Some(next) = next.filter(|next| *next < part.total && *next > part.start) {
            self.waiting.push_front((from, next));
        }
    }
}

impl Session<'_, '_> {
    /// Begins a survey, or waits for the one under way.
    pub(super) async fn survey(&mut self, reply: Reply) -> Result<(), End> {
        if let Some(survey) = &mut self.survey {
            if survey.askers.len() < MAX_ASKERS {
                survey.askers.push(reply);
            } else {
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(Err("too many wait for the network map".to_owned()));
            }
            return Ok(());
        }
        let routers = self.world.book.iter().filter(|device| !device.sleeps()).filter_map(|device| device.nwk);
        let waiting = [Nwk::COORDINATOR].into_iter().chain(routers).map(|nwk| (nwk, 0)).collect();
        let (heard, silent, askers) = (Vec::new(), Vec::new(), vec![reply]);
        self.survey = Some(Survey { waiting, asked: None, heard, silent, ends: Instant::now() + LIMIT, askers });
        self.survey_next().await
    }

    /// Asks the next, or ends.
    async fn survey_next(&mut self) -> Result<(), End> {
        let number = self.calls.number();
        let Some(survey) = &mut self.survey else { return Ok(()) };
        let now = Instant::now();
        let next = survey.waiting.pop_front().filter(|_| now < survey.ends);
        let Some((nwk, start)) = next else {
            self.survey_ends();
            return Ok(());
        };
        survey.asked = Some((nwk, start, number, now + ANSWER_LIMIT));
        self.send_off(&interview::zdo(nwk, number, &MgmtLqi { start })).await
    }

    /// Takes a message if it answers the survey; whether it did.
    pub(super) async fn hear_survey(&mut self, incoming: &Incoming) -> Result<bool, End> {
        if incoming.cluster != MgmtLqi::ANSWER_CLUSTER || incoming.to_endpoint != 0 {
            return Ok(false);
        }
        let Some(survey) = &mut self.survey else { return Ok(false) };
        let fields = incoming.frame.get(1..).unwrap_or_default();
        let Some((nwk, start, ..)) = survey.asked.filter(|(nwk, ..)| *nwk == incoming.from) else { return Ok(false) };
        match Answer::<Neighbors>::from_bytes(fields) {
            Ok(Answer { fields: Some(part), .. }) if part.start == start => survey.take(nwk, &part),
            // A part that was asked for before; the one that was asked for may still come.
            Ok(Answer { fields: Some(_), .. }) => return Ok(true),
            Ok(_) | Err(_) => survey.silent.push(nwk),
        }
        survey.asked = None;
        self.survey_next().await?;
        Ok(true)
    }

    /// Passes over who did not answer in time, or what could not be delivered.
    pub(super) async fn survey_fails(&mut self, undelivered: Option<u8>) -> Result<(), End> {
        let Some(survey) = &mut self.survey else { return Ok(()) };
        let is_it = |asked: &mut (Nwk, u8, u8, Instant)| match undelivered {
            Some(number) => asked.2 == number,
            None => asked.3.min(survey.ends) <= Instant::now(),
        };
        let Some((nwk, ..)) = survey.asked.take_if(is_it) else { return Ok(()) };
        survey.silent.push(nwk);
        self.survey_next().await
    }

    /// Gives the map to who wants it.
    fn survey_ends(&mut self) {
        let Some(survey) = self.survey.take() else { return };
        let map = self.map(&survey);
        for asker in survey.askers {
            // An asker that stopped waiting does not need to know.
            let _ = asker.send(Ok(map.clone()));
        }
    }

    /// The devices and who hears whom.
    fn map(&self, survey: &Survey) -> Json {
        let home = json!({
            "device": self.world.config.name, "ieee": self.home, "nwk": Nwk::COORDINATOR, "role": "coordinator",
            "is_silent": survey.silent.contains(&Nwk::COORDINATOR),
        });
        let node = |device: &Device| {
            json!({
                "device": device.id, "ieee": device.ieee, "nwk": device.nwk,
                "role": if device.sleeps() { "end_device" } else { "router" },
                "is_silent": device.nwk.is_some_and(|nwk| survey.silent.contains(&nwk)),
            })
        };
        let nodes: Vec<_> = [home].into_iter().chain(self.world.book.iter().map(node)).collect();
        let link = |(from, neighbor): &(Nwk, Neighbor)| {
            json!({
                "from": self.ieee_of(*from), "to": neighbor.ieee, "link_quality": neighbor.link_quality,
                "relation": relation(neighbor.relation), "depth": neighbor.depth,
            })
        };
        json!({ "nodes": nodes, "links": survey.heard.iter().map(link).collect::<Vec<_>>() })
    }

    /// Whose short address it is.
    fn ieee_of(&self, nwk: Nwk) -> Option<Ieee> {
        if nwk == Nwk::COORDINATOR { Some(self.home) } else { self.world.book.at(nwk) }
    }
}

/// What a neighbour is to who hears it (Zigbee R21, table 2.126).
fn relation(number: u8) -> &'static str {
    match number {
        0 => "parent",
        1 => "child",
        2 => "sibling",
        4 => "former_child",
        _ => "none",
    }
}
