"""zigpy-znp as the host of a coordinator: what it makes of how the coordinator measures channels and takes a power.

    radio.py HOST:PORT POWER

Only asks; nothing in the coordinator's memory is changed. Writes one JSON document.

zigpy-znp is under the GPL: it runs here, in a process of its own, and no part of it is in the gateway.
"""

import asyncio
import json
import sys

import zigpy_znp.commands as c
import zigpy_znp.types as t
from zigpy.zdo.types import CLUSTERS, ZDOCmd
from zigpy_znp.api import ZNP
from zigpy_znp.exceptions import InvalidCommandResponse
from zigpy_znp.zigbee.application import ControllerApplication


async def energies(znp):
    """The energy of each channel, as zigpy reads the answer of the coordinator's ZDO."""
    ask = c.ZDO.MgmtNWKUpdateReq.Req(
        Dst=0x0000,
        DstAddrMode=t.AddrMode.NWK,
        Channels=t.Channels.ALL_CHANNELS,
        ScanDuration=2,
        ScanCount=1,
        NwkManagerAddr=0x0000,
    )
    answer = c.ZDO.MsgCbIncoming.Callback(partial=True, Src=0x0000, ClusterId=ZDOCmd.Mgmt_NWK_Update_rsp)
    told = await znp.request_callback_rsp(request=ask, RspStatus=t.Status.SUCCESS, callback=answer)
    fields, rest = [], bytes(told.Data)
    for kind in CLUSTERS[ZDOCmd.Mgmt_NWK_Update_rsp][1]:
        field, rest = kind.deserialize(rest)
        fields.append(field)
    assert not rest, rest
    status, channels, _sent, _failed, values = fields
    assert status == 0, status
    return dict(zip([int(channel) for channel in channels], values, strict=True))


async def main(link, power):
    app = ControllerApplication({"device": {"path": f"socket://{link}"}, "database_path": None})
    app._znp = znp = ZNP(app.config)
    await znp.connect(test_port=False)
    try:
        version = await znp.request(c.SYS.Version.Req())
        # Z-Stack 3.x, as zigpy numbers it.
        znp.version = {1: 3.30}[int(version.ProductId)]
        await znp.request(c.ZDO.MsgCallbackRegister.Req(ClusterId=0xFFFF), RspStatus=t.Status.SUCCESS)
        await app.set_tx_power(dbm=power)
        try:
            await app.set_tx_power(dbm=-100)
            refused = None
        except InvalidCommandResponse as error:
            refused = str(error)
        print(json.dumps({"refused": refused, "energies": await energies(znp)}))
    finally:
        await znp.disconnect()


asyncio.run(asyncio.wait_for(main(sys.argv[1], int(sys.argv[2])), 60))
