"""The ways in which the gateway is run, and what is expected of each."""

from dataclasses import dataclass

UNITS, POINTS = 2, 10


@dataclass
class Profile:
    """One way to run the gateway."""

    rounds: int
    buffer: str
    # Shortest and longest time without a link, in seconds: longer than the loss window.
    outage: tuple
    is_committed_first: bool = False
    is_control: bool = False
    # In seconds.
    poll: float = 0.1


STRICT = 'durability = "strict"\n'
PROFILES = {
    "strict": Profile(20, STRICT + "express = false\n", (2.5, 5), is_committed_first=True),
    "express": Profile(5, STRICT, (2.5, 5)),
    "balanced": Profile(5, 'durability = "balanced"\n', (13, 18)),
    # Hardly anything comes after a commit that would bring it to the disk.
    "quiet": Profile(2, 'durability = "balanced"\n', (27, 34), poll=16),
    "control": Profile(1, STRICT + "express = false\n", (4, 5), is_committed_first=True, is_control=True),
}


def configuration(profile):
    """The gateway's, with its buffer on the disk that is cut."""
    return f"""[gateway]
id = "gw"
site = "vm"

[buffer]
path = "/mnt/buffer.db"
{profile.buffer}
[rules]
dir = "/mnt/rules"

[api]
socket = "/run/tidegate.sock"

{plant(profile.poll)}"""


def plant(poll=0.1):
    """What of it the plant is: a broker behind a link, and two units."""
    text = f"""[[uplink]]
name = "cloud"
url = "mqtt://127.0.0.1:1883"
reconnect = {{ min = "100ms", max = "1s" }}

[[adapter]]
name = "line"
kind = "modbus"
link = "tcp://127.0.0.1:5020"
timeout = "5s"
"""
    for unit in range(1, UNITS + 1):
        text += f'\n[[device]]\nid = "unit-{unit}"\nadapter = "line"\naddress = {{ unit = {unit} }}\npoll = "{poll * 1000:.0f}ms"\n'
        for point in range(POINTS):
            text += f'[[device.point]]\nname = "v{point}"\nregister = "holding:{2 * point}"\ntype = "u32"\n'
    return text
