//! The configuration as typed: every section and key, stated once.

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32, NonZeroU64},
    path::PathBuf,
};

use super::{
    Compression, Durability, Encoding, MqttProtocol, OnBad, Order, Pressure, Priority, Secret, UplinkUrl,
    net::{Net, listen},
    parse::{log_level, sender, uplink_url},
    section::{At, Section, section},
    tls::TlsKeys,
    values::{Size, Slug, Span, SpanOrZero, text_values, word_values},
};
use crate::model::{DeviceId, PointAddress, Rate, Selector};

/// Levels per module.
#[derive(Debug, Clone)]
pub(super) struct Level(pub(super) String);

/// Who may command.
#[derive(Debug, Clone)]
pub(super) struct Sender(pub(super) String);

/// Where a server listens.
#[derive(Debug, Clone)]
pub(super) struct Listen(pub(super) SocketAddr);

/// Text of the Modbus notation, which only the adapter that speaks it can read.
#[derive(Debug, Clone)]
pub(super) struct RegisterText(pub(super) String);

/// Likewise a type of the bytes.
#[derive(Debug, Clone)]
pub(super) struct TypeText(pub(super) String);

/// Likewise an order of the bytes.
#[derive(Debug, Clone)]
pub(super) struct OrderText(pub(super) String);

text_values! {
    UplinkUrl: "mqtt://host:port or mqtts://host:port", uplink_url;
    Level: "info or info,tidegate::uplink=debug", |text| log_level(text).map(|()| Self(text.to_owned()));
    Sender: "uplink:<name>, rule:<name> or api:<user or role>", |text| sender(text).map(|()| Self(text.to_owned()));
    Listen: "an address and a port: 0.0.0.0:1502", |text| listen(text).map(Self);
    Net: "an address, or the first of many and its bits: 10.0.0.0/24", str::parse;
    RegisterText: "coil, discrete, input or holding, and the offset: input:0; or as in a manual: 30001",
        |text| Ok(Self(text.to_owned()));
    TypeText: "bool, i16, u16, i32, u32, i64, u64, f16, f32, f64, bcd16, bcd32, string:N",
        |text| Ok(Self(text.to_owned()));
    OrderText: "AB, BA, ABCD, CDAB, BADC, DCBA or eight letters", |text| Ok(Self(text.to_owned()));
}

word_values! {
    Durability: ["strict" => Durability::Strict, "balanced" => Durability::Balanced, "wear" => Durability::Wear],
        later [];
    Pressure: ["wait" => Pressure::Wait, "shed" => Pressure::Shed], later [];
    Priority: ["low" => Priority::Low, "normal" => Priority::Normal, "high" => Priority::High], later [];
    MqttProtocol: ["5" => MqttProtocol::V5, "3.1.1" => MqttProtocol::V311], later [];
    Encoding: ["json" => Encoding::Json], later ["flat", "senml", "thingsboard", "sparkplug-b", "template"];
    Order: ["live-first" => Order::LiveFirst, "strict" => Order::Strict], later [];
    OnBad: ["marker" => OnBad::Marker, "exception" => OnBad::Exception], later [];
    Compression: ["none" => Compression::None, "zstd" => Compression::Zstd], later [];
}

section! {
    /// The whole configuration.
    pub(super) struct Root {
        /// Who this gateway is.
        gateway: Gateway = default("{}");
        /// How readings are kept until they are delivered, and for how long after that.
        buffer: Buffer = default("{}");
        /// A broker that readings go to; any number of them, each with its own progress.
        uplink: Vec<At<Uplink>> = default("[]");
        /// A link to devices; its `kind` decides which further keys it has.
        adapter: Vec<Section> = default("[]");
        /// A device on an adapter; the adapter's kind decides which further keys it has.
        device: Vec<Section> = default("[]");
        /// Devices that are commanded together, as one.
        group: Vec<At<Group>> = default("[]");
        /// Where device profiles are.
        profiles: Profiles = default("{}");
        /// Rules that run on this gateway.
        rules: Rules = default("{}");
        /// How commands to devices are treated.
        commands: Commands = default("{}");
        /// Who may command which points. Commands are denied unless a grant covers them.
        grant: Vec<At<Grant>> = default("[]");
        /// A Modbus TCP server that shows chosen points as registers, for a PLC or SCADA; none by default.
        republish: Vec<At<Republish>> = default("[]");
        /// The local API.
        api: Api = default("{}");
        /// What is logged.
        log: Log = default("{}");
    }
}

section! {
    /// Who this gateway is.
    pub(super) struct Gateway {
        /// Name of this gateway in every message and topic, unique among the gateways of a cloud. Set it when host
        /// names repeat or change.
        id: Slug = optional("the host name, made a slug");
        /// Name of the place, for topics. Set it when one cloud serves several places.
        site: Slug = default("\"default\"");
    }
}

section! {
    /// How readings are kept until they are delivered, and for how long after that.
    pub(super) struct Buffer {
        /// The database file. Put it on the disk that lasts longest.
        path: PathBuf = default("\"/var/lib/tidegate/buffer.db\"");
        /// Most bytes of the database and its write-ahead log together; the oldest delivered blocks go first when it
        /// is reached. Raise it for longer outages.
        max_size: Size = default("\"2GiB\"");
        /// Age at which undelivered readings are dropped, with a gap record. Lower it when old readings are
        /// worthless.
        max_age: Span = default("\"90d\"");
        /// What a power cut may take: `strict` one commit interval, `balanced` up to 10 s, `wear` 30 s and more, for
        /// flash that must last.
        durability: Durability = default("\"balanced\"");
        /// How long delivered readings stay for charts and replay, within `max_size`; `"0"` keeps none and saves the
        /// most writes.
        history: SpanOrZero = default("\"7d\"");
        /// Longest time readings wait for their commit. Raise it to write less, lower it to lose less in a crash.
        commit: Span = optional("1s, or 30s with durability wear");
        /// Longest time a reading waits for company before its message is made. Raise it for fewer, larger messages.
        linger: Span = default("\"50ms\"");
        /// Publish a message as soon as it is made, before its commit. Turn it off when nothing may reach the cloud
        /// that a power cut could take from the gateway.
        express: bool = default("true");
        /// What becomes of some points when there is no room for all; the first policy that covers a point counts.
        policy: Vec<At<Policy>> = default("[]");
        /// Where the key is kept that stored readings are sealed with: 32 bytes as 64 hex digits or base64. Set it when
        /// the disk may be stolen; a store that has a key needs it from then on.
        key: Secret = optional("nothing is sealed");
    }
}

section! {
    /// What becomes of some points when there is no room for all.
    pub(super) struct Policy {
        /// Which points, as `device/point` with `*` for any run of characters within one name.
        points: Vec<At<Selector>> = required;
        /// When their turn comes: `low` goes before all else, `high` last.
        priority: Priority = default("\"normal\"");
        /// Whether means of a minute, then of a quarter of an hour, take the place of undelivered readings before they
        /// are dropped.
        thin: bool = default("false");
    }
}

section! {
    /// A broker that readings go to.
    pub(super) struct Uplink {
        /// Name of this uplink in logs, metrics and grants, unique among uplinks.
        name: Slug = required;
        /// The broker: `mqtt://host:port`, or `mqtts://host:port` for TLS; ports 1883 and 8883 when none is given.
        url: UplinkUrl = required;
        /// Which readings go there, as `device/point` with `*` for any run of characters within one name; all when the
        /// list is empty. Events and outcomes always go. Such an uplink numbers its readings as the stream
        /// `data.<name>`.
        filter: Vec<At<Selector>> = default("[]");
        /// MQTT version, `5` or `3.1.1`. Choose `3.1.1` for brokers that know no other.
        protocol: MqttProtocol = default("\"5\"");
        /// MQTT client id. Set it when the broker prescribes one.
        client_id: String = optional("tidegate-{gateway}-{uplink}");
        /// Login name.
        username: String = optional("no login");
        /// Login password: `{ credential = "…" }`, `{ file = "…" }` or `{ env = "…" }`.
        password: Secret = optional("no password");
        /// Trust and client certificate, for `mqtts`.
        tls: TlsKeys = default("{}");
        /// Form of the messages; `json` is the only one in this version.
        encoding: Encoding = default("\"json\"");
        /// Compression of the messages: `none`, or `zstd` for those that it makes smaller. Choose `zstd` where traffic
        /// costs and the receiver can undo it.
        compression: Compression = default("\"none\"");
        /// What goes first after an outage: with `live-first` new readings go at once and the backlog drains beside
        /// them, with `strict` everything goes in its order. Choose `strict` for receivers that cannot sort.
        order: Order = default("\"live-first\"");
        /// How fast the backlog drains with `live-first`.
        backlog: Backlog = default("{}");
        /// Most messages that wait for their acknowledgement. Lower it for brokers with a small receive maximum.
        window: NonZeroU16 = default("100");
        /// Start of all topics; `{site}` and `{gateway}` are filled in.
        topic_prefix: String = default("\"tidegate/{site}/{gateway}\"");
        /// Whether commands are taken from this uplink; each still needs a grant.
        commands: bool = default("false");
        /// MQTT keep-alive, whole seconds. Lower it to notice a dead link sooner, raise it to save traffic.
        keep_alive: Span = default("\"30s\"");
        /// A message not acknowledged within this ends the connection. Raise it for slow links.
        ack_timeout: Span = default("\"20s\"");
        /// Wait before a new connection is tried; it doubles up to `max`, with jitter.
        reconnect: Reconnect = default("{}");
    }
}

section! {
    /// How fast the backlog drains with `order = "live-first"`. By itself it takes what new readings leave, and less
    /// as soon as their acknowledgements slow down.
    pub(super) struct Backlog {
        /// Most messages in a time, such as `50/s`. Set it when the traffic after an outage must stay small.
        rate: Rate = optional("as fast as new readings allow");
        /// Most of the window, above 0 and at most 1. Lower it when new readings are slow after an outage all the
        /// same, raise it to be done sooner.
        share: f64 = default("0.5");
    }
}

section! {
    /// Wait before a new connection is tried.
    pub(super) struct Reconnect {
        /// First wait. Raise it when many gateways share a broker.
        min: Span = default("\"1s\"");
        /// Longest wait.
        max: Span = default("\"60s\"");
    }
}

section! {
    /// Where a secret is kept; exactly one of the three.
    pub(super) struct SecretPlace {
        /// Name of a systemd credential (`LoadCredential=`). The best place on a machine with systemd.
        credential: String = optional("not a credential");
        /// A file that holds the secret and nothing else.
        file: PathBuf = optional("not a file");
        /// Name of an environment variable.
        env: String = optional("not a variable");
    }
}

section! {
    /// Where device profiles are.
    pub(super) struct Profiles {
        /// Folders that hold them as `<vendor>/<model>/profile.toml`; the first folder that has one gives it. Put your
        /// own into the first: it lasts when the program is renewed.
        dirs: Vec<PathBuf> = default("[\"/etc/tidegate/profiles\", \"/usr/share/tidegate/profiles\"]");
    }
}

section! {
    /// Rules that run on this gateway.
    pub(super) struct Rules {
        /// Folder of the `*.rhai` files.
        dir: PathBuf = default("\"/etc/tidegate/rules\"");
        /// Most operations of one call of a rule; beyond it the reading passes unchanged. Raise it for rules with
        /// long loops.
        max_operations: NonZeroU64 = default("20000");
        /// Longest time of one call of a rule; beyond it the reading passes unchanged.
        max_time: Span = default("\"50ms\"");
        /// Faults in a row after which a rule is set aside until its file changes.
        quarantine_after: NonZeroU32 = default("5");
    }
}

section! {
    /// How commands to devices are treated.
    pub(super) struct Commands {
        /// Life of a command that names no end. Raise it for links that are often down.
        expires: Span = default("\"60s\"");
        /// Longest wait for a device's answer.
        timeout: Span = default("\"15s\"");
        /// How long the ids of commands are remembered, so that a repeated one is not carried out twice.
        remember: Span = default("\"30d\"");
    }
}

section! {
    /// Who may command which points.
    pub(super) struct Grant {
        /// Who: `uplink:<name>`, `rule:<name>` or `api:<user or role>`, with `*` for any run of characters.
        from: Sender = required;
        /// Which points, as `device/point` with `*` for any run of characters within one name.
        targets: Vec<At<Selector>> = required;
        /// Smallest and largest number allowed, both inclusive.
        range: Vec<f64> = optional("any value");
        /// Most commands in a span, such as `10/min`; spans are s, min, h and day.
        rate: Rate = optional("any number of commands");
    }
}

section! {
    /// A Modbus TCP server that shows chosen points as registers.
    pub(super) struct Republish {
        /// Name of this server in logs, metrics and grants, unique among servers: its writes come from
        /// `api:republish-<name>`.
        name: Slug = required;
        /// Where it listens. Modbus has port 502; below 1024 the service needs `CAP_NET_BIND_SERVICE`, so prefer 1502.
        listen: Listen = required;
        /// Which clients are served, by address: `192.168.1.10`, `10.0.0.0/24`. Everybody else is refused, and
        /// Modbus knows no other proof of who asks.
        allow: Vec<At<Net>> = required;
        /// Unit id it answers to; to 0 and 255 it answers too, as a device without units does.
        unit: u8 = default("1");
        /// Number of the first register of a table: 0 as on the wire, 1 as many data sheets count.
        base: u8 = default("0");
        /// Most clients at a time; one more takes the place of the one that has been silent longest.
        max_clients: NonZeroU16 = default("8");
        /// Most requests of one client in a time; beyond it the client waits.
        max_rate: Rate = default("\"100/s\"");
        /// A client that asks nothing for so long is let go.
        idle: Span = default("\"60s\"");
        /// Longest wait of a write for its outcome, before the client is answered that it is still under way. Keep it
        /// below the client's own timeout.
        write_timeout: Span = default("\"2s\"");
        /// What a point without a value looks like: `marker` (NaN, 0x8000, 0xFFFF, by type), or `exception` (the whole
        /// read is refused with exception 4).
        on_bad: OnBad = default("\"marker\"");
        /// Whether registers that no point has read as zero; otherwise a read that touches one is refused.
        fill: bool = default("false");
        /// A point and the registers that show it.
        point: Vec<At<RepublishPoint>> = required;
    }
}

section! {
    /// A point and the registers that show it.
    pub(super) struct RepublishPoint {
        /// The point, `device/point`.
        source: PointAddress = required;
        /// Whether a rule makes the point, so that no device has to have it.
        made_by_rule: bool = default("false");
        /// Where it is shown: `input:0`, `holding:0`, `coil:0`, `discrete:0`, counted from `base`; or a number as in a
        /// manual. A point that can be written can be written here too, in `holding` and `coil`, with a grant.
        register: RegisterText = required;
        /// Which bytes show it: `bool i16 u16 i32 u32 i64 u64 f16 f32 f64 bcd16 bcd32 string:N`.
        r#type: TypeText = required;
        /// Order in which the bytes come; `A` is the most significant one.
        order: OrderText = default("\"ABCD\"");
        /// Factor from the number in the registers to the value: with 0.1 a value of 23.4 is shown as 234.
        scale: f64 = default("1.0");
        /// Added after the scale: the value is raw × scale + offset.
        offset: f64 = default("0.0");
        /// A bit, or a register, that is 1 while the reading is good and 0 otherwise.
        quality: RegisterText = optional("not shown");
        /// A register with the seconds since the reading, 65535 when there is none or it is older.
        age: RegisterText = optional("not shown");
    }
}

section! {
    /// The local API, which the command line uses.
    pub(super) struct Api {
        /// The unix socket; file permissions decide who may use it.
        socket: PathBuf = default("\"/run/tidegate/api.sock\"");
    }
}

section! {
    /// What is logged.
    pub(super) struct Log {
        /// Least level that is logged: off, error, warn, info, debug or trace, also per module:
        /// `info,tidegate::uplink=debug`.
        level: Level = default("\"info\"");
    }
}

section! {
    /// The keys of every adapter.
    pub(super) struct Adapter {
        /// Name of this adapter in devices, logs and metrics, unique among adapters.
        name: Slug = required;
        /// What it speaks, such as `modbus`.
        kind: String = required;
        /// What happens while readings come faster than they can be stored: `wait` lets the adapter wait, so that its
        /// readings are late, `shed` lets the oldest go, which a gap then tells. Choose `wait` for what can be asked
        /// again, `shed` for what is sent once.
        pressure: Pressure = optional("by kind: `wait` for `modbus`, `shed` for `ble` and `zigbee`");
    }
}

section! {
    /// Devices of one adapter that are commanded by one message; only adapters of kind `zigbee` have such.
    pub(super) struct Group {
        /// Its name as a device that has the points which all members can be commanded by; unique among devices.
        id: DeviceId = required;
        /// Name of the adapter they are on.
        adapter: Slug = required;
        /// Ids of the devices.
        members: Vec<At<DeviceId>> = required;
    }
}

section! {
    /// The keys of every device.
    pub(super) struct Device {
        /// Name of this device in topics, rules and grants, unique in the gateway.
        id: DeviceId = required;
        /// Name of the adapter it is on.
        adapter: Slug = required;
        /// Name for people.
        name: String = optional("the id");
        /// Words to find it by.
        tags: Vec<String> = default("[]");
        /// A device profile, `vendor/model`: the points of a known device, and other keys that are not set here. A
        /// listed point of the same name changes the keys it gives; with a place of its own it replaces the point.
        profile: String = optional("the points listed here");
    }
}
