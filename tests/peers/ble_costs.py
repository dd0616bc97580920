#!/usr/bin/env python3
"""What decoding an advertisement costs, beside the libraries that Home Assistant uses, on the same advertisements.

    ble_costs.py TIDEGATE [COUNT]

It makes COUNT advertisements (10 000) of RuuviTags, of BTHome sensors in the clear and encrypted, and of a Xiaomi flower
sensor, gives them to `tidegate ble decode` and to ruuvitag-ble, bthome-ble and xiaomi-ble (MIT, Apache-2.0), each in a
process of its own, compares the temperatures, and prints the CPU time per advertisement. Of the libraries only the
calls are counted; of Tidegate the whole process, with its start and with JSON in and out. Then it lets Tidegate decode a
file of them all, mixed, and prints how many it does in a second. The last lines are rows of JSON. The exit code is 1
when a temperature differs.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

KEY = "231d39c1d7cc1ab1aee224cd096db932"
FCD2 = "0000fcd2-0000-1000-8000-00805f9b34fb"
FE95 = "0000fe95-0000-1000-8000-00805f9b34fb"


def hundredths(turn):
    """A temperature that differs from the one before."""
    return (turn * 37) % 8000 - 2000


def ruuvi(turn):
    """Data format 5 (docs.ruuvi.com), whose temperature has steps of 0.005 degrees."""
    temperature = (hundredths(turn) * 2).to_bytes(2, "big", signed=True).hex()
    data = f"05{temperature}5394c37c0004fffc040cac36{turn % 256:02x}{turn % 65536:04x}cbb8334c884f"
    return {"address": "CB:B8:33:4C:88:4F", "manufacturer_data": {"0x0499": data}}


def objects(turn):
    """Temperature, humidity and battery (bthome.io)."""
    return b"\x02" + hundredths(turn).to_bytes(2, "little", signed=True) + bytes.fromhex("03bf13014a")


def bthome(turn):
    """BTHome 2 in the clear."""
    data = f"4000{turn % 256:02x}{objects(turn).hex()}"
    return {"address": "C0:00:00:00:00:01", "service_data": {FCD2: data}}


def bthome_encrypted(turn):
    """BTHome 2, encrypted: address, service, device information and counter are the nonce."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    address, counter = bytes.fromhex("5448e68f80a5"), (turn + 1).to_bytes(4, "little")
    nonce = address + b"\xd2\xfc\x41" + counter
    sealed = AESCCM(bytes.fromhex(KEY), tag_length=4).encrypt(nonce, objects(turn), None)
    data = b"\x41" + sealed[:-4] + counter + sealed[-4:]
    return {"address": "54:48:E6:8F:80:A5", "service_data": {FCD2: data.hex()}, "key": KEY}


def xiaomi(turn):
    """MiBeacon 2 of a flower sensor (HHCCJCY01): object 0x1004, tenths of a degree."""
    tenths = (hundredths(turn) // 10).to_bytes(2, "little", signed=True).hex()
    data = f"71209800{turn % 256:02x}bc9a858d7cc40d041002{tenths}"
    return {"address": "C4:7C:8D:85:9A:BC", "service_data": {FE95: data}}


FORMATS = {
    "ruuvi_df5": (ruuvi, "ruuvitag-ble"),
    "bthome_v2": (bthome, "bthome-ble"),
    "bthome_v2 encrypted": (bthome_encrypted, "bthome-ble"),
    "mibeacon": (xiaomi, "xiaomi-ble"),
}


def peer_for(library, key):
    """The library's decoder for one device."""
    if library == "ruuvitag-ble":
        from ruuvitag_ble import RuuvitagBluetoothDeviceData
        return RuuvitagBluetoothDeviceData()
    if library == "bthome-ble":
        from bthome_ble import BTHomeBluetoothDeviceData
        return BTHomeBluetoothDeviceData(bindkey=bytes.fromhex(key) if key else None)
    from xiaomi_ble import XiaomiBluetoothDeviceData
    return XiaomiBluetoothDeviceData()


def run_peer(library):
    """Decodes the advertisements on standard input; prints the CPU seconds and the temperatures."""
    from bleak.backends.device import BLEDevice
    from home_assistant_bluetooth import BluetoothServiceInfoBleak

    adverts = [json.loads(line) for line in sys.stdin]
    infos = [
        BluetoothServiceInfoBleak(
            name=advert["address"], address=advert["address"], rssi=-60, service_uuids=[], source="hci0", time=turn,
            device=BLEDevice(advert["address"], advert["address"], {}), advertisement=None, connectable=False,
            tx_power=None, raw=None,
            manufacturer_data={int(id, 16): bytes.fromhex(data)
                               for id, data in advert.get("manufacturer_data", {}).items()},
            service_data={id: bytes.fromhex(data) for id, data in advert.get("service_data", {}).items()})
        for turn, advert in enumerate(adverts)
    ]
    peer, temperatures = peer_for(library, adverts[0].get("key")), []
    start = time.process_time()
    for info in infos:
        values = peer.update(info).entity_values
        temperatures.append(next((value.native_value for key, value in values.items() if key.key == "temperature"), None))
    print(json.dumps({"seconds": time.process_time() - start, "temperatures": temperatures}))


def ask_peer(library, lines):
    """Runs a library in a process of its own."""
    command = [sys.executable, os.path.abspath(__file__), "--peer", library]
    return json.loads(subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout)


def ask_tidegate(program, lines):
    """Runs `tidegate ble decode`, and takes the CPU time of the whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answers = subprocess.run([program, "ble", "decode"], input=lines, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    temperatures = []
    for line in answers.splitlines():
        readings = {reading["point"]: reading["value"] for reading in json.loads(line)["readings"]}
        temperatures.append(readings.get("temperature"))
    return {"seconds": seconds, "temperatures": temperatures}


def mixed_rate(program, count):
    """Advertisements per second of a file that holds all formats by turns: the best of five runs, by the clock."""
    makers = [make for make, _ in FORMATS.values()]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(makers[turn % len(makers)](turn)) + "\n" for turn in range(count))
        file.flush()
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([program, "ble", "decode", file.name], stdout=subprocess.DEVNULL, check=True)
            best = min(best, time.perf_counter() - start)
    return count / best


def same(ours, theirs):
    """Whether two temperatures agree; the libraries round to hundredths."""
    return ours is not None and theirs is not None and abs(ours - theirs) <= 0.0051


def main(program, count):
    rows, wrong = [], 0
    print(f"{'format':22}{'library':16}{'library':>10}{'tidegate':>10}{'ratio':>8}")
    for name, (make, library) in FORMATS.items():
        lines = "".join(json.dumps(make(turn)) + "\n" for turn in range(count))
        ours, theirs = ask_tidegate(program, lines), ask_peer(library, lines)
        differ = sum(not same(*pair) for pair in zip(ours["temperatures"], theirs["temperatures"]))
        wrong += differ
        ours_us, theirs_us = (side["seconds"] / count * 1e6 for side in (ours, theirs))
        said = f"  {differ} temperatures differ" if differ else ""
        print(f"{name:22}{library:16}{theirs_us:8.2f}us{ours_us:8.2f}us{theirs_us / ours_us:7.1f}x{said}")
        rows.append({"name": f"ble decode {name}", "unit": "us CPU per advert", "value": round(ours_us, 3), "n": count,
                     "conditions": f"{library} {theirs_us:.2f} us in the same run"})
    rate = mixed_rate(program, count)
    print(f"a file of {count} mixed ones: {rate:.0f} a second (goal 200000)")
    rows.append({"name": "ble decode mixed file", "unit": "adverts/s", "value": round(rate), "n": count,
                 "conditions": "best of five, with the start of the program"})
    for row in rows:
        print(json.dumps(row))
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        run_peer(sys.argv[2])
    elif len(sys.argv) in (2, 3):
        sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 10_000))
    else:
        sys.exit(__doc__)
