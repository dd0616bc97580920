//! The middle of the way: what the rules let through goes to the live view, the buffer and the command desk.
//!
//! ```text
//! adapters ─ Batch ─> rules ─ Output ─> [here] ─> live view
//!                                          ├────> buffer
//!                                          └────> command desk
//! ```
//!
//! Order is kept. It waits where the buffer waits, and for nothing else, and so do the rules behind it: nothing is shed
//! between them. Adapters behind those wait as well, or shed (`adapter/intake.rs`). It ends when the rules have ended, after the last output is in the buffer.

use tokio::sync::mpsc;

use crate::{
    buffer::{Append, Buffer, Stopped},
    live::Live,
    model::{CommandId, Envelope, Event, Outcome, OutcomeStatus, Payload, SharedClock, Source},
    rules::{Output, RuleCommand},
    shutdown::Stop,
};

/// Passes rule output on until the rules end.
pub async fn run(
    output: &mut mpsc::Receiver<Output>,
    live: &Live,
    buffer: &Buffer,
    inbox: &mpsc::Sender<Envelope>,
    clock: &SharedClock,
) -> Result<(), Stopped> {
    while let Some(output) = output.recv().await {
        live.update([&output.forward, &output.local, &output.dropped]);
        live.note(&output.events);
        let commands = output.commands.into_iter();
        let outcomes = commands.filter_map(|command| submit(inbox, command, clock)).collect();
        buffer
            .append(Append {
                forward: output.forward,
                local: output.local,
                events: output.events,
                outcomes,
                state: output.state,
                receipts: output.receipts,
            })
            .await?;
    }
    Ok(())
}

/// Puts a rule's command into the inbox, where it meets the same policy as everybody's. It does not wait for room:
/// the desk waits for adapters, and they wait for their readings to pass here. Without room there is an outcome that says so.
fn submit(inbox: &mpsc::Sender<Envelope>, command: RuleCommand, clock: &SharedClock) -> Option<Outcome> {
    let id = CommandId::random();
    let payload = Payload::Fields { id: id.clone(), target: command.target, value: command.value, expires: None };
    let envelope = Envelope {
        source: Source::Rule(command.rule),
        received: clock.now(),
        retained: false,
        payload,
        response: None,
        reply: None,
        taken: None,
    };
    inbox.try_send(envelope).is_err().then(|| {
        let outcome = Outcome::new(Some(id), OutcomeStatus::Denied, clock.now());
        outcome.because("too many commands wait to be decided on; nothing was carried out")
    })
}

/// What besides readings goes into the buffer.
pub struct Record {
    /// From adapters, the desk and the supervisor.
    pub events: mpsc::Receiver<Event>,
    /// From the desk.
    pub outcomes: mpsc::Receiver<Outcome>,
}

/// Puts events and outcomes into the buffer until stopping is asked for, then what is left of them.
pub async fn record(record: &mut Record, buffer: &Buffer, mut stop: Stop) -> Result<(), Stopped> {
    let Record { events, outcomes } = record;
    loop {
        let append = tokio::select! {
            biased;
            () = stop.requested(), if !events.is_closed() => {
                events.close();
                outcomes.close();
                continue;
            }
            Some(outcome) = outcomes.recv() => Append { outcomes: vec![outcome], ..Append::default() },
            Some(event) = events.recv() => Append { events: vec![event], ..Append::default() },
            else => return Ok(()),
        };
        buffer.append(append).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::clock::ManualClock;

    fn command(target: &str) -> RuleCommand {
        RuleCommand { rule: "r".into(), target: target.to_owned(), value: 1.into() }
    }

    #[test]
    fn a_command_that_finds_the_inbox_full_is_denied_and_holds_up_nothing() {
        let (inbox, _desk) = mpsc::channel(1);
        let clock: SharedClock = Arc::new(ManualClock::default());

        assert_eq!(submit(&inbox, command("pump/speed"), &clock), None);
        let refused = submit(&inbox, command("pump/speed"), &clock).unwrap();

        assert_eq!(refused.status, OutcomeStatus::Denied);
        assert!(refused.id.is_some() && refused.error.is_some());
    }
}
