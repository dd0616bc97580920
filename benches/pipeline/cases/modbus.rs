//! The Modbus adapter alone, against simulated units in another process.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tidegate::{
    adapter::{AdapterContext, Alive, Announce, Intake, Metrics, memory::Memory},
    model::Batch,
    shutdown::StopSignal,
    testing::modbus_unit::{Bank, serve},
};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, interval, timeout_at},
};

use super::block_on;
use crate::{
    meter::{Meter, float},
    report::Row,
    site::{Site, clock},
};

/// Units, and points of two registers on each: one request reads them all.
const UNITS: u8 = 5;
const POINTS: u16 = 50;
/// How long is measured.
const SPAN: Duration = Duration::from_secs(5);

/// 500 requests a second.
pub(super) fn run(_: &[&str]) -> Vec<Row> {
    let (mut child, port) = start_units(&[&UNITS.to_string(), &POINTS.to_string()]);
    let (requests, points, us) = block_on(poll(port));
    // The units have no state to save.
    let _ = child.kill();
    let _ = child.wait();
    let rate = float(requests) / SPAN.as_secs_f64();
    let text = "5 units of 50 points (f32), polled every 10ms over one connection";
    vec![
        Row::new("modbus/rate", "requests/s", rate, requests, text),
        Row::new("modbus/cpu", "us/point", us, points, text),
    ]
}

/// Requests, points, and processor time per point.
async fn poll(port: u16) -> (u64, u64, f64) {
    let site = Site::new(None, "").line(port, UNITS, POINTS, "10ms");
    let adapter = site.load().1.remove(0);
    let (stop, stopped) = StopSignal::pair();
    let (readings, mut batches) = mpsc::channel(64);
    let (events, _heard) = mpsc::channel(64);
    let (_requests, requests) = mpsc::channel(1);
    let metrics = Arc::new(Metrics::default());
    let context = AdapterContext {
        readings: Intake::waiting(readings),
        events,
        requests,
        stop: stopped,
        clock: clock(),
        metrics: Arc::clone(&metrics),
        alive: Alive::new(|| {}),
        memory: Memory::none(),
        announce: Announce::nobody(),
    };
    let working = adapter.run(context);
    let counting = async {
        let first = batches.recv().await;
        assert!(first.is_some_and(|batch| batch.readings.iter().all(|reading| reading.quality.is_good())));
        let (meter, before) = (Meter::start(), metrics.requests.get());
        let points = count(&mut batches).await;
        stop.raise();
        (metrics.requests.get() - before, points, meter.read().cpu_us(points))
    };
    let (ended, counted) = tokio::join!(working, counting);
    ended.expect("an adapter that ends when it is asked to");
    counted
}

async fn count(batches: &mut mpsc::Receiver<Batch>) -> u64 {
    let (until, mut points) = (Instant::now() + SPAN, 0);
    while let Ok(Some(batch)) = timeout_at(until, batches.recv()).await {
        points += batch.readings.len() as u64;
    }
    points
}

/// Starts units in a process of their own, so many with so many floats each; gives their port.
pub(super) fn start_units(counts: &[&str; 2]) -> (Child, u16) {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(["--case", "modbus-units"]).args(counts).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a child process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    (child, line.trim().parse().expect("a port"))
}

/// In that process: serves until nobody is left to be served.
pub(super) fn units(args: &[&str]) -> Vec<Row> {
    let [units, points] = args else { panic!("how many units, and how many points on each") };
    let (units, points) = (units.parse().expect("a number of units"), points.parse().expect("a number of points"));
    let bank = Arc::new(Bank::new(&(1..=units).collect::<Vec<u8>>()));
    let (stop, stopped) = StopSignal::pair();
    std::thread::spawn(move || {
        // Ends when the parent does.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.raise();
    });
    block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port");
        println!("{}", listener.local_addr().expect("its address").port());
        tokio::select! {
            () = serve(listener, Arc::clone(&bank), stopped) => {}
            () = walk(&bank, units, points) => {}
        }
    });
    Vec::new()
}

/// Lets every value take a step each second, as those of a plant do.
async fn walk(bank: &Bank, units: u8, points: u16) {
    let (mut rng, mut ticks) = (fastrand::Rng::with_seed(7), interval(Duration::from_secs(1)));
    let mut levels = vec![23_000_i16; usize::from(units) * usize::from(points)];
    loop {
        ticks.tick().await;
        for (unit, levels) in (1..=units).zip(levels.chunks_mut(points.into())) {
            for (point, level) in (0..points).zip(levels) {
                *level = level.saturating_add(rng.i16(-5..=5));
                bank.set_input_f32(unit, 2 * point, f32::from(*level) / 100.0);
            }
        }
    }
}
