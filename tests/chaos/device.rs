//! A device that fails for a while under a buffer that is in use.

use crate::{
    cloud::Cloud,
    disk::Disk,
    form::{Form, Load},
    harness::{Message, eventually},
    say,
    world::World,
};

/// 200 readings a second, so that the buffer soon needs new blocks of the device.
const LOAD: Load = Load { units: 2, points: 10, poll: "100ms" };

#[test]
fn a_device_that_fails_for_a_while_costs_no_reading_and_needs_no_restart() {
    let disk = match Disk::failing() {
        Ok(disk) => disk,
        Err(why) => return say(&format!("SKIPPED: failing device: {why}")),
    };
    let mut world = World::start(Form::Conservative, LOAD, vec![Cloud::start(None)], "2s", Some(disk));
    world.run();
    world.units.wait_served(5);

    // Without a broker everything has to be stored.
    world.clouds[0].kill();
    world.disk.as_ref().expect("a disk").fill();
    eventually("the alarm", || world.has_logged("Buffer cannot write").then_some(()));
    let failing = world.status()["buffer"]["failing"].clone();
    assert!(failing.is_string(), "the status says {failing}");
    let before = world.units.served().into_values().max().expect("there are points");
    world.units.wait_served(before + 20);
    world.disk.as_ref().expect("a disk").free();
    eventually("the recovery", || world.has_logged("Buffer commits again").then_some(()));
    world.clouds[0].resume();

    let (_, fate) = world.drain().remove(0);
    assert_eq!(fate.lost, [], "{fate:?}");
    assert_eq!((fate.told, world.revivals), (0, 0), "{fate:?}");
    let told = format!("{:?}", world.clouds[0].look().arrived().iter().map(Message::json).collect::<Vec<_>>());
    assert!(told.contains("buffer-failing") && told.contains("buffer-recovered"), "nobody is told");
    say(&format!("device failing ({failing}): {} readings, {} delivered, 0 lost", fate.accepted, fate.delivered));
    world.finish();
}
