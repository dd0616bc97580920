"""What the programs that live with the package in an emulated machine share: commands in it, steps, and the table."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from guest import Port, guest, machine, machine_dir
from profiles import plant

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CANNOT_BE_HAD = 75
# Under emulation, on two cores with other work: seconds until something must have happened.
LIMIT = 180
# The clock of a board without a battery, and what tells the host of a boot without network: it looks at the gateway
# first, and only then brings the network up.
LOST_CLOCK = """[Unit]
DefaultDependencies=no
After=sysinit.target
Before=tidegate.service
[Service]
Type=oneshot
ExecStart=/bin/date -s 1970-01-02
[Install]
WantedBy=multi-user.target
"""
OFFLINE = """[Unit]
After=tidegate.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'ip -br address >/root/addresses; date +%%Y >/root/year; tidegate status --json >/root/status'
ExecStartPost=/bin/systemctl start systemd-networkd
[Install]
WantedBy=multi-user.target
"""


class Broken(Exception):
    """A promise that was not kept, in words."""


def need(is_so, words):
    """The check of a step; `words` are for the table when it fails."""
    if not is_so:
        raise Broken(words)


def put(path, content):
    """Writes a file in the machine, for good: its power may be cut."""
    content = content.encode() if isinstance(content, str) else content
    write = f"mkdir -p {Path(path).parent} && cat >{path} && sync {path}"
    subprocess.run([HERE / "machine", "run", write], input=content, check=True)


def attempt(command):
    """Runs a command that may fail: exit code, and all it printed."""
    done = subprocess.run([HERE / "machine", "run", f"({command}) 2>&1"], stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, done.stdout.decode(errors="replace")


def until(command, what):
    """Waits in the machine until a command succeeds there."""
    loop = f"n=0; until {command}; do sleep 0.5; n=$((n + 1)); [ $n -lt {2 * LIMIT} ] || exit 1; done"
    code, said = attempt(loop)
    need(code == 0, f"waited {LIMIT} s for {what}: {said.strip()[-200:]}")


def unit(name):
    """A property of the gateway's unit."""
    return guest(f"systemctl show -P {name} tidegate.service").strip()


def status():
    """What `tidegate status` says."""
    return json.loads(guest("tidegate status --json"))


def owed():
    """Messages that wait for the link."""
    return status()["uplinks"][0]["owed_blocks"]


class Site:
    """A gateway with its plant in the machine, and the steps that several programs take with it."""

    def __init__(self, deb, later, record):
        self.deb, self.later, self.record = deb, later, record
        self.port = None
        self.seen = []
        # When the package came to the machine.
        self.began = None

    def install(self):
        self.began = time.monotonic()
        put("/root/tidegate.deb", self.deb.read_bytes())
        guest("dpkg -i /root/tidegate.deb")
        need(unit("ActiveState") == "active", attempt("systemctl status tidegate")[1])
        need(guest("tidegate status").startswith("gateway"), "no status")
        need(guest("stat -c %U:%a /var/lib/tidegate").strip() == "tidegate:700", "the state's folder is open")
        return f"active, {guest('tidegate --version').strip()}"

    def backlog(self):
        if self.port is None:
            self.start_plant(0)
        self.link(b"down")
        put("/etc/tidegate/tidegate.toml", '[gateway]\nid = "gw"\nsite = "vm"\n')
        put("/etc/tidegate/conf.d/site.toml", plant())
        guest("tidegate check && systemctl restart tidegate")
        until("tidegate points | grep -q unit-2/v9", "readings")
        until("""[ "$(tidegate status --json | grep -o '"owed_blocks":[0-9]*' | cut -d: -f2)" -gt 2 ]""", "a backlog")
        return f"{owed()} messages wait for the link"

    def reboot_into_nothing(self):
        put("/etc/systemd/system/lost-clock.service", LOST_CLOCK)
        put("/etc/systemd/system/offline.service", OFFLINE)
        guest("systemctl -q enable lost-clock offline && systemctl -q disable systemd-networkd.service"
              " systemd-networkd.socket")
        before, waiting = status(), owed()
        self.reboot()
        until("[ -s /root/status ]", "the look at it before the network")
        found = json.loads(guest("cat /root/status"))
        need("10.0.2.15" not in guest("cat /root/addresses"), "there was a network")
        need(guest("cat /root/year").strip() == "1970", "the clock was right")
        need((found["store"], found["epoch"]) == (before["store"], before["epoch"] + 1), "not the same buffer")
        need(found["clock"] == "none", f"takes the clock for {found['clock']}")
        need(found["uplinks"][0]["owed_blocks"] >= waiting, "messages are gone")
        return "active without network in 1970, its clock is `none`"

    def clock(self):
        guest("systemctl -q disable lost-clock offline && systemctl -q enable systemd-networkd")
        restarts = unit("NRestarts")
        guest(f"date -s @{time.time():.3f}")
        until("tidegate status --json | grep -Eq '\"clock\":\"(rtc|estimated|ntp)\"'", "the clock to be believed")
        need(unit("NRestarts") == restarts, "restarted by the jump")
        return f"56 years later it goes on, its clock is `{status()['clock']}`"

    def delivery(self):
        self.start_plant(1)
        until("tidegate status --json | grep -q '\"owed_blocks\":0[,}]'", "the backlog to drain")
        # The state of the next run says how far this one went.
        guest("systemctl restart tidegate")
        until("tidegate status --json | grep -q '\"owed_blocks\":0[,}]'", "the rest to drain")
        self.take_in()
        recording = Path(self.record.name).with_name("seen.ndjson")
        recording.write_text("".join(json.dumps({"topic": topic, "payload": body}) + "\n" for topic, body in self.seen))
        judge = [sys.executable, ROOT / "docs/examples/completeness.py", "--prefix", "tidegate/vm/gw", "--json"]
        report = json.loads(subprocess.run([*judge, "--replay", recording], capture_output=True, text=True).stdout)
        need(report["complete"], f"not complete: {report}")
        need(report["readings"] > 0, "no reading came")
        return f"complete: {report['readings']} readings in {report['messages']} messages, {report['closed_epochs']} epochs"

    # --- what the steps share

    def start_plant(self, turn):
        """Modbus units, broker and subscriber in the machine, with the link up."""
        put("/root/plant.py", (HERE / "plant.py").read_bytes())
        self.port = Port(machine_dir() / "run/port0", self.record)
        guest(f"setsid python3 -S -E /root/plant.py {turn} >/root/plant.log 2>&1 </dev/null &")
        self.wait(b"ready")

    def link(self, way):
        self.port.ask(b"link " + way)
        self.wait(b"link " + way)

    def wait(self, wanted):
        """Takes in what comes until this line."""
        end = time.monotonic() + LIMIT
        while True:
            line, _ = self.port.lines.get(timeout=max(0.1, end - time.monotonic()))
            self.note(line)
            if line == wanted:
                return

    def take_in(self):
        while not self.port.lines.empty():
            self.note(self.port.lines.get()[0])

    def note(self, line):
        if line.startswith(b"seen "):
            _, topic, body = line.decode().split(" ", 2)
            self.seen.append((topic, body))

    def reboot(self):
        """In order; what the plant said until then is taken in."""
        machine("off")
        if self.port:
            self.port.close()
            self.take_in()
        machine("boot")


def prepare(arguments):
    """The machine, and the two packages; ends here, in peace, where the machine cannot be had."""
    machine_dir().mkdir(parents=True, exist_ok=True)
    lock = os.open(machine_dir() / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    made = subprocess.run([HERE / "build"]).returncode
    if made:
        sys.exit(0 if made == CANNOT_BE_HAD else made)
    if arguments:
        return Path(arguments[0])
    subprocess.run([ROOT / ".ci/setup", "deb"], check=True)
    built = subprocess.run([ROOT / "packaging/build"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return ROOT / built.splitlines()[-1]


def go(site, steps):
    """Runs the steps until one fails: those after it build on it."""
    machine("start")
    for name, step in steps:
        start = time.monotonic()
        try:
            seen, is_good = step(site), True
        except (Broken, subprocess.CalledProcessError) as error:
            seen, is_good = str(error), False
        print(f"{'ok  ' if is_good else 'FAIL'}  {name:30} {time.monotonic() - start:5.0f} s  {seen}", flush=True)
        if not is_good:
            print(attempt("journalctl -u tidegate --no-pager -n 20; cat /root/plant.log")[1])
            return False
    return True


def run(name, make, steps):
    """Prepares everything, takes the steps, and says how it went."""
    deb = prepare(sys.argv[1:])
    record = ROOT / "target" / name
    record.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open(record / "port.log", "wb") as log:
        later = subprocess.run([ROOT / "tests/packaging/next", deb, folder], check=True, stdout=subprocess.PIPE, text=True)
        try:
            is_good = go(make(deb, Path(later.stdout.strip()), log), steps)
        finally:
            machine("cut")
    print(f"{name}: {'as promised' if is_good else 'FAILED'}")
    return 0 if is_good else 1
