//! Commands that come together.

use super::*;

/// What becomes of commands that come together, none of which reaches a device in time.
async fn ask_together(bench: &mut Bench, payloads: &[String]) -> Vec<Outcome> {
    for payload in payloads {
        bench.inbox.send(envelope(payload)).await.unwrap();
    }
    let (told, mut outcomes) = (&mut bench.outcomes, Vec::new());
    let all = async {
        while outcomes.len() < payloads.len() {
            outcomes.push(told.recv().await.unwrap());
        }
    };
    tokio::select! {
        () = all => outcomes,
        result = bench.desk.run(&mut bench.context) => panic!("desk ended: {result:?}"),
    }
}

#[tokio::test]
async fn repeats_that_come_together_with_the_first_are_told_what_is_known_of_it() {
    let mut bench = Bench::new();
    bench.desk.settings.timeout = Duration::from_millis(1);
    let (good, far) = (speed("c1", &json!(1)), speed("c2", &json!(51)));

    let outcomes = ask_together(&mut bench, &[good.clone(), far.clone(), good, far]).await;

    let fields = |outcome: &Outcome| {
        let fields = outcome.fields();
        fields.split(",\"error").next().map(str::to_owned).unwrap_or(fields)
    };
    let told: Vec<_> = outcomes.iter().map(fields).collect();
    let wanted = [
        r#"{"id":"c2","status":"denied""#,
        r#"{"id":"c1","status":"duplicate","first":null}"#,
        r#"{"id":"c2","status":"duplicate","first":"denied"}"#,
        r#"{"id":"c1","status":"timeout""#,
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn a_ledger_that_fails_holds_back_all_that_came_together() {
    let mut bench = Bench::new();
    let (inbox, outcomes, file) = (&bench.inbox, &mut bench.outcomes, bench.dir.path().join("commands.db"));
    let sender = async {
        inbox.send(envelope("{}")).await.unwrap();
        outcomes.recv().await.unwrap();
        std::fs::remove_file(file).unwrap();
        for id in ["c1", "c2", "c1"] {
            inbox.send(envelope(&speed(id, &json!(1)))).await.unwrap();
        }
        [outcomes.recv().await.unwrap(), outcomes.recv().await.unwrap(), outcomes.recv().await.unwrap()]
    };

    let outcomes = tokio::select! {
        outcomes = sender => outcomes,
        result = bench.desk.run(&mut bench.context) => panic!("desk ended: {result:?}"),
    };

    assert!(outcomes.iter().all(|outcome| outcome.status == OutcomeStatus::Failed), "{outcomes:?}");
    assert!(bench.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_mute_device_is_refused_more_commands_than_may_wait() {
    let mut bench = Bench::unlimited();
    let sender = flood(bench.inbox.clone(), MAX_WAITING + 2);

    let refused = tokio::select! {
        outcome = bench.outcomes.recv() => outcome.unwrap(),
        result = bench.desk.run(&mut bench.context) => panic!("desk ended: {result:?}"),
        () = sender => unreachable!(),
    };

    assert_eq!(refused.status, OutcomeStatus::Denied);
    assert_eq!(refused.error.unwrap(), "64 commands wait for pump-1 already");
    assert!(bench.requests.try_recv().is_ok(), "the first went out");
    assert!(bench.requests.try_recv().is_err(), "the others wait their turn");
}
