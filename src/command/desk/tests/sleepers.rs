//! Commands for devices that sleep.

use super::*;

#[tokio::test]
async fn commands_for_sleepers_are_told_to_wait_and_keep_nobody_else_waiting() {
    let mut bench = Bench::unlimited();
    let count = MAX_OPEN + MAX_WAITING;
    let sender = flood(bench.inbox.clone(), count);
    let (requests, outcomes) = (&mut bench.requests, &mut bench.outcomes);
    let adapter = async {
        let mut replies = Vec::new();
        while replies.len() < count {
            let Some(DeviceRequest::Write { mut reply, .. }) = requests.recv().await.map(|it| *it) else {
                panic!("no write")
            };
            reply.queued();
            replies.push(reply);
        }
        // The device wakes, and takes all but the last, whose time is over.
        let last = replies.pop().unwrap();
        for reply in replies {
            reply.send(Ok(None)).unwrap();
        }
        last.send(Err(WriteError::Expired)).unwrap();
        std::future::pending::<()>().await;
    };
    let listener = async {
        let mut told = Vec::new();
        while told.len() < 2 * count {
            told.push(outcomes.recv().await.unwrap());
        }
        told
    };

    let told = tokio::select! {
        told = listener => told,
        result = bench.desk.run(&mut bench.context) => panic!("desk ended: {result:?}"),
        () = sender => unreachable!(),
        () = adapter => unreachable!(),
    };

    for number in 0..count {
        let id = CommandId::new(&format!("c{number}"));
        let of_it: Vec<_> = told.iter().filter(|outcome| outcome.id == id).map(|outcome| outcome.status).collect();
        let end = if number == count - 1 { OutcomeStatus::Expired } else { OutcomeStatus::Done };
        assert_eq!(of_it, [OutcomeStatus::Queued, end], "{number}");
    }
}

#[tokio::test]
async fn a_local_caller_is_told_that_a_command_waits_and_a_stop_ends_it() {
    let mut bench = Bench::new();
    let (reply, replied) = oneshot::channel();
    bench.inbox.send(Envelope { reply: Some(reply), ..envelope(&speed("c1", &json!(1))) }).await.unwrap();
    let (stop, requests) = (&bench.stop, &mut bench.requests);
    let adapter = async {
        let Some(DeviceRequest::Write { mut reply, .. }) = requests.recv().await.map(|it| *it) else {
            panic!("no write")
        };
        reply.queued();
        assert_eq!(replied.await.unwrap().status, OutcomeStatus::Queued);
        stop.raise();
        reply
    };

    let (result, reply) = tokio::join!(bench.desk.run(&mut bench.context), adapter);

    result.unwrap();
    assert!(reply.is_closed(), "nothing may be sent any more");
    let statuses = [bench.outcomes.recv().await.unwrap().status, bench.outcomes.recv().await.unwrap().status];
    assert_eq!(statuses, [OutcomeStatus::Queued, OutcomeStatus::Failed]);
}
