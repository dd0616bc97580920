use super::*;

fn key(id: &str) -> Key {
    Key { source: "uplink:cloud".to_owned(), id: CommandId::new(id).unwrap() }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn entry(id: &str, verdict: Option<Verdict>) -> Entry {
    let correlation = Some([1, 2].as_slice().into());
    let response = Some(ResponseTo { uplink: "cloud".into(), topic: "answers".into(), correlation });
    Entry { key: key(id), target: "set a/b to 1".to_owned(), received: Timestamp::default(), response, verdict }
}

fn done(decided: Timestamp) -> Verdict {
    Verdict { status: OutcomeStatus::Done, error: None, decided }
}

const DAY: Duration = Duration::from_secs(86_400);

fn open_in(dir: &tempfile::TempDir) -> (Ledger, Option<SetAside>) {
    Ledger::open(&dir.path().join("commands.db"), DAY).unwrap()
}

async fn seen(ledger: &Ledger, key: Key) -> Result<Seen, LedgerError> {
    Ok(ledger.seen(vec![key]).await?[0])
}

async fn claim(ledger: &Ledger, entry: Entry, now: Timestamp) -> Result<(), LedgerError> {
    ledger.claim(vec![entry], now).await?.into_values().next().map_or(Ok(()), Err)
}

#[tokio::test]
async fn what_was_claimed_is_known_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open_in(&dir);
    let now = at("2026-11-20T12:00:00Z");
    assert_eq!(seen(&ledger, key("c1")).await, Ok(Seen::Never));
    claim(&ledger, entry("c1", None), now).await.unwrap();
    claim(&ledger, entry("c2", None), now).await.unwrap();
    ledger.settle(key("c1"), done(now)).await.unwrap();
    drop(ledger);

    let (ledger, _) = open_in(&dir);

    assert_eq!(seen(&ledger, key("c1")).await, Ok(Seen::Settled(OutcomeStatus::Done)));
    assert_eq!(seen(&ledger, key("c2")).await, Ok(Seen::Open));
    let response = entry("c2", None).response;
    assert_eq!(ledger.interrupted().await, Ok(vec![Interrupted { key: key("c2"), response }]));
}

#[tokio::test]
async fn a_ledger_whose_disk_is_gone_takes_nothing_and_knows_everything_once_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, away) = (dir.path().join("disk"), dir.path().join("away"));
    std::fs::create_dir(&disk).unwrap();
    let (ledger, _) = Ledger::open(&disk.join("commands.db"), DAY).unwrap();
    let now = at("2026-11-20T12:00:00Z");
    claim(&ledger, entry("c1", None), now).await.unwrap();

    std::fs::rename(&disk, &away).unwrap();
    let refused = claim(&ledger, entry("c2", None), now).await.unwrap_err();
    std::fs::create_dir(&disk).unwrap();
    std::fs::write(disk.join("commands.db"), "").unwrap();
    let still_refused = seen(&ledger, key("c1")).await.unwrap_err();
    std::fs::remove_dir_all(&disk).unwrap();
    std::fs::rename(&away, &disk).unwrap();

    assert!(refused.to_string().contains("gone from its place") && still_refused == refused);
    assert_eq!(seen(&ledger, key("c1")).await, Ok(Seen::Open));
    assert_eq!(seen(&ledger, key("c2")).await, Ok(Seen::Never));
}

#[tokio::test]
async fn an_id_is_claimed_once_and_keeps_its_first_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open_in(&dir);
    let now = at("2026-11-20T12:00:00Z");
    claim(&ledger, entry("c1", Some(done(now))), now).await.unwrap();

    assert!(matches!(claim(&ledger, entry("c1", None), now).await, Err(LedgerError::Storage(_))));
    let late = Verdict { status: OutcomeStatus::Failed, error: None, decided: now };
    ledger.settle(key("c1"), late).await.unwrap();

    assert_eq!(seen(&ledger, key("c1")).await, Ok(Seen::Settled(OutcomeStatus::Done)));
    let other = Key { source: "uplink:scada".to_owned(), id: CommandId::new("c1").unwrap() };
    assert_eq!(seen(&ledger, other).await, Ok(Seen::Never));
}

#[tokio::test]
async fn one_id_that_is_taken_keeps_no_other_of_its_commit_back() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open_in(&dir);
    let now = at("2026-11-20T12:00:00Z");
    claim(&ledger, entry("c2", None), now).await.unwrap();

    let failed = ledger.claim(["c1", "c2", "c3"].map(|id| entry(id, None)).into(), now).await.unwrap();

    assert_eq!(failed.keys().collect::<Vec<_>>(), [&key("c2")]);
    let all = ledger.seen(["c1", "c2", "c3", "c4"].map(key).into()).await.unwrap();
    assert_eq!(all, [Seen::Open, Seen::Open, Seen::Open, Seen::Never]);
}

#[tokio::test]
async fn finished_rows_are_forgotten_in_time_but_never_open_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open_in(&dir);
    let (unset, early, late) = (at("1970-01-01T00:05:00Z"), at("2026-11-20T12:00:00Z"), at("2026-11-22T12:00:00Z"));
    claim(&ledger, entry("unset", Some(done(unset))), unset).await.unwrap();
    claim(&ledger, entry("old", Some(done(early))), early).await.unwrap();
    claim(&ledger, entry("open", None), early).await.unwrap();

    claim(&ledger, entry("new", Some(done(late))), late).await.unwrap();

    assert_eq!(seen(&ledger, key("old")).await, Ok(Seen::Never));
    assert_eq!(seen(&ledger, key("open")).await, Ok(Seen::Open));
    assert_eq!(seen(&ledger, key("unset")).await, Ok(Seen::Settled(OutcomeStatus::Done)));
}

#[test]
fn the_oldest_finished_rows_go_when_there_are_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = store::open(&dir.path().join("commands.db"), DAY).unwrap();
    let now = Timestamp::default();
    store.insert(&entry("open", None)).unwrap();
    for id in ["c1", "c2", "c3"] {
        store.insert(&entry(id, Some(done(now)))).unwrap();
    }

    store.prune_beyond(2).unwrap();

    let seen: Vec<Seen> = ["open", "c1", "c2", "c3"].iter().map(|id| store.seen(&key(id)).unwrap()).collect();
    let settled = Seen::Settled(OutcomeStatus::Done);
    assert_eq!(seen, [Seen::Open, Seen::Never, settled, settled]);
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("commands.db");
    std::fs::write(&path, vec![0x5a; 8192]).unwrap();

    let (ledger, aside) = open_in(&dir);

    let aside = aside.unwrap().file;
    assert!(aside.ends_with("commands.db.damaged-1"));
    assert_eq!(std::fs::read(aside).unwrap(), vec![0x5a; 8192]);
    assert_eq!(seen(&ledger, key("c1")).await, Ok(Seen::Never));
}

#[test]
fn a_place_that_cannot_hold_a_file_is_named() {
    let error = Ledger::open(Path::new("/proc/no/commands.db"), DAY).unwrap_err();

    assert!(error.to_string().starts_with("command ledger /proc/no/commands.db: "), "{error}");
}
