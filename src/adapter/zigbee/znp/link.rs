//! Frames over a byte link: a serial line, a socket, or a pipe in tests.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, error::Elapsed, timeout, timeout_at},
};

use super::unpi::{Decoder, Frame, FrameError};

/// A frame that pauses for so long does not go on. At 115 200 baud the longest takes 23 ms; what a network stick puts
/// between two packets is rarely more than a tenth of a second.
const QUIET: Duration = Duration::from_millis(500);

/// How long the stick may refuse to take bytes.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Bytes read at once.
const CHUNK: usize = 1024;

/// Why no frame comes or goes.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other side has closed the link.
    #[error("the link was closed")]
    Closed,
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The stick takes no bytes.
    #[error("the stick took no bytes for {} s", WRITE_LIMIT.as_secs())]
    Stuck(#[from] Elapsed),
    /// A frame of ours that cannot be sent.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// A byte link with the frame that has not ended yet.
#[derive(Debug)]
pub struct Link<L> {
    /// Bytes in and out.
    bytes: L,
    /// What has arrived of a frame.
    decoder: Decoder,
    /// Where bytes are read to.
    chunk: Box<[u8]>,
    /// When bytes came last. It outlives a cancelled wait: whoever is interrupted often must still give up.
    heard: Instant,
}

impl<L: AsyncRead + AsyncWrite + Unpin> Link<L> {
    /// On an open link.
    pub fn new(bytes: L) -> Self {
        Self { bytes, decoder: Decoder::default(), chunk: vec![0; CHUNK].into(), heard: Instant::now() }
    }

    /// The next frame. Safe to cancel: what has arrived is kept.
    pub async fn receive(&mut self) -> Result<Frame, LinkError> {
        loop {
            if let Some(frame) = self.decoder.next_frame() {
                return Ok(frame);
            }
            if !self.decoder.is_waiting() {
                self.read().await?;
                continue;
            }
            if let Ok(read) = timeout_at(self.heard + QUIET, self.read()).await {
                read?;
            } else {
                self.heard = Instant::now();
                self.decoder.give_up();
            }
        }
    }

    /// Reads what there is.
    async fn read(&mut self) -> Result<(), LinkError> {
        match self.bytes.read(&mut self.chunk).await? {
            0 => Err(LinkError::Closed),
            got => {
                self.heard = Instant::now();
                self.decoder.push(&self.chunk[..got]);
                Ok(())
            }
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), LinkError> {
        let mut bytes = Vec::with_capacity(frame.data.len() + 5);
        frame.encode(&mut bytes)?;
        self.send_bytes(&bytes).await
    }

    /// Sends bytes that are no frame.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = async {
            self.bytes.write_all(bytes).await?;
            self.bytes.flush().await
        };
        Ok(timeout(WRITE_LIMIT, written).await??)
    }

    /// How many bytes belonged to no frame.
    pub fn skipped(&self) -> u64 {
        self.decoder.skipped().0
    }
}
