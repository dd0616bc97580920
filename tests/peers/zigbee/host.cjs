// zigbee-herdsman as the host of a coordinator, to see whether the simulated one is like a real one.
//
//     host.cjs HOST:PORT FOLDER DEVICES
//
// Starts, lets DEVICES in and waits until each is interviewed, switches the plug, reads, binds, configures a report,
// waits for one, puts the bulb into a group, asks for neighbours, has channels measured and makes a backup in FOLDER. Each
// step that went well is one line of JSON; the first that did not ends it.

const path = require("node:path");
const { Controller, Zdo, setLogger } = require("zigbee-herdsman");

const [link, folder, count] = process.argv.slice(2);
const say = (step, facts = {}) => console.log(JSON.stringify({ step, ...facts }));

// Its log goes where a failed test shows it.
const log = (message) => console.error(String(typeof message === "function" ? message() : message));
setLogger({ debug: () => {}, info: log, warning: log, error: log });

const controller = new Controller({
    network: {
        panID: 0x1a62,
        extendedPanID: [1, 2, 3, 4, 5, 6, 7, 8],
        channelList: [15],
        networkKey: [1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 13],
    },
    serialPort: { path: `tcp://${link}`, adapter: "zstack" },
    databasePath: path.join(folder, "database.db"),
    databaseBackupPath: path.join(folder, "database.old"),
    backupPath: path.join(folder, "backup.json"),
    adapter: { disableLED: false, transmitPower: 9 },
    acceptJoiningDeviceHandler: async () => true,
});

const interviewed = new Map();
const reports = [];
controller.on("deviceInterview", ({ device, status }) => {
    if (status === "started") return;
    interviewed.set(device.modelID, status);
    if (interviewed.size === Number(count)) allKnown();
});
controller.on("message", (message) => {
    if (message.type === "attributeReport") reports.push(message);
    newReport();
});
let allKnown = () => {};
let newReport = () => {};

// What the coordinator's ZDO answers to a measurement of channels.
async function measure(...channels) {
    const { adapter } = controller;
    const cluster = Zdo.ClusterId.NWK_UPDATE_REQUEST;
    const request = Zdo.Buffalo.buildRequest(false, cluster, channels, 2, 1, undefined, undefined);
    return await adapter.sendZdo(await adapter.getCoordinatorIEEE(), 0, cluster, request, false);
}

async function main() {
    say("start", { how: await controller.start() });
    const parameters = await controller.getNetworkParameters();
    say("network", { pan: parameters.panID, channel: parameters.channel });

    if (interviewed.size < Number(count) && controller.getDevicesByType("Router").length === 0) {
        const known = new Promise((resolve) => (allKnown = resolve));
        await controller.permitJoin(60);
        await known;
        await controller.permitJoin(0);
    }
    for (const [model, status] of interviewed) say("interview", { model, status });

    const devices = [...controller.getDevicesIterator()];
    const of = (model) => devices.find((device) => device.modelID === model);
    const plug = of("plug").getEndpoint(1);
    await plug.command("genOnOff", "off", {});
    say("command", { on: (await plug.read("genOnOff", ["onOff"])).onOff });

    const coordinator = controller.getDevicesByType("Coordinator")[0].getEndpoint(1);
    await plug.bind("genOnOff", coordinator);
    const reported = new Promise((resolve) => {
        newReport = () => reports.some((report) => report.cluster === "genOnOff" && report.data.onOff === 1) && resolve();
    });
    await plug.configureReporting("genOnOff", [
        { attribute: "onOff", minimumReportInterval: 0, maximumReportInterval: 3600, reportableChange: 0 },
    ]);
    await plug.command("genOnOff", "on", {});
    await reported;
    say("report", { on: 1 });

    const group = controller.getGroupByID(7) ?? controller.createGroup(7);
    await of("bulb").getEndpoint(1).addToGroup(group);
    await group.command("genOnOff", "on", {});
    say("group", { on: (await of("bulb").getEndpoint(1).read("genOnOff", ["onOff"])).onOff });

    const neighbors = await controller.getDevicesByType("Coordinator")[0].lqi();
    say("neighbors", { count: neighbors.length });
    const [status, energy] = await measure(15, 25);
    say("energy", { status, channels: energy.scannedChannels, values: energy.entryList });
    await controller.backup();
    say("backup");
    await controller.stop();
    say("stop");
    process.exit(0);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
