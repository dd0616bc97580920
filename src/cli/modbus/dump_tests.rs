//! Units with holes, and drafts that are profiles.

use super::*;
use crate::{
    cli::modbus::fixtures::against,
    profile::Library,
    testing::{
        modbus_unit::{Bank, Fault},
        profiled,
    },
};

/// A unit with registers 0 to 9 and 20 to 29, of which no request may cross 25.
fn bank() -> Bank {
    let bank = Bank::new(&[2]);
    bank.set_holdings(2, 0, &[2301, 0, 0x4366, 0x199a, 0xffff]);
    bank.set_holdings(2, 29, &[7]);
    bank.set_hole(2, Table::Holding, 10..20);
    bank.set_hole(2, Table::Holding, 30..65_536);
    bank.set_seam(2, 25);
    bank
}

#[test]
fn holes_are_found_and_the_draft_is_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("acme/draft");

    let into = pack.to_str().unwrap();
    let (said, result) = against(bank(), &["dump", "LINK", "--unit", "2", "--to", "60", "--into", into]);

    result.unwrap();
    assert_eq!(said, format!("{into}/profile.toml\n"));
    let draft = std::fs::read_to_string(pack.join("profile.toml")).unwrap();
    assert!(draft.contains("# holding:0 to holding:9 can be read.\n"), "{draft}");
    assert!(draft.contains("# holding:20 to holding:29 can be read.\n"), "{draft}");
    assert!(draft.contains("# holding:5 to holding:9 hold 0x0000.\n"), "{draft}");
    assert!(draft.contains("# 0x4366 = 17254; with the next as f32 ABCD: 230.1\n"), "{draft}");
    let mut library = Library::new(vec![folder.path().to_owned()]);
    let name = "acme/draft".parse().unwrap();
    let config = profiled::units(&mut library, "tcp://127.0.0.1:502", &[(&name, Some(2))]).unwrap();
    let offsets: Vec<u16> = config.devices[0].points.iter().map(|point| point.register.offset).collect();
    assert_eq!(offsets, [0, 2, 3, 29]);

    let again = against(bank(), &["dump", "LINK", "--unit", "2", "--into", into]).1.unwrap_err();
    assert!(again.to_string().contains("left alone (help: choose another folder)"), "{again}");
}

#[test]
fn programs_are_told_what_can_be_read_and_what_it_holds() {
    let read = |args: &[&str]| -> Value {
        let bank = bank();
        bank.set_coil(2, 1, true);
        let (said, result) = against(bank, &[&["dump", "LINK", "--unit", "2", "--json"], args].concat());
        result.unwrap();
        serde_json::from_str(&said).unwrap()
    };

    let held = read(&["--from", "1", "--to", "29"]);
    assert_eq!(
        held["readable"][0],
        json!({"from": 1, "to": 9, "values": [0, 0x4366, 0x199a, 0xffff, 0, 0, 0, 0, 0]})
    );
    assert_eq!((&held["readable"][1]["from"], &held["readable"][1]["to"]), (&json!(20), &json!(29)));
    assert_eq!((&held["table"], &held["unit"], &held["complete"]), (&json!("holding"), &json!(2), &json!(true)));

    let bits = read(&["--table", "coil", "--to", "1"]);
    assert_eq!(bits["readable"], json!([{"from": 0, "to": 1, "values": [false, true]}]));
}

#[test]
fn bits_are_points_of_their_own() {
    let bank = Bank::new(&[1]);
    bank.set_coil(1, 9, true);
    let (draft, result) = against(bank, &["dump", "LINK", "--table", "coil", "--from", "8", "--to", "9"]);
    result.unwrap();
    assert!(
        draft.ends_with("# true\n[[point]]\nname = \"coil_9\"\nregister = \"coil:9\"\ntype = \"bool\"\n"),
        "{draft}"
    );
}

#[test]
fn a_unit_that_is_not_there_is_given_up_soon() {
    let bank = Bank::new(&[1]);
    bank.set_fault(1, Fault::Silent);
    let silent = against(bank, &["dump", "LINK", "--timeout", "20ms"]).1;
    assert!(matches!(silent, Err(CliError::Unavailable(_))), "{silent:?}");

    let bank = Bank::new(&[1]);
    bank.set_fault(1, Fault::Exception(2));
    let nothing = against(bank, &["dump", "LINK", "--to", "3"]).1.unwrap_err();
    assert!(nothing.to_string().starts_with("nothing of holding:0 to 3 can be read"), "{nothing}");
}

#[test]
fn a_number_of_a_manual_is_no_first_address() {
    let refused = |args: &[&str]| {
        let bank = Bank::new(&[1]);
        bank.set_hole(1, Table::Input, 100..65_536);
        against(bank, &[&["dump", "LINK", "--from", "30001"], args].concat()).1.unwrap_err().to_string()
    };
    let help = "(help: --from counts from 0: 30001 is input:0, so --table input --from 0)";
    for args in [&[][..], &["--table", "input", "--to", "30010"]] {
        let said = refused(args);
        assert!(said.ends_with(help), "{said}");
    }
}
