"""The plant inside the machine: a Modbus TCP server, a broker with a subscriber, and the gateway's link to the broker.

    plant.py ROUND

Modbus units on 127.0.0.1:5020: every value of an answer is ROUND << 20 | number of the answer of its unit, so that no
value comes twice, over all rounds. The gateway's broker is 127.0.0.1:1883: a tap in front of mosquitto (1884), which
reports each message and each acknowledgement before it passes it on. All reports are lines on the machine's virtio
port. What was written there is with the host and survives the cut:

    ready
    served UNIT FIRST COUNT VALUE     a unit has answered COUNT points from FIRST on, each with VALUE
    sent CONNECTION PACKET TOPIC PAYLOAD
    acked CONNECTION PACKET           mosquitto took it
    seen TOPIC PAYLOAD                the subscriber was given it
    link up | link down               done as the host asked for, in the same words
"""

import os
import socket
import struct
import subprocess
import sys
import threading

PORT = "/dev/virtio-ports/port0"
MODBUS, TAP, BROKER = 5020, 1883, 1884
CONFIG = f"listener {BROKER} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nlog_type none\n"
PUBLISH, PUBACK = 3, 4


class Host:
    """The virtio port: lines out, lines in."""

    def __init__(self):
        self.port = os.open(PORT, os.O_RDWR)
        self.lock = threading.Lock()

    def tell(self, line):
        """Returns when the host has the line."""
        rest = line + b"\n"
        with self.lock:
            while rest:
                rest = rest[os.write(self.port, rest) :]

    def lines(self):
        """What the host asks for."""
        with open(self.port, "rb", buffering=0, closefd=False) as port:
            yield from port


def listen(port):
    """A listener on the loopback interface."""
    return socket.create_server(("127.0.0.1", port))


def start(body, *arguments):
    """Runs it beside everything else."""
    threading.Thread(target=body, args=arguments, daemon=True).start()


def read_exactly(stream, count):
    """So many bytes, or EOFError."""
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


class Units:
    """Answers reads of holding registers, whatever the unit."""

    def __init__(self, host, turn):
        self.host, self.turn = host, turn
        self.answers = {}

    def serve(self, listener):
        """Takes connections for ever."""
        while True:
            start(self.converse, listener.accept()[0])

    def converse(self, connection):
        """One connection, until it ends."""
        stream = connection.makefile("rb")
        try:
            while True:
                transaction, _, _, unit, function, first, count = struct.unpack(">HHHBBHH", read_exactly(stream, 12))
                assert function == 3, function
                value = self.next_value(unit)
                registers = struct.pack(">I", value) * (count // 2)
                header = struct.pack(">HHHBBB", transaction, 0, 3 + len(registers), unit, 3, len(registers))
                connection.sendall(header + registers)
                self.host.tell(b"served %d %d %d %d" % (unit, first // 2, count // 2, value))
        except (EOFError, OSError):
            connection.close()

    def next_value(self, unit):
        """Each unit has one connection at a time, so nothing else counts here meanwhile."""
        self.answers[unit] = self.answers.get(unit, 0) + 1
        return self.turn << 20 | self.answers[unit]


class Tap:
    """Passes MQTT on and reports it. While the link is down nothing listens and nothing is connected."""

    def __init__(self, host):
        self.host = host
        self.lock = threading.Lock()
        self.listener = None
        self.sockets = []
        self.connections = 0

    def up(self):
        """Opens the link."""
        self.listener = listen(TAP)
        start(self.accept, self.listener)

    def down(self):
        """Cuts the link."""
        with self.lock:
            for end in [self.listener, *self.sockets]:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # Its other side has closed it already.
                end.close()
            self.sockets.clear()

    def accept(self, listener):
        """Takes connections until the link goes down."""
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", BROKER))
            with self.lock:
                self.connections += 1
                number = self.connections
                self.sockets += [client, broker]
            start(self.relay, client, broker, lambda *packet, n=number: self.report_sent(n, *packet))
            start(self.relay, broker, client, lambda *packet, n=number: self.report_acked(n, *packet))

    def relay(self, source, sink, report):
        """Packet by packet; each is reported before it is passed on."""
        stream = source.makefile("rb")
        try:
            while True:
                head, body = read_packet(stream)
                report(head[0], body)
                sink.sendall(head + body)
        except (EOFError, OSError):
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # The other direction was first.

    def report_sent(self, connection, kind, body):
        """A PUBLISH with its packet id, topic and payload (MQTT 5.0, 3.3.2)."""
        if kind >> 4 != PUBLISH or not kind & 6:
            return
        length = struct.unpack_from(">H", body)[0]
        packet = struct.unpack_from(">H", body, 2 + length)[0]
        size, start_of = read_varint(body, 4 + length)
        self.host.tell(b"sent %d %d %s %s" % (connection, packet, body[2 : 2 + length], body[start_of + size :]))

    def report_acked(self, connection, kind, body):
        """A PUBACK that is no refusal (MQTT 5.0, 3.4.2)."""
        if kind >> 4 == PUBACK and (len(body) < 3 or body[2] < 0x80):
            self.host.tell(b"acked %d %d" % (connection, struct.unpack_from(">H", body)[0]))


def read_packet(stream):
    """One MQTT packet: fixed header and the rest."""
    head = read_exactly(stream, 2)
    while head[-1] & 0x80:
        head += read_exactly(stream, 1)
    return head, read_exactly(stream, read_varint(head, 1)[0])


def read_varint(data, at):
    """A variable byte integer (MQTT 5.0, 1.5.5), and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def start_broker():
    """Starts mosquitto; returns when it takes connections."""
    with open("/run/mosquitto.conf", "w", encoding="ascii") as config:
        config.write(CONFIG)
    broker = subprocess.Popen(["mosquitto", "-c", "/run/mosquitto.conf"], stdin=subprocess.DEVNULL)
    while broker.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", BROKER)).close()
        except ConnectionRefusedError:
            pass
    sys.exit("plant: mosquitto has ended")


def watch(host):
    """Starts the subscriber; returns when its subscription is in force."""
    # The broker's version is retained: that it comes shows that the subscription is there.
    topics = ["-t", "$SYS/broker/version", "-t", "tidegate/#"]
    command = ["mosquitto_sub", "-p", str(BROKER), "-V", "5", "-q", "1", *topics, "-F", "seen %t %p"]
    seen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    if not seen.readline().startswith(b"seen $SYS"):
        sys.exit("plant: mosquitto_sub has ended")
    start(lambda: [host.tell(line.rstrip(b"\n")) for line in seen])


def main():
    host = Host()
    start_broker()
    watch(host)
    start(Units(host, int(sys.argv[1])).serve, listen(MODBUS))
    tap = Tap(host)
    tap.up()
    host.tell(b"ready")
    for line in host.lines():
        {b"link up": tap.up, b"link down": tap.down}[line.strip()]()
        host.tell(line.strip())


main()
