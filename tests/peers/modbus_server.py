"""Modbus units for the tests, on pymodbus's own server.

    modbus_server.py PORT UNITS POINTS [FRAMER [CERT KEY CA]]

Units 1..UNITS answer on 127.0.0.1. Each holds POINTS 32-bit values at holding registers 0, 2, 4, ... The high word of
a value says where it belongs (unit * 256 + point), the low word counts how often it was read: no two reads of the
whole run give the same number, so a stale, shifted or foreign answer cannot pass for the right one. The registers
1000..1009 can be written. They say what they are (functions 17 and 43/14).

Control, one line in, one line of JSON out:

    served      {"UNIT/POINT": times read, ...}
    writes      [[unit, address, [values]], ...] in the order they came
    mute UNIT   the unit takes requests and never answers, until  unmute UNIT
    quit        end

PORT 0 takes a free one. The first line out is {"port": N}. FRAMER is socket (Modbus/TCP), rtu or ascii; with a
certificate the server speaks TLS and wants one from its client, too.
"""

import asyncio
import functools
import json
import ssl
import sys

from pymodbus import FramerType, ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

WRITABLE = range(1000, 1010)

IDENTITY = ModbusDeviceIdentification(
    info_name={
        "VendorName": "Peers of the tests",
        "ProductCode": "PU",
        "MajorMinorRevision": "1.0",
        "ModelName": "pymodbus units",
    }
)


class Units:
    """What all units share: counters, writes and who is mute."""

    def __init__(self, units, points):
        self.points = points
        self.served = {f"{unit}/{point}": 0 for unit in range(1, units + 1) for point in range(points)}
        self.writes = []
        self.mute = set()

    async def access(self, unit, _function, _start, address, count, registers, values):
        """Called by pymodbus before it answers."""
        if values is not None:
            self.writes.append([unit, address, list(values)])
        if unit in self.mute:
            await asyncio.Event().wait()
        if values is None:
            self.count_up(unit, address, count, registers)

    def count_up(self, unit, address, count, registers):
        """A value that is read in full gets its next number."""
        first = (address + 1) // 2
        last = min((address + count) // 2, self.points)
        for point in range(first, last):
            key = f"{unit}/{point}"
            self.served[key] += 1
            registers[2 * point] = unit * 256 + point
            registers[2 * point + 1] = self.served[key] & 0xFFFF

    def device(self, unit):
        """One unit's registers."""
        simdata = [
            SimData(0, count=2 * self.points, values=0, datatype=DataType.REGISTERS),
            SimData(WRITABLE.start, count=len(WRITABLE), values=0, datatype=DataType.REGISTERS),
        ]
        return SimDevice(unit, simdata, action=access_of(self, unit))

    def control(self, line):
        """Carries out one control line; None ends the server."""
        match line.split():
            case ["served"]:
                return self.served
            case ["writes"]:
                return self.writes
            case ["mute", unit]:
                self.mute.add(int(unit))
                return "ok"
            case ["unmute", unit]:
                self.mute.discard(int(unit))
                return "ok"
            case _:
                return None


def access_of(units, unit):
    """A plain coroutine function, which pymodbus insists on."""

    async def action(*request):
        return await units.access(unit, *request)

    return action


def server_of(devices, port, framer="socket", cert=None, key=None, ca=None):
    """The server in the wanted framing, with TLS when there is a certificate."""
    address = ("127.0.0.1", port)
    if cert is None:
        return ModbusTcpServer(devices, framer=FramerType(framer), identity=IDENTITY, address=address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.load_cert_chain(cert, key)
    context.verify_mode = ssl.CERT_REQUIRED
    return ModbusTlsServer(devices, framer=FramerType(framer), identity=IDENTITY, address=address, sslctx=context)


async def main():
    port, count, points = (int(argument) for argument in sys.argv[1:4])
    units = Units(count, points)
    devices = [units.device(unit) for unit in range(1, count + 1)]
    server = server_of(devices, port, *sys.argv[4:])
    await server.serve_forever(background=True)
    say = functools.partial(print, flush=True)
    say(json.dumps({"port": server.transport.sockets[0].getsockname()[1]}))

    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        answer = units.control(line)
        if answer is None:
            break
        say(json.dumps(answer))
    await server.shutdown()


asyncio.run(main())
