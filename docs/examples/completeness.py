#!/usr/bin/env python3
"""A receiver that proves from Tidegate's messages alone that nothing is missing.

    completeness.py --host broker.example.com --prefix tidegate/oslo/plant-7
    completeness.py --prefix tidegate/oslo/plant-7 --replay recorded.ndjson --json

It follows docs/upstream.md, "Knowing that nothing is missing", and knows nothing else of the gateway. With --sqlite or
--postgres it also keeps what it takes, each message once, and acknowledges a message to the broker only after the
database has it: so nothing is lost between broker and database either, and the proof goes on after a restart.

It ends after --seconds, or on Ctrl-C or SIGTERM, with a report. The exit status is 0 when nothing is missing, 1 when
something is, 2 when it was called wrongly, or the broker refused it or did not answer.

Recordings are lines of JSON as `mosquitto_sub -V 5 -F %j -t 'tidegate/oslo/plant-7/#'` writes them. Needs paho-mqtt 2;
psycopg 3 for --postgres; zstandard where an uplink compresses.
"""

import argparse
import collections
import hashlib
import json
import queue
import signal
import sqlite3
import sys
import time

STREAMS = ("data", "event", "outcome")

# No JSON begins like this. It is how MQTT 3.1.1 tells that a message is packed.
ZSTD_MAGIC = bytes.fromhex("28b52ffd")


class Numbers:
    """The messages of one stream of one epoch: a digest by number, so that a repeat is told from a contradiction.

    The digests are all this holds, 16 bytes a message. A receiver with a database can ask that instead.
    """

    def __init__(self):
        self.digests = {}

    def last(self):
        return max(self.digests, default=0)


class Ledger:
    """What arrived, and what that proves. Knows no network and no database."""

    def __init__(self):
        self.streams = collections.defaultdict(Numbers)
        self.ends = {}  # (store, epoch) -> {stream: last number that was stored or delivered}
        self.gaps = {}  # id of the event -> its gap
        self.rolled_back = {}  # store -> epoch in which it told that a damaged file had taken its newest part
        self.stores = []  # in the order in which they were seen
        self.current = {}  # store -> newest epoch seen
        self.readings = collections.Counter()
        self.duplicates = 0
        self.conflicts = []
        self.foreign = 0

    def take(self, topic, body):
        """Takes the message that came on a topic below the prefix. Gives its id when it is new, None otherwise."""
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if not isinstance(message, dict) or "store" not in message or "epoch" not in message:
            self.foreign += 1
            return None
        self.meet(message["store"], message["epoch"])
        if topic == "state":
            self.take_state(message)
            return None
        return self.take_numbered(message, body)

    def meet(self, store, epoch):
        if store not in self.stores:
            self.stores.append(store)
        self.current[store] = max(epoch, self.current.get(store, 0))

    def take_state(self, message):
        """`previous` says how far each earlier epoch went; a stream it does not name had no message."""
        for end in message.get("previous", []):
            lasts = {stream: seq for stream, seq in end.items() if stream != "epoch"}
            self.close(message["store"], end["epoch"], lasts)

    def close(self, store, epoch, lasts):
        # Several states may name an epoch. None takes back what an earlier one has said.
        known = self.ends.setdefault((store, epoch), {})
        for stream, last in lasts.items():
            known[stream] = max(last, known.get(stream, 0))

    def take_numbered(self, message, body):
        if "stream" not in message or "seq" not in message:
            self.foreign += 1
            return None
        key = message["store"], message["epoch"], message["stream"]
        numbers, seq, digest = self.streams[key], message["seq"], digest_of(body)
        if seq in numbers.digests:
            if numbers.digests[seq] == digest:
                self.duplicates += 1
            else:
                self.conflicts.append((*key, seq))
            return None
        numbers.digests[seq] = digest
        self.readings[key[2]] += len(message.get("readings", []))
        if "gap" in message:
            self.gaps[(*key, seq)] = message["gap"]
        if message.get("what") == "store-rolled-back":
            self.rolled_back[key[0]] = max(key[1], self.rolled_back.get(key[0], 0))
        return (*key, seq)

    def explained(self):
        """The numbers that gaps cover, as ranges by store, epoch and stream. A gap speaks for its own store, or the
        one it names."""
        ranges = collections.defaultdict(list)
        for (store, *_), gap in self.gaps.items():
            if "from" in gap:
                ranges[gap.get("store", store), gap["epoch"], gap["stream"]].append((gap["from"], gap["to"]))
        return ranges

    def verdict(self):
        """Every number that did not arrive and that no gap explains, sorted by what its absence means."""
        found = {"holes": [], "crash_window": [], "open": [], "damaged": []}
        explained, keys = self.explained(), set(self.streams)
        for (store, epoch), lasts in self.ends.items():
            keys.update((store, epoch, stream) for stream in lasts)
        for key in sorted(keys):
            store, epoch, stream = key
            numbers = self.streams[key] if key in self.streams else Numbers()
            end = self.ends.get((store, epoch))
            named = (end or {}).get(stream, 0)
            covered = explained.get(key, [])
            for seq in range(1, max(numbers.last(), named) + 1):
                if seq in numbers.digests or any(first <= seq <= last for first, last in covered):
                    continue
                add(found[self.meaning(store, epoch, named, seq)], key, seq)
        return found

    def meaning(self, store, epoch, named, seq):
        if (store, epoch) in self.ends:
            # Up to what `previous` names everything is owed. Above it are messages that went out before their commit:
            # a hole there is what the crash took out of its window.
            return "holes" if seq <= named else "crash_window"
        return "damaged" if self.is_damaged(store, epoch) else "open"

    def is_damaged(self, store, epoch):
        """Whether the gateway has told that it cannot say any more how far an epoch went."""
        # A new store begins only where the old file was damaged, and cannot speak for the epochs of the old one.
        return store != self.stores[-1] or epoch < self.rolled_back.get(store, 0)

    def unproven(self):
        """Epochs that are over and that no `state` has closed: what is missing at their end leaves no hole."""
        epochs = {(store, epoch) for store, epoch, _ in self.streams} - self.ends.keys()
        over = [(store, epoch) for store, epoch in sorted(epochs) if (store, epoch) != self.newest()]
        whys = ("damaged" if self.is_damaged(*id) else "not closed" for id in over)
        return [{"store": store, "epoch": epoch, "why": why} for (store, epoch), why in zip(over, whys)]

    def newest(self):
        return self.stores[-1], self.current[self.stores[-1]]

    def report(self):
        """The proof as one document."""
        verdict, unproven = self.verdict(), self.unproven()
        is_closed = all(epoch["why"] == "damaged" for epoch in unproven)
        explained = collections.Counter()
        for gap in self.gaps.values():
            explained[gap["reason"]] += gap["readings"]
        return {
            "complete": is_closed and not (verdict["holes"] or verdict["open"] or self.conflicts),
            "messages": sum(len(numbers.digests) for numbers in self.streams.values()),
            "readings": sum(self.readings.values()),
            "duplicates": self.duplicates,
            "conflicts": [dict(zip(("store", "epoch", "stream", "seq"), id)) for id in self.conflicts],
            **verdict,
            "unproven_epochs": unproven,
            "gaps": [{"store": id[0], **gap} for id, gap in sorted(self.gaps.items())],
            "explained_readings": dict(explained),
            "stores": self.stores,
            "closed_epochs": len(self.ends),
            "foreign": self.foreign,
        }


def add(ranges, key, seq):
    """Notes a missing number; neighbours become one range."""
    store, epoch, stream = key
    if ranges:
        last = ranges[-1]
        if (last["store"], last["epoch"], last["stream"], last["to"]) == (store, epoch, stream, seq - 1):
            last["to"] = seq
            return
    ranges.append({"store": store, "epoch": epoch, "stream": stream, "from": seq, "to": seq})


def digest_of(body):
    return hashlib.blake2b(body, digest_size=16).digest()


MEANINGS = {
    "holes": "missing",
    "open": "missing so far, on the way or lost",
    "crash_window": "published before their commit and taken by a crash",
    "damaged": "missing where a damaged file took the end of an epoch",
}


def text_of(report):
    """The report for people."""
    lines = [
        f"messages    {report['messages']} with {report['readings']} readings",
        f"duplicates  {report['duplicates']} identical, {len(report['conflicts'])} that differ",
        f"epochs      {report['closed_epochs']} closed, in {len(report['stores'])} stores",
    ]
    for gap in report["gaps"]:
        lines.append(f"gap         {place_of_gap(gap)}: {gap['readings']} readings, {gap['reason']}")
    for kind, meaning in MEANINGS.items():
        for hole in report[kind]:
            lines.append(f"{meaning}: {place_of(hole)}")
    for epoch in report["unproven_epochs"]:
        lines.append(f"end unknown: {epoch['store'][:8]} epoch {epoch['epoch']}, {epoch['why']}")
    for conflict in report["conflicts"]:
        lines.append(f"two contents: {place_of({**conflict, 'from': conflict['seq'], 'to': conflict['seq']})}")
    lines.append("complete    " + ("yes" if report["complete"] else "NO"))
    return "\n".join(lines)


def place_of(hole):
    return f"{hole['store'][:8]} epoch {hole['epoch']} {hole['stream']} {hole['from']} to {hole['to']}"


def place_of_gap(gap):
    if "from" in gap:
        return place_of(gap)
    return f"{gap.get('adapter', 'some')} from {gap.get('since')} to {gap.get('until')}"


# What the two databases have in common. The id is the only key that is needed; ON CONFLICT makes a repeat harmless.
SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    store TEXT NOT NULL, epoch BIGINT NOT NULL, stream TEXT NOT NULL, seq BIGINT NOT NULL, body {blob} NOT NULL,
    UNIQUE (store, epoch, stream, seq));
CREATE TABLE IF NOT EXISTS reading (
    store TEXT NOT NULL, epoch BIGINT NOT NULL, stream TEXT NOT NULL, seq BIGINT NOT NULL, place INTEGER NOT NULL,
    ts TEXT NOT NULL, device TEXT NOT NULL, point TEXT NOT NULL, value TEXT, quality TEXT NOT NULL, unit TEXT,
    UNIQUE (store, epoch, stream, seq, place));
CREATE TABLE IF NOT EXISTS epoch_end (
    store TEXT NOT NULL, epoch BIGINT NOT NULL, stream TEXT NOT NULL, last BIGINT NOT NULL,
    UNIQUE (store, epoch, stream, last));
"""


class Database:
    """Keeps messages, readings and the ends of epochs. All of a message is stored, or nothing."""

    def __init__(self, connection, mark, blob):
        self.db, self.mark = connection, mark
        for statement in SCHEMA.format(blob=blob).split(";")[:-1]:
            self.run(statement)
        self.db.commit()

    def run(self, sql, values=()):
        cursor = self.db.cursor()
        cursor.execute(sql.replace("?", self.mark), values)
        return cursor

    def insert(self, table, values):
        marks = ", ".join("?" * len(values))
        return self.run(f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", values).rowcount == 1

    def keep(self, topic, body):
        """Stores one message and commits."""
        message = json.loads(body)
        if topic == "state":
            self.keep_ends(message)
        else:
            id = tuple(message[key] for key in ("store", "epoch", "stream", "seq"))
            if self.insert("message", (*id, body)):
                for place, reading in enumerate(message.get("readings", [])):
                    self.insert("reading", (*id, place, *columns(reading)))
        self.db.commit()

    def keep_ends(self, state):
        for end in state.get("previous", []):
            # An epoch without messages must be known as closed too, hence the zero.
            for stream, last in {"": 0, **end}.items():
                if stream != "epoch":
                    self.insert("epoch_end", (state["store"], end["epoch"], stream, last))

    def restore(self, ledger):
        """Tells a ledger what an earlier run has stored."""
        for store, epoch, stream, last in self.run("SELECT store, epoch, stream, last FROM epoch_end").fetchall():
            ledger.close(store, epoch, {stream: last} if stream else {})
        for (body,) in self.run("SELECT body FROM message ORDER BY epoch, stream, seq"):
            ledger.take("", bytes(body))


def columns(reading):
    value = None if reading["value"] is None else json.dumps(reading["value"])
    quality = reading.get("quality", "good")
    return reading["ts"], reading["device"], reading["point"], value, quality, reading.get("unit")


def open_databases(arguments):
    if arguments.sqlite:
        yield Database(sqlite3.connect(arguments.sqlite), "?", "BLOB")
    if arguments.postgres:
        import psycopg  # only those who ask for it need it

        yield Database(psycopg.connect(arguments.postgres), "%s", "BYTEA")


class Receiver:
    """Takes messages from anywhere to the ledger and the databases."""

    def __init__(self, arguments):
        self.prefix = arguments.prefix.rstrip("/") + "/"
        self.ledger = Ledger()
        self.databases = list(open_databases(arguments))
        if self.databases:
            self.databases[0].restore(self.ledger)

    def take(self, topic, body, encoding=""):
        """Takes one message; commands, which share the prefix, are none of ours."""
        place = topic.removeprefix(self.prefix)
        if place == topic or place not in (*STREAMS, "state"):
            return
        if encoding == "zstd" or body.startswith(ZSTD_MAGIC):
            body = decompressed(body)
        new = self.ledger.take(place, body)
        if new or place == "state":
            for database in self.databases:
                database.keep(place, body)


def decompressed(body):
    try:
        import zstandard
    except ImportError:
        sys.exit("this uplink compresses its messages: install zstandard")
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


def replay(receiver, path):
    """Reads a recording."""
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            receiver.take(message["topic"], message["payload"].encode())


def subscribe(receiver, arguments, until):
    """Listens until it is over. The network's thread only hands messages on; this one takes, stores, acknowledges."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    # Bounded by the receive maximum: the broker sends no more than that without an acknowledgement.
    arrived, refusals, granted = queue.Queue(), [], []
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, arguments.client_id, protocol=mqtt.MQTTv5, manual_ack=True
    )

    def connected(_client, _data, _flags, reason, _properties):
        if reason.is_failure:
            refusals.append(str(reason))
        else:
            client.subscribe(receiver.prefix + "#", qos=1)

    def subscribed(_client, _data, _mid, reasons, _properties):
        if reasons[0].is_failure:
            refusals.append(str(reasons[0]))
        else:
            granted.append(True)
            print("subscribed", file=sys.stderr, flush=True)

    client.on_connect = connected
    client.on_subscribe = subscribed
    client.on_message = lambda _client, _data, message: arrived.put(message)
    if arguments.username:
        client.username_pw_set(arguments.username, secret(arguments.password_file))
    if arguments.cafile:
        client.tls_set(arguments.cafile)
    # The session outlives a connection, so that the broker keeps what comes while this is away.
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 7 * 24 * 3600
    session.ReceiveMaximum = 100
    client.reconnect_delay_set(1, 10)
    client.connect_async(arguments.host, arguments.port, clean_start=False, properties=session)
    client.loop_start()
    # What has arrived when somebody ends this is taken all the same.
    while not (until() and arrived.empty()) and not refusals:
        try:
            message = arrived.get(timeout=0.2)
        except queue.Empty:
            continue
        receiver.take(message.topic, message.payload, encoding_of(message.properties))
        client.ack(message.mid, message.qos)
    client.disconnect()
    client.loop_stop()
    if refusals:
        print(f"the broker refuses: {refusals[0]}", file=sys.stderr)
        sys.exit(2)
    if not granted:
        # Who has heard nothing has proved nothing.
        print(f"no answer from a broker at {arguments.host}:{arguments.port}", file=sys.stderr)
        sys.exit(2)


def encoding_of(properties):
    """How a message is packed, by its user property; empty when it is not, or does not say so."""
    encodings = [value for name, value in getattr(properties, "UserProperty", []) if name == "encoding"]
    return encodings[0] if encodings else ""


def secret(path):
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def end_of(arguments):
    """Says when it is over: after the time, or when somebody says so."""
    asked = []
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, lambda *_: asked.append(True))
    end = time.monotonic() + arguments.seconds if arguments.seconds else None
    return lambda: bool(asked) or (end is not None and time.monotonic() >= end)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", required=True, help="the uplink's topic_prefix")
    parser.add_argument("--host", default="127.0.0.1", help="the broker (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=1883, help="its port (default: 1883)")
    parser.add_argument("--client-id", default="completeness", help="names the session at the broker")
    parser.add_argument("--username")
    parser.add_argument("--password-file", help="a file that holds the password and nothing else")
    parser.add_argument("--cafile", help="trusted roots, PEM; turns TLS on")
    parser.add_argument("--seconds", type=float, help="end after this time")
    parser.add_argument("--replay", metavar="FILE", help="read a recording instead; - for standard input")
    parser.add_argument("--sqlite", metavar="FILE", help="keep everything in this database")
    parser.add_argument("--postgres", metavar="DSN", help="keep everything there")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args()


def main():
    arguments = parse()
    receiver = Receiver(arguments)
    if arguments.replay:
        replay(receiver, arguments.replay)
    else:
        subscribe(receiver, arguments, end_of(arguments))
    report = receiver.ledger.report()
    print(json.dumps(report) if arguments.json else text_of(report))
    return 0 if report["complete"] else 1


if __name__ == "__main__":
    sys.exit(main())
