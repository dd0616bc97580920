//! What a link costs in memory before anything is read: a gateway may have hundreds of them.

use super::{
    fixtures::{device, mapped},
    *,
};
use crate::{
    adapter::{Alive, Announce, Intake, Metrics, memory::Memory},
    shutdown::StopSignal,
    testing::clock::ManualClock,
};

#[tokio::test]
async fn the_task_of_a_link_is_small() {
    let link = config::Link::Tcp { host: "127.0.0.1".into(), port: 502 };
    let (name, connect) = ("line1".into(), config::Connect::default());
    let devices = vec![device(vec![mapped("holding", 0, config::DataType::U16)])];
    let adapter = Modbus::new(Config { name, pressure: Pressure::Wait, link, connect, devices });
    let (_stop, stop) = StopSignal::pair();
    let context = AdapterContext {
        readings: Intake::waiting(mpsc::channel(1).0),
        events: mpsc::channel(1).0,
        requests: mpsc::channel(1).1,
        stop,
        clock: Arc::new(ManualClock::default()),
        metrics: Arc::new(Metrics::default()),
        alive: Alive::new(|| {}),
        memory: Memory::none(),
        announce: Announce::nobody(),
    };

    let task = adapter.run(context);

    assert!(size_of_val(&*task) <= 2 << 10, "{}", size_of_val(&*task));
}
