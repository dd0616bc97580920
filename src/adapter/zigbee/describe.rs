//! Frames as JSON with the names of what is in them, for tools, logs and whoever writes a profile.

use serde_json::{Value as Json, json};

use super::{
    address::{Attribute, Cluster, Manufacturer},
    wire::{WireError, hex},
    zcl::{Frame, General, Scope, fields::Fields, table},
    zdo,
    znp::{command, unpi},
};

/// A frame as JSON, and what could not be read of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// What is known of it.
    pub json: Json,
    /// Why that is not all.
    pub fault: Option<String>,
}

impl Description {
    /// All of it.
    fn whole(json: Json) -> Self {
        Self { json, fault: None }
    }

    /// Not all of it.
    fn part(json: Json, fault: String) -> Self {
        Self { json, fault: Some(fault) }
    }

    /// A head whose fields nobody knows: its bytes.
    fn unknown(mut head: Json, bytes: &[u8], fault: String) -> Self {
        head["bytes"] = json!(hex(bytes));
        Self::part(head, fault)
    }

    /// A frame's head with its fields, or with its bytes where they cannot be read.
    fn of(mut head: Json, fields: Result<Json, WireError>, bytes: &[u8]) -> Self {
        match fields {
            Ok(fields) => {
                head["fields"] = fields;
                Self::whole(head)
            }
            Err(error) => Self::unknown(head, bytes, error.to_string()),
        }
    }
}

/// A frame of the cluster library.
pub fn zcl(cluster: Cluster, frame: &Frame<'_>) -> Description {
    let known = table::cluster(cluster);
    let mut head = json!(frame.header);
    head["cluster"] = json!(cluster);
    head["name"] = json!(known.map(|known| known.name));
    if frame.header.scope == Scope::Global {
        return general(cluster, head, frame);
    }
    let command = known.and_then(|known| known.command(frame.header.command, frame.header.direction));
    let Some(command) = command.filter(|_| frame.header.manufacturer.is_none()) else {
        let fault = format!("command {:#04x} is not in the table", frame.header.command);
        return Description::unknown(head, frame.payload, fault);
    };
    head["command"] = json!(command.name);
    Description::of(head, Fields::decode(command, frame.payload).map(|fields| fields.to_json()), frame.payload)
}

/// A general command: its one key is its name.
fn general(cluster: Cluster, mut head: Json, frame: &Frame<'_>) -> Description {
    let general = General::decode(frame.header.command, frame.payload);
    let general = general.map(|general| serde_json::to_value(general).expect("commands have text keys"));
    let fields = general.map(|general| match general {
        Json::Object(object) => {
            let (command, mut fields) = object.into_iter().next().expect("an enum has its variant as key");
            head["command"] = json!(command);
            name_attributes(cluster, frame.header.manufacturer, &mut fields);
            fields
        }
        other => other,
    });
    Description::of(head, fields, frame.payload)
}

/// Puts its name beside the id of each attribute.
fn name_attributes(cluster: Cluster, manufacturer: Option<Manufacturer>, json: &mut Json) {
    match json {
        Json::Array(elements) => {
            for element in elements {
                name_attributes(cluster, manufacturer, element);
            }
        }
        Json::Object(object) => {
            let id = object.get("attribute").and_then(Json::as_str).and_then(|id| id.parse::<Attribute>().ok());
            let name = id.and_then(|id| table::cluster(cluster)?.attribute(id, manufacturer));
            if let Some(attribute) = name {
                object.insert("name".to_owned(), json!(attribute.name));
            }
            for nested in object.values_mut() {
                name_attributes(cluster, manufacturer, nested);
            }
        }
        _ => {}
    }
}

/// A frame of a device's ZDO: transaction and fields.
pub fn zdo(cluster: Cluster, bytes: &[u8]) -> Description {
    let Some((transaction, fields)) = bytes.split_first() else {
        return Description::part(json!({"cluster": cluster}), "a frame begins with its transaction".to_owned());
    };
    zdo_fields(cluster, *transaction, fields)
}

/// The fields of a ZDO frame whose transaction travelled apart.
pub fn zdo_fields(cluster: Cluster, transaction: u8, fields: &[u8]) -> Description {
    let mut head = json!({"cluster": cluster, "transaction": transaction});
    let Some((name, shown)) = zdo::describe(cluster, fields) else {
        return Description::unknown(head, fields, format!("cluster {cluster} of ZDO is not known"));
    };
    head["name"] = json!(name);
    Description::of(head, shown, fields)
}

/// A frame between coordinator and host.
pub fn znp(frame: &unpi::Frame) -> Description {
    let kind = format!("{:?}", frame.kind).to_lowercase();
    let mut head =
        json!({"kind": kind, "subsystem": frame.subsystem.to_string(), "id": format!("{:#04x}", frame.id)});
    let Some((name, shown)) = command::describe(frame) else {
        return Description::unknown(head, &frame.data, "the command is not known".to_owned());
    };
    head["command"] = json!(name);
    Description::of(head, shown, &frame.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::zigbee::wire::unhex;

    fn shown(cluster: u16, text: &str) -> Description {
        let bytes = unhex(text).unwrap();
        zcl(Cluster(cluster), &Frame::decode(&bytes).unwrap())
    }

    #[test]
    fn a_report_is_shown_with_the_names_of_its_attributes() {
        let report = shown(0x0402, "18 05 0a 0000 29 00fe");
        assert_eq!(report.fault, None);
        assert_eq!(report.json["command"], "report");
        let expected = json!([{"attribute": "0x0000", "name": "measuredValue", "type": "int16", "value": -512}]);
        assert_eq!(report.json["fields"], expected);
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_bytes_with_the_reason() {
        let cut = shown(0x0402, "18 05 0a 0000 29 00");
        assert_eq!(cut.json["bytes"], "00002900");
        assert_eq!(cut.fault.unwrap(), "2 bytes are announced at byte 3, 1 are left");
        let unknown = shown(0xfc11, "09 05 02 aabb");
        assert_eq!((unknown.json["bytes"].clone(), unknown.json["name"].clone()), (json!("aabb"), Json::Null));
        assert_eq!(unknown.fault.unwrap(), "command 0x02 is not in the table");
    }

    #[test]
    fn a_command_is_shown_with_its_fields() {
        let step = shown(0x0008, "01 07 02 01 20 0a00");
        assert_eq!(step.json["command"], "step");
        assert_eq!(step.json["fields"], json!({"stepmode": 1, "stepsize": 32, "transtime": 10}));
    }

    #[test]
    fn an_empty_zdo_frame_has_no_transaction() {
        assert!(zdo(Cluster(0x8005), &[]).fault.is_some());
        assert_eq!(zdo(Cluster(0x8005), &[7, 0x81]).json["fields"]["status"], "device not found (0x81)");
    }
}
