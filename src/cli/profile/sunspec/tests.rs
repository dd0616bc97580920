//! The walk over a simulated SunSpec device, and the profile that comes of it.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::*;
use crate::{
    profile::Library,
    shutdown::StopSignal,
    testing::{
        modbus_unit::{self, Bank},
        profiled,
    },
};

/// A unit with the mark at `base`, the common model in `common` registers, an inverter 103 and the end.
fn inverter(base: u16, common: u16) -> (Bank, u16) {
    let bank = Bank::new(&[1]);
    bank.set_holdings(1, base, &[0x5375, 0x6e53, 1, common]);
    let start = base + 4 + common;
    bank.set_holdings(1, start, &[103, 50]);
    // All 50 registers say "not there", the signed ones among them in their own way; then those that are.
    bank.set_holdings(1, start + 2, &[0xffff; 50]);
    for (at, count) in [(14, 2), (18, 4), (31, 7)] {
        bank.set_holdings(1, start + at, &[0x8000; 7][..count]);
    }
    bank.set_holdings(1, start + 10, &[2301]);
    bank.set_holdings(1, start + 13, &[0xffff]);
    bank.set_holdings(1, start + 16, &[4998, 0xfffe]);
    bank.set_holdings(1, start + 24, &[0x0012, 0xd687, 0]);
    bank.set_holdings(1, start + 38, &[4]);
    bank.set_holdings(1, start + 52, &[0xffff, 0]);
    (bank, start)
}

/// Runs `work` while the bank is served; it is given the link.
async fn served<T>(bank: Bank, work: impl AsyncFnOnce(String) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = format!("tcp://{}", listener.local_addr().unwrap());
    let (_signal, stop) = StopSignal::pair();
    tokio::select! {
        () = modbus_unit::serve(listener, Arc::new(bank), stop) => unreachable!("nobody stops it"),
        done = work(link) => done,
    }
}

#[tokio::test]
async fn a_device_is_found_at_each_base_and_its_models_are_walked() {
    for (base, common) in [(40_000, 65), (50_000, 66), (0, 66)] {
        let (bank, start) = inverter(base, common);

        let found = served(bank, async |link| {
            let asked = Asked { link: &link, unit: 1 };
            let models = asked.walk(asked.base().await.unwrap()).await.unwrap();
            models.iter().map(|found| (found.id, found.start)).collect::<Vec<_>>()
        })
        .await;

        assert_eq!(found, [(1, base + 2), (103, start)]);
    }
}

#[tokio::test]
async fn the_profile_reads_what_the_device_has() {
    let (bank, _) = inverter(40_000, 65);
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("sunspec/inverter");
    std::fs::create_dir_all(&pack).unwrap();

    let readings = served(bank, async |link| {
        let asked = Asked { link: &link, unit: 1 };
        let text = asked.profile(&asked.walk(40_002).await.unwrap()).await.unwrap();
        std::fs::write(pack.join("profile.toml"), text).unwrap();
        let mut library = Library::new(vec![folder.path().to_owned()]);
        let name = "sunspec/inverter".parse().unwrap();
        let config = profiled::units(&mut library, &link, &[(&name, Some(1))]).unwrap();
        rehearsal::read_all(&Modbus::new(config)).await
    })
    .await;

    let mut found: Vec<_> = readings
        .values()
        .map(|reading| {
            let value = reading.value.as_ref().map_or_else(|| reading.quality.to_string(), ToString::to_string);
            format!("{} {value} {}", reading.point.name(), reading.point.unit.as_deref().unwrap_or("-"))
        })
        .collect();
    found.sort();
    // What the model asks of every inverter stays, also without a value now; what this one lacks is left out.
    let wanted = [
        "current bad:not-available A",
        "current_l1 bad:not-available A",
        "current_l2 bad:not-available A",
        "current_l3 bad:not-available A",
        "energy 1234.567 kW.h",
        "frequency 49.98 Hz",
        "power bad:not-available W",
        "state 4 -",
        "temperature bad:not-available Cel",
        "voltage_l1 230.1 V",
        "voltage_l2 bad:not-available V",
        "voltage_l3 bad:not-available V",
    ];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_device_without_the_mark_or_the_end_is_named() {
    let silent = served(Bank::new(&[1]), async |link| Asked { link: &link, unit: 1 }.base().await).await;
    assert!(silent.unwrap_err().to_string().contains("no \"SunS\" at 40000, 50000, 0"));

    let absent = served(Bank::new(&[1]), async |link| Asked { link: &link, unit: 9 }.base().await).await;
    assert!(absent.unwrap_err().to_string().starts_with("unit 9 at tcp://"));

    // Zeros all the way: id 0, length 0.
    let endless = served(Bank::new(&[1]), async |link| {
        Asked { link: &link, unit: 1 }.walk(40_002).await.map(|found| found.len())
    })
    .await;
    assert!(endless.unwrap_err().to_string().contains("end without their mark"));
}
