#!/usr/bin/env python3
"""In the machine: a Bluetooth radio that the kernel takes for a dongle, and the devices in its reach (bumble).

    radio.py COUNT

COUNT broadcasters, BTHome and RuuviTag by turns, C0:00:00:00:00:00 and on, once a second each, and one device that can
be connected to, F0:F1:F2:F3:F4:F5 "valve": battery 180f/2a19, and a count 4f2a0001-…/4f2a0004-… that it tells four
times a second. Killing this pulls the dongle. It says "ready" when the radio is there.
"""

import asyncio
import struct
import sys

from bumble import core, hci
from bumble.controller import Controller
from bumble.device import Device
from bumble.gatt import Characteristic, Service
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport

SERVICE = "4f2a0001-1c6e-4a5e-9b8e-7d2f3a6c0d01"
COUNT = "4f2a0004-1c6e-4a5e-9b8e-7d2f3a6c0d01"
Legacy, Extended = hci.HCI_LE_Advertising_Report_Event, hci.HCI_LE_Extended_Advertising_Report_Event


class Radio(Controller):
    """What the kernel sees. Advertisements flow while it scans, in the form of the scan it asked for."""

    scans_extended = False
    # The link of the simulation names a sender by its random address, while BlueZ scans with a changing one and
    # connects with the public one: without this no answer would find its way back.
    random_address = property(lambda self: self._public_address, lambda self, address: None)

    def on_hci_command_packet(self, command):
        if "SCAN" in command.name and "LE_" in command.name:
            self.scans_extended = "EXTENDED" in command.name
        return super().on_hci_command_packet(command)


class Broadcaster:
    """A sensor with a counter, so that no two advertisements are alike."""

    def __init__(self, number):
        self.number, self.turn = number, 0
        text = f"C0:00:00:00:{number >> 8:02X}:{number & 255:02X}"
        self.address = hci.Address(text, hci.Address.RANDOM_DEVICE_ADDRESS)

    def data(self):
        self.turn += 1
        if self.number % 2:
            body = struct.pack(">BhHHhhhHBH6s", 5, 4300 + self.turn % 100, 22000, 50000, 4, -4, 1036, 0xAC36, 66,
                               self.turn & 0xFFFF, bytes(self.address)[::-1][:6])
            return bytes([2, 1, 6, len(body) + 3, 0xFF, 0x99, 0x04]) + body
        body = bytes([0x40, 0x00, self.turn & 255, 0x01, 93, 0x02]) + struct.pack("<h", 2150 + self.turn % 100)
        return bytes([2, 1, 6, len(body) + 3, 0x16, 0xD2, 0xFC]) + body

    def report(self, is_extended):
        data, rssi = self.data(), -40 - self.number % 50
        if is_extended:
            return Extended([Extended.Report(
                event_type=Extended.EventType.LEGACY_ADVERTISING_PDU_USED, address_type=self.address.address_type,
                address=self.address, primary_phy=1, secondary_phy=0, advertising_sid=255, tx_power=127, rssi=rssi,
                periodic_advertising_interval=0, direct_address_type=0, direct_address=hci.Address.ANY, data=data)])
        return Legacy([Legacy.Report(
            event_type=Legacy.EventType.ADV_NONCONN_IND, address_type=self.address.address_type, address=self.address,
            data=data, rssi=rssi)])


async def broadcast(radio, count):
    """Each once a second, one after the other."""
    devices = [Broadcaster(number) for number in range(count)]
    while True:
        for device in devices:
            await asyncio.sleep(1 / count)
            if radio.le_scan_enable:
                radio.send_hci_packet(device.report(radio.scans_extended))


async def connectable(link):
    """The device that can be connected to; gives what tells its count."""
    controller = Controller("valve", link=link, public_address="F0:F1:F2:F3:F4:01")
    device = Device(name="valve", address=hci.Address("F0:F1:F2:F3:F4:F5"), host=Host(controller, controller))
    properties, readable = Characteristic.Properties, Characteristic.READABLE
    battery = Characteristic("2A19", properties.READ, readable, bytes([87]))
    count = Characteristic(COUNT, properties.READ | properties.NOTIFY, readable, bytes(4))
    device.add_service(Service("180F", [battery]))
    device.add_service(Service(SERVICE, [count]))
    await device.power_on()
    data = bytes(core.AdvertisingData([(core.AdvertisingData.FLAGS, b"\x06"),
                                       (core.AdvertisingData.COMPLETE_LOCAL_NAME, b"valve")]))
    await device.start_advertising(advertising_data=data, auto_restart=True, advertising_interval_min=300,
                                   advertising_interval_max=300)
    return tell(device, count)


async def tell(device, count):
    """Counts, four times a second."""
    turn = 0
    while True:
        await asyncio.sleep(0.25)
        turn += 1
        await device.notify_subscribers(count, turn.to_bytes(4, "little"))


async def main(count):
    link = LocalLink()
    # Before the kernel sees the radio: it gives up on one that does not answer within two seconds, which the device
    # can take of a slow machine.
    telling = await connectable(link)
    async with await open_transport("vhci") as kernel:
        radio = Radio("radio", host_source=kernel.source, host_sink=kernel.sink, link=link,
                      public_address="F0:F1:F2:F3:F4:F0")
        print("ready", flush=True)
        await asyncio.gather(broadcast(radio, count), telling)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
