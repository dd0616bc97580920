//! One short function per route: read the request, ask the gateway, show the answer.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    HistoryWish, LetterAction, LetterRequest, NetworkRequest, WriteRequest, body::Body, error::ApiError,
    routes::Context, view,
};
use crate::model::{
    Confidential, DeviceId, EnergyScan, NetworkWish, PointAddress, PointName, Restoration, Selector, Timestamp,
};

/// Media type of OpenMetrics 1.0.0.
pub(super) const METRICS_MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `?select=`, or why the query could not be read.
pub(super) type Select = Result<Query<SelectQuery>, QueryRejection>;

/// `?select=device/point`.
#[derive(Debug, Deserialize)]
pub(super) struct SelectQuery {
    /// The selector; everything when it is absent.
    select: Option<String>,
}

/// `?point=device/point&from=…&to=…&every=…`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// `device/point`.
    point: String,
    /// Begin.
    from: Option<String>,
    /// End.
    to: Option<String>,
    /// Length of a row.
    every: Option<String>,
}

/// `{"device","point"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// The device.
    device: String,
    /// The point within the device.
    point: String,
}

/// `{"device","point","value","expires"?}`, as in a `command` message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Write {
    /// The device.
    device: String,
    /// The point within the device.
    point: String,
    /// The value.
    value: Value,
    /// RFC 3339.
    expires: Option<String>,
}

/// `?uplink=cloud`
#[derive(Debug, Deserialize)]
pub(super) struct LetterQuery {
    /// The uplink; all when it is absent.
    uplink: Option<String>,
}

/// `{"action","uplink"?,"ids"?}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterAct {
    /// `retry` or `drop`.
    action: LetterAction,
    /// The uplink; all when it is absent.
    uplink: Option<String>,
    /// Ids of letters; all when it is absent.
    ids: Option<Vec<u64>>,
}

/// `{"action","seconds"?,"install_code"?,"backup"?,"overwrite"?,"dry_run"?,"device"?,"force"?,"channels"?,"duration"?,"rounds"?}`
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum NetworkAct {
    /// Let devices in.
    PermitJoin {
        /// For how long; 0 ends it.
        seconds: u32,
        /// A device, a colon, and its install code.
        install_code: Option<Confidential>,
    },
    /// Make a network on an empty coordinator.
    Form {},
    /// Find out who hears whom.
    Map {},
    /// Measure how busy channels are.
    EnergyScan(EnergyScan),
    /// List firmware images and updates.
    Firmware {},
    /// Give a device new firmware.
    Update {
        /// Which.
        device: String,
        /// Whether the same or an older version will do.
        #[serde(default)]
        force: bool,
    },
    /// Give it none after all.
    CancelUpdate {
        /// Which.
        device: String,
    },
    /// Give out everything that devices know it by.
    Backup {},
    /// Give it what another one had.
    Restore {
        /// In open-coordinator-backup form.
        backup: Confidential,
        /// The network that may be thrown away for it, by its extended PAN id.
        overwrite: Option<String>,
        /// Whether only to tell what would be done.
        #[serde(default)]
        dry_run: bool,
    },
}

/// `{"level"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogLevel {
    /// As in `[log] level`.
    level: String,
}

pub(super) async fn status(State(context): State<Context>) -> Json<view::Status> {
    Json(context.gateway.status())
}

pub(super) async fn devices(State(context): State<Context>) -> Json<Vec<view::Device>> {
    Json(context.gateway.devices())
}

pub(super) async fn points(
    State(context): State<Context>,
    query: Select,
) -> Result<Json<Vec<view::Point>>, ApiError> {
    Ok(Json(context.gateway.points(selector(query)?.as_ref())))
}

pub(super) async fn point(
    State(context): State<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<view::Point>, ApiError> {
    let Path((device, point)) = path.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let address = address(&device, &point)?;
    let only = Selector::parse(&address.to_string()).map_err(|error| ApiError::Invalid(error.to_string()))?;
    let found = context.gateway.points(Some(&only)).into_iter().next();
    found.map(Json).ok_or(ApiError::NoPoint(address))
}

pub(super) async fn read(
    State(context): State<Context>,
    Body(target): Body<Target>,
) -> Result<Json<view::Live>, ApiError> {
    let reading = context.gateway.read(address(&target.device, &target.point)?).await?;
    Ok(Json(view::Live::from(&reading)))
}

pub(super) async fn write(
    State(context): State<Context>,
    Body(write): Body<Write>,
) -> Result<Json<view::Outcome>, ApiError> {
    let Write { device, point, value, expires } = write;
    let expires = expires.map(|text| Timestamp::parse(&text)).transpose();
    let request = WriteRequest {
        user: context.user,
        roles: vec!["local".into()],
        target: format!("{device}/{point}"),
        value,
        expires: expires.map_err(|error| ApiError::Invalid(error.to_string()))?,
    };
    Ok(Json(view::Outcome::from(&context.gateway.write(request).await)))
}

pub(super) async fn history(
    State(context): State<Context>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<view::History>, ApiError> {
    let Query(HistoryQuery { point, from, to, every }) =
        query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let no_point = || ApiError::Invalid(format!("{point:?} is no point: write device/point"));
    let (device, name) = point.split_once('/').ok_or_else(no_point)?;
    let wish = HistoryWish { from, to, every };
    Ok(Json(context.gateway.history(address(device, name)?, wish).await?))
}

pub(super) async fn buffer(State(context): State<Context>) -> Json<Value> {
    Json(context.gateway.buffer())
}

pub(super) async fn letters(
    State(context): State<Context>,
    query: Result<Query<LetterQuery>, QueryRejection>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let Query(LetterQuery { uplink }) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let (user, action) = (context.user, LetterAction::List);
    let request = LetterRequest { user, action, uplink: uplink.map(Into::into), ids: None };
    Ok(Json(context.gateway.deadletters(request).await?))
}

pub(super) async fn act_on_letters(
    State(context): State<Context>,
    Body(LetterAct { action, uplink, ids }): Body<LetterAct>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let request = LetterRequest { user: context.user, action, uplink: uplink.map(Into::into), ids };
    Ok(Json(context.gateway.deadletters(request).await?))
}

pub(super) async fn network(
    State(context): State<Context>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    of_network(context, path, NetworkWish::Show).await
}

pub(super) async fn act_on_network(
    State(context): State<Context>,
    path: Result<Path<String>, PathRejection>,
    Body(act): Body<NetworkAct>,
) -> Result<Json<Value>, ApiError> {
    let wish = match act {
        NetworkAct::PermitJoin { seconds, install_code } => {
            NetworkWish::PermitJoin { time: Duration::from_secs(seconds.into()), code: install_code.map(Box::new) }
        }
        NetworkAct::Firmware {} => NetworkWish::Firmware,
        NetworkAct::Update { device, force } => NetworkWish::Update { device: named(&device)?, is_forced: force },
        NetworkAct::CancelUpdate { device } => NetworkWish::CancelUpdate { device: named(&device)? },
        NetworkAct::Form {} => NetworkWish::Form,
        NetworkAct::Map {} => NetworkWish::Map,
        NetworkAct::EnergyScan(wanted) => NetworkWish::EnergyScan(wanted),
        NetworkAct::Backup {} => NetworkWish::Backup,
        NetworkAct::Restore { backup, overwrite, dry_run } => {
            NetworkWish::Restore(Box::new(Restoration { backup, overwrite, is_trial: dry_run }))
        }
    };
    of_network(context, path, wish).await
}

/// The device of a name.
fn named(device: &str) -> Result<DeviceId, ApiError> {
    DeviceId::new(device).map_err(|error| ApiError::Invalid(error.to_string()))
}

/// Does something with the network of the adapter in the path.
async fn of_network(
    context: Context,
    path: Result<Path<String>, PathRejection>,
    wish: NetworkWish,
) -> Result<Json<Value>, ApiError> {
    let Path(adapter) = path.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let request = NetworkRequest { user: context.user, adapter, wish };
    Ok(Json(context.gateway.network(request).await?))
}

pub(super) async fn rules(State(context): State<Context>) -> Json<Value> {
    Json(context.gateway.rules())
}

pub(super) async fn tasks(State(context): State<Context>) -> Json<Vec<Value>> {
    Json(context.gateway.status().tasks)
}

pub(super) async fn reload(State(context): State<Context>) -> Result<Json<Value>, ApiError> {
    let summary = context.gateway.reload(context.user.clone()).await.map_err(ApiError::Refused)?;
    tracing::info!(user = %context.user, %summary, "Configuration was reloaded");
    Ok(Json(json!({ "summary": summary })))
}

pub(super) async fn log_level(
    State(context): State<Context>,
    Body(wanted): Body<LogLevel>,
) -> Result<Json<Value>, ApiError> {
    let LogLevel { level } = wanted;
    context.gateway.set_log_level(context.user.clone(), level.clone()).await.map_err(ApiError::Invalid)?;
    tracing::info!(user = %context.user, %level, "Log level was changed");
    Ok(Json(json!({ "level": level })))
}

pub(super) async fn openapi() -> Json<Value> {
    Json(super::openapi())
}

pub(super) async fn metrics(State(context): State<Context>) -> Response {
    ([(CONTENT_TYPE, METRICS_MEDIA)], context.gateway.metrics()).into_response()
}

pub(super) async fn health(State(context): State<Context>) -> (StatusCode, Json<view::Health>) {
    let health = context.gateway.health();
    let code = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(health))
}

/// The selector of a query, if it has one.
pub(super) fn selector(query: Select) -> Result<Option<Selector>, ApiError> {
    let Query(SelectQuery { select }) = query.map_err(|error| ApiError::Invalid(error.body_text()))?;
    let parsed = select.map(|text| Selector::parse(&text)).transpose();
    parsed.map_err(|error| ApiError::Invalid(error.to_string()))
}

/// Two names as an address.
fn address(device: &str, point: &str) -> Result<PointAddress, ApiError> {
    let invalid = |what: &str, error| ApiError::Invalid(format!("{what}: {error}"));
    Ok(PointAddress {
        device: DeviceId::new(device).map_err(|error| invalid("device", error))?,
        point: PointName::new(point).map_err(|error| invalid("point", error))?,
    })
}
