//! Registers that hold a known value in every common form.

use serde_json::Value;

use super::*;
use crate::{cli::modbus::fixtures::against, testing::modbus_unit::Bank};

/// The candidates for 230.1 at holding:10, around which these registers are.
fn candidates(first: u16, words: &[u16], expect: &str) -> Vec<Value> {
    let bank = Bank::new(&[1]);
    bank.set_holdings(1, 0, &[0x7777; 40]);
    bank.set_holdings(1, first, words);
    let (text, _) = against(bank, &["find-order", "LINK", "holding:10", "--expect", expect, "--json"]);
    serde_json::from_str::<Value>(&text).unwrap()["candidates"].as_array().unwrap().clone()
}

fn first(first: u16, words: &[u16], expect: &str) -> String {
    candidates(first, words, expect)[0]["point"].as_str().unwrap().replace('\n', ", ")
}

#[test]
fn every_common_form_is_found_first() {
    let form = |rest: &str| format!("register = \"holding:10\", {rest}");
    assert_eq!(first(10, &[2301], "230.1"), form("type = \"u16\", scale = 0.1"));
    assert_eq!(first(10, &[0x4366, 0x199a], "230.1"), form("type = \"f32\""));
    assert_eq!(first(10, &[0x199a, 0x4366], "230.1"), form("type = \"f32\", order = \"CDAB\""));
    assert_eq!(first(10, &[0x9a19, 0x6643], "230.1"), form("type = \"f32\", order = \"DCBA\""));
    assert_eq!(first(10, &[0, 23012], "230.12"), form("type = \"u32\", scale = 0.01"));
    assert_eq!(first(10, &[0xff47], "-18.5"), form("type = \"i16\", scale = 0.1"));
    assert_eq!(first(10, &[0, 0, 2, 0x3456], "144470"), form("type = \"u64\""));
}

#[test]
fn one_who_counted_from_the_other_base_is_told_so() {
    assert_eq!(first(9, &[0x4366, 0x199a, 0x7777], "230.1"), "register = \"holding:9\", type = \"f32\"");
    let found = candidates(11, &[0x4366, 0x199a], "230.1");
    assert_eq!((&found[0]["step"], &found[0]["register"]), (&json!(1), &json!("holding:11")));
}

#[test]
fn a_value_that_moves_is_found_within_the_tolerance_and_nothing_is_said_of_others() {
    assert_eq!(first(10, &[2309], "230.1"), "register = \"holding:10\", type = \"u16\", scale = 0.1");
    let bank = Bank::new(&[1]);
    let (_, result) = against(bank, &["find-order", "LINK", "holding:10", "--expect", "5"]);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("try input:10"), "{error}");
    let zero = against(Bank::new(&[1]), &["find-order", "LINK", "holding:0", "--expect", "0"]).1;
    assert!(matches!(zero, Err(CliError::Usage(_))), "{zero:?}");
    let nan = against(Bank::new(&[1]), &["find-order", "LINK", "holding:0", "--expect", "nan"]).1.unwrap_err();
    assert_eq!(nan.to_string(), "--expect is no finite number");
}

#[test]
fn a_unit_that_gives_only_whole_values_is_asked_for_those() {
    let bank = Bank::new(&[1]);
    bank.set_holdings(1, 10, &[0x4366, 0x199a]);
    bank.set_hole(1, crate::adapter::modbus::config::Table::Holding, 0..10);
    bank.set_hole(1, crate::adapter::modbus::config::Table::Holding, 12..100);

    let (text, result) = against(bank, &["find-order", "LINK", "40011", "--expect", "230.1"]);

    result.unwrap();
    assert!(text.ends_with("name = \"value\"\nregister = \"holding:10\"\ntype = \"f32\"\n"), "{text}");
}

#[test]
fn a_wider_number_that_says_the_same_stands_beside_the_narrow_one() {
    let types = |words: &[u16], expect: &str| -> Vec<String> {
        let found = candidates(10, words, expect);
        let shown =
            |found: &Value| format!("{} {}", found["type"].as_str().unwrap(), found["order"].as_str().unwrap());
        found.iter().take(3).map(shown).collect()
    };
    assert_eq!(types(&[0xcfc7, 0xffff], "-1234.5")[..2], ["i16 AB", "i32 CDAB"]);
    assert_eq!(types(&[0xcd15, 0x075b, 0, 0], "1234567.89")[..2], ["u32 CDAB", "u64 GHEFCDAB"]);
    assert_eq!(types(&[42, 0, 0, 0], "42"), ["u16 AB", "u32 CDAB", "u64 GHEFCDAB"]);

    let bank = Bank::new(&[1]);
    bank.set_holdings(1, 10, &[0xcfc7, 0xffff]);
    let (text, _) = against(bank, &["find-order", "LINK", "holding:10", "--expect", "-1234.5"]);
    let told = "so the data sheet decides: { type = \"i32\", order = \"CDAB\", scale = 0.1 }\n";
    assert!(text.ends_with(told), "{text}");
}

#[test]
fn a_mark_of_no_value_is_told() {
    let bank = Bank::new(&[1]);
    bank.set_holdings(1, 10, &[0x8000]);
    let error = against(bank, &["find-order", "LINK", "holding:10", "--expect", "25"]).1.unwrap_err();
    assert!(error.to_string().contains("it holds 0x8000, often the mark of no value"), "{error}");
}
