//! The middle of the way: what the rules let through goes to the live view, the buffer and the command desk.
//!
//! ```text
//! adapters ─ Batch ─> rules ─ Output ─> [here] ─> live view
//!                                          ├────> buffer
//!                                          └────> command desk
//! ```
//!
//! Order is kept. It waits where the buffer waits, and so do the rules and the adapters behind it: nothing is shed
//! between them. It ends when the rules have ended, after the last output is in the buffer.

use tokio::sync::mpsc;

use crate::{
    buffer::{Append, Buffer, Stopped},
    live::Live,
    model::{CommandId, Envelope, Event, Outcome, Payload, SharedClock, Source},
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
        live.update(&output.forward);
        live.update(&output.local);
        live.note(&output.events);
        for command in output.commands {
            submit(inbox, command, clock).await;
        }
        buffer
            .append(Append {
                forward: output.forward,
                local: output.local,
                events: output.events,
                outcomes: Vec::new(),
                state: output.state,
                receipts: output.receipts,
            })
            .await?;
    }
    Ok(())
}

/// Puts a rule's command into the inbox, where it meets the same policy as everybody's.
async fn submit(inbox: &mpsc::Sender<Envelope>, command: RuleCommand, clock: &SharedClock) {
    let envelope = Envelope {
        source: Source::Rule(command.rule),
        received: clock.now(),
        retained: false,
        payload: Payload::Fields {
            id: CommandId::random(),
            target: command.target,
            value: command.value,
            expires: None,
        },
        response: None,
        reply: None,
        taken: None,
    };
    // The desk is gone only at shutdown, when no command may start any more.
    let _ = inbox.send(envelope).await;
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
