//! Asking units directly, one question at a time: what commissioning needs, beside any polling.
//!
//! It uses the adapter's own client, so that everything that the client promises of answers holds here. A connection that
//! ends is made again with the next question.

use std::{collections::BTreeMap, time::Duration};

use super::{
    client::{Bus, CallError, Client, Patience},
    config::{Config, Connect, Link, Table},
    exception::Exception,
    identity::{Category, Identify, Page},
    link::{self, LinkError, Stream},
    pdu::Request,
};
use crate::{
    adapter::{Metrics, serial},
    config::Pressure,
};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The link cannot be used.
    #[error("{0}")]
    Link(String),
    /// Another program has the serial port, mostly the gateway itself.
    #[error("{0}")]
    InUse(String),
    /// Nothing came.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// Something came from the unit that cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The unit refused.
    #[error("{0}")]
    Refused(Exception),
}

/// A link and the one who asks on it.
pub struct Asker {
    config: Config,
    patience: Patience,
    metrics: Metrics,
    way: Way,
}

/// The connection, or what is remembered of the last one.
enum Way {
    Down(Bus),
    Up(Client<Stream>),
    /// Only while one becomes the other.
    Changing,
}

impl Asker {
    /// Nothing is connected before the first question. An answer may take as long as `limit`, and a question that nobody
    /// answers is put `retries` times more.
    pub fn new(link: Link, connect: Connect, limit: Duration, retries: u32) -> Self {
        let config =
            Config { name: "asked".to_owned(), pressure: Pressure::Wait, link, connect, devices: Vec::new() };
        let way = Way::Down(Bus::new(&config));
        Self { config, patience: Patience { limit, retries }, metrics: Metrics::default(), way }
    }

    /// The link.
    pub fn link(&self) -> &Link {
        &self.config.link
    }

    /// Registers, or bits eight to a byte, as they came.
    pub async fn read(&mut self, unit: u8, table: Table, start: u16, count: u16) -> Result<Vec<u8>, AskError> {
        self.ask(unit, &Request::Read { table, start, count }).await
    }

    /// All objects that a unit says of itself, by number, as far as `found` does not have them already (FC 43/14). A unit
    /// that refuses the first category has none; one may refuse those above it.
    pub async fn objects(&mut self, unit: u8, found: &mut BTreeMap<u8, Vec<u8>>) -> Result<(), AskError> {
        for category in Category::ROWS {
            match self.row_of_objects(unit, category, found).await {
                Err(AskError::Refused(_)) if category > Category::Basic => return Ok(()),
                row => row?,
            }
        }
        Ok(())
    }

    /// The objects of a category, page by page. A page that does not lead on ends it, so that there are at most 256.
    async fn row_of_objects(
        &mut self,
        unit: u8,
        category: Category,
        found: &mut BTreeMap<u8, Vec<u8>>,
    ) -> Result<(), AskError> {
        let mut first = 0;
        loop {
            let data = self.ask(unit, &Request::Identify(Identify::Objects { category, first })).await?;
            let broken = |why: &str| AskError::Unusable(format!("objects from {first:#04x} on: {why}"));
            let page = Page::parse(&data).ok_or_else(|| broken("they end in the middle"))?;
            found.extend(page.objects);
            match page.next {
                None => return Ok(()),
                Some(next) if next > first => first = next,
                Some(_) => return Err(broken("they begin again")),
            }
        }
    }

    /// The data of the answer.
    pub async fn ask(&mut self, unit: u8, request: &Request) -> Result<Vec<u8>, AskError> {
        self.connect().await?;
        let Way::Up(client) = &mut self.way else { return Err(AskError::Link("no connection".to_owned())) };
        let called = client.call(unit, request, self.patience, &self.metrics).await.map(<[u8]>::to_vec);
        if matches!(called, Err(CallError::Link(_))) {
            self.hang_up();
        }
        Ok(called?)
    }

    /// Connects unless that is done. Safe to cancel.
    pub async fn connect(&mut self) -> Result<(), AskError> {
        if matches!(self.way, Way::Up(_)) {
            return Ok(());
        }
        let stream = link::connect(&self.config).await?;
        if let Way::Down(bus) = std::mem::replace(&mut self.way, Way::Changing) {
            self.way = Way::Up(Client::new(stream, bus));
        }
        Ok(())
    }

    /// Gives a connection up that is of no use any more, and keeps what units still owe.
    fn hang_up(&mut self) {
        if let Way::Up(client) = std::mem::replace(&mut self.way, Way::Changing) {
            self.way = Way::Down(client.into_bus());
        }
    }
}

impl From<LinkError> for AskError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Port(serial::OpenError::InUse) => Self::InUse(error.to_string()),
            _ => Self::Link(error.to_string()),
        }
    }
}

impl From<CallError> for AskError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Timeout(limit) => Self::Silent(limit),
            CallError::Garbled(..) | CallError::Rejected(_) | CallError::NoModel => Self::Unusable(error.to_string()),
            CallError::Exception(exception) => Self::Refused(exception),
            CallError::Link(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        shutdown::StopSignal,
        testing::modbus_unit::{self, Bank, Fault},
    };

    #[tokio::test]
    async fn a_connection_that_was_lost_is_made_again_with_the_next_question() {
        let bank = Arc::new(Bank::new(&[1]));
        bank.set_holdings(1, 7, &[0x1234]);
        bank.set_fault(1, Fault::Close);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
        let mut asker = Asker::new(link, Connect::default(), Duration::from_secs(5), 0);
        let (_signal, stop) = StopSignal::pair();

        let story = async {
            let lost = asker.read(1, Table::Holding, 7, 1).await;
            assert!(matches!(lost, Err(AskError::Link(_))), "{lost:?}");
            bank.set_fault(1, Fault::None);
            assert_eq!(asker.read(1, Table::Holding, 7, 1).await.unwrap(), [0x12, 0x34]);
            let absent = asker.read(2, Table::Holding, 7, 1).await;
            assert!(matches!(absent, Err(AskError::Refused(Exception::TARGET_SILENT))), "{absent:?}");
        };

        tokio::select! {
            () = modbus_unit::serve(listener, Arc::clone(&bank), stop) => unreachable!("nobody stops it"),
            () = story => {}
        }
    }
}
