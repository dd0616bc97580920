//! Damage to the log of a store that holds what no broker has: it costs readings, and it must be told.

use crate::{
    cloud::Cloud,
    form::{Form, Load},
    world::{Part, World},
};

/// 20 readings a second.
const LOAD: Load = Load { units: 1, points: 2, poll: "100ms" };

/// How the gateway ends before the damage.
enum End {
    /// SIGTERM.
    Ordered,
    /// SIGKILL.
    Killed,
}

/// A gateway without a broker gathers readings and ends, its log is damaged, and it starts again with a broker. The
/// readings that are lost without a word.
fn lost_by_damage_after(end: &End) -> Vec<(String, u32)> {
    let mut world = World::start(Form::Conservative, LOAD, vec![Cloud::start(None)], "2s", None);
    world.clouds[0].kill();
    world.run();
    world.units.wait_served(30);
    match end {
        End::Ordered => world.stop(),
        End::Killed => world.kill(),
    }
    // This seed meets the log in its middle.
    world.damage(Part::Log, &mut fastrand::Rng::with_seed(2));

    world.run();
    world.clouds[0].resume();
    let (_, fate) = world.drain().remove(0);
    assert!(fate.told > 0 || !fate.lost.is_empty(), "the damage did no harm: {fate:?}");
    fate.lost
}

#[test]
fn what_a_damaged_log_takes_is_told_after_an_ordered_stop() {
    assert_eq!(lost_by_damage_after(&End::Ordered), []);
}

#[test]
fn what_a_damaged_log_takes_is_told_after_a_kill() {
    assert_eq!(lost_by_damage_after(&End::Killed), []);
}
