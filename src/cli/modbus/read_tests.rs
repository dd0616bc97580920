//! Blocks of registers and bits, and those that are not there.

use crate::{
    cli::{error::CliError, modbus::fixtures::against},
    testing::modbus_unit::Bank,
};

/// 230.1 in the order CDAB, then text.
fn bank() -> Bank {
    let bank = Bank::new(&[3]);
    bank.set_holdings(3, 0, &[0x199a, 0x4366, 0x5469, 0x6465]);
    bank.set_coil(3, 8, true);
    bank
}

#[test]
fn a_block_is_shown_in_every_type_and_order() {
    let (text, result) = against(bank(), &["read", "LINK", "holding:0", "--unit", "3", "--count", "4"]);

    result.unwrap();
    let rows: Vec<String> = text.lines().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(rows[2], "REGISTER HEX TEXT u16 AB u16 BA i16 AB i16 BA");
    assert_eq!(rows[5], "holding:2 5469 Ti 21609 26964 21609 26964");
    let float = rows.iter().position(|row| row.starts_with("REGISTER HEX TEXT f32 ABCD f32 CDAB")).unwrap();
    assert_eq!(rows[float + 1].split(' ').nth(5), Some("230.1"), "{text}");
    assert!(rows.iter().any(|row| row.starts_with("holding:0 199a 4366 5469 6465")), "64 bits: {text}");
}

#[test]
fn one_form_is_shown_alone_and_programs_get_all() {
    let (text, _) = against(
        bank(),
        &["read", "LINK", "40001", "--unit", "3", "--count", "4", "--type", "f32", "--order", "CDAB"],
    );
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.lines().nth(3).unwrap().ends_with("  230.1"), "{text}");
    // Without a count no more is read than the one value.
    let alone = ["read", "LINK", "40001", "--unit", "3", "--type", "f32", "--order", "CDAB"];
    assert!(against(bank(), &alone).0.ends_with("  230.1\n"));

    let (text, _) = against(bank(), &["read", "LINK", "holding:0", "--unit", "3", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["values"][0]["f32"]["CDAB"], 230.1);
    assert_eq!(json["values"][0]["u16"]["AB"], 0x199a);
    assert_eq!(json["values"][0]["hex"], "199a");
}

#[test]
fn bits_are_switches() {
    let (text, _) = against(bank(), &["read", "LINK", "coil:7", "--unit", "3", "--count", "2"]);
    assert!(text.contains("coil:7    false\ncoil:8    true\n"), "{text}");
}

#[test]
fn a_refusal_and_an_absent_unit_say_what_to_do() {
    let bank = bank();
    bank.set_hole(3, crate::adapter::modbus::config::Table::Holding, 2..3);
    let refused = against(bank, &["read", "LINK", "holding:0", "--unit", "3"]).1.unwrap_err();
    assert!(refused.to_string().contains("read holding:0+10: exception 2 (illegal-address) (help: "), "{refused}");

    let absent = against(self::bank(), &["read", "LINK", "holding:0", "--unit", "4"]).1.unwrap_err();
    assert!(matches!(&absent, CliError::Unavailable(text) if text.contains("modbus scan")), "{absent}");

    for wrong in [["read", "LINK", "holding:0", "--count", "126"], ["read", "LINK", "holding:65530", "--count", "9"]]
    {
        assert!(matches!(against(self::bank(), &wrong).1, Err(CliError::Usage(_))), "{wrong:?}");
    }
}

#[test]
fn a_register_that_is_not_there_is_told_with_where_it_may_be() {
    let refused = |args: &[&str]| {
        let bank = Bank::new(&[1]);
        bank.set_hole(1, crate::adapter::modbus::config::Table::Holding, 101..65_536);
        against(bank, &[&["read", "LINK"], args].concat()).1.unwrap_err().to_string()
    };
    let one = refused(&["40102", "--count", "1", "--unit", "1"]);
    assert!(one.contains("(help: holding:101 is number 102 where one counts from 1; an address beside it"), "{one}");
    assert!(!one.contains("--unit"), "{one}");

    let mixed_up = refused(&["holding:40101"]);
    let help = "(help: did you mean 40101, which is holding:100?; unit 1 was asked, as no --unit was given)";
    assert!(mixed_up.ends_with(help), "{mixed_up}");
}

#[test]
fn an_adapter_of_the_configuration_names_its_link() {
    let (text, result) = against(bank(), &["read", "--adapter", "line1", "holding:0", "--unit", "3"]);
    result.unwrap();
    assert!(text.starts_with("unit 3 at tcp://127.0.0.1:"), "{text}");

    let wrong = against(bank(), &["read", "--adapter", "line2", "holding:0"]).1;
    assert!(matches!(wrong, Err(CliError::Usage(_))), "{wrong:?}");
}
