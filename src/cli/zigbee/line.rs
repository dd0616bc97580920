//! One line of `tidegate zigbee decode`: what was asked, with hex and ids read.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster},
        map::Known,
        wire::unhex,
    },
    cli::object,
};

/// A line as it was typed. What it has besides is ignored, so that captures with more in them can be piped in.
#[derive(Debug, Deserialize)]
struct Typed {
    /// Bytes between coordinator and host.
    unpi: Option<String>,
    /// A frame of the cluster library.
    zcl: Option<String>,
    /// A frame of endpoint 0.
    zdo: Option<String>,
    /// The cluster of `zcl` and `zdo`: a number, or text with hex digits.
    cluster: Option<Json>,
    /// Attributes of the same cluster that scales depend on.
    #[serde(default)]
    known: Map<String, Json>,
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Frames between coordinator and host.
    Unpi(Vec<u8>),
    /// A frame of the cluster library.
    Zcl(Cluster, Vec<u8>, Known),
    /// A frame of endpoint 0.
    Zdo(Cluster, Vec<u8>),
}

/// Reads a line, or says what is wrong with it.
pub(super) fn parse(line: &[u8]) -> Result<Line, String> {
    let typed: Typed = object::read(line).map_err(|error| format!("the line is no such object: {error}"))?;
    match (&typed.unpi, &typed.zcl, &typed.zdo) {
        (Some(text), None, None) => bytes("unpi", text).map(Line::Unpi),
        (None, Some(text), None) => {
            let cluster = cluster(&typed)?;
            Ok(Line::Zcl(cluster, bytes("zcl", text)?, known(cluster, &typed.known)?))
        }
        (None, None, Some(text)) => Ok(Line::Zdo(cluster(&typed)?, bytes("zdo", text)?)),
        _ => Err("a line has one of unpi, zcl and zdo".to_owned()),
    }
}

/// The bytes of a key.
fn bytes(key: &str, text: &str) -> Result<Vec<u8>, String> {
    unhex(text).ok_or_else(|| format!("{key} is no hex"))
}

/// The cluster, which has to be there.
fn cluster(typed: &Typed) -> Result<Cluster, String> {
    let wrong = || "cluster has to be a number up to 65535 or text like \"0x0402\"".to_owned();
    match &typed.cluster {
        Some(Json::String(text)) => text.parse().map_err(|_| wrong()),
        Some(Json::Number(number)) => {
            number.as_u64().and_then(|id| u16::try_from(id).ok()).map(Cluster).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// Attributes by their ids: `{"0x0302": 1000}`.
fn known(cluster: Cluster, typed: &Map<String, Json>) -> Result<Known, String> {
    let mut known = Known::default();
    for (id, number) in typed {
        let attribute: Option<Attribute> = id.parse().ok();
        let (Some(attribute), Some(number)) = (attribute, number.as_i64()) else {
            return Err(format!("known has to hold whole numbers by attribute, not {id:?}: {number}"));
        };
        known.insert(cluster, attribute, number.into());
    }
    Ok(known)
}
