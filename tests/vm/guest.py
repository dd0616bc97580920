"""The emulated machine as the host's programs see it: commands in it, and the lines it sends."""

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from queue import Queue

MACHINE = Path(__file__).resolve().parent / "machine"


def machine_dir():
    """Where tests/vm/machine keeps its files."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("VM_DIR") or cache / "tidegate-vm")


def machine(*arguments):
    """Runs tests/vm/machine."""
    command = [MACHINE, *arguments]
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


def guest(command):
    """Runs a command in the machine."""
    return machine("run", command)


def loss_window():
    """In seconds, as the gateway itself states it."""
    status = json.loads(guest("/mnt/tidegate buffer status --json --config /mnt/tidegate.toml"))
    return status["loss_window_ms"] / 1000


class Port:
    """The host's end of the machine's virtio port: lines with the time they arrived."""

    def __init__(self, path, record):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.lines = Queue()
        self.reader = threading.Thread(target=self.read, args=(record,))
        self.reader.start()

    def read(self, record):
        """Ends with the machine."""
        for line in self.socket.makefile("rb"):
            if line.endswith(b"\n"):
                now = time.monotonic()
                record.write(b"%.3f %s" % (now, line))
                self.lines.put((line.rstrip(b"\n"), now))

    def ask(self, line):
        self.socket.sendall(line + b"\n")

    def close(self):
        """Returns when everything that came before the cut has been read."""
        self.reader.join()
        self.socket.close()
