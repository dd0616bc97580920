//! Points of SunSpec models against a simulated unit, wherever it keeps them.

use std::time::Duration;

use crate::{
    adapter::{
        memory::Memory,
        modbus::{
            config::DataType,
            fixtures::mapped,
            line_tests::{Line, config, unit},
        },
    },
    testing::modbus_unit::Bank,
};

/// A unit with the mark at `base`, a common model, and a meter 203 whose voltage is 230.
fn meter(base: u16) -> Bank {
    let bank = Bank::new(&[1]);
    bank.set_holdings(1, base, &[0x5375, 0x6e53, 1, 66]);
    let start = base + 4 + 66;
    bank.set_holdings(1, start, &[203, 105]);
    bank.set_holdings(1, start + 7, &[230]);
    bank.set_holdings(1, start + 2 + 105, &[0xffff, 0]);
    bank
}

/// What is heard in ten seconds of the voltage of a meter of these models.
async fn heard(bank: &Bank, models: &[u16]) -> (u64, Vec<String>) {
    let mut device = unit(1, vec![mapped("holding", 7, DataType::U16)]);
    device.sunspec = models.to_vec();
    let config = config(vec![device]);
    let mut line = Line::new(&config, Memory::none()).await;

    let heard = line.work(bank, Duration::from_secs(10)).await;

    (heard.good.values().sum(), heard.bad.into_iter().map(|(_, quality)| quality).collect())
}

#[tokio::test(start_paused = true)]
async fn a_model_is_found_wherever_it_is() {
    for base in super::BASES {
        let (good, bad) = heard(&meter(base), &[201, 203]).await;
        assert!(good >= 9 && bad.is_empty(), "{base}: {good} {bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_without_the_model_gives_no_value_and_is_not_pestered() {
    let bank = meter(40_000);

    let (good, bad) = heard(&bank, &[101]).await;

    assert_eq!((good, bad), (0, vec!["bad:no-model".to_owned()]));
    assert!(bank.asked(1) < 10, "{} requests", bank.asked(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_other_tables_is_where_it_says() {
    let bank = meter(40_000);
    bank.set_inputs(1, 7, &[2]);
    let mut device = unit(1, vec![mapped("input", 7, DataType::U16), mapped("holding", 7, DataType::U16)]);
    device.sunspec = vec![203];
    let config = config(vec![device]);

    let heard = Line::new(&config, Memory::none()).await.work(&bank, Duration::from_secs(10)).await;

    assert!(heard.good.len() == 2 && heard.bad.is_empty(), "{:?} {:?}", heard.good, heard.bad);
}

#[tokio::test(start_paused = true)]
async fn models_that_never_end_are_given_up() {
    let bank = Bank::new(&[1]);
    bank.set_holdings(1, 0, &[0x5375, 0x6e53]);

    let (good, bad) = heard(&bank, &[203]).await;

    assert_eq!((good, bad), (0, vec!["bad:no-model".to_owned()]));
}
