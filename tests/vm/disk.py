"""A disk with a volatile write cache, served over NBD to one machine.

    disk.py IMAGE SOCKET

What is written stays in memory, sector by sector with every version of it, until the machine flushes (or writes with
forced unit access); only then it is in IMAGE. A power cut is a signal:

    SIGKILL    now, and the cache is lost as a whole
    SIGTERM    in the midst of the machine's next writes, when most is at stake, and the card was about to write too:
               of each sector that was not flushed, one version is in IMAGE, the oldest, the newest or one between, so
               that writes are torn and out of order. The disk answers nothing from then on; it removes SOCKET and
               prints the moment, in seconds of the host's monotonic clock

NBD: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md, fixed newstyle, simple replies.
"""

import os
import random
import signal
import socket
import struct
import sys
import time

SECTOR = 512
OPTION_MAGIC, REPLY_MAGIC = b"IHAVEOPT", 0x3E889045565A9
REQUEST_MAGIC, ANSWER_MAGIC = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPT_ABORT, OPT_GO = 2, 7
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 0x80000001
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
READ, WRITE, DISCONNECT, FLUSH = range(4)
FUA = 1
# A torn cut comes within so many writes, and so many seconds if there are none: `balanced` syncs every ten.
WRITES, WAIT = 6, 12


class Disk:
    """The image, and above it what was not flushed."""

    def __init__(self, path):
        self.image = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        # Versions of a sector since the last flush, by number, the newest last.
        self.cache = {}

    def read(self, offset, length):
        data = bytearray(os.pread(self.image, length, offset))
        for at in range(0, length, SECTOR):
            versions = self.cache.get((offset + at) // SECTOR)
            if versions:
                data[at : at + SECTOR] = versions[-1]
        return bytes(data)

    def write(self, offset, data, is_forced):
        for at in range(0, len(data), SECTOR):
            self.cache.setdefault((offset + at) // SECTOR, []).append(data[at : at + SECTOR])
            if is_forced:
                self.settle((offset + at) // SECTOR)

    def flush(self):
        for sector in list(self.cache):
            self.settle(sector)

    def settle(self, sector):
        """The newest version is in the image from here on."""
        os.pwrite(self.image, self.cache[sector][-1], sector * SECTOR)
        del self.cache[sector]

    def scatter(self):
        """Leaves any version of each sector, the one from before the writes among them."""
        for sector, versions in self.cache.items():
            left = random.randint(0, len(versions))
            if left:
                os.pwrite(self.image, versions[left - 1], sector * SECTOR)


class Fuse:
    """Brings the torn cut about."""

    def __init__(self, disk, path):
        self.disk, self.path = disk, path
        # Writes until the cut; none is due while it is None.
        self.writes = None
        signal.signal(signal.SIGTERM, self.light)
        signal.signal(signal.SIGALRM, self.blow)

    def light(self, *_signal):
        self.writes = random.randint(1, WRITES)
        signal.alarm(WAIT)

    def burn(self):
        """A write was taken, and is not yet answered."""
        if self.writes is not None:
            self.writes -= 1
            if self.writes == 0:
                self.blow()

    def blow(self, *_signal):
        """The cut; only SIGKILL ends what is left."""
        print(f"{time.monotonic():.3f}, with {len(self.disk.cache)} sectors not flushed", flush=True)
        self.disk.scatter()
        os.unlink(self.path)
        while True:
            signal.pause()


def receive(client, count):
    """So many bytes; ends when the machine is gone."""
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data


def negotiate(client, disk):
    """Until the machine has taken the export; whatever else it wants is not supported."""
    client.sendall(b"NBDMAGIC" + OPTION_MAGIC + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
    receive(client, 4)
    option = None
    while option != OPT_GO:
        magic, option, length = struct.unpack(">8sII", receive(client, 16))
        assert magic == OPTION_MAGIC and option != OPT_ABORT, (magic, option)
        receive(client, length)
        if option == OPT_GO:
            export = struct.pack(">HQH", 0, disk.size, HAS_FLAGS | SEND_FLUSH | SEND_FUA)
            reply(client, option, REP_INFO, export)
        reply(client, option, REP_ACK if option == OPT_GO else REP_UNSUPPORTED)


def reply(client, option, kind, data=b""):
    """One reply to an option."""
    client.sendall(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data)) + data)


def serve(client, disk, fuse):
    """Requests, one after another."""
    while True:
        magic, flags, kind, cookie, offset, length = struct.unpack(">IHHQQI", receive(client, 28))
        assert magic == REQUEST_MAGIC, magic
        data = b""
        if kind == READ:
            data = disk.read(offset, length)
        elif kind == WRITE:
            disk.write(offset, receive(client, length), flags & FUA)
            fuse.burn()
        elif kind == FLUSH:
            disk.flush()
        else:
            assert kind == DISCONNECT, kind
            sys.exit(0)
        client.sendall(struct.pack(">IIQ", ANSWER_MAGIC, 0, cookie) + data)


def main():
    disk = Disk(sys.argv[1])
    fuse = Fuse(disk, sys.argv[2])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[2])
    listener.listen(1)
    client = listener.accept()[0]
    negotiate(client, disk)
    serve(client, disk, fuse)


if __name__ == "__main__":
    main()
