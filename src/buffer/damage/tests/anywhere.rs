//! Bytes that are wrong anywhere in the file: what can be read comes, the rest is told, and nothing is invented.

use proptest::prelude::*;

use super::{super::salvager::Salvager, *};
use crate::model::Reading;

#[test]
fn what_can_be_read_of_flipped_pages_comes_and_the_rest_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let whole = fs::read(&settings.path).unwrap();
    let (mut carried, mut readable) = (0, 0);

    for place in (0..whole.len()).step_by(whole.len() / 37) {
        let mut bytes = whole.clone();
        bytes[place..].iter_mut().take(24).for_each(|byte| *byte ^= 0x55);
        damage(&settings, &bytes);
        let can_read = is_readable(&settings);
        readable += u32::from(can_read);

        let found = start_and_salvage(&settings);

        if can_read {
            assert_accounted(&stored, &found, &format!("at {place}"));
        }
        carried += u32::from(told(&found).values().any(|reason| reason == "moved"));
    }

    assert!(carried > 0 && readable > 25, "{carried} {readable}");
}

#[test]
fn of_a_file_that_lost_its_end_the_beginning_is_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let whole = fs::read(&settings.path).unwrap();

    for len in [whole.len() - 1_024, whole.len() / 2, whole.len() / 3] {
        damage(&settings, &whole[..len]);

        let found = start_and_salvage(&settings);

        assert_accounted(&stored, &found, &format!("cut off at {len}"));
        let told = told(&found);
        let count = |wanted: &str| told.values().filter(|reason| *reason == wanted).count();
        assert!(count("moved") > 0 && count("corrupt") > 0, "cut off at {len}: {told:?}");
    }
}

#[test]
fn a_list_of_deliveries_that_was_damaged_counts_as_none() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    filled(&settings);
    let owed_before = owed(&mut core(&settings), "a").len();
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    let mut all = crate::buffer::ranges::Ranges::default();
    all.insert_range(1, 1_000);
    db.execute("UPDATE sent SET ranges = ? WHERE uplink = 'a'", [all.encode()]).unwrap();
    drop(db);

    let owed_after = owed(&mut core(&settings), "a").len();

    assert!(owed_after > owed_before, "{owed_after} {owed_before}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn salvage_never_invents_a_reading(
        cuts in prop::collection::vec((0.0..1.0_f64, 1_usize..3_000, any::<u8>()), 1..6),
        end in 0.3..1.0_f64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), true, 1 << 30);
        filled(&settings);
        let stored: BTreeMap<_, _> = read_all(&settings.path).into_iter().collect();
        prop_assert!(stored.len() > 60);
        let mut bytes = fs::read(&settings.path).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
        let place = |share: f64| (share * bytes.len() as f64) as usize;
        let places: Vec<_> = cuts.iter().map(|(share, len, with)| (place(*share), *len, *with)).collect();
        let len = place(end);
        for (place, len, with) in places {
            bytes[place..].iter_mut().take(len).for_each(|byte| *byte = with.wrapping_add(*byte));
        }
        bytes.truncate(len);
        damage(&settings, &bytes);

        for (id, readings) in read_all(&settings.path) {
            // The store's own id may be what is damaged.
            let same = stored.iter().find(|(known, _)| (&known.1, known.2, known.3) == (&id.1, id.2, id.3));
            prop_assert_eq!(same.map(|(_, readings)| readings), Some(&readings), "{:?}", id);
        }
    }
}

/// Every reading that can be had of a file, by store, epoch, stream and number.
fn read_all(path: &Path) -> Vec<(Id, Vec<Reading>)> {
    let pending = super::super::Pending::new(path, None, None);
    let seal = crate::buffer::seal::Seal::default();
    let Ok(mut salvager) = Salvager::open(path.parent().unwrap(), pending, seal, &["a".into()], true) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    while let Step::Rows(rows) = salvager.step() {
        let blocks = rows.into_iter().flat_map(|row| row.blocks);
        all.extend(blocks.map(|block| (id(&block), block.body.readings().to_vec())));
    }
    all
}
