#!/usr/bin/python3
"""A stand-in for bluetoothd on a bus of its own: no root, no kernel Bluetooth, no radio.

    bluez.py

It starts a private dbus-daemon and takes the name org.bluez there. The first line it writes is the bus's address, for
DBUS_SYSTEM_BUS_ADDRESS; then it answers each line of JSON it is given with one line:

    {"do": "advert", "mac": "C0:…", "manufacturer": {"0x0499": "05…"}, "service": {"fcd2": "40…"}, "name": "x",
     "services": ["fff0"], "rssi": -60}         sends one advertisement if somebody scans; answers whether it did
    {"do": "flood", "devices": 20, "rate": 200, "count": 6000}
                                                BTHome with a packet id and a counter that says which it is, from so
                                                many devices, so many a second; answers when all are sent
    {"do": "lose"}  {"do": "return"}            the radio is pulled, and plugged in again
    {"do": "block"}  {"do": "unblock"}          the radio is switched off (rfkill), and on again
    {"do": "die"}  {"do": "rise"}               bluetoothd is killed with all it knows, and started again
    {"do": "mute"}                              the radio hangs: it scans and hears nothing until it is switched off
    {"do": "deafen"}                            who scans now hears nothing more, until another connection scans
    {"do": "stop"}                              discovery ends, as when who asked for it is gone
    {"do": "scans"}                             how often somebody has begun to scan, and the filter of the last
    {"do": "forget"}                            every device is forgotten, as BlueZ does after a while
    {"do": "wait"}                              answers when somebody scans
    {"do": "peripheral", "mac": "C0:…", "services": {"180f": {"2a19": {"flags": ["read", "notify"], "value": "57"}}}}
                                                from its next advertisement on the device can be connected to; with
                                                "passkey": "012345", or "passkey": "" for none, it can be paired, which
                                                the flag "encrypt-read" wants
    {"do": "abort", "mac": "C0:…", "times": 2}  so many attempts to connect fail as radios do now and then
    {"do": "hang", "mac": "C0:…", "times": 1}   so many attempts are never answered
    {"do": "notify", "mac": "C0:…", "at": "180f/2a19", "value": "56"}
                                                sets a value; tells it if somebody asked for that and answers whether
    {"do": "drop", "mac": "C0:…"}               the device ends the connection
    {"do": "look", "mac": "C0:…", "at": "180f/2a19"}
                                                {"connected", "attempts", "most", "value", "writes", "agents"}: "most" is
                                                how many devices were connected at once, "writes" is what was written and
                                                how, "agents" how many agents there are now
    {"do": "unpair", "mac": "C0:…"}             the device has forgotten who it was paired with, and so has BlueZ

What it does as BlueZ: InterfacesAdded for a new device, PropertiesChanged with everything one advertisement changed in
one signal, RSSI only when it is another one, manufacturer data of one advertisement alone (DuplicateData), names as
property Name, an Alias that is never absent, services below a device while it is connected, a scan that ends with the
connection that asked for it. What it does not: caching, expiry, descriptors.
"""

import json
import subprocess
import sys
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
AGENTS = "org.bluez.AgentManager1"
AGENT = "org.bluez.Agent1"
RADIO = "/org/bluez/hci0"


def octets(text):
    """Hex as D-Bus bytes."""
    return dbus.Array([dbus.Byte(byte) for byte in bytes.fromhex(text)], signature="y")


def error(name, text):
    """An error as BlueZ gives it."""
    return dbus.exceptions.DBusException(text, name=f"org.bluez.Error.{name}")


def long_uuid(text):
    """A short UUID in full."""
    return f"0000{text}-0000-1000-8000-00805f9b34fb" if len(text) == 4 else text


class Root(dbus.service.Object):
    """The object manager."""

    def __init__(self, bus, objects):
        super().__init__(bus, "/")
        self.objects = objects

    @dbus.service.method(OBJECTS, out_signature="a{oa{sa{sv}}}")
    def GetManagedObjects(self):
        return {path: {item.interface: item.properties} for path, item in self.objects.items()}

    @dbus.service.signal(OBJECTS, signature="oa{sa{sv}}")
    def InterfacesAdded(self, path, interfaces):
        pass

    @dbus.service.signal(OBJECTS, signature="oas")
    def InterfacesRemoved(self, path, interfaces):
        pass


class Agents(dbus.service.Object):
    """Who answers when a device is paired, by connection: the path of the agent and what it can do."""

    def __init__(self, bus):
        super().__init__(bus, "/org/bluez")
        self.bus, self.agents = bus, {}

    @dbus.service.method(AGENTS, in_signature="os", sender_keyword="sender")
    def RegisterAgent(self, path, capability, sender):
        self.agents[sender] = (path, capability)

        def owned(owner):
            if not owner:
                self.agents.pop(sender, None)

        self.bus.watch_name_owner(sender, owned)

    def ask(self, sender, device, answered, failed):
        """Asks for a passkey; also for that of a device nobody has asked to pair, which must be refused."""
        path, _ = self.agents[sender]
        agent = dbus.Interface(self.bus.get_object(sender, path, introspect=False), AGENT)
        stranger = dbus.ObjectPath(f"{RADIO}/dev_00_00_00_00_00_00")

        def refused(_):
            agent.RequestPasskey(dbus.ObjectPath(device), reply_handler=answered, error_handler=failed)

        def told(_):
            failed(error("AuthenticationFailed", "the agent answers for strangers"))

        agent.RequestPasskey(stranger, reply_handler=told, error_handler=refused)


class Item(dbus.service.Object):
    """A radio or a device."""

    def __init__(self, world, path, interface, properties):
        super().__init__(world.bus, path)
        self.world, self.path, self.interface, self.properties = world, path, interface, properties
        world.objects[path] = self
        world.root.InterfacesAdded(path, {interface: properties})

    def remove(self, quietly=False):
        self.world.objects.pop(self.path)
        if not quietly:
            self.world.root.InterfacesRemoved(self.path, [self.interface])
        self.remove_from_connection()

    def change(self, **changed):
        self.properties.update(changed)
        self.PropertiesChanged(self.interface, changed, [])

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated):
        pass

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return self.properties

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.properties[name]

    @dbus.service.method(PROPERTIES, in_signature="ssv")
    def Set(self, interface, name, value):
        if self.properties[name] != value:
            self.change(**{name: value})
        if (name, value) == ("Powered", False):
            self.world.scanners.clear()
            self.change(Discovering=False)
            self.world.is_mute = False

    @dbus.service.method(ADAPTER, in_signature="a{sv}")
    def SetDiscoveryFilter(self, wanted):
        self.world.filter = {
            str(name): bool(value) if isinstance(value, dbus.Boolean) else value for name, value in wanted.items()}

    @dbus.service.method(ADAPTER, sender_keyword="sender")
    def StartDiscovery(self, sender):
        if not self.properties["Powered"]:
            raise error("NotReady", "Resource Not Ready")
        if sender in self.world.scanners:
            raise error("InProgress", "Operation already in progress")
        self.world.scan(sender)
        self.change(Discovering=True)
        self.world.scanning()

    @dbus.service.method(ADAPTER, sender_keyword="sender")
    def StopDiscovery(self, sender):
        if sender not in self.world.scanners:
            raise error("Failed", "No discovery started")
        self.world.leave(sender)


class Device(Item):
    """A device that can be connected to, as long as it is in the world's peripherals."""

    @dbus.service.method(DEVICE, async_callbacks=("done", "failed"))
    def Connect(self, done, failed):
        peripheral = self.world.peripherals.get(self.properties["Address"])
        if peripheral is None:
            return failed(error("Failed", "le-connection-abort-by-local"))
        peripheral["attempts"] += 1
        if peripheral["hang"] > 0:
            peripheral["hang"] -= 1
            return None
        if peripheral["abort"] > 0:
            peripheral["abort"] -= 1
            return failed(error("Failed", "le-connection-abort-by-local"))
        self.change(Connected=True)
        self.world.count_connected()
        self.resolve(peripheral["services"])
        done()

    @dbus.service.method(DEVICE)
    def Disconnect(self):
        self.part()

    @dbus.service.method(DEVICE, async_callbacks=("done", "failed"), sender_keyword="sender")
    def Pair(self, done, failed, sender):
        passkey = self.world.peripherals[self.properties["Address"]]["passkey"]
        if self.properties["Paired"]:
            return failed(error("AlreadyExists", "Already Exists"))
        capability = self.world.agents.agents.get(sender, ("", ""))[1]

        def answered(number):
            if passkey is None or int(passkey) != number:
                return failed(error("AuthenticationFailed", "Authentication Failed"))
            paired()

        def paired():
            self.change(Paired=True, Bonded=True)
            done()

        if passkey == "" and capability == "NoInputNoOutput":
            return paired()
        if capability != "KeyboardOnly":
            return failed(error("AuthenticationFailed", "Authentication Failed"))
        self.world.agents.ask(sender, self.path, answered, failed)

    def resolve(self, services):
        """Shows the services, as BlueZ does when it has asked for them."""
        for number, (service, characteristics) in enumerate(services.items()):
            path = f"{self.path}/service{number:04x}"
            Item(self.world, path, SERVICE, {
                "UUID": long_uuid(service), "Device": dbus.ObjectPath(self.path), "Primary": True,
            })
            for index, (uuid, about) in enumerate(characteristics.items()):
                Characteristic(self.world, f"{path}/char{index:04x}", CHARACTERISTIC, {
                    "UUID": long_uuid(uuid), "Service": dbus.ObjectPath(path), "MTU": dbus.UInt16(247),
                    "Flags": dbus.Array(about["flags"], signature="s"), "Notifying": False,
                    "Value": dbus.Array([], signature="y"),
                }).about, self.world.objects[f"{path}/char{index:04x}"].device = about, self
        self.change(ServicesResolved=True)

    def part(self):
        """The connection is over."""
        for path, item in sorted(self.world.objects.items(), reverse=True):
            if path.startswith(f"{self.path}/"):
                item.remove()
        if self.properties["Connected"]:
            self.change(ServicesResolved=False, Connected=False)

    def remove(self, quietly=False):
        for path, item in sorted(self.world.objects.items(), reverse=True):
            if path.startswith(f"{self.path}/"):
                item.remove(quietly)
        super().remove(quietly)


class Characteristic(Item):
    """A value of a device."""

    @dbus.service.method(CHARACTERISTIC, in_signature="a{sv}", out_signature="ay")
    def ReadValue(self, options):
        if "read" not in self.about["flags"]:
            raise error("NotSupported", "Operation is not supported")
        if "encrypt-read" in self.about["flags"] and not self.device.properties["Paired"]:
            raise error("NotPermitted", "Insufficient Authentication")
        # BlueZ shows what was read as if it had been told.
        self.change(Value=octets(self.about["value"]))
        return octets(self.about["value"])

    @dbus.service.method(CHARACTERISTIC, in_signature="aya{sv}")
    def WriteValue(self, value, options):
        if not {"write", "write-without-response"} & set(self.about["flags"]):
            raise error("NotSupported", "Operation is not supported")
        self.about["value"] = bytes(value).hex()
        self.about.setdefault("writes", []).append([bytes(value).hex(), str(options.get("type", ""))])

    @dbus.service.method(CHARACTERISTIC)
    def StartNotify(self):
        if not {"notify", "indicate"} & set(self.about["flags"]):
            raise error("NotSupported", "Operation is not supported")
        self.change(Notifying=True)

    @dbus.service.method(CHARACTERISTIC)
    def StopNotify(self):
        self.change(Notifying=False)


class World:
    """A radio, the devices in its reach, and who listens."""

    def __init__(self, address):
        self.bus = dbus.bus.BusConnection(address)
        self.objects, self.filter, self.waiting = {}, {}, False
        self.peripherals, self.most, self.is_mute = {}, 0, False
        self.scanners, self.deaf, self.scans = set(), set(), 0
        self.root = Root(self.bus, self.objects)
        self.agents = Agents(self.bus)
        self.name = dbus.service.BusName("org.bluez", self.bus)
        self.plug(powered=True)

    @property
    def radio(self):
        return self.objects.get(RADIO)

    @property
    def is_scanning(self):
        return self.radio is not None and bool(self.radio.properties["Discovering"])

    def scan(self, sender):
        """A connection scans, until it says that it does not or is gone."""
        self.scans += 1
        self.scanners.add(sender)

        def owned(owner):
            if not owner:
                self.leave(sender)

        self.bus.watch_name_owner(sender, owned)

    def leave(self, sender):
        """A connection scans no more."""
        self.scanners.discard(sender)
        if not self.scanners and self.radio is not None and self.radio.properties["Discovering"]:
            self.radio.change(Discovering=False)

    def plug(self, powered):
        """Plugs the radio in."""
        Item(self, RADIO, ADAPTER, {
            "Address": "F0:F1:F2:F3:F4:F0", "AddressType": "public", "Name": "edge", "Alias": "edge",
            "Modalias": "usb:v1D6Bp0246d0542", "Class": dbus.UInt32(0), "Powered": powered, "Discovering": False,
            "Discoverable": False, "Pairable": True, "UUIDs": dbus.Array([], signature="s"),
        })

    def forget(self, quietly=False):
        """Forgets every device."""
        for path, item in list(self.objects.items()):
            if isinstance(item, Device):
                item.remove(quietly)

    def advert(self, mac, manufacturer=None, service=None, name=None, services=None, rssi=-60):
        """One advertisement."""
        if not self.is_scanning:
            return False
        if self.is_mute or self.scanners <= self.deaf:
            return True
        changed = {}
        if manufacturer:
            data = {dbus.UInt16(int(company, 0)): octets(text) for company, text in manufacturer.items()}
            changed["ManufacturerData"] = dbus.Dictionary(data, signature="qv")
        if service:
            data = {long_uuid(uuid): octets(text) for uuid, text in service.items()}
            changed["ServiceData"] = dbus.Dictionary(data, signature="sv")
        if services:
            changed["UUIDs"] = dbus.Array([long_uuid(uuid) for uuid in services], signature="s")
        path = f"{RADIO}/dev_{mac.replace(':', '_')}"
        known = self.objects.get(path)
        if known is None or known.properties.get("RSSI") != rssi:
            changed["RSSI"] = dbus.Int16(rssi)
        if name:
            changed["Name"] = name
            changed["Alias"] = name
        if known:
            known.change(**changed)
        else:
            self.meet(path, mac, changed)
        return True

    def meet(self, path, mac, changed):
        """A device that was not known."""
        Device(self, path, DEVICE, {
            "Address": mac, "AddressType": "random", "Adapter": dbus.ObjectPath(RADIO), "Alias": mac.replace(":", "-"),
            "Paired": False, "Trusted": False, "Blocked": False, "LegacyPairing": False, "Connected": False,
            "ServicesResolved": False, "UUIDs": dbus.Array([], signature="s"), **changed,
        })

    def device(self, mac):
        """A device that is in reach."""
        return self.objects[f"{RADIO}/dev_{mac.replace(':', '_')}"]

    def characteristic(self, mac, at):
        """What a device has below this, whether it is connected or not."""
        service, uuid = at.split("/")
        return self.peripherals[mac]["services"][service][uuid]

    def count_connected(self):
        """Remembers how many were connected at once."""
        now = sum(bool(item.properties.get("Connected")) for item in self.objects.values())
        self.most = max(self.most, now)

    def notify(self, mac, at, value):
        """Sets a value, and tells it if somebody asked for that."""
        about = self.characteristic(mac, at)
        about["value"] = value
        for item in self.objects.values():
            if isinstance(item, Characteristic) and item.about is about and item.properties["Notifying"]:
                item.change(Value=octets(value))
                return True
        return False

    def look(self, mac, at):
        """What is going on at a device."""
        about, peripheral = self.characteristic(mac, at), self.peripherals[mac]
        path = f"{RADIO}/dev_{mac.replace(':', '_')}"
        connected = path in self.objects and bool(self.objects[path].properties["Connected"])
        return {"connected": connected, "attempts": peripheral["attempts"], "most": self.most,
                "value": about["value"], "writes": about.get("writes", []), "agents": len(self.agents.agents)}

    def flood(self, devices, rate, count):
        """Sends many, at their rate; the answer comes at the end."""
        start, sent = time.monotonic(), 0

        def more():
            nonlocal sent
            due = min(count, int((time.monotonic() - start) * rate))
            while sent < due:
                device, turn = sent % devices, sent // devices
                # Packet id, and a 32-bit count (bthome.io, objects 0x00 and 0x3E).
                data = f"4000{turn & 255:02x}3e{turn.to_bytes(4, 'little').hex()}"
                if not self.advert(f"C0:00:00:00:00:{device:02X}", service={"fcd2": data}, rssi=-40 - sent % 50):
                    say({"sent": sent})
                    return False
                sent += 1
            if sent == count:
                say({"sent": sent})
                return False
            return True

        GLib.timeout_add(2, more)

    def do(self, order):
        """Carries out an order. None when the answer comes later."""
        word = order.pop("do")
        if word == "advert":
            return self.advert(**order)
        if word == "flood":
            self.flood(**order)
            return None
        if word == "peripheral":
            self.peripherals[order["mac"]] = {
                "services": order["services"], "attempts": 0, "abort": 0, "hang": 0,
                "passkey": order.get("passkey"),
            }
            return True
        if word in ("abort", "hang"):
            self.peripherals[order["mac"]][word] = order["times"]
            return True
        if word in ("notify", "look"):
            return getattr(self, word)(**order)
        if word == "scans":
            return {"scans": self.scans, "filter": self.filter}
        if word == "drop":
            self.device(order["mac"]).part()
            return True
        if word == "unpair":
            self.device(order["mac"]).change(Paired=False, Bonded=False)
            return True
        if word == "wait":
            self.waiting = not self.is_scanning
            return None if self.waiting else True
        getattr(self, f"do_{word}")()
        return True

    def do_lose(self):
        """As BlueZ does when a dongle is pulled."""
        self.scanners.clear()
        self.radio.change(Powered=False, Discovering=False)
        self.forget()
        self.radio.remove()

    def do_return(self):
        """Plugged in again, it powers up by itself (AutoEnable)."""
        self.plug(powered=False)
        self.radio.change(Powered=True)

    def do_block(self):
        """As rfkill does."""
        self.scanners.clear()
        self.radio.change(Powered=False, Discovering=False)

    def do_unblock(self):
        self.radio.change(Powered=True)

    def do_die(self):
        """Killed: nobody says good-bye but the bus."""
        self.scanners.clear()
        self.forget(quietly=True)
        self.radio.remove(quietly=True)
        self.bus.release_name("org.bluez")

    def do_rise(self):
        self.bus.request_name("org.bluez")
        self.do_return()

    def do_stop(self):
        """As BlueZ does when the last that scanned is gone."""
        self.scanners.clear()
        self.radio.change(Discovering=False)

    def do_mute(self):
        """As radios do after weeks."""
        self.is_mute = True

    def do_deafen(self):
        """As connections do after hours, for reasons that nobody has found."""
        self.deaf |= self.scanners

    def do_forget(self):
        self.forget()

    def scanning(self):
        """Somebody scans."""
        if self.waiting:
            self.waiting = False
            say(True)


def say(answer):
    """One line."""
    print(json.dumps(answer), flush=True)


def main():
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1", "--nopidfile"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    loop = GLib.MainLoop()
    try:
        address = daemon.stdout.readline().strip()
        dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
        world = World(address)
        print(address, flush=True)

        def orders(source, condition):
            line = sys.stdin.readline()
            if not line:
                loop.quit()
                return False
            answer = world.do(json.loads(line))
            if answer is not None:
                say(answer)
            return True

        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, orders)
        loop.run()
    finally:
        daemon.kill()
        daemon.wait()


if __name__ == "__main__":
    main()
