#!/usr/bin/env python3
"""In the machine: a Bluetooth radio that the kernel takes for a dongle, and the devices in its reach (bumble).

    radio.py COUNT

COUNT broadcasters, BTHome and RuuviTag by turns, C0:00:00:00:00:00 and on, once a second each, and two devices that can
be connected to. F0:F1:F2:F3:F4:F5 "valve" has its battery, 180f/2a19, and a count, 4f2a0001-…/4f2a0004-…, that it tells
four times a second. F0:F1:F2:F3:F4:F6 "vault" shows a level, 4f2a0001-…/4f2a0005-…, only to who was paired with the
passkey on its label, 271828; it keeps the bond in vault.json, beside this file. Killing this pulls the dongle. It says
"ready" when the radio is there.
"""

import asyncio
import struct
import sys
from pathlib import Path

from bumble import core, hci
from bumble.controller import Controller
from bumble.device import Device
from bumble.gatt import Characteristic, Service
from bumble.host import Host
from bumble.keys import JsonKeyStore
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

SERVICE = "4f2a0001-1c6e-4a5e-9b8e-7d2f3a6c0d01"
COUNT = "4f2a0004-1c6e-4a5e-9b8e-7d2f3a6c0d01"
LEVEL = "4f2a0005-1c6e-4a5e-9b8e-7d2f3a6c0d01"
PASSKEY = 271828
BOND = Path(__file__).with_name("vault.json")
Legacy, Extended = hci.HCI_LE_Advertising_Report_Event, hci.HCI_LE_Extended_Advertising_Report_Event


class Radio(Controller):
    """What the kernel sees. Advertisements flow while it scans, in the form of the scan it asked for."""

    scans_extended = False
    # With these the kernel waits for the event LE Enhanced Connection Complete (Core 5.4, Vol 4 Part E 7.7.65.10), which
    # the simulation never sends: it would give up on a connection that is there, and never get over it.
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
    # The link of the simulation names a sender by its random address, while BlueZ scans with a changing one and
    # connects with the public one: without this no answer would find its way back.
    random_address = property(lambda self: self._public_address, lambda self, address: None)

    def on_hci_command_packet(self, command):
        if "SCAN" in command.name and "LE_" in command.name:
            self.scans_extended = "EXTENDED" in command.name
        return super().on_hci_command_packet(command)

    def on_hci_le_create_connection_cancel_command(self, command):
        """An attempt that is given up ends with an event (Core 5.4, Vol 4 Part E 7.8.13). The simulation goes on with
        it for ever, and refuses each later one."""
        attempt, self.pending_le_connection = self.pending_le_connection, None
        if attempt is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        given_up = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, connection_handle=0, role=hci.Role.CENTRAL,
            peer_address_type=attempt.peer_address.address_type, peer_address=attempt.peer_address,
            connection_interval=0, peripheral_latency=0, supervision_timeout=0, central_clock_accuracy=0)
        # After the answer to the command.
        asyncio.get_running_loop().call_soon(self.send_hci_packet, given_up)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


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


def peripheral(link, name, last):
    """A device that can be connected to, with the last byte of its address."""
    controller = Controller(name, link=link, public_address=f"F0:F1:F2:F3:F4:{last & 0x0F:02X}")
    return Device(name=name, address=hci.Address(f"F0:F1:F2:F3:F4:{last:02X}"), host=Host(controller, controller))


async def show(device):
    """Lets a device be found."""
    await device.power_on()
    data = bytes(core.AdvertisingData([(core.AdvertisingData.FLAGS, b"\x06"),
                                       (core.AdvertisingData.COMPLETE_LOCAL_NAME, device.name.encode())]))
    await device.start_advertising(advertising_data=data, auto_restart=True, advertising_interval_min=300,
                                   advertising_interval_max=300)


async def valve(link):
    """Whom everybody may ask; gives what tells its count."""
    device = peripheral(link, "valve", 0xF5)
    properties, readable = Characteristic.Properties, Characteristic.READABLE
    battery = Characteristic("2A19", properties.READ, readable, bytes([87]))
    count = Characteristic(COUNT, properties.READ | properties.NOTIFY, readable, bytes(4))
    device.add_service(Service("180F", [battery]))
    device.add_service(Service(SERVICE, [count]))
    await show(device)
    return tell(device, count)


async def tell(device, count):
    """Counts, four times a second."""
    turn = 0
    while True:
        await asyncio.sleep(0.25)
        turn += 1
        await device.notify_subscribers(count, turn.to_bytes(4, "little"))


class Label(PairingDelegate):
    """A passkey that is printed on the device, which can neither show nor ask for anything else."""

    def __init__(self):
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)

    async def generate_passkey(self):
        return PASSKEY


async def vault(link):
    """Who answers only those that are paired and were proved to know the passkey."""
    device = peripheral(link, "vault", 0xF6)
    permissions = Characteristic.READABLE | Characteristic.Permissions.READ_REQUIRES_AUTHENTICATION
    level = Characteristic(LEVEL, Characteristic.Properties.READ, permissions, bytes([42]))
    device.add_service(Service(SERVICE, [level]))
    own = PairingConfig.AddressType.RANDOM
    device.pairing_config_factory = lambda connection: PairingConfig(delegate=Label(), identity_address_type=own)
    device.keystore = JsonKeyStore("vault", str(BOND))
    await show(device)


async def main(count):
    link = LocalLink()
    # Before the kernel sees the radio: it gives up on one that does not answer within two seconds, which the devices
    # can take of a slow machine.
    telling = await valve(link)
    await vault(link)
    async with await open_transport("vhci") as kernel:
        radio = Radio("radio", host_source=kernel.source, host_sink=kernel.sink, link=link,
                      public_address="F0:F1:F2:F3:F4:F0")
        print("ready", flush=True)
        await asyncio.gather(broadcast(radio, count), telling)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
