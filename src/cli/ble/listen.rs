//! Listening to radios from the command line. It needs no daemon and disturbs none: `BlueZ` lets several listen at once.

use prometheus_client::metrics::counter::Counter;

use crate::{
    adapter::{
        Metrics,
        ble::air::{Air, Queue, Turn},
    },
    cli::{context::block_on, error::CliError},
    shutdown::StopSignal,
};

/// Listens while `watch` reads the queue. An error when no radio could be used meanwhile.
pub(super) fn listen<T>(
    radio: Option<&str>,
    watch: impl AsyncFnOnce(&Queue) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let metrics = Metrics::default();
    let watched = block_on(async {
        let (signal, stop) = StopSignal::pair();
        let (queue, turn) = (Queue::new(Counter::default()), Turn::default());
        let (adapter, may_cycle, voice) = ("scan", false, None);
        let air = Air { adapter, radio, queue: &queue, turn: &turn, may_cycle, metrics: &metrics, voice };
        let watch = async {
            let watched = watch(&queue).await;
            signal.raise();
            watched
        };
        tokio::join!(watch, air.listen(stop)).0
    })?;
    if metrics.connects.get() > 0 {
        return Ok(watched);
    }
    let help = "is bluetoothd running, and does `bluetoothctl list` show a radio that is powered?";
    Err(CliError::Unavailable(format!("no Bluetooth radio could be used (help: {help})")))
}
