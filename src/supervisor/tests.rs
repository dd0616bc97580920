use std::{convert::Infallible, sync::atomic::AtomicU32};

use super::*;
use crate::{model::Clock as _, testing::clock::ManualClock};

const LIMIT: Duration = Duration::from_secs(5);

fn supervisor() -> (Supervisor, mpsc::Receiver<Event>, Arc<ManualClock>) {
    let (events, received) = mpsc::channel(8);
    let clock = Arc::new(ManualClock::default());
    (Supervisor::new(events, clock.clone()), received, clock)
}

async fn until_stopped(mut stop: Stop) -> Result<(), Infallible> {
    stop.requested().await;
    Ok(())
}

/// Waits until the board shows what is asked for.
async fn shown(board: &mut watch::Receiver<Vec<TaskStatus>>, wanted: impl Fn(&TaskStatus) -> bool) {
    board.wait_for(|tasks| tasks.iter().any(&wanted)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_or_fails_is_told_and_started_again() {
    let (supervisor, mut events, _) = supervisor();
    let runs = Arc::new(AtomicU32::new(0));

    supervisor.spawn(Stage::Intake, "adapter line1", Restart::WithBackoff, move |stop| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            match run {
                0 => panic!("index out of bounds"),
                1 => Err("link is gone"),
                _ => until_stopped(stop).await.map_err(|never| match never {}),
            }
        }
    });

    let texts = [events.recv().await.unwrap().fields(), events.recv().await.unwrap().fields()];
    assert_eq!(
        texts,
        [
            r#"{"type":"gateway","what":"task-panicked","text":"adapter line1: index out of bounds"}"#,
            r#"{"type":"gateway","what":"task-restarted","text":"adapter line1: link is gone"}"#
        ]
    );
    shown(&mut supervisor.status(), |task| task.restarts == 2 && task.state == TaskState::Running).await;
    assert_eq!(supervisor.stop(LIMIT).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_first_await_is_caught_too() {
    let (supervisor, mut events, _) = supervisor();

    supervisor.spawn(Stage::Rules, "rules", Restart::Never, |_| -> std::future::Ready<Result<(), Infallible>> {
        panic!("no {}", "good")
    });

    assert!(events.recv().await.unwrap().fields().contains("rules: no good"));
    shown(&mut supervisor.status(), |task| task.state == TaskState::Ended).await;
}

#[tokio::test(start_paused = true)]
async fn stages_stop_in_order_and_late_tasks_are_named() {
    let (supervisor, _events, _) = supervisor();
    let order = Arc::new(Mutex::new(Vec::new()));
    for (stage, name) in [(Stage::Surface, "api"), (Stage::Uplink, "cloud"), (Stage::Intake, "line1")] {
        let order = order.clone();
        supervisor.spawn(stage, name, Restart::Never, move |stop| {
            let order = order.clone();
            async move {
                until_stopped(stop).await?;
                order.lock().unwrap().push(name);
                Ok::<(), Infallible>(())
            }
        });
    }
    supervisor.spawn(Stage::Rules, "deaf", Restart::Never, |_| std::future::pending::<Result<(), Infallible>>());

    let late = supervisor.stop(LIMIT).await;

    assert_eq!(late, ["deaf"]);
    assert_eq!(*order.lock().unwrap(), ["line1", "cloud", "api"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_rests_stops_at_once() {
    let (supervisor, mut events, _) = supervisor();
    supervisor.spawn(Stage::Intake, "line1", Restart::WithBackoff, |_| async { Err::<(), _>("no link") });
    events.recv().await.unwrap();
    shown(&mut supervisor.status(), |task| task.state == TaskState::Waiting).await;

    assert!(supervisor.stop(Duration::from_millis(1)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_task_can_be_stopped_and_is_forgotten() {
    let (supervisor, _events, _) = supervisor();
    let line1 = supervisor.spawn(Stage::Intake, "line1", Restart::WithBackoff, until_stopped);
    supervisor.spawn(Stage::Intake, "line2", Restart::WithBackoff, until_stopped);

    assert!(line1.stop(LIMIT).await);

    let names: Vec<String> = supervisor.status().borrow().iter().map(|task| task.name.to_string()).collect();
    assert_eq!(names, ["line2"]);
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_looks_only_at_watched_tasks_that_run() {
    let (supervisor, mut events, clock) = supervisor();
    supervisor.spawn_watched(Stage::Intake, "silent", Restart::Never, |stop, _| until_stopped(stop));
    supervisor.spawn(Stage::Surface, "api", Restart::Never, until_stopped);
    supervisor.spawn_watched(Stage::Intake, "resting", Restart::WithBackoff, |_, _| async { Err::<(), _>("no") });
    let (beat, mut beats) = mpsc::channel(1);
    supervisor.spawn_watched(Stage::Intake, "lively", Restart::Never, move |stop, progress| {
        let beat = beat.clone();
        async move {
            beat.send(progress).await.map_err(|_| "nobody looks")?;
            until_stopped(stop).await.map_err(|never| -> &str { match never {} })
        }
    });
    let progress = beats.recv().await.unwrap();
    events.recv().await.unwrap();
    shown(&mut supervisor.status(), |task| task.state == TaskState::Waiting).await;
    assert!(supervisor.stalled(Duration::ZERO).is_empty());

    clock.advance(Duration::from_secs(30));
    progress.made();

    assert_eq!(supervisor.stalled(clock.uptime().saturating_sub(Duration::from_secs(20))), ["silent"]);
}

#[tokio::test]
async fn a_thread_that_panics_is_told() {
    let (supervisor, mut events, _) = supervisor();

    supervisor.spawn_thread(Stage::Buffer, "writer", || panic!("disk on fire")).unwrap();

    assert!(events.recv().await.unwrap().fields().contains("writer: disk on fire"));
    assert_eq!(supervisor.thread_lost().await, "writer: disk on fire");
    assert!(supervisor.stop(LIMIT).await.is_empty());
}
