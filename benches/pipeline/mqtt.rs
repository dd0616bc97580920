//! As much of MQTT 3.1.1 as it takes to publish and to listen without the gateway's own library.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

/// A broker that says nothing for so long has failed the case.
const SILENCE: Duration = Duration::from_secs(60);
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBACK: u8 = 9;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects with a clean session.
    pub(crate) fn connect(port: u16, id: &str) -> io::Result<Self> {
        let mut client = Self { stream: TcpStream::connect((Ipv4Addr::LOCALHOST, port))? };
        client.stream.set_nodelay(true)?;
        client.stream.set_read_timeout(Some(SILENCE))?;
        // Protocol name and level, clean session, no keep-alive (MQTT 3.1.1, 3.1.2).
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];
        put_text(&mut body, id);
        client.send(0x10, &[&body])?;
        client.expect(CONNACK)?;
        Ok(client)
    }

    /// Asks for a topic with `QoS` 0.
    pub(crate) fn subscribe(&mut self, topic: &str) -> io::Result<()> {
        let mut body = vec![0, 1];
        put_text(&mut body, topic);
        body.push(0);
        self.send(0x82, &[&body])?;
        self.expect(SUBACK)
    }

    /// The payload of the next message.
    pub(crate) fn message(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let (first, mut body) = self.packet()?;
            if first >> 4 == PUBLISH {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                return Ok(body.split_off(2 + topic));
            }
        }
    }

    /// Publishes with `QoS` 1 until every message is acknowledged, so many at a time.
    pub(crate) fn publish_all<'a>(
        &mut self,
        topic: &str,
        payloads: impl Iterator<Item = &'a [u8]>,
        window: u16,
    ) -> io::Result<()> {
        let mut open = 0;
        for (number, payload) in (0..u16::MAX).cycle().zip(payloads) {
            if open == window {
                self.expect(PUBACK)?;
                open -= 1;
            }
            let mut head = Vec::new();
            put_text(&mut head, topic);
            head.extend((number + 1).to_be_bytes());
            self.send(0x32, &[&head, payload])?;
            open += 1;
        }
        (0..open).try_for_each(|_| self.expect(PUBACK))
    }

    fn send(&mut self, first: u8, parts: &[&[u8]]) -> io::Result<()> {
        let mut packet = vec![first];
        let mut len = parts.iter().map(|part| part.len()).sum::<usize>();
        while len >= 0x80 {
            packet.push(len.to_le_bytes()[0] | 0x80);
            len >>= 7;
        }
        packet.push(len.to_le_bytes()[0]);
        packet.extend(parts.concat());
        self.stream.write_all(&packet)
    }

    fn expect(&mut self, kind: u8) -> io::Result<()> {
        let (first, _) = self.packet()?;
        if first >> 4 == kind { Ok(()) } else { Err(io::Error::other(format!("packet {first:#x} came instead"))) }
    }

    fn packet(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let first = self.byte()?;
        let (mut len, mut shift) = (0_usize, 0);
        loop {
            let byte = self.byte()?;
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body)?;
        Ok((first, body))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len()).expect("a short text");
    out.extend(len.to_be_bytes());
    out.extend(text.as_bytes());
}
