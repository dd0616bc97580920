"""Judges a gateway over power cuts, from what the host was told before each of them and nothing else.

It keeps what the units answered, what the gateway sent, what the broker acknowledged and what a subscriber saw. After a
cut and once the next run has delivered what it owes, `verdict` says what the cut took and which promises it broke:

    lost        answered longer before the cut than the loss window, never delivered
    rewritten   an id with two contents
    doubled     a reading under two ids
    rolled back delivered, though the store did not have it any more (where a message is published after its commit)
    missing     below the number that `state` closes the epoch with, neither delivered nor named by a gap
    again       an epoch given twice, or a store made anew
    silent      the units were not asked in the seconds before the cut, so that nothing could be lost
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field

# From a unit's answer to the gateway's taking it, on a machine that is emulated and shares its cores.
SLACK = 0.5
# So long no unit is left alone by a gateway that works.
SILENCE = 3
STREAMS = ("data", "event", "outcome")


@dataclass
class Run:
    """What one run of the gateway, from boot to cut, was seen to do."""

    number: int
    window: float = 0.0
    cut: float = 0.0
    # (unit, point, value) -> when its answer was there.
    served: dict = field(default_factory=dict)
    # What of it was delivered neither before the cut nor with it.
    owed: set = field(default_factory=set)
    # (store, epoch) of the run.
    epoch: tuple | None = None


@dataclass
class Verdict:
    """What a cut took and broke."""

    served: int
    # How many readings were on the disk alone at the cut, and came after it.
    kept: int
    # Ages at the cut, in seconds, of what was not delivered and was younger than the window.
    within: list
    # The same beyond the window.
    lost: list
    broken: list

    def is_good(self):
        return not self.lost and not self.broken


class Judge:
    """Takes lines of `plant.py`, with the time at which they arrived."""

    def __init__(self, is_committed_first, poll=0.1):
        self.is_committed_first, self.silence = is_committed_first, SILENCE + poll
        self.runs = []
        self.contents = {}
        self.delivered = set()
        self.ids_of = defaultdict(set)
        self.ends = defaultdict(dict)
        self.gaps = []
        self.broken = []
        self.in_flight = {}

    def begin(self, number):
        """A new run of the gateway; what was on its way in the one before is gone."""
        if self.runs:
            self.run.owed = set(self.run.served) - self.arrived()
        self.runs.append(Run(number))
        self.in_flight.clear()

    @property
    def run(self):
        return self.runs[-1]

    def take(self, line, at):
        """One report."""
        kind, _, rest = line.partition(b" ")
        match kind:
            case b"served":
                self.take_served(*(int(word) for word in rest.split()), at)
            case b"sent":
                connection, packet, topic, payload = rest.split(b" ", 3)
                self.in_flight[connection, packet] = self.message(topic, payload)
            case b"acked":
                self.deliver(self.in_flight.pop(tuple(rest.split()), None))
            case b"seen":
                self.deliver(self.message(*rest.split(b" ", 1)))

    def take_served(self, unit, first, count, value, at):
        for point in range(first, first + count):
            self.run.served[unit, point, value] = at

    def message(self, topic, payload):
        """Compares a message with what was known of its id; returns the id, if it has one."""
        stream = topic.rpartition(b"/")[2].decode()
        if stream == "state":
            self.take_state(json.loads(payload))
        if stream not in STREAMS:
            return None
        body = json.loads(payload)
        name = body["store"], body["epoch"], body["stream"], body["seq"]
        known = self.contents.setdefault(name, payload)
        if known != payload:
            self.broken.append(f"rewritten: {name}")
        elif known is payload:
            self.take_content(name, body)
        return name

    def take_content(self, name, body):
        """A message that is new."""
        for reading in body.get("readings", []):
            if reading["value"] is not None:
                key = key_of(reading)
                self.ids_of[key].add(name)
                if len(self.ids_of[key]) == 2:
                    self.broken.append(f"doubled: {key} in {sorted(self.ids_of[key])}")
        gap = body.get("gap")
        if gap and "from" in gap:
            self.gaps.append((name[0], gap["epoch"], gap["stream"], gap["from"], gap["to"]))

    def take_state(self, state):
        """`previous` closes earlier epochs."""
        if state["state"] != "online":
            return
        epoch = state["store"], state["epoch"]
        if self.run.epoch is None:
            before = next((run.epoch for run in reversed(self.runs) if run.epoch), None)
            if before and (before[0] != epoch[0] or before[1] >= epoch[1]):
                self.broken.append(f"again: {epoch} after {before}")
            self.run.epoch = epoch
        for closed in state["previous"]:
            streams = self.ends[state["store"], closed["epoch"]]
            for stream in STREAMS:
                streams[stream] = max(closed.get(stream, 0), streams.get(stream, 0))

    def deliver(self, name):
        if name is not None:
            self.delivered.add(name)

    def arrived(self):
        """Every reading that was delivered."""
        return {key for key, names in self.ids_of.items() if names & self.delivered}

    def missing(self):
        """Numbers of closed epochs that are neither delivered nor explained."""
        return [
            (store, epoch, stream, seq)
            for (store, epoch), streams in self.ends.items()
            for stream, last in streams.items()
            for seq in range(1, last + 1)
            if (store, epoch, stream, seq) not in self.delivered and not self.is_gap(store, epoch, stream, seq)
        ]

    def is_gap(self, store, epoch, stream, seq):
        return any(gap[:3] == (store, epoch, stream) and gap[3] <= seq <= gap[4] for gap in self.gaps)

    def has_new_data(self):
        """Whether data of this run has been delivered."""
        return any(name[:2] == self.run.epoch and name[2] == "data" for name in self.delivered)

    def is_drained(self):
        """Whether this run has said what the earlier ones owe, and delivered it and some of its own."""
        return self.run.epoch is not None and self.has_new_data() and not self.missing()

    def verdict(self):
        """Judges the cut before this run."""
        before = self.runs[-2]
        ages = sorted(before.cut - before.served[key] for key in before.owed - self.arrived())
        within = [age for age in ages if age <= before.window + SLACK]
        broken = self.broken + [f"missing: {name}" for name in self.missing()]
        self.broken = []
        if before.cut - max(before.served.values(), default=0) > self.silence:
            broken.append(f"silent: run {before.number}")
        if self.is_committed_first:
            broken += self.rolled_back(before.epoch)
        return Verdict(len(before.served), len(before.owed) - len(ages), within, ages[len(within) :], broken)

    def rolled_back(self, epoch):
        """What was delivered of an epoch above the number that the store closed it with."""
        ends = self.ends.get(epoch, {})
        above = [name for name in self.delivered if name[:2] == epoch and name[3] > ends.get(name[2], 0)]
        return [f"rolled back: {name}" for name in sorted(above)]


def key_of(reading):
    """unit-1, v3 and a value, as plant.py's units know it."""
    return int(reading["device"].removeprefix("unit-")), int(reading["point"].removeprefix("v")), reading["value"]
