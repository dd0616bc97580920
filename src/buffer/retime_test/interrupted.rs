//! A clock that is set right across starts and kills, while the backlog is long, and while the disk refuses.

use super::*;

#[test]
fn a_restart_before_the_clock_is_trusted_forgets_nothing() {
    let mut site = Site::unset(true);
    site.measure();
    site.commit();
    site.start();
    site.measure();
    site.commit();
    site.fetch("a", 1, false);
    site.start();
    site.measure();
    site.commit();

    site.trust();
    site.drain();

    site.assert_all_right();
    // One of the first epoch left, and a restart has made of that: any of it may have.
    assert_eq!(site.clocks(), [UNSET, RIGHT, RIGHT]);
    assert_eq!(site.runs().iter().map(|run| (run.1, run.2, run.3)).collect::<Vec<_>>(), [(1, 1, 1)]);
}

#[test]
fn trust_that_comes_while_the_gateway_is_down_counts_at_its_start() {
    let mut site = Site::unset(true);
    site.measure();
    site.commit();
    site.core = None;
    site.clock.set(ManualClock::START.plus(SECOND));
    site.clock.trust(ClockQuality::Ntp);

    site.start();
    assert_eq!(site.fetch("a", 9, false), 0, "it would leave with a wrong time");
    site.settle();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::Ntp]);
}

#[test]
fn another_boot_knows_nothing_of_the_clock_before() {
    let mut site = Site::unset(true);
    site.measure();
    site.commit();
    site.clock.reboot();
    site.start();

    site.set(ManualClock::START, ClockQuality::Ntp);
    site.settle();
    site.drain();

    assert_eq!(site.clocks(), [ClockQuality::None]);
    assert_eq!(site.runs(), []);
}

#[test]
fn a_long_backlog_is_set_right_step_by_step_and_nothing_leaves_ahead_of_it() {
    let mut site = Site::unset(false);
    for _ in 0..100 {
        site.measure();
        site.commit();
    }

    site.clock.set(ManualClock::START.plus(100 * SECOND));
    site.clock.trust(ClockQuality::Ntp);
    site.core().tick();
    let early = site.fetch("a", 99, false);
    assert!((1..99).contains(&early), "{early} blocks were ready");
    site.settle();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::Ntp; 100]);
}

#[test]
fn a_pass_that_a_kill_ends_goes_on_at_the_next_start() {
    let mut site = Site::unset(false);
    for _ in 0..100 {
        site.measure();
        site.commit();
    }
    site.clock.set(ManualClock::START.plus(100 * SECOND));
    site.clock.trust(ClockQuality::Ntp);
    site.core().tick();
    site.fetch("a", 99, false);

    site.start();
    site.settle();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::Ntp; 100]);
}

#[test]
fn an_uplink_that_asks_during_a_pass_waits_for_its_answer() {
    let mut site = Site::unset(false);
    for _ in 0..100 {
        site.measure();
        site.commit();
    }
    site.core = None;
    site.clock.set(ManualClock::START.plus(100 * SECOND));
    site.clock.trust(ClockQuality::Ntp);
    let clock: Arc<dyn Clock> = Arc::clone(&site.clock) as _;
    let origin = Origin { clock, ..origin() };
    let (buffer, writer) = crate::buffer::open(&site.settings(), origin, crate::buffer::Metrics::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let name = "a".into();
        let mut fetch = std::pin::pin!(buffer.fetch(&name, Wanted::all_after(BlockId(90)), 10));
        // The question is there before the writer has begun.
        tokio::select! {
            biased;
            _ = &mut fetch => panic!("nobody can have answered"),
            () = std::future::ready(()) => {}
        }
        let thread = std::thread::spawn(|| writer.run());

        let blocks = fetch.await.unwrap();

        assert!(!blocks.is_empty(), "an empty answer says that there is nothing");
        assert!(blocks.iter().all(|block| block.clock.is_trusted()));
        buffer.ping().await.unwrap();
        buffer.close().await;
        thread.join().unwrap();
    });
}

#[test]
fn what_is_stored_stays_while_the_disk_cannot_note_that_it_left() {
    let mut site = Site::unset(true);
    site.measure();
    site.commit();
    site.core().store().db.pragma_update(None, "query_only", true).unwrap();
    assert_eq!(site.fetch("a", 9, false), 0);

    site.core().store().db.pragma_update(None, "query_only", false).unwrap();
    assert!(site.fetch("a", 9, false) > 0);
    site.start();
    site.trust();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::None]);
}
