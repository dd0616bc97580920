//! The whole site under test: units, a gateway, one or two clouds, and what is needed to make each of them fail.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::Value;

use crate::{
    account::{Allowance, Fate, Served},
    clock::WallClock,
    cloud::Cloud,
    disk::Disk,
    form::{Form, Load},
    harness::{Gateway, LIMIT, Message, Site, Units},
    pass,
};

/// What a busy machine may add to a commit interval: the commit itself, and the way from the unit to the buffer.
const SLACK: Duration = Duration::from_millis(500);
/// While nothing is answered for so long, nobody asks: the last request of a gateway that ended has been answered.
const UNDER_WAY: Duration = Duration::from_millis(100);
/// A page of the buffer's file.
const PAGE: u64 = 1024;
/// How long the tests look away while something drains.
const LOOK: Duration = Duration::from_millis(100);

/// Blocks that are under way while all is well.
const ON_ITS_WAY: u64 = 8;

/// What of the buffer is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The database.
    File,
    /// Its write-ahead log.
    Log,
}

/// Everything. The gateway stands first, so that it ends before what it works on.
pub(crate) struct World {
    /// The daemon, while it runs.
    gateway: Option<Gateway>,
    /// Where its messages go.
    pub(crate) clouds: Vec<Cloud>,
    /// The devices.
    pub(crate) units: Units,
    /// A disk that can be filled.
    pub(crate) disk: Option<Disk>,
    /// A clock that can jump.
    pub(crate) clock: Option<WallClock>,
    /// The gateway's place.
    site: Site,
    /// The buffer's file.
    buffer: PathBuf,
    /// What a kill may take.
    commit: Duration,
    /// What kills and stops may have taken.
    kills: Vec<Allowance>,
    /// What had been handed out when the file was last damaged.
    damaged: Option<Served>,
    /// How often the gateway ended by itself on a damaged file, and was started again as systemd would.
    pub(crate) revivals: usize,
    /// How long the last drain took.
    pub(crate) drained_in: Duration,
}

impl World {
    /// A site in good order, without its gateway. Silence is noticed after `ack_timeout`.
    pub(crate) fn start(form: Form, load: Load, clouds: Vec<Cloud>, ack_timeout: &str, disk: Option<Disk>) -> Self {
        let units = Units::start(load.units, load.points);
        let mut site = form.site(clouds[0].link.port()).line(units.port(), load.units, load.points, load.poll);
        let patience = format!("ack_timeout = \"{ack_timeout}\"\nreconnect = {{ min = \"100ms\", max = \"1s\" }}");
        site.replace("reconnect = { min = \"100ms\", max = \"1s\" }", &patience);
        for (number, cloud) in clouds.iter().enumerate().skip(1) {
            let url = format!("mqtt://127.0.0.1:{}", cloud.link.port());
            let filter = cloud.unit.map(|unit| format!("filter = [\"unit-{unit}/*\"]\n")).unwrap_or_default();
            site =
                site.with(&format!("\n[[uplink]]\nname = \"cloud-{number}\"\nurl = \"{url}\"\n{filter}{patience}"));
        }
        let (inside, buffer) = (site.path("buffer.db"), disk.as_ref().map(|disk| disk.path("buffer.db")));
        let buffer = buffer.unwrap_or_else(|| inside.clone());
        site.replace(&inside.display().to_string(), &buffer.display().to_string());
        let (clock, commit, damaged) = (None, form.commit(), None);
        Self {
            gateway: None,
            clouds,
            units,
            disk,
            clock,
            site,
            buffer,
            commit,
            kills: Vec::new(),
            damaged,
            revivals: 0,
            drained_in: Duration::ZERO,
        }
    }

    /// Starts the gateway and waits until it takes readings.
    pub(crate) fn run(&mut self) {
        let environment = self.clock.as_ref().map(WallClock::environment).unwrap_or_default();
        let gateway = Gateway::start_in(&self.site, &environment);
        gateway.wait_for_log("Buffer is open");
        self.gateway = Some(gateway);
    }

    /// Kills the gateway, as soon as it can be said what that may take: one commit interval.
    pub(crate) fn kill(&mut self) {
        let from = self.units.served();
        pass(self.commit + SLACK);
        self.gateway.take().expect("a running gateway").kill();
        self.allow(from);
    }

    /// Stops the gateway in order. It may drop the answer that was under way, and nothing else.
    pub(crate) fn stop(&mut self) {
        let from = self.all_but_the_last();
        let status = self.gateway.take().expect("a running gateway").stop();
        assert!(status.success(), "the gateway ended with {status}");
        self.allow(from);
    }

    /// What had been handed out before the last answer of each unit, which may still be under way.
    fn all_but_the_last(&self) -> Served {
        self.units.served().into_iter().map(|(place, times)| (place, times.saturating_sub(1))).collect()
    }

    /// Notes what the end of the gateway may have taken, as soon as the units have answered its last request.
    fn allow(&mut self, from: Served) {
        let mut to = self.units.served();
        loop {
            pass(UNDER_WAY);
            let served = self.units.served();
            if served == to {
                break;
            }
            to = served;
        }
        self.kills.push(Allowance { from, to });
    }

    /// Flips single bits of the buffer's file or its log, or fills a page with noise, while the gateway is down. Says
    /// where.
    pub(crate) fn damage(&mut self, part: Part, dice: &mut fastrand::Rng) -> String {
        self.damaged = Some(self.units.served());
        if part == Part::File {
            // Most of the store is in the log until it is full: as it is after that, there is something to damage.
            let db = Connection::open(&self.buffer).unwrap();
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        let name = if part == Part::File { "buffer.db" } else { "buffer.db-wal" };
        let file = File::options().read(true).write(true).open(self.buffer.with_file_name(name)).unwrap();
        let length = file.metadata().unwrap().len();
        let size = if dice.bool() { 1 } else { PAGE };
        let places: Vec<u64> = (0..dice.usize(1..5)).map(|_| dice.u64(..length.max(1)) / size * size).collect();
        for &place in &places {
            let mut bytes = vec![0; usize::try_from(size.min(length - place)).expect("a page")];
            file.read_exact_at(&mut bytes, place).unwrap();
            if size == PAGE {
                dice.fill(&mut bytes);
            } else {
                bytes[0] ^= 1 << dice.u8(..8);
            }
            file.write_all_at(&bytes, place).unwrap();
        }
        format!("{size} bytes of {name}, which has {length}, at each of {places:?}")
    }

    /// Lets everything pass again.
    pub(crate) fn heal(&mut self) {
        if let Some(disk) = &self.disk {
            disk.free();
        }
        if let Some(clock) = &self.clock {
            clock.set("+0");
        }
        self.keep_running();
    }

    /// Waits until everything handed out so far has arrived wherever a broker runs, or is accounted for. What is
    /// still missing when the patience ends is lost.
    pub(crate) fn drain(&mut self) -> Vec<(usize, Fate)> {
        let begun = Instant::now();
        let (due, end) = (self.units.served(), begun + LIMIT);
        assert!(due.values().all(|&times| times < 0xffff), "the units begin to repeat themselves");
        loop {
            self.keep_running();
            let fates = self.fates(&due);
            if (fates.iter().all(|(_, fate)| fate.lost.is_empty()) && self.is_idle()) || Instant::now() > end {
                self.drained_in = begun.elapsed();
                return fates;
            }
            pass(LOOK);
        }
    }

    /// Ends the run so that every epoch is closed: an ordered stop, and one more start that tells how far each went.
    pub(crate) fn finish(&mut self) -> Vec<(usize, Fate)> {
        self.clouds.iter_mut().for_each(Cloud::resume);
        self.heal();
        let mut fates = self.drain();
        if fates.iter().all(|(_, fate)| fate.lost.is_empty()) {
            let known: Vec<_> = self.clouds.iter_mut().map(|cloud| runs(cloud, "online")).collect();
            self.stop();
            self.run();
            self.wait_for_runs("online", |cloud, runs| runs.len() > known[cloud].len());
            let known: Vec<_> = self.clouds.iter_mut().map(|cloud| runs(cloud, "online")).collect();
            self.stop();
            self.wait_for_runs("offline", |cloud, runs| known[cloud].last().is_some_and(|run| runs.contains(run)));
            fates = self.fates(&self.units.served());
        }
        fates
    }

    /// What `tidegate status --json` says.
    pub(crate) fn status(&self) -> Value {
        self.try_status().expect("a gateway that answers")
    }

    /// As [`World::status`]; a gateway that has just found its file damaged may not answer.
    fn try_status(&self) -> Option<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["status", "--json", "--config"]).arg(self.site.path("tidegate.toml"));
        serde_json::from_slice(&command.output().unwrap().stdout).ok()
    }

    /// Whether nothing waits for a cloud that runs. After damage that has to be asked: the account takes whatever was
    /// accepted before it for told, and would end while it is on its way.
    fn is_idle(&self) -> bool {
        if self.damaged.is_none() {
            return true;
        }
        let Some(status) = self.try_status() else { return false };
        let is_salvaged = |aside: &Value| aside["is_salvaged"] == true;
        let is_drained = |(cloud, uplink): (&Cloud, &Value)| {
            !cloud.is_up || uplink["owed_blocks"].as_u64().is_some_and(|owed| owed <= ON_ITS_WAY)
        };
        let (asides, uplinks) = (&status["buffer"]["set_aside"], &status["uplinks"]);
        asides.as_array().is_none_or(|asides| asides.iter().all(is_salvaged))
            && uplinks.as_array().is_some_and(|uplinks| self.clouds.iter().zip(uplinks).all(is_drained))
    }

    /// Whether the gateway has ever logged this in its present run.
    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.gateway.as_ref().is_some_and(|gateway| gateway.count_in_log(text) > 0)
    }

    /// A daemon that finds its file damaged while it works ends, and systemd starts it again. It never ends otherwise.
    fn keep_running(&mut self) {
        if self.gateway.as_ref().is_some_and(|gateway| !gateway.has_ended()) {
            return;
        }
        if let Some(gateway) = self.gateway.take() {
            assert!(self.damaged.is_some(), "the gateway ended by itself:\n{}", gateway.log());
            self.revivals += 1;
            // It stopped in order, and may have dropped the answer that was under way.
            let from = self.all_but_the_last();
            self.allow(from);
        }
        self.run();
    }

    /// What became of everything handed out, for each cloud whose broker runs.
    fn fates(&mut self, due: &Served) -> Vec<(usize, Fate)> {
        let (kills, damaged) = (&self.kills, self.damaged.as_ref());
        let alive = self.clouds.iter_mut().enumerate().filter(|(_, cloud)| cloud.is_up);
        alive.map(|(number, cloud)| (number, cloud.fate(due, kills, damaged))).collect()
    }

    /// Waits until each cloud has been told of enough runs.
    fn wait_for_runs(&mut self, state: &str, is_enough: impl Fn(usize, &[Run]) -> bool) {
        let end = Instant::now() + LIMIT;
        while !self.clouds.iter_mut().enumerate().all(|(number, cloud)| is_enough(number, &runs(cloud, state))) {
            assert!(Instant::now() < end, "the state {state} did not arrive everywhere");
            pass(LOOK);
        }
    }
}

/// A run of the gateway: store and epoch.
type Run = (String, u64);

/// The runs that a cloud was told of by this state, in the order of their first telling.
fn runs(cloud: &mut Cloud, state: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    for message in
        cloud.look().arrived().iter().filter(|message| message.topic.ends_with("/state")).map(Message::json)
    {
        let run = (message["store"].as_str().unwrap().to_owned(), message["epoch"].as_u64().unwrap());
        if message["state"] == state && !runs.contains(&run) {
            runs.push(run);
        }
    }
    runs
}
