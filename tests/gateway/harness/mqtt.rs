//! As much of MQTT 5.0 as a test needs, written from the specification: the gateway's own client library must not be
//! the judge of its messages.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
};

/// `CONNACK` (MQTT 5.0, 2.1.2).
pub(crate) const CONNACK: u8 = 2;
/// `PUBLISH`.
pub(crate) const PUBLISH: u8 = 3;
/// `PUBACK`.
pub(crate) const PUBACK: u8 = 4;
/// `SUBACK`.
pub(crate) const SUBACK: u8 = 9;

/// One control packet, not yet understood.
pub(crate) struct Packet {
    /// Kind and flags.
    first: u8,
    /// What follows the remaining length.
    pub(super) body: Vec<u8>,
}

/// A `PUBLISH`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Publish {
    /// Topic.
    pub(crate) topic: String,
    /// Content.
    pub(crate) payload: Vec<u8>,
    /// Whether it was kept by the broker from before.
    pub(crate) retain: bool,
    /// 0, 1 or 2.
    pub(crate) qos: u8,
    /// Packet identifier, 0 with `QoS` 0.
    pub(crate) packet_id: u16,
    /// User properties in their order.
    pub(crate) properties: Vec<(String, String)>,
    /// Correlation data.
    pub(crate) correlation: Option<Vec<u8>>,
}

/// A message to send.
#[derive(Clone, Default)]
pub(crate) struct Outgoing<'a> {
    /// Topic.
    pub(crate) topic: &'a str,
    /// Content.
    pub(crate) payload: &'a [u8],
    /// Whether the broker shall keep it.
    pub(crate) retain: bool,
    /// Where the answer shall go, and what it shall carry.
    pub(crate) response: Option<(&'a str, &'a [u8])>,
}

impl Packet {
    /// The next packet from a stream.
    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut first = [0];
        stream.read_exact(&mut first)?;
        let mut body = vec![0; read_length(stream)?];
        stream.read_exact(&mut body)?;
        Ok(Self { first: first[0], body })
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.first];
        put_varint(&mut bytes, self.body.len());
        bytes.extend(&self.body);
        bytes
    }

    /// The control packet type.
    pub(crate) fn kind(&self) -> u8 {
        self.first >> 4
    }

    /// The packet identifier of a `PUBACK`.
    pub(super) fn acked_id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// Whether a `PUBACK`, `CONNACK` or `SUBACK` says that all is well: reason codes below 0x80.
    pub(super) fn is_success(&self) -> bool {
        match self.kind() {
            CONNACK => self.body[1] < 0x80,
            // A PUBACK without reason code is a success (MQTT 5.0, 3.4.2.1).
            PUBACK => self.body.get(2).is_none_or(|&reason| reason < 0x80),
            _ => self.body.last().is_some_and(|&reason| reason < 0x80),
        }
    }

    /// `CONNECT` with a session that outlives the connection for an hour.
    pub(crate) fn connect(client: &str, clean: bool) -> Self {
        let mut body = text("MQTT");
        body.extend([5, u8::from(clean) << 1, 0, 0]);
        body.extend([5, 0x11]);
        body.extend(3600_u32.to_be_bytes());
        body.extend(text(client));
        Self { first: 0x10, body }
    }

    /// SUBSCRIBE with `QoS` 1.
    pub(super) fn subscribe(filter: &str) -> Self {
        let mut body = vec![0, 1, 0];
        body.extend(text(filter));
        body.push(1);
        Self { first: 0x82, body }
    }

    /// `PUBACK`.
    pub(super) fn puback(packet_id: u16) -> Self {
        Self { first: 0x40, body: packet_id.to_be_bytes().to_vec() }
    }

    /// `PUBLISH` with `QoS` 1 and packet identifier 1.
    fn publish(message: &Outgoing<'_>) -> Self {
        let mut properties = Vec::new();
        if let Some((topic, correlation)) = message.response {
            properties.push(0x08);
            properties.extend(text(topic));
            properties.push(0x09);
            properties.extend(prefixed(correlation));
        }
        let mut body = text(message.topic);
        body.extend([0, 1]);
        put_varint(&mut body, properties.len());
        body.extend(properties);
        body.extend(message.payload);
        Self { first: 0x32 | u8::from(message.retain), body }
    }

    /// The content of a `PUBLISH`. In MQTT 3.1.1 there are no properties.
    pub(super) fn to_publish(&self, has_properties: bool) -> Publish {
        let mut rest = self.body.as_slice();
        let mut publish = Publish {
            topic: take_text(&mut rest),
            retain: self.first & 1 == 1,
            qos: self.first >> 1 & 3,
            ..Publish::default()
        };
        if publish.qos > 0 {
            publish.packet_id = u16::from_be_bytes(take(&mut rest, 2).try_into().expect("two bytes"));
        }
        if has_properties {
            let length = read_length(&mut rest).expect("a property length");
            read_properties(&mut publish, take(&mut rest, length));
        }
        publish.payload = rest.to_vec();
        publish
    }
}

/// Connects, sends one message with `QoS` 1, waits until the broker has it.
pub(crate) fn send(port: u16, message: &Outgoing<'_>) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(&Packet::connect("test-sender", true).bytes())?;
    expect(&mut stream, CONNACK)?;
    stream.write_all(&Packet::publish(message).bytes())?;
    expect(&mut stream, PUBACK)
}

/// Takes the next packet, which must be a good answer of this kind.
pub(super) fn expect(stream: &mut TcpStream, kind: u8) -> io::Result<()> {
    let packet = Packet::read(stream)?;
    let is_fine = packet.kind() == kind && packet.is_success();
    is_fine.then_some(()).ok_or_else(|| io::Error::other(format!("packet {:#04x} instead of {kind}", packet.first)))
}

/// The properties a `PUBLISH` can have (MQTT 5.0, 3.3.2.3).
fn read_properties(publish: &mut Publish, mut rest: &[u8]) {
    while !rest.is_empty() {
        match take(&mut rest, 1)[0] {
            0x01 => drop(take(&mut rest, 1)),
            0x02 => drop(take(&mut rest, 4)),
            0x23 => drop(take(&mut rest, 2)),
            0x03 | 0x08 => drop(take_text(&mut rest)),
            0x09 => publish.correlation = Some(take_prefixed(&mut rest).to_vec()),
            0x26 => publish.properties.push((take_text(&mut rest), take_text(&mut rest))),
            other => panic!("property {other:#04x} has no place in a PUBLISH"),
        }
    }
}

/// A variable byte integer (MQTT 5.0, 1.5.5).
fn read_length(stream: &mut impl Read) -> io::Result<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(length);
        }
    }
    Err(io::Error::other("a length of more than four bytes"))
}

/// Writes a variable byte integer.
fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).expect("seven bits"));
}

/// Text with its length before it.
fn text(text: &str) -> Vec<u8> {
    prefixed(text.as_bytes())
}

/// Bytes with their length before them.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short text");
    [&length.to_be_bytes(), bytes].concat()
}

/// The next `n` bytes; a packet that ends early fails the test.
fn take<'a>(rest: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(n);
    *rest = left;
    taken
}

/// The next bytes with their length before them.
fn take_prefixed<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = take(rest, 2);
    take(rest, usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// The next text.
fn take_text(rest: &mut &[u8]) -> String {
    String::from_utf8(take_prefixed(rest).to_vec()).expect("UTF-8")
}
