//! Whatever a clock does, and whenever the gateway is stopped.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Measure,
    Happen,
    Commit,
    Fetch { second: bool, limit: usize, is_acked: bool },
    Jump { hours: i64, quality: ClockQuality },
    Trust,
    Kill,
    History,
}

fn step() -> impl Strategy<Value = Step> {
    let quality = prop::sample::select(vec![ClockQuality::None, ClockQuality::Estimated, ClockQuality::Rtc]);
    prop_oneof![
        6 => Just(Step::Measure),
        1 => Just(Step::Happen),
        4 => Just(Step::Commit),
        4 => (any::<bool>(), 1_usize..6, any::<bool>())
            .prop_map(|(second, limit, is_acked)| Step::Fetch { second, limit, is_acked }),
        2 => (-9_000_i64..9_000, quality).prop_map(|(hours, quality)| Step::Jump { hours, quality }),
        1 => Just(Step::Trust),
        1 => Just(Step::Kill),
        1 => Just(Step::History),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn nothing_that_left_changes_and_every_time_is_right_in_the_end(
        steps in prop::collection::vec(step(), 1..40), express: bool,
    ) {
        let mut site = Site::unset(express);
        for step in steps {
            match step {
                Step::Measure => site.measure(),
                Step::Happen => site.happen(),
                Step::Commit => site.commit(),
                Step::Fetch { second, limit, is_acked } => {
                    site.fetch(if second { "b" } else { "a" }, limit, is_acked);
                }
                Step::Jump { hours, quality } => {
                    site.set(ManualClock::START.moved(hours * 3_600_000), quality);
                }
                Step::Trust => site.trust(),
                Step::Kill => {
                    site.commit();
                    site.start();
                }
                Step::History => prop_assert!(site.core().commit_history()),
            }
        }
        site.trust();
        site.commit();
        site.drain();
        site.assert_all_right();
    }
}
