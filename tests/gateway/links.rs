//! Every kind of link against peers that are not ours: pymodbus over TCP, TLS and socat's terminals, in RTU and ASCII,
//! libmodbus as a second opinion, mbpoll as a witness of writes.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use crate::harness::{
    Blocks, Broker, Cable, Gateway, Libmodbus, Listener, Outgoing, PREFIX, Site, Units, Write, is_here, value_of,
};

/// A line with a writable setpoint on two units, over any link.
fn site(broker: &Broker, link: &str) -> Site {
    let mut site = Site::new(broker.port())
        .line(1, 2, 3, "100ms")
        .setpoint()
        .with("[commands]\ntimeout = \"3s\"\n\n[[grant]]\nfrom = \"uplink:cloud\"\ntargets = [\"unit-2/setpoint\"]");
    site.replace("tcp://127.0.0.1:1", link);
    site
}

/// Waits until every point of pymodbus's units has ten good readings, which must be the values it gave, in order.
fn expect_values(listener: &Listener) {
    let points = (1..=2).flat_map(|unit| (0..3).map(move |point| (unit, point)));
    listener.wait_for("ten readings of every point", |messages| {
        let series = Blocks::received(messages).series();
        let has_ten = |(unit, point)| {
            let good = series.get(&format!("unit-{unit}/v{point}"))?.iter().filter(|reading| reading.is_good());
            (good.count() >= 10).then_some(())
        };
        points.clone().try_for_each(|point| has_ten(point).ok_or(())).ok()
    });
    let series = Blocks::received(&listener.messages()).series();
    for (unit, point) in points {
        let good = series[&format!("unit-{unit}/v{point}")].iter().filter(|reading| reading.is_good());
        let mut last = 0;
        for reading in good {
            let times = u32::try_from(reading.number() & 0xffff).unwrap();
            assert_eq!(reading.number(), value_of(unit, point, times), "unit {unit}, point {point}");
            assert!(times > last, "unit {unit}, point {point}: reading {times} after {last}");
            last = times;
        }
    }
}

/// Writes 42 to the setpoint of unit 2 and waits for the outcome.
fn write_setpoint(broker: &Broker, listener: &Listener) {
    broker.wait_for_subscription(&format!("{PREFIX}/command"));
    let command = json!({"id": "w1", "device": "unit-2", "point": "setpoint", "value": 42}).to_string();
    let topic = format!("{PREFIX}/command");
    listener.send(&Outgoing { topic: &topic, payload: command.as_bytes(), ..Outgoing::default() });
    let outcome = listener.wait_for_message("/outcome", |outcome| outcome["id"] == "w1");
    assert_eq!(outcome["status"], "done", "{outcome}");
}

/// Reads and writes two units over a link.
fn read_and_write(units: &Units, link: &str) {
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let gateway = Gateway::start(&site(&broker, link));

    expect_values(&listener);
    write_setpoint(&broker, &listener);

    assert_eq!(units.writes(), [Write { unit: 2, address: 1000, values: vec![42] }], "{link}");
    assert!(gateway.stop().success());
}

#[test]
fn pymodbus_is_read_and_written_in_rtu_and_ascii_over_tcp() {
    for framing in ["rtu", "ascii"] {
        let units = Units::start_with(2, 3, &[framing]);
        read_and_write(&units, &format!("{framing}+tcp://127.0.0.1:{}", units.port()));
    }
}

#[test]
fn pymodbus_is_read_and_written_in_rtu_and_ascii_over_a_serial_port() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("usb-serial");
    for framing in ["rtu", "ascii"] {
        let units = Units::start_with(2, 3, &[framing]);
        let _cable = Cable::to_server(&port, units.port());
        read_and_write(&units, &format!("{framing}://{}?baud=115200", port.display()));
    }
}

#[test]
fn a_serial_adapter_that_is_plugged_out_and_in_again_goes_on_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("usb-serial");
    let units = Units::start_with(2, 3, &["rtu"]);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let link = format!("rtu://{}?baud=115200", port.display());

    let gateway = Gateway::start(&site(&broker, &link));
    gateway.wait_for_log("cannot open the port");
    let cable = Cable::to_server(&port, units.port());
    units.wait_served(5);
    drop(cable);
    // The first loss is the port that was not there.
    gateway.wait_for_log("the port is gone");
    let before = units.served();
    let _cable = Cable::to_server(&port, units.port());
    units.wait_served(before.values().max().unwrap() + 5);

    expect_values(&listener);
    assert!(gateway.stop().success());
}

#[test]
fn a_port_that_another_program_uses_is_left_alone_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("usb-serial");
    let units = Units::start_with(2, 3, &["rtu"]);
    let _cable = Cable::to_server(&port, units.port());
    let other = fs::OpenOptions::new().read(true).write(true).open(&port).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let broker = Broker::start();
    let link = format!("rtu://{}?baud=115200", port.display());

    let gateway = Gateway::start(&site(&broker, &link));
    gateway.wait_for_log("another program uses it");
    assert!(units.served().values().all(|&served| served == 0));
    drop(other);
    units.wait_served(5);

    assert!(gateway.stop().success());
}

#[test]
fn pymodbus_is_read_and_written_with_tls_and_both_ends_prove_who_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, cert, key] = certificates(folder.path());
    let units = Units::start_with(2, 3, &["socket", &cert, &key, &ca]);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let link = format!("tls://localhost:{}", units.port());
    let mut site = site(&broker, &link);
    site.replace("timeout = \"2s\"", "timeout = \"2s\"\npause_after_connect = \"10ms\"");
    let anonymous = format!("tls = {{ ca = \"{ca}\" }}\nkind = \"modbus\"");
    site.replace("kind = \"modbus\"", &anonymous);

    let gateway = Gateway::start(&site);
    gateway.wait_for_log("Link is down");
    assert!(units.served().values().all(|&served| served == 0), "a client without a certificate was served");
    site.replace(&format!("ca = \"{ca}\""), &format!("ca = \"{ca}\", cert = \"{cert}\", key = \"{key}\""));
    gateway.reload(&site);

    expect_values(&listener);
    write_setpoint(&broker, &listener);
    assert!(gateway.stop().success());
}

/// A root, and a certificate for both ends with its key: three files.
fn certificates(folder: &Path) -> [String; 3] {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // Without a name of its own it would look like the one it signs, which then looks signed by itself.
    params.distinguished_name.push(rcgen::DnType::CommonName, "root");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(params, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = [("ca.pem", root.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())];
    files.map(|(name, pem)| {
        let path = folder.join(name);
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    })
}

/// A unit that libmodbus plays at the far end of a cable, and a broker.
struct SecondOpinion {
    /// To the near end.
    link: String,
    /// Everything that was published.
    listener: Listener,
    broker: Broker,
    _unit: Libmodbus,
    _cable: Cable,
    _folder: tempfile::TempDir,
}

impl SecondOpinion {
    /// Starts it; `None` where libmodbus is not installed.
    fn found() -> Option<Self> {
        if !is_here("libmodbus-dev", "/usr/include/modbus/modbus.h") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (near, far) = (folder.path().join("near"), folder.path().join("far"));
        let cable = Cable::between(&near, &far);
        let unit = Libmodbus::start(folder.path(), &far);
        let broker = Broker::start();
        Some(Self {
            link: format!("rtu://{}?parity=none", near.display()),
            listener: Listener::start(broker.port()),
            broker,
            _unit: unit,
            _cable: cable,
            _folder: folder,
        })
    }
}

#[test]
fn libmodbus_gives_a_second_opinion_in_rtu() {
    let Some(second) = SecondOpinion::found() else { return };
    let (broker, listener) = (&second.broker, &second.listener);
    let mut site = Site::new(broker.port())
        .line(1, 1, 3, "100ms")
        .setpoint()
        .with("[commands]\ntimeout = \"3s\"\n\n[[grant]]\nfrom = \"uplink:cloud\"\ntargets = [\"unit-2/setpoint\"]");
    site.replace("tcp://127.0.0.1:1", &second.link);
    site.replace("unit-1", "unit-2");

    let gateway = Gateway::start(&site);
    listener.wait_for("the values of libmodbus", |messages| {
        let series = Blocks::received(messages).series();
        let good = (0..3u64).all(|point| {
            let wanted = (0x4000 + 2 * point) << 16 | (0x4001 + 2 * point);
            let readings = series.get(&format!("unit-2/v{point}"));
            readings.is_some_and(|readings| readings.iter().any(|reading| reading.number() == wanted))
        });
        good.then_some(())
    });
    write_setpoint(broker, listener);
    listener.wait_for("what was written", |messages| {
        let series = Blocks::received(messages).series();
        series.get("unit-2/setpoint")?.iter().any(|reading| reading.number() == 42).then_some(())
    });

    assert!(gateway.stop().success());
}

#[test]
fn libmodbus_hears_what_is_written_to_all_units() {
    let Some(second) = SecondOpinion::found() else { return };
    let (broker, listener) = (&second.broker, &second.listener);
    let everyone = "[[device]]\nid = \"everyone\"\nadapter = \"line\"\naddress = { unit = 0 }\n\
                    [[device.point]]\nname = \"first\"\nregister = \"holding:0\"\ntype = \"u32\"\naccess = \"w\"\n\n\
                    [[grant]]\nfrom = \"uplink:cloud\"\ntargets = [\"everyone/first\"]";
    let mut site = Site::new(broker.port()).line(1, 1, 1, "100ms").with(everyone);
    site.replace("tcp://127.0.0.1:1", &second.link);

    let gateway = Gateway::start(&site);
    broker.wait_for_subscription(&format!("{PREFIX}/command"));
    listener.wait_for("the line to be up", |messages| {
        let series = Blocks::received(messages).series();
        series.get("unit-1/v0")?.iter().any(|reading| reading.quality == "good").then_some(())
    });
    let command = json!({"id": "all", "device": "everyone", "point": "first", "value": 77}).to_string();
    let topic = format!("{PREFIX}/command");
    listener.send(&Outgoing { topic: &topic, payload: command.as_bytes(), ..Outgoing::default() });

    let outcome = listener.wait_for_message("/outcome", |outcome| outcome["id"] == "all");
    assert_eq!((&outcome["status"], &outcome["value"]), (&json!("done"), &json!(77)), "{outcome}");
    listener.wait_for("what was written", |messages| {
        let series = Blocks::received(messages).series();
        series.get("unit-1/v0")?.iter().any(|reading| reading.number() == 77).then_some(())
    });
    assert!(gateway.stop().success());
}

#[test]
fn mbpoll_reads_what_the_gateway_wrote() {
    if !is_here("mbpoll", "/usr/bin/mbpoll") {
        return;
    }
    let units = Units::start(2, 3);
    read_and_write(&units, &format!("tcp://127.0.0.1:{}", units.port()));

    let mut mbpoll = Command::new("mbpoll");
    mbpoll.args([
        "-m",
        "tcp",
        "-p",
        &units.port().to_string(),
        "-a",
        "2",
        "-0",
        "-r",
        "1000",
        "-c",
        "1",
        "-1",
        "-o",
        "10",
    ]);
    let output = mbpoll.arg("127.0.0.1").output().unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.lines().any(|line| line.starts_with("[1000]:") && line.ends_with("42")), "{said}");
}
