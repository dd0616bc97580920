//! A backlog on the disk, left by a process that is gone.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tidegate::{
    adapter::registry,
    buffer::{self, Append},
    model::{Batch, DeviceId, Point, PointName, PointType, Reading, SharedClock, Value},
};

use super::block_on;
use crate::{
    gateway::origin,
    load::Load,
    report::Row,
    site::{Site, clock},
};

/// What each block of it holds.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// One reading of [`FRAME`] bytes that nothing compresses, in a commit of its own: a file that grows fast. Whoever
    /// wrote them was killed while writing more.
    Frames,
    /// [`BLOCK`] readings of a plant, written by somebody who stopped in order.
    Plant,
}

/// Bytes of a frame.
pub(super) const FRAME: usize = 10 << 10;
/// Readings of a plant's block, the most that a block takes.
pub(super) const BLOCK: usize = 1_000;
/// Readings of a plant that are taken at one time, and how far apart these times are: 1 000 a second.
const BATCH: usize = 50;
const EVERY: Duration = Duration::from_millis(50);
/// Blocks between commits of a plant's readings.
const COMMIT: usize = 64;

impl Content {
    const ALL: [(&'static str, Self); 2] = [("frames", Self::Frames), ("plant", Self::Plant)];

    /// Fills the site's store with at least so many blocks of this.
    pub(super) fn leave(self, site: &Site, blocks: usize) {
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.args(["--case", "backlog-fill"]).arg(site.write()).args([self.name(), &blocks.to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a child process");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), "full");
        if matches!(self, Self::Frames) {
            child.kill().expect("a child that still runs");
        }
        child.wait().expect("its end");
    }

    fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Plant => "plant",
        }
    }

    /// Batches in a block, and blocks in a commit.
    fn sizes(self) -> (usize, usize) {
        match self {
            Self::Frames => (1, 1),
            Self::Plant => (BLOCK / BATCH, COMMIT),
        }
    }

    /// Gives one batch of readings after another.
    fn source(self, clock: SharedClock) -> Box<dyn FnMut() -> Batch> {
        match self {
            Self::Frames => frames(clock),
            Self::Plant => plant(clock),
        }
    }
}

fn frames(clock: SharedClock) -> Box<dyn FnMut() -> Batch> {
    let (device, name) = (DeviceId::new("camera").expect("a slug"), PointName::new("frame").expect("a slug"));
    let point = Arc::new(Point::new(device, name, PointType::Bytes, None));
    let mut rng = fastrand::Rng::with_seed(7);
    Box::new(move || {
        let mut noise = vec![0; FRAME];
        rng.fill(&mut noise);
        vec![Reading::good(Arc::clone(&point), Value::Bytes(noise.into()), clock.now())].into()
    })
}

fn plant(clock: SharedClock) -> Box<dyn FnMut() -> Batch> {
    let mut ts = clock.now();
    let mut load = Load::new(clock);
    Box::new(move || {
        ts = ts.plus(EVERY);
        load.batch_at(ts, BATCH)
    })
}

/// In the child: writes the backlog, says so, and goes on with frames until it is killed.
pub(super) fn fill(args: &[&str]) -> Vec<Row> {
    let [path, name, blocks] = args else { panic!("what to fill, with what, and how much of it") };
    let (_, content) = Content::ALL.into_iter().find(|(known, _)| known == name).expect("a known content");
    let blocks: usize = blocks.parse().expect("a number of blocks");
    let (clock, (config, ..)) = (clock(), registry::load(path.as_ref()).expect("a configuration"));
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(&config, &clock), buffer::Metrics::default()).expect("a buffer");
    let writing = std::thread::spawn(|| writer.run());
    let (mut next, (batches, commit)) = (content.source(clock), content.sizes());
    block_on(async {
        for number in 1.. {
            for _ in 0..batches {
                buffer.append(Append { forward: next().readings, ..Append::default() }).await.expect("a writer");
            }
            if number % commit == 0 || number == blocks {
                buffer.flush().await.expect("a commit");
            }
            if number == blocks {
                println!("full");
            }
            if number == blocks && matches!(content, Content::Plant) {
                return buffer.close().await;
            }
        }
    });
    writing.join().expect("a writer that ends");
    Vec::new()
}
