//! Writes and what they leave to be done, against a simulated unit on loopback.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    adapter::modbus::{
        config::{DataType, MappedPoint, PointGroup, Verify, WriteFunction},
        fixtures::{device, mapped},
        tests::at_unit,
    },
    model::{Access, Point, PointName, PointType, Value, WriteError},
    testing::modbus_unit::{Fault, Write, Written},
};

/// A moment that no test reaches.
const NEVER: i64 = i64::MAX;

/// A write to unit 1.
fn write(address: u16, data: Written) -> Write {
    Write { unit: 1, address, data }
}

/// A scaled register that is read back.
fn verified() -> MappedPoint {
    let mut point = mapped("holding", 0, DataType::U16);
    point.point = Arc::new(Point { kind: PointType::Float, ..(*point.point).clone() });
    point.conversion.scale = 0.5;
    point.writing.verify = Some(Verify { tolerance: 0.0, delay: Duration::from_millis(1) });
    point
}

/// A coil that is set back after a while, and never read.
fn pulsed(after: Duration) -> MappedPoint {
    let mut point = mapped("coil", 3, DataType::Bool);
    point.point = Arc::new(Point { access: Access::W, ..(*point.point).clone() });
    point.writing.pulse = Some(after);
    point
}

/// On, and off.
fn pulse() -> [Write; 2] {
    [true, false].map(|on| write(3, Written::Coils(vec![on])))
}

#[tokio::test]
async fn a_verified_write_gives_the_value_that_was_read_back() {
    let bank = at_unit(device(vec![verified()]), async |mut site| {
        assert_eq!(site.write(Value::Float(20.9), NEVER).await, Ok(Some(Value::Float(21.0))));
    })
    .await;

    assert_eq!(bank.writes(), [write(0, Written::Registers(vec![42]))]);
}

#[tokio::test]
async fn what_was_written_is_shown_before_its_turn() {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut point = mapped("holding", 0, DataType::U16);
    point.poll = HOUR;
    at_unit(device(vec![point]), async |mut site| {
        assert_eq!(site.next().await, "7");
        assert_eq!(site.write(Value::Int(9), NEVER).await, Ok(None));
        assert_eq!(site.next().await, "9");
    })
    .await;

    let mut pulsed = mapped("coil", 3, DataType::Bool);
    pulsed.writing.pulse = Some(Duration::from_millis(1));
    pulsed.poll = HOUR;
    let bank = at_unit(device(vec![pulsed]), async |mut site| {
        assert_eq!(site.next().await, "false");
        assert_eq!(site.write(Value::Bool(true), NEVER).await, Ok(None));
        assert_eq!(site.next().await, "false", "read after the end of the pulse");
    })
    .await;
    assert_eq!(bank.writes(), pulse());
}

#[tokio::test]
async fn a_unit_that_confirms_and_does_nothing_is_found_out() {
    at_unit(device(vec![verified()]), async |mut site| {
        site.bank.set_fault(1, Fault::Deaf);
        let failed = site.write(Value::Float(21.0), NEVER).await.unwrap_err();
        assert_eq!(failed, WriteError::Refused("holding-0: wrote 21, read back 3.5".into()));
    })
    .await;
}

#[tokio::test]
async fn a_difference_within_the_tolerance_is_the_same_value() {
    let mut point = verified();
    point.writing.verify = Some(Verify { tolerance: 0.5, delay: Duration::ZERO });
    at_unit(device(vec![point]), async |mut site| {
        site.bank.set_fault(1, Fault::Deaf);
        assert_eq!(site.write(Value::Float(4.0), NEVER).await, Ok(Some(Value::Float(3.5))));
        assert!(site.write(Value::Float(4.5), NEVER).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_unit_that_acknowledges_is_looked_at_until_it_has_done_it() {
    at_unit(device(vec![mapped("holding", 0, DataType::U16)]), async |mut site| {
        site.bank.set_fault(1, Fault::Slow);
        let (bank, metrics) = (Arc::clone(&site.bank), Arc::clone(&site.metrics));
        let done_later = async {
            let before = metrics.requests.get();
            while metrics.requests.get() < before + 4 {
                tokio::task::yield_now().await;
            }
            bank.set_holdings(1, 0, &[21]);
        };

        let (written, ()) = tokio::join!(site.write(Value::Int(21), NEVER), done_later);

        assert_eq!(written, Ok(Some(Value::Int(21))));
    })
    .await;
}

#[tokio::test]
async fn a_unit_that_acknowledges_and_is_never_done_is_no_refusal() {
    at_unit(device(vec![mapped("holding", 0, DataType::U16)]), async |mut site| {
        site.bank.set_fault(1, Fault::Slow);

        let failed = site.write(Value::Int(21), NEVER).await.unwrap_err();

        let why = "holding-0: wrote 21, read back 7; the unit acknowledged the write and may still be at it";
        assert_eq!(failed, WriteError::Timeout(why.into()));
    })
    .await;
}

#[tokio::test]
async fn an_acknowledged_write_that_cannot_be_read_back_says_so_and_its_pulse_is_ended() {
    let bank = at_unit(device(vec![pulsed(Duration::from_millis(20))]), async |mut site| {
        site.bank.set_fault(1, Fault::Slow);
        let failed = site.write(Value::Bool(true), NEVER).await.unwrap_err();
        assert!(matches!(&failed, WriteError::Timeout(why) if why.contains("exception 5")), "{failed:?}");
        site.bank.set_fault(1, Fault::None);
        let bank = Arc::clone(&site.bank);
        let is_ended = async {
            while bank.writes().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        site.hear_until(is_ended).await;
    })
    .await;

    assert_eq!(bank.writes(), pulse()[1..]);
}

#[tokio::test]
async fn a_pulse_sets_the_coil_and_sets_it_back() {
    let bank = at_unit(device(vec![pulsed(Duration::from_millis(20))]), async |mut site| {
        assert_eq!(site.write(Value::Bool(true), NEVER).await, Ok(None));
        assert_eq!(site.bank.writes(), pulse());
        // The idle value is no pulse.
        assert_eq!(site.write(Value::Bool(false), NEVER).await, Ok(None));
    })
    .await;

    assert_eq!(bank.writes().len(), 3);
}

#[tokio::test]
async fn a_stop_ends_a_pulse_before_the_connection_closes() {
    let bank = at_unit(device(vec![pulsed(Duration::from_secs(10))]), async |mut site| {
        let stop = Arc::clone(&site.stop);
        let bank = Arc::clone(&site.bank);
        let stopping = async {
            while bank.coil(1, 3) != Some(true) {
                tokio::task::yield_now().await;
            }
            stop.raise();
        };
        let (outcome, ()) = tokio::join!(site.write(Value::Bool(true), NEVER), stopping);
        assert!(matches!(outcome, Err(WriteError::Timeout(_))), "{outcome:?}");
    })
    .await;

    assert_eq!(bank.writes(), pulse());
}

#[tokio::test]
async fn a_pulse_is_ended_although_the_connection_was_lost() {
    let bank = at_unit(device(vec![pulsed(Duration::from_millis(100))]), async |mut site| {
        let bank = Arc::clone(&site.bank);
        let breaking = async {
            while bank.coil(1, 3) != Some(true) {
                tokio::task::yield_now().await;
            }
            bank.set_fault(1, Fault::Close);
        };
        let (outcome, ()) = tokio::join!(site.write(Value::Bool(true), NEVER), breaking);
        assert!(matches!(outcome, Err(WriteError::Timeout(_))), "{outcome:?}");
        site.bank.set_fault(1, Fault::None);
        while site.bank.coil(1, 3) == Some(true) {
            tokio::task::yield_now().await;
        }
    })
    .await;

    assert_eq!(bank.writes(), pulse());
}

#[tokio::test]
async fn a_pulse_that_nobody_confirmed_is_ended_all_the_same() {
    at_unit(device(vec![pulsed(Duration::from_millis(1))]), async |mut site| {
        // The unit acts on it, and the answer is lost.
        site.bank.set_fault(1, Fault::Late);
        assert!(matches!(site.write(Value::Bool(true), NEVER).await, Err(WriteError::Timeout(_))));

        site.bank.set_fault(1, Fault::None);
        while site.bank.writes().last() != pulse().last() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_mask_leaves_the_other_bits_of_the_register() {
    let mut point = mapped("holding", 0, DataType::Bits { from: 4, len: 4 });
    point.writing.function = WriteFunction::Mask;
    let bank = at_unit(device(vec![point]), async |mut site| {
        assert_eq!(site.write(Value::Int(0xa), NEVER).await, Ok(None));
    })
    .await;

    assert_eq!(bank.holding(1, 0), Some(0xa7));
    assert_eq!(bank.writes(), [write(0, Written::Mask { and: 0xff0f, or: 0xa0 })]);
}

/// Two setpoints and the group of both.
fn grouped() -> crate::adapter::modbus::config::Device {
    let mut unit = device(vec![mapped("holding", 0, DataType::U16), mapped("holding", 1, DataType::F32)]);
    let mut both = Point::new(unit.id.clone(), PointName::new("both").unwrap(), PointType::Json, None);
    both.access = Access::W;
    unit.groups.push(PointGroup { point: Arc::new(both), members: vec![0, 1] });
    unit
}

#[tokio::test]
async fn a_group_is_set_in_one_request() {
    let bank = at_unit(grouped(), async |mut site| {
        let value = json!({"holding-1": 1.5, "holding-0": 9});
        assert_eq!(site.write(Value::Json(Arc::new(value)), NEVER).await, Ok(None));
    })
    .await;

    assert_eq!(bank.writes(), [write(0, Written::Registers(vec![9, 0x3fc0, 0]))]);
}

#[tokio::test]
async fn a_group_is_set_as_a_whole_or_not_at_all() {
    let bank = at_unit(grouped(), async |mut site| {
        let mut refused =
            async |value| site.write(Value::Json(Arc::new(value)), NEVER).await.unwrap_err().to_string();
        let all = "a value is needed for each of holding-0, holding-1, and for nothing else";
        assert_eq!(refused(json!({"holding-0": 9})).await, all);
        assert_eq!(refused(json!({"holding-0": 9, "holding-1": 1, "x": 1})).await, all);
        assert_eq!(refused(json!([9, 1.5])).await, all);
        assert_eq!(refused(json!({"holding-0": "on", "holding-1": 1})).await, "\"on\" is no whole number");
        let misfit = refused(json!({"holding-0": 65536, "holding-1": 1})).await;
        assert_eq!(misfit, "65536 does not fit the point's registers");
    })
    .await;

    assert_eq!(bank.writes(), []);
}

#[tokio::test]
async fn members_that_are_read_back_alone_are_so_in_a_group() {
    let mut unit = grouped();
    unit.points[1].writing.verify = Some(Verify { tolerance: 0.0, delay: Duration::ZERO });
    at_unit(unit, async |mut site| {
        let value = Value::Json(Arc::new(json!({"holding-0": 9, "holding-1": 1.5})));
        assert_eq!(site.write(value.clone(), NEVER).await, Ok(None));
        site.bank.set_holdings(1, 1, &[0, 0]);
        site.bank.set_fault(1, Fault::Deaf);
        let failed = site.write(value, NEVER).await.unwrap_err();
        assert_eq!(failed.to_string(), "holding-1: wrote 1.5, read back 0");
    })
    .await;
}

/// A register whose power of ten stands two registers further.
fn powered() -> MappedPoint {
    let mut point = mapped("holding", 0, DataType::U16);
    point.point = Arc::new(Point { kind: PointType::Float, ..(*point.point).clone() });
    point.conversion.exponent = Some(2);
    point
}

#[tokio::test]
async fn a_power_of_ten_is_read_with_its_value_and_before_a_write() {
    let bank = at_unit(device(vec![powered()]), async |mut site| {
        assert_eq!(site.next().await, "7");
        site.bank.set_holdings(1, 2, &[0xfffe]);
        assert_eq!(site.next_but("7").await, "0.07");
        assert_eq!(site.write(Value::Float(1.5), NEVER).await, Ok(None));
        site.bank.set_holdings(1, 2, &[0x8000]);
        while site.next().await != "bad:not-available" {}
        let refused = site.write(Value::Float(1.5), NEVER).await.unwrap_err();
        assert_eq!(refused.to_string(), "no power of ten: not-available");
    })
    .await;

    assert_eq!(bank.writes(), [write(0, Written::Registers(vec![150]))]);
}
