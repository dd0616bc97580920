//! Turns, deadlines and what is missed, with paused time.

use std::collections::BTreeMap;

use super::{grid::TURNS, *};

const SECOND: Duration = Duration::from_secs(1);

/// The grid of a link whose turn is this, and that begins now, when the host has been up for whole seconds.
fn grid(turn: u64) -> Grid {
    Grid { start: Instant::now(), uptime: 7 * SECOND, turn }
}

#[tokio::test(start_paused = true)]
async fn everything_is_due_at_the_start_and_spread_afterwards() {
    let start = Instant::now();
    let mut schedule = Schedule::new([SECOND, SECOND], grid(0));

    let mut ticks = Vec::new();
    for _ in 0..6 {
        let entry = schedule.next().await;
        ticks.push((start.elapsed().as_millis() / 10 * 10, entry));
        assert_eq!(schedule.skip_to_next(entry, Instant::now()), 0);
    }

    assert_eq!(ticks, [(0, 0), (0, 1), (500, 1), (1000, 0), (1500, 1), (2000, 0)]);
}

#[tokio::test(start_paused = true)]
async fn links_have_turns_that_do_not_depend_on_when_they_begin() {
    let begun = Instant::now();
    let late = Grid { start: begun + SECOND / 8, uptime: 7 * SECOND + SECOND / 8, turn: 1 };
    let mut schedules = [grid(1), late, grid(2)].map(|grid| Schedule::new([SECOND], grid));

    let mut ticks = Vec::new();
    for schedule in &mut schedules {
        let first = schedule.next().await;
        let at = schedule.entries[first].due;
        schedule.skip_to_next(first, at);
        ticks.push([at, schedule.entries[first].due].map(|due| (due - begun).as_millis()));
    }

    assert_eq!(ticks, [[0, 250], [125, 250], [0, 500]]);
}

#[test]
fn hundreds_of_links_share_all_turns() {
    let grids = (0..500).map(|link| Grid::of(&format!("line-{link}"), Instant::now(), SECOND));
    let mut links = BTreeMap::new();
    grids.for_each(|grid| *links.entry(grid.turn).or_insert(0_u64) += 1);

    assert_eq!(links.len() as u64, TURNS);
    assert!(links.values().all(|links| (90..=160).contains(links)), "{links:?}");
}

#[tokio::test(start_paused = true)]
async fn ticks_missed_on_a_busy_link_are_counted_and_skipped() {
    let mut schedule = Schedule::new([SECOND], grid(0));
    let entry = schedule.next().await;
    schedule.skip_to_next(entry, Instant::now());

    tokio::time::advance(SECOND * 4 + SECOND / 2).await;
    let entry = schedule.next().await;
    let missed = schedule.skip_to_next(entry, Instant::now());
    let before = Instant::now();
    schedule.next().await;

    assert_eq!(missed, 3);
    assert!(before.elapsed() >= SECOND / 2, "the next tick is one that has not passed");
}

#[tokio::test(start_paused = true)]
async fn a_deferred_entry_comes_when_it_was_deferred_to() {
    let start = Instant::now();
    let mut schedule = Schedule::new([SECOND], grid(0));

    schedule.defer(0, start + SECOND * 7);
    schedule.next().await;

    assert!(start.elapsed() >= SECOND * 7);
}

#[tokio::test(start_paused = true)]
async fn a_postponed_entry_comes_later_and_what_it_misses_is_counted() {
    let begun = Instant::now();
    let mut schedule = Schedule::new([SECOND, SECOND], grid(0));
    schedule.postpone(0, begun + SECOND * 5 / 2);

    let first = schedule.next().await;
    schedule.skip_to_next(first, Instant::now());
    assert_eq!((first, begun.elapsed()), (1, Duration::ZERO));
    schedule.park(1);

    assert_eq!((schedule.next().await, begun.elapsed()), (0, SECOND * 5 / 2));
    assert_eq!(schedule.skip_to_next(0, Instant::now()), 2);
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_hastened_only_if_it_would_come_much_later() {
    let hour = Duration::from_secs(3600);
    let mut schedule = Schedule::new([hour, SOON], grid(0));
    let begun = Instant::now();
    for entry in [0, 1] {
        schedule.skip_to_next(entry, begun);
        schedule.hasten(entry, begun + Duration::from_millis(5));
    }

    assert_eq!((schedule.next().await, begun.elapsed()), (0, Duration::from_millis(5)));
    schedule.park(0);
    schedule.hasten(0, Instant::now());
    assert_eq!(schedule.next().await, 1, "what rests goes on resting");
}

#[tokio::test(start_paused = true)]
async fn a_parked_entry_comes_when_it_is_woken_and_a_removed_one_never() {
    let start = Instant::now();
    let mut schedule = Schedule::new([SECOND, SECOND, SECOND], grid(0));
    schedule.park(0);
    schedule.remove(1);
    assert_eq!(schedule.next().await, 2);

    schedule.defer(0, start);
    schedule.park(2);
    assert_eq!(schedule.next().await, 0);

    assert_eq!(schedule.add(SECOND, start + SECOND), 1);
    schedule.park(0);
    assert_eq!(schedule.next().await, 1);
    schedule.park(1);
    schedule.restart(Instant::now());
    assert_eq!(schedule.next().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_never_came_up_goes_first_when_everything_starts_again() {
    let intervals = [SECOND / 5, SECOND, 3600 * SECOND, SECOND];
    let mut schedule = Schedule::new(intervals, grid(0));

    let mut served = Vec::new();
    for _ in 0..8 {
        schedule.restart(Instant::now());
        let entry = schedule.next().await;
        schedule.skip_to_next(entry, Instant::now());
        served.push(entry);
        tokio::time::advance(SECOND / 20).await;
    }

    for entry in 0..4 {
        assert!(served[..4].contains(&entry) && served[4..].contains(&entry), "{served:?}");
    }
}

/// Serves entries that take `cost` each for ten minutes; gives how often each was served and its longest wait.
async fn served(intervals: &[Duration], cost: Duration) -> Vec<(u32, Duration)> {
    let start = Instant::now();
    let mut schedule = Schedule::new(intervals.iter().copied(), grid(0));
    let mut served = vec![(0, Duration::ZERO); intervals.len()];
    let mut last = vec![start; intervals.len()];
    while start.elapsed() < 600 * SECOND {
        let entry = schedule.next().await;
        let now = Instant::now();
        served[entry] = (served[entry].0 + 1, served[entry].1.max(now - last[entry]));
        last[entry] = now;
        schedule.skip_to_next(entry, now);
        tokio::time::advance(cost).await;
    }
    served
}

#[tokio::test(start_paused = true)]
async fn slow_polls_do_not_make_fast_ones_late() {
    // 20 polls of 60 s come due at once; the fast one takes a fifth of the link.
    let mut intervals = vec![60 * SECOND; 20];
    intervals.push(SECOND / 2);

    let served = served(&intervals, SECOND / 10).await;

    assert!(served[20].0 >= 1190, "{served:?}");
    assert!(served[..20].iter().all(|&(count, _)| count == 10 || count == 11), "{served:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_starves_on_a_link_that_is_asked_for_three_times_what_it_can() {
    let mut intervals = vec![SECOND; 30];
    intervals.push(20 * SECOND);

    let served = served(&intervals, SECOND / 10).await;

    assert!(served[..30].iter().all(|&(count, wait)| count >= 180 && wait < 5 * SECOND), "{served:?}");
    assert!(served[30].0 >= 14 && served[30].1 <= 41 * SECOND, "{served:?}");
}
