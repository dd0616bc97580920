//! Rounds of faults by the dice. Each round: an outage on the way to the first cloud, a fault of the gateway in the
//! middle of it, then everything heals, drains and is judged. The second cloud is dead for rounds on end.

use std::{env, time::Duration};

use crate::{
    account::Fate,
    clock::WallClock,
    cloud::Cloud,
    consumer::{keep, verdict},
    disk::Disk,
    faults::{Deck, Fault, Outage, begin, decks, hurt},
    form::{Form, Load},
    harness::is_long,
    link::Weather,
    pass, say,
    table::Table,
    world::World,
};

/// 200 readings a second.
const LOAD: Load = Load { units: 2, points: 10, poll: "100ms" };
/// Rounds in `make test`.
const SHORT: usize = 5;

#[test]
fn nothing_is_lost_when_blocks_are_published_before_their_commit() {
    play(&[Form::Express, Form::Unkept]);
}

#[test]
fn nothing_is_lost_when_every_block_is_committed_first() {
    play(&[Form::Conservative]);
}

/// As many rounds as are wanted, in one of these forms, and the final proof.
fn play(forms: &[Form]) {
    let rounds = number("TIDEGATE_CHAOS_ROUNDS").map_or(SHORT, |rounds| usize::try_from(rounds).unwrap());
    let seed =
        number("TIDEGATE_CHAOS_SEED").unwrap_or_else(|| if is_long() { fastrand::u64(..1_000_000) } else { 2 });
    let mut dice = fastrand::Rng::with_seed(seed);
    let form = forms[dice.usize(..forms.len())];
    // In half of the runs the second cloud has a filter, and so a stream of its own.
    let unit = dice.bool().then_some(1);
    let wish = if unit.is_some() { "unit 1" } else { "everything" };
    let repeat = format!("repeat with make chaos ROUNDS={rounds} SEED={seed}");
    let mut table = Table::new(&format!("chaos, {form:?}, cloud 1 wants {wish}, {repeat}"));
    say(&format!("chaos, {form:?}: {repeat}"));

    let mut game = Game::start(form, unit, dice);
    let is_whole = game.rounds(rounds, &mut table) && prove(&mut game.world, &mut table);

    say(&format!("{}\n", table.text()));
    assert!(is_whole, "{}\n{repeat}", table.text());
}

/// A site and what decides its fate. The same seed gives the same faults where the same faults can be made.
struct Game {
    /// The site.
    world: World,
    /// Outages still to come.
    outages: Deck<Outage>,
    /// Faults still to come.
    faults: Deck<Fault>,
    /// Decides the rest.
    dice: fastrand::Rng,
}

impl Game {
    /// A site at work; the second cloud wants this unit alone, or everything.
    fn start(form: Form, unit: Option<u8>, mut dice: fastrand::Rng) -> Self {
        let disk = Disk::mount().inspect_err(|why| say(&format!("SKIPPED: full disk: {why}"))).ok();
        let clock = WallClock::find().inspect_err(|why| say(&format!("SKIPPED: clock jumps: {why}"))).ok();
        let (outages, faults) = decks(disk.is_some(), clock.is_some(), &mut dice);
        let mut world = World::start(form, LOAD, vec![Cloud::start(None), Cloud::start(unit)], "2s", disk);
        world.clock = clock;
        world.run();
        world.units.wait_served(5);
        Self { world, outages, faults, dice }
    }

    /// Plays so many rounds, and ends before that when something is lost.
    fn rounds(&mut self, rounds: usize, table: &mut Table) -> bool {
        let Self { world, outages, faults, dice } = self;
        (1..=rounds).all(|round| {
            flip_second_cloud(world, dice);
            let (outage, fault) = (outages.draw(dice), faults.draw(dice));
            suffer(world, outage, fault, dice, table);
            judge(world, &round.to_string(), &format!("{outage:?}, {fault:?}"), table)
        })
    }
}

/// The second cloud dies and comes back now and then; three rounds dead are nothing unusual.
fn flip_second_cloud(world: &mut World, dice: &mut fastrand::Rng) {
    if dice.u8(..3) == 0 {
        let second = &mut world.clouds[1];
        if second.is_up { second.kill() } else { second.resume() }
    }
}

/// One outage with one fault in its middle.
fn suffer(world: &mut World, outage: Outage, fault: Fault, dice: &mut fastrand::Rng, table: &mut Table) {
    begin(world, outage);
    pass(Duration::from_millis(dice.u64(100..1_500)));
    hurt(world, fault, dice, table);
    pass(Duration::from_millis(dice.u64(100..1_500)));
    world.clouds[0].link.set(Weather::Fair);
    world.clouds[0].resume();
    world.heal();
}

/// Waits for everything that is owed and writes the figures down. False when something is wrong.
fn judge(world: &mut World, round: &str, faults: &str, table: &mut Table) -> bool {
    let fates = world.drain();
    record(world, round, faults, &fates, table)
}

/// The last drain, and the reference consumer's word on every number of the run.
fn prove(world: &mut World, table: &mut Table) -> bool {
    let fates = world.finish();
    let mut is_whole = record(world, "end", "", &fates, table);
    for (number, cloud) in world.clouds.iter().enumerate() {
        let report = verdict(cloud.account.arrived());
        let ranges = |kind: &str| report[kind].as_array().unwrap().len();
        table.note(&format!(
            "cloud {number} by completeness.py: {} messages, {} readings, {} holes, {} open, {} two contents, {} taken \
             by crashes before their commit, {} by damage, {} epochs without a known end, gaps explain {}",
            report["messages"],
            report["readings"],
            ranges("holes"),
            ranges("open"),
            ranges("conflicts"),
            ranges("crash_window"),
            ranges("damaged"),
            ranges("unproven_epochs"),
            report["explained_readings"]
        ));
        if report["complete"] != true {
            let (holes, open, unproven) = (&report["holes"], &report["open"], &report["unproven_epochs"]);
            table.note(&format!("NOT COMPLETE: holes {holes}, open {open}, epochs {unproven}"));
            table.note(&format!("what it was sent is in {}", keep(number, cloud.account.arrived()).display()));
            is_whole = false;
        }
        for damage in &cloud.account.damages {
            table.note(&format!("cloud {number} was told: {damage}"));
        }
    }
    table.note(&format!("ended by itself on a damaged file: {} times", world.revivals));
    is_whole
}

/// One line for each cloud that is up, and whether all is well there.
fn record(world: &World, round: &str, faults: &str, fates: &[(usize, Fate)], table: &mut Table) -> bool {
    let mut is_whole = true;
    for (number, fate) in fates {
        let cloud = &world.clouds[*number];
        table.row([round, faults], (*number, fate), cloud, world.drained_in);
        if !fate.lost.is_empty() {
            table.note(&format!("LOST at cloud {number}: {:?}", &fate.lost[..fate.lost.len().min(20)]));
        }
        if let Some(wrong) = cloud.account.wrong.first() {
            table.note(&format!("WRONG at cloud {number}: {wrong}"));
        }
        is_whole &= fate.lost.is_empty() && cloud.account.repeats().1 == 0 && cloud.account.wrong.is_empty();
    }
    is_whole
}

/// A number from the environment; an empty one is none.
fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
