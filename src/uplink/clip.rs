//! What comes from a broker, with every message cut to a length that fits into memory.
//!
//! A message may have 256 MiB (MQTT 3.1.1, 2.2.3), and one that is too large for the client library ends the connection
//! and comes again with the next, for ever. So a PUBLISH above the limit loses its end on the way in: it arrives, is
//! refused for its length by whoever reads it, and is acknowledged.
//!
//! And a CONNACK that speaks of a session is changed where we asked for none. The standard has a client close over it
//! (MQTT 5.0, 3.2.2.1.1), for ever if the broker says so each time. What such a session could hold for a client that
//! only publishes with `QoS` 1 is nothing. Other packets pass as they are.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tracing::warn;

/// Packet type of CONNACK, in the upper half of the first byte.
const CONNACK: u8 = 2;

/// Session present, in the first byte after the fixed header of a CONNACK (MQTT 5.0, 3.2.2.1.1).
const SESSION_PRESENT: u8 = 0x01;

/// Packet type of PUBLISH, in the upper half of the first byte.
const PUBLISH: u8 = 3;

/// Most bytes of a remaining length (MQTT 5.0, 1.5.5).
const MAX_LENGTH_BYTES: usize = 4;

/// A stream whose incoming messages are cut.
#[derive(Debug)]
pub(super) struct Clip<S> {
    stream: BufReader<S>,
    clipper: Clipper,
    /// Cut and not read yet.
    ready: BytesMut,
}

impl<S: AsyncRead> Clip<S> {
    /// Cuts messages to `limit` bytes after the fixed header; `is_new` where no session was asked for.
    pub(super) fn new(stream: S, limit: usize, is_new: bool) -> Self {
        let clipper = Clipper { limit, is_new, header: Vec::new(), place: Place::Header };
        Self { stream: BufReader::new(stream), clipper, ready: BytesMut::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Clip<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            let input = ready!(Pin::new(&mut this.stream).poll_fill_buf(cx))?;
            if input.is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.clipper.feed(input, &mut this.ready);
            let used = input.len();
            Pin::new(&mut this.stream).consume(used);
        }
        let count = out.remaining().min(this.ready.len());
        out.put_slice(&this.ready[..count]);
        this.ready.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Clip<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Follows the packets of a byte stream.
#[derive(Debug)]
struct Clipper {
    limit: usize,
    /// No session was asked for.
    is_new: bool,
    /// What came of a fixed header.
    header: Vec<u8>,
    place: Place,
}

/// Where in the stream we are.
#[derive(Debug, Clone, Copy)]
enum Place {
    Header,
    /// Before the flags of a CONNACK.
    Greeting {
        length: usize,
    },
    Body {
        keep: usize,
        skip: usize,
    },
    /// The stream makes no sense; the client library says so.
    Lost,
}

impl Clipper {
    /// Takes any piece of the stream and appends what is left of it.
    fn feed(&mut self, mut input: &[u8], out: &mut BytesMut) {
        while let Some(&first) = input.first() {
            let used = match self.place {
                Place::Header => {
                    self.header.push(first);
                    self.open(out);
                    1
                }
                Place::Greeting { length } => {
                    if first & SESSION_PRESENT != 0 {
                        warn!("Broker speaks of a session that was not asked for, it counts as a new one");
                    }
                    out.extend_from_slice(&[first & !SESSION_PRESENT]);
                    self.place = Self::body(length - 1, 0);
                    1
                }
                Place::Body { keep: 0, skip } => {
                    let used = skip.min(input.len());
                    self.place = Self::body(0, skip - used);
                    used
                }
                Place::Body { keep, skip } => {
                    let used = keep.min(input.len());
                    out.extend_from_slice(&input[..used]);
                    self.place = Self::body(keep - used, skip);
                    used
                }
                Place::Lost => {
                    out.extend_from_slice(input);
                    input.len()
                }
            };
            input = &input[used..];
        }
    }

    /// Goes on to the body once the header is complete.
    fn open(&mut self, out: &mut BytesMut) {
        let length = &self.header[1..];
        let is_complete = length.last().is_some_and(|byte| byte & 0x80 == 0);
        if !is_complete && length.len() < MAX_LENGTH_BYTES {
            return;
        }
        if !is_complete {
            out.extend_from_slice(&self.header);
            self.place = Place::Lost;
            return;
        }
        let length = length.iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
        let is_clipped = self.header[0] >> 4 == PUBLISH && length > self.limit;
        if is_clipped {
            out.extend_from_slice(&self.header[..1]);
            write_length(self.limit, out);
            self.place = Self::body(self.limit, length - self.limit);
        } else {
            out.extend_from_slice(&self.header);
            let is_greeting = self.is_new && self.header[0] >> 4 == CONNACK && length > 0;
            self.place = if is_greeting { Place::Greeting { length } } else { Self::body(length, 0) };
        }
        self.header.clear();
    }

    fn body(keep: usize, skip: usize) -> Place {
        if keep + skip == 0 { Place::Header } else { Place::Body { keep, skip } }
    }
}

/// Seven bits a byte, the lowest first (MQTT 5.0, 1.5.5).
fn write_length(mut length: usize, out: &mut BytesMut) {
    loop {
        let byte = u8::try_from(length & 0x7f).expect("seven bits");
        length >>= 7;
        if length == 0 {
            return out.extend_from_slice(&[byte]);
        }
        out.extend_from_slice(&[byte | 0x80]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// A packet of a type with a body of so many bytes.
    fn packet(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = BytesMut::from(&[kind << 4][..]);
        write_length(length, &mut bytes);
        bytes.extend((0..length).map(|n| u8::try_from(n % 251).unwrap()));
        bytes.to_vec()
    }

    /// What is left of a stream that comes in pieces of these lengths.
    fn clipped(limit: usize, stream: &[u8], piece: usize) -> Vec<u8> {
        let mut clipper = Clip::new(&b""[..], limit, false).clipper;
        let mut out = BytesMut::new();
        stream.chunks(piece).for_each(|piece| clipper.feed(piece, &mut out));
        out.to_vec()
    }

    #[test]
    fn a_long_message_is_cut_and_the_packet_after_it_is_whole() {
        let stream = [packet(PUBLISH, 500), packet(13, 0), packet(PUBLISH, 200)].concat();

        let expected = [packet(PUBLISH, 200), packet(13, 0), packet(PUBLISH, 200)].concat();
        assert_eq!(clipped(200, &stream, stream.len()), expected);
    }

    #[test]
    fn a_length_that_never_ends_passes_for_the_library_to_refuse() {
        let stream = [0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];

        assert_eq!(clipped(10, &stream, 2), stream);
    }

    #[test]
    fn a_session_is_forgotten_where_none_was_asked_for() {
        let (stream, told) = ([0x20, 3, 0x01, 0, 0, 0x40, 2, 0, 1], [0x20, 3, 0x00, 0, 0, 0x40, 2, 0, 1]);
        for (is_new, expected) in [(true, told), (false, stream)] {
            let mut clipper = Clip::new(&b""[..], 100, is_new).clipper;
            let mut out = BytesMut::new();
            stream.chunks(1).for_each(|piece| clipper.feed(piece, &mut out));
            assert_eq!(out, expected[..]);
        }
    }

    #[tokio::test]
    async fn a_reader_sees_what_is_left_and_then_the_end() {
        let stream = [packet(PUBLISH, 100_000), packet(13, 0)].concat();
        let mut read = Vec::new();

        Clip::new(&stream[..], 70_000, false).read_to_end(&mut read).await.unwrap();

        assert_eq!(read, [packet(PUBLISH, 70_000), packet(13, 0)].concat());
    }

    proptest! {
        #[test]
        fn packets_keep_their_order_and_only_messages_lose_their_end(
            packets in prop::collection::vec((0..16_u8, 0..20_000_usize), 0..8),
            limit in 0..20_000_usize,
            piece in 1..5_000_usize,
        ) {
            let stream = packets.iter().flat_map(|&(kind, length)| packet(kind, length)).collect::<Vec<_>>();
            let left = |kind, length: usize| packet(kind, if kind == PUBLISH { length.min(limit) } else { length });
            let expected = packets.iter().flat_map(|&(kind, length)| left(kind, length)).collect::<Vec<_>>();

            prop_assert_eq!(clipped(limit, &stream, piece), expected);
        }

        #[test]
        fn any_bytes_in_any_pieces_give_the_same(stream: Vec<u8>, limit in 0..64_usize, piece in 1..9_usize) {
            prop_assert_eq!(clipped(limit, &stream, piece), clipped(limit, &stream, stream.len().max(1)));
        }
    }
}
