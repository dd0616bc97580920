//! The compiled scripts of quirks: one of each, however many devices share it.

use std::collections::HashMap;

use super::{Found, OwnPoint, Quirk, encode, read};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Endpoint},
        map::order::{Order, Refused},
        zcl::{Frame, General},
    },
    model::Value,
    profile::{Runner, Script},
};

/// Scripts by their file. There are as many as profiles have, which are compiled when they are called first.
#[derive(Debug, Default)]
pub struct Scripts(HashMap<std::path::PathBuf, Option<Runner>>);

impl Scripts {
    /// What a quirk makes of a frame: by the keys of its points, and by its script. What was wrong with the
    /// script stands beside it.
    pub fn read<'q>(
        &mut self,
        quirk: &'q Quirk,
        endpoint: Endpoint,
        cluster: Cluster,
        frame: &Frame<'_>,
    ) -> (Vec<Found<'q>>, Option<String>) {
        let mut found = quirk.read(endpoint, cluster, frame);
        let Some(script) = quirk.decode.as_ref().filter(|_| is_told(frame)) else { return (found, None) };
        let Some(runner) = self.runner(script) else { return (found, Some("decode.rhai cannot be compiled".into())) };
        let answer = match runner.call_and_tell(read::message(endpoint, cluster, frame)) {
            Ok(answer) => answer,
            Err(error) => return (found, Some(error.to_string())),
        };
        let (given, unknown) = quirk.take(answer);
        // What a script says of a point counts more than what the point's keys say.
        found.retain(|one| given.iter().all(|other| other.point.name != one.point.name));
        found.extend(given);
        let why = unknown.first().map(|name| format!("{} gave {name:?}, which is no point", script.file.display()));
        (found, why)
    }

    /// What sets a point of a quirk to a value, and on which endpoint if a script says so.
    pub fn order(
        &mut self,
        quirk: &Quirk,
        point: &OwnPoint,
        value: &Value,
    ) -> Result<(Option<Endpoint>, Order), String> {
        let Some(script) = quirk.encode.as_ref().filter(|_| point.source == super::Source::Script) else {
            return point.order(value).map(|order| (None, order)).map_err(|error| error.to_string());
        };
        if !point.access.can_write() {
            return Err(Refused::ReadOnly.to_string());
        }
        let wish = encode::wish(point, value).ok_or_else(|| Refused::Type(value.to_string()).to_string())?;
        let runner = self.runner(script).ok_or("encode.rhai cannot be compiled")?;
        let answer = runner.call_and_tell(wish).map_err(|error| error.to_string())?;
        encode::of_answer(&answer).map_err(|why| format!("{}: {why}", script.file.display()))
    }

    /// A compiled script; `None` for one that cannot be compiled, which the check of the configuration told.
    fn runner(&mut self, script: &Script) -> Option<&mut Runner> {
        let known = self.0.entry(script.file.clone());
        known.or_insert_with(|| Runner::new(script).ok()).as_mut()
    }
}

/// Whether a frame tells something, rather than how a request went.
fn is_told(frame: &Frame<'_>) -> bool {
    match General::of(frame) {
        None => true,
        Some(Ok(general)) => matches!(general, General::Report(_) | General::ReadResponse(_)),
        Some(Err(_)) => false,
    }
}
