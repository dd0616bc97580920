"""A Modbus unit that holds every type in every order, as a second opinion on what registers mean.

    modbus_types.py PORT SEED [FRAMER]

The values are packed here: by struct and the letters of the order, and where pymodbus has a conversion of its own
(both word orders) it has to agree. The first line out is

    {"port": N, "points": [{"name", "register", "type", "order", "value", "set"?, "function"?, "words"?}, ...]}

Each point is to read as "value". One with "set" is to be written with that value, which must arrive once, by that
function, as those words (0 and 1 for coils; for function 22 the whole register afterwards). Control, one line in, one
line of JSON out:

    writes      [[function, address, [words]], ...] in the order they came
    quit        end

PORT 0 takes a free one. FRAMER is socket (Modbus/TCP), rtu or ascii, all over TCP.
"""

import asyncio
import json
import random
import struct
import sys

from pymodbus import FramerType
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

# In which order the bytes of a value come; A is the most significant one.
TWO = {"AB": "AB", "BA": "BA", "ABCD": "AB", "CDAB": "AB", "BADC": "BA", "DCBA": "BA"}
FOUR = {"AB": "ABCD", "BA": "BADC", "ABCD": "ABCD", "CDAB": "CDAB", "BADC": "BADC", "DCBA": "DCBA"}
EIGHT = {
    "AB": "ABCDEFGH",
    "BA": "BADCFEHG",
    "ABCD": "ABCDEFGH",
    "CDAB": "GHEFCDAB",
    "BADC": "BADCFEHG",
    "DCBA": "HGFEDCBA",
} | {order: order for order in ("ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF")}

FORMATS = {"i16": "h", "u16": "H", "i32": "i", "u32": "I", "i64": "q", "u64": "Q", "f16": "e", "f32": "f", "f64": "d"}

PEER = ModbusClientMixin.DATATYPE
CONVERTED = {
    "i16": PEER.INT16,
    "u16": PEER.UINT16,
    "i32": PEER.INT32,
    "u32": PEER.UINT32,
    "i64": PEER.INT64,
    "u64": PEER.UINT64,
    "f32": PEER.FLOAT32,
    "f64": PEER.FLOAT64,
}


def orders_of(width):
    """All orders for values of so many bytes; any order of eight letters is one."""
    if width == 8:
        letters = ["".join(random.sample("ABCDEFGH", 8)) for _ in range(20)]
        return EIGHT | {order: order for order in letters}
    return {2: TWO, 4: FOUR}[width]


def words(packed):
    """Bytes as registers."""
    return [int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2)]


def ordered(packed, letters):
    """The bytes of a number, most significant first, as they are sent."""
    return words(bytes(packed["ABCDEFGH".index(letter)] for letter in letters))


def values_of(kind):
    """The ends of a type's range and something between."""
    form = FORMATS[kind]
    if kind == "f16":
        [rounded] = struct.unpack(">e", struct.pack(">e", random.uniform(-1000, 1000)))
        return [rounded, -65504.0, 2.0**-24]
    if kind == "f32":
        return [float(f"{random.uniform(-1e6, 1e6):.6g}"), 230.1, 1e-30]
    if kind == "f64":
        return [random.uniform(-1e9, 1e9), 230.1, -5e-324]
    bits = 8 * struct.calcsize(form)
    low, high = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return [random.randint(low, high), low, high]


class Table:
    """Points and the registers they lie in."""

    def __init__(self):
        self.points = []
        self.holding = []
        self.input = []
        self.coils = []

    def add(self, kind, order, pairs):
        """A point for each value in both tables; the one in holding registers is written with the next value."""
        for value, sent in pairs:
            self.place("input", self.input, kind, order, value, sent)
        for (value, sent), (new, new_sent) in zip(pairs, pairs[1:] + pairs[:1]):
            point = self.place("holding", self.holding, kind, order, value, sent)
            function = 6 if len(new_sent) == 1 else 16
            point |= {"set": new, "function": function, "words": new_sent}

    def place(self, table, registers, kind, order, value, sent):
        """One point behind the last one."""
        point = {
            "name": f"p{len(self.points)}",
            "register": f"{table}:{len(registers)}",
            "type": kind,
            "order": order,
            "value": value,
        }
        registers.extend(sent)
        self.points.append(point)
        return point

    def numbers(self):
        """Integers and floats in every order, pymodbus agreeing."""
        for kind, form in FORMATS.items():
            for order, letters in orders_of(struct.calcsize(form)).items():
                values = values_of(kind)
                pairs = [(value, ordered(struct.pack(f">{form}", value), letters)) for value in values]
                word_order = {"ABCD": "big", "CDAB": "little"}.get(order)
                for value, sent in pairs if word_order and kind in CONVERTED else []:
                    assert sent == ModbusClientMixin.convert_to_registers(value, CONVERTED[kind], word_order)
                self.add(kind, order, pairs)

    def digits(self):
        """Decimal digits."""
        for kind, count, orders in [("bcd16", 4, TWO), ("bcd32", 8, FOUR)]:
            for order, letters in orders.items():
                values = [random.randint(0, 10**count - 1), 0, 10**count - 1]
                pairs = [(value, ordered(bytes.fromhex(f"{value:0{count}}"), letters)) for value in values]
                self.add(kind, order, pairs)

    def texts(self):
        """UTF-8 with NULs behind it, pymodbus agreeing where the length is even."""
        for order, letters in TWO.items():
            pairs = []
            for text in ["pump 7", "Zähler", "a"]:
                packed = text.encode().ljust(10, b"\0")
                swap = [packed[i + "AB".index(letter)] for i in range(0, 10, 2) for letter in letters]
                pairs.append((text, words(bytes(swap))))
            if letters == "AB":
                assert pairs[0][1][:3] == ModbusClientMixin.convert_to_registers("pump 7", PEER.STRING)
            self.add("string:10", order, pairs)

    def parts(self):
        """Parts of a register, which are set with a mask."""
        for order, letters in TWO.items():
            for kind, low, bits, signed in [("i8l", 0, 8, True), ("i8h", 8, 8, True), ("bits:3+7", 3, 7, False)]:
                before, new = random.getrandbits(16), random.getrandbits(bits)
                mask = (2**bits - 1) << low
                after = before & ~mask | new << low
                value, wanted = ((number & mask) >> low for number in (before, after))
                if signed:
                    value, wanted = (number - 256 if number > 127 else number for number in (value, wanted))
                sent, new_sent = (ordered(number.to_bytes(2, "big"), letters) for number in (before, after))
                point = self.place("holding", self.holding, kind, order, value, sent)
                point |= {"set": wanted, "function": 22, "words": new_sent}

    def fields(self):
        """Bits of numbers that have more than one register."""
        for kind, low, bits, orders in [("bits:12+8", 12, 8, FOUR), ("bits:28+20", 28, 20, EIGHT), ("bits:63+1", 63, 1, EIGHT)]:
            width = 4 if orders is FOUR else 8
            for order, letters in orders.items():
                number = random.getrandbits(8 * width)
                sent = ordered(number.to_bytes(width, "big"), letters)
                self.place("input", self.input, kind, order, number >> low & 2**bits - 1, sent)

    def switches(self):
        """Coils, and a register that is not zero."""
        for on in (True, False):
            self.place("holding", self.holding, "bool", "AB", on, [int(on)])
            point = self.place("coil", self.coils, "bool", "AB", on, [int(on)])
            point |= {"set": not on, "function": 5, "words": [int(not on)]}


class Unit:
    """The unit and what was written to it."""

    def __init__(self, table):
        self.table = table
        self.writes = []

    def device(self):
        """Coils, discrete inputs, holding and input registers."""
        coils = [bool(on) for on in self.table.coils]
        coils += [False] * (-len(coils) % 16)
        bits = [[SimData(0, values=block, datatype=DataType.BITS)] for block in (coils, [False] * 16)]
        blocks = (self.table.holding, self.table.input)
        registers = [[SimData(0, values=block, datatype=DataType.REGISTERS)] for block in blocks]
        unit = self

        async def action(function, _start, address, _count, _registers, values):
            if values is not None:
                unit.writes.append([function, address, [int(value) for value in values]])

        return SimDevice(1, (*bits, *registers), action=action)


async def main():
    port = int(sys.argv[1])
    random.seed(int(sys.argv[2]))
    table = Table()
    table.numbers()
    table.digits()
    table.texts()
    table.parts()
    table.fields()
    table.switches()
    unit = Unit(table)
    framer = FramerType(sys.argv[3] if len(sys.argv) > 3 else "socket")
    server = ModbusTcpServer([unit.device()], framer=framer, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    hello = {"port": server.transport.sockets[0].getsockname()[1], "points": table.points}
    print(json.dumps(hello), flush=True)

    loop = asyncio.get_running_loop()
    while (line := await loop.run_in_executor(None, sys.stdin.readline)).strip() == "writes":
        print(json.dumps(unit.writes), flush=True)
    await server.shutdown()


asyncio.run(main())
