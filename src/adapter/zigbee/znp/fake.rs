//! The stick's side of a link, for tests: it expects commands and gives what it is told to.

use tokio::io::DuplexStream;

use super::{command::Command, link::Link, unpi::Frame};

/// A stick at the other end of a pipe.
pub(super) struct Stick(Link<DuplexStream>);

/// A pipe with a stick at one end.
pub(super) fn stick() -> (DuplexStream, Stick) {
    let (host, stick) = tokio::io::duplex(4096);
    (host, Stick(Link::new(stick)))
}

impl Stick {
    /// The next command, which has to be this one.
    pub(super) async fn expect<C: Command>(&mut self) -> C {
        let frame = self.0.receive().await.unwrap();
        C::of(&frame).unwrap_or_else(|| panic!("{} expected, not {frame:?}", C::NAME)).unwrap()
    }

    /// Answers a command.
    pub(super) async fn answer<C: Command>(&mut self, answer: &C::Answer) {
        self.send(&C::answer(answer)).await;
    }

    /// Expects a command and answers it.
    pub(super) async fn serve<C: Command>(&mut self, answer: &C::Answer) -> C {
        let command = self.expect::<C>().await;
        self.answer::<C>(answer).await;
        command
    }

    /// Tells something by itself.
    pub(super) async fn tell<C: Command>(&mut self, news: &C) {
        self.send(&news.to_frame()).await;
    }

    /// Sends a frame.
    pub(super) async fn send(&mut self, frame: &Frame) {
        self.0.send(frame).await.unwrap();
    }

    /// Sends bytes that are no frame.
    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.send_bytes(bytes).await.unwrap();
    }
}
