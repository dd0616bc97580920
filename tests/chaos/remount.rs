//! A file system that the kernel makes read-only after a fault, and that is unmounted, mended and mounted again under a
//! gateway that goes on.

use crate::{
    cloud::Cloud,
    disk::Disk,
    form::{Form, Load},
    harness::{Message, eventually},
    say,
    world::World,
};

/// 200 readings a second.
const LOAD: Load = Load { units: 2, points: 10, poll: "100ms" };

#[test]
fn a_disk_that_becomes_read_only_and_is_mended_costs_no_reading_and_no_restart() {
    let disk = match Disk::faulty() {
        Ok(disk) => disk,
        Err(why) => return say(&format!("SKIPPED: read-only file system: {why}")),
    };
    let mut world = World::start(Form::Conservative, LOAD, vec![Cloud::start(None)], "2s", Some(disk));
    world.run();
    world.units.wait_served(5);

    // Without a broker everything has to be stored.
    world.clouds[0].kill();
    let served = |world: &World| world.units.served().into_values().max().expect("there are points");
    world.units.wait_served(served(&world) + 10);
    let disk = world.disk.as_ref().expect("a disk");
    disk.fault();
    eventually("the alarm", || world.has_logged("Buffer cannot write").then_some(()));
    world.units.wait_served(served(&world) + 10);
    disk.unmount();
    eventually("the file is let go of", || world.has_logged("Buffer file is gone from its place").then_some(()));
    eventually("the disk is held by nobody", || disk.mend().ok());
    disk.mount_again().expect("it was mended");
    eventually("the recovery", || world.has_logged("Buffer commits again").then_some(()));
    world.clouds[0].resume();

    let (_, fate) = world.drain().remove(0);
    assert_eq!(fate.lost, [], "{fate:?}");
    assert_eq!(world.revivals, 0, "{fate:?}");
    let told = format!("{:?}", world.clouds[0].look().arrived().iter().map(Message::json).collect::<Vec<_>>());
    assert!(
        ["buffer-failing", "buffer-detached", "buffer-recovered"].iter().all(|what| told.contains(what)),
        "nobody is told"
    );
    say(&format!(
        "read-only disk, mended: {} readings, {} delivered, {} told as lost, 0 lost silently",
        fate.accepted, fate.delivered, fate.told
    ));
    world.finish();
}
