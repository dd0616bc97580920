//! The three outages that gateways are compared by: 200 readings a second for a minute (`TIDEGATE_LONG=1`, or 6 s),
//! while the broker is stopped, while the link swallows everything without closing, and while the broker is stopped
//! and the gateway is killed half way. The buffer is in the form it is shipped in.

use crate::{
    account::Fate,
    cloud::Cloud,
    consumer::verdict,
    form::{Form, Load},
    harness::is_long,
    link::Weather,
    say,
    world::World,
};

/// Each point once a second.
const LOAD: Load = Load { units: 5, points: 40, poll: "1s" };

/// Readings of each point in an outage.
fn length() -> u32 {
    if is_long() { 60 } else { 6 }
}

/// A site at work.
fn site() -> World {
    let patience = if is_long() { "20s" } else { "2s" };
    let mut world = World::start(Form::Shipped, LOAD, vec![Cloud::start(None)], patience, None);
    world.run();
    world.units.wait_served(2);
    world
}

/// Waits until every point was read so many times more.
fn wait_more(world: &World, times: u32) {
    let before = world.units.served().into_values().max().expect("there are points");
    // One by one: a minute is longer than any single wait may take.
    (1..=times).for_each(|more| world.units.wait_served(before + more));
}

/// Drains, prints the figures, lets the reference consumer have its word on the whole run, and gives the figures.
fn figures(name: &str, mut world: World) -> Fate {
    let window = world.status()["buffer"]["loss_window_ms"].clone();
    let (_, fate) = world.drain().remove(0);
    let (again, differing) = world.clouds[0].account.repeats();
    let (lost, commit) = (fate.lost.len(), Form::Shipped.commit().as_millis());
    let Fate { accepted, delivered, crashed, .. } = fate;
    say(&format!(
        "{name}: {accepted} readings, {delivered} delivered, {lost} lost, {crashed} taken by the kill's window \
         ({commit} ms; {window} ms for a power cut), {again} sent again, {differing} of them differing"
    ));
    assert_eq!(fate.lost, [], "{name}");
    world.finish();
    let report = verdict(world.clouds[0].account.arrived());
    assert_eq!(report["complete"], true, "{name}: {report}");
    assert_eq!(differing, 0, "{name}");
    fate
}

#[test]
fn d_a_stopped_broker_costs_no_reading() {
    let mut world = site();

    world.clouds[0].kill();
    wait_more(&world, length());
    world.clouds[0].resume();

    assert_eq!(figures("D, broker stopped", world).crashed, 0);
}

#[test]
fn h_a_link_that_swallows_everything_costs_no_reading() {
    let world = site();

    world.clouds[0].link.set(Weather::Silent);
    wait_more(&world, length());
    world.clouds[0].link.set(Weather::Fair);

    assert_eq!(figures("H, link swallows everything", world).crashed, 0);
}

#[test]
fn k_a_kill_in_the_middle_of_an_outage_costs_one_commit_at_most() {
    let mut world = site();

    world.clouds[0].kill();
    wait_more(&world, length() / 2);
    world.kill();
    world.run();
    wait_more(&world, length() / 2);
    world.clouds[0].resume();

    let fate = figures("K, broker stopped and gateway killed", world);
    // Each loss was judged by its time already. As a number: one commit, what a busy machine adds, one answer under way.
    assert!(fate.crashed <= 3 * u64::from(LOAD.units) * u64::from(LOAD.points), "{fate:?}");
}
