//! Requests to all units of a line.

use super::*;
use crate::testing::modbus_unit::Written;

/// Units 1 and 2 at one line.
fn two() -> Bank {
    Bank::new(&[1, 2])
}

#[tokio::test(start_paused = true)]
async fn every_unit_hears_a_broadcast_and_has_time_to_act_on_it() {
    let metrics = Metrics::default();
    for link in &LINKS[1..] {
        let bank = two();
        over(link, &bank, async |mut client| {
            let write = Request::WriteRegisters { start: 3, values: vec![7, 8] };
            client.broadcast(&write, LIMIT, &metrics).await.unwrap();
            let sent = Instant::now();
            for unit in [1, 2] {
                let request = Request::Read { table: Table::Holding, start: 3, count: 2 };
                let answer = client.call(unit, &request, PATIENCE, &metrics).await.unwrap();
                assert_eq!(answer, [0, 7, 0, 8], "{link}, unit {unit}");
            }
            assert!(sent.elapsed() >= Duration::from_millis(200), "{link}: {:?}", sent.elapsed());
        })
        .await;
        let heard: Vec<_> = bank.writes().into_iter().map(|write| (write.unit, write.address, write.data)).collect();
        assert_eq!(heard, [1, 2].map(|unit| (unit, 3, Written::Registers(vec![7, 8]))), "{link}");
    }
    assert_eq!((metrics.timeouts.get(), metrics.rejected.get()), (0, 0));
}
