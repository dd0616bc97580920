//! Where a reading goes: into which streams, and with which priority.
//!
//! A reading that is forwarded goes into `data` if any uplink has no filter, and into the stream of its own of every
//! uplink whose filter lets it through. What no uplink wants stays in the gateway. Which way a point takes is looked
//! up once and remembered.

use std::{collections::HashMap, sync::Arc};

use super::Feed;
use crate::{
    config::{Policy, Priority},
    model::{PointAddress, Reading, Stream},
};

/// Points whose way is remembered. Beyond it all are looked up again.
const MAX_POINTS: usize = 100_000;

/// Readings of one track share a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) stream: Stream,
    pub(super) priority: Priority,
}

/// The ways of all points.
pub(super) struct Router {
    feeds: Vec<Feed>,
    policies: Vec<Policy>,
    plain: Arc<[Track]>,
    local: Arc<[Track]>,
    known: HashMap<PointAddress, Arc<[Track]>>,
}

impl Router {
    /// For these uplinks; of the policies the first that covers a point counts.
    pub(super) fn new(feeds: Vec<Feed>, policies: Vec<Policy>) -> Self {
        let track = |stream| [Track { stream, priority: Priority::Normal }].into();
        Self { feeds, policies, plain: track(Stream::Data), local: track(Stream::Local), known: HashMap::new() }
    }

    /// The uplinks.
    pub(super) fn feeds(&self) -> Vec<Feed> {
        self.feeds.clone()
    }

    /// The way of a reading that the rules forward.
    pub(super) fn forward(&mut self, reading: &Reading) -> Arc<[Track]> {
        if self.policies.is_empty() && self.feeds.iter().all(|feed| feed.filter.is_none()) {
            return Arc::clone(&self.plain);
        }
        let address = &reading.point.address;
        if let Some(tracks) = self.known.get(address) {
            return Arc::clone(tracks);
        }
        let tracks = self.look_up(address);
        if self.known.len() >= MAX_POINTS {
            self.known.clear();
        }
        self.known.insert(address.clone(), Arc::clone(&tracks));
        tracks
    }

    /// The way of a reading that the rules keep.
    pub(super) fn local(&self) -> Arc<[Track]> {
        Arc::clone(&self.local)
    }

    /// Whether any reading may be thinned.
    pub(super) fn may_thin(&self) -> bool {
        self.policies.iter().any(|policy| policy.thin)
    }

    /// Whether readings of a point are thinned before they are dropped.
    pub(super) fn thins(&self, address: &PointAddress) -> bool {
        self.policy(address).is_some_and(|policy| policy.thin)
    }

    fn policy(&self, address: &PointAddress) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.points.iter().any(|selector| selector.matches(address)))
    }

    fn look_up(&self, address: &PointAddress) -> Arc<[Track]> {
        let priority = self.policy(address).map_or(Priority::Normal, |policy| policy.priority);
        let is_plain = self.feeds.is_empty() || self.feeds.iter().any(|feed| feed.filter.is_none());
        let plain = is_plain.then_some(Stream::Data);
        let own = self.feeds.iter().filter(|feed| feed.wants(address)).filter_map(Feed::stream);
        let tracks: Vec<Track> = plain.into_iter().chain(own).map(|stream| Track { stream, priority }).collect();
        if tracks.is_empty() { Arc::clone(&self.local) } else { tracks.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        buffer::model_test::reading,
        model::{Selector, Value},
    };

    fn streams(feeds: &[(&str, Option<&str>)]) -> Vec<String> {
        let feed = |(name, filter): &(&str, Option<&str>)| Feed {
            name: (*name).into(),
            filter: filter.map(|text| [Selector::parse(text).unwrap()].into()),
        };
        let mut router = Router::new(feeds.iter().map(feed).collect(), Vec::new());
        let first = router.forward(&reading(Value::Int(1)));
        assert_eq!(router.forward(&reading(Value::Int(2))), first, "the second look gives another way");
        first.iter().map(|track| track.stream.as_str().to_owned()).collect()
    }

    #[test]
    fn each_filter_has_a_stream_of_its_own_and_what_nobody_wants_stays() {
        assert_eq!(streams(&[]), ["data"]);
        assert_eq!(streams(&[("a", None), ("b", None)]), ["data"]);
        assert_eq!(streams(&[("a", None), ("b", Some("d/*"))]), ["data", "data.b"]);
        assert_eq!(streams(&[("a", None), ("b", Some("x/*"))]), ["data"]);
        assert_eq!(streams(&[("a", Some("d/p")), ("b", Some("d/*")), ("c", Some("x/*"))]), ["data.a", "data.b"]);
        assert_eq!(streams(&[("c", Some("x/*"))]), ["local"]);
    }
}
