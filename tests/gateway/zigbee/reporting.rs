//! When devices report, what they say of that, and what they do otherwise.

use serde_json::{Value, json};
use tidegate::{
    adapter::zigbee::address::{Attribute, Cluster},
    testing::zigbee::Kind,
};

use super::{Coordinator, Scene};

/// The devices as they are listed.
fn devices(scene: &Scene) -> Value {
    serde_json::from_str(&scene.tidegate(&["zigbee", "devices", "--json"])).unwrap()
}

/// The shortest and longest time that a device was told for an attribute.
fn told(scene: &Scene, device: u16, cluster: u16, attribute: u16) -> Option<(u16, u16)> {
    scene.coordinator.with(|stick| {
        let device = stick.devices.iter().find(|found| found.ieee == Coordinator::ieee(device))?;
        device.times(Cluster(cluster), Attribute(attribute))
    })
}

#[test]
fn what_a_device_refuses_or_does_otherwise_is_shown() {
    let coordinator = Coordinator::start(&[Kind::Thermometer, Kind::Co2]);
    coordinator.with(|stick| {
        stick.devices[0].unreportable.insert((Cluster(0x0001), Attribute(0x0021)));
        stick.devices[0].own_most_s = Some(300);
    });
    let scene = Scene::start(coordinator);
    scene.let_all_in();

    let devices = devices(&scene);
    let why = |device: usize| {
        let all = devices[device]["reporting"].as_array().unwrap().iter();
        all.map(|other| (other["name"].as_str().unwrap(), other["why"].as_str().unwrap())).collect::<Vec<_>>()
    };
    let otherwise = "every 5 s to 300 s instead of 5 s to 3600 s";
    assert_eq!(
        why(0),
        [
            ("batteryPercentageRemaining", "refused: unreportable attribute (0x8c)"),
            ("measuredValue", otherwise),
            ("measuredValue", otherwise),
        ]
    );
    assert!(why(1).is_empty(), "{devices:#}");
    scene.wait_for_log("Device reports otherwise than it was asked to");
}

#[test]
fn a_point_has_times_of_its_own() {
    let own = format!(
        "[[device.reports]]\npoint = \"power\"\nmin = \"1s\"\nmax = \"1m\"\n[[device]]\nid = \"other\"\n\
         adapter = \"zb\"\naddress = {{ ieee = \"{}\" }}",
        Coordinator::ieee(9)
    );
    let coordinator = Coordinator::start(&[Kind::Thermometer, Kind::Plug]);
    let address = format!("address = {{ ieee = \"{}\" }}", Coordinator::ieee(2));
    let keys = format!("form = true\n[[device]]\nid = \"meter\"\nadapter = \"zb\"\n{address}\n{own}");
    let scene = Scene::with(coordinator, &keys);
    scene.let_all_in();

    assert_eq!(told(&scene, 2, 0x0b04, 0x050b), Some((1, 60)));
    assert_eq!(told(&scene, 2, 0x0702, 0), Some((5, 3600)));
    assert_eq!(told(&scene, 2, 0x0006, 0), Some((5, 3600)));
    assert_eq!(devices(&scene)[1]["reporting"], json!([]));
}

#[test]
fn a_point_that_is_named_in_vain_is_told() {
    let reports = |point: &str| format!("[[device.reports]]\npoint = \"{point}\"\nmax = \"1m\"\n");
    let address = format!("address = {{ ieee = \"{}\" }}", Coordinator::ieee(2));
    let device = format!("[[device]]\nid = \"door\"\nadapter = \"zb\"\n{address}");
    let named: String = ["battry", "motion"].map(reports).concat();
    let keys = format!("form = true\n{device}\n{named}");
    let scene = Scene::with(Coordinator::start(&[Kind::Plug, Kind::Motion]), &keys);
    scene.let_all_in();

    scene.wait_for_log("[[device.reports]] names a point in vain");
    let why = [
        json!({ "point": "battry", "why": "the device has no such point" }),
        json!({ "point": "motion", "why": "the device chooses when it reports it" }),
    ];
    assert_eq!(devices(&scene)[1]["reporting"], json!(why));
    let shown = scene.tidegate(&["zigbee", "devices"]);
    assert!(shown.contains("door: [[device.reports]] names battry, but the device has no such point\n"), "{shown}");
}

#[test]
fn intervals_are_set_for_all_and_for_one_and_a_change_is_told_to_the_devices() {
    let own = "[[device]]\nid = \"slow\"\nadapter = \"zb\"\naddress = { ieee = \"0x00aabbccdd000002\" }\n\
               reporting = { max = \"4h\" }";
    let keys = format!("form = true\nreporting = {{ min = \"10s\", max = \"30m\" }}\n{own}");
    let mut scene = Scene::with(Coordinator::start(&[Kind::Plug, Kind::Co2]), &keys);
    scene.let_all_in();
    assert_eq!(told(&scene, 1, 0x0006, 0), Some((10, 1800)));
    assert_eq!(told(&scene, 2, 0x040d, 0), Some((10, 14_400)));

    scene.site.replace("max = \"30m\"", "max = \"20m\"");
    scene = scene.stopped_and_started();

    crate::harness::eventually("the plug to be told", || {
        (told(&scene, 1, 0x0006, 0) == Some((10, 1200))).then_some(())
    });
    scene.let_all_in();
    let quiet = devices(&scene);
    assert_eq!(quiet[0]["reporting"], json!([]), "{quiet}");
    assert_eq!(told(&scene, 2, 0x040d, 0), Some((10, 14_400)));
}
