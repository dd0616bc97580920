//! The table of routes. The router and the OpenAPI document are both made from it, so neither knows a route the
//! other does not.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{MethodRouter, get, post, put},
};
use tokio::sync::Semaphore;

use super::{Gateway, error::ApiError, handlers, tail};
use crate::shutdown::Stop;

/// Largest request body in bytes; a larger one is refused.
pub(super) const MAX_BODY: usize = 512 * 1024;

/// What every handler is given.
#[derive(Clone)]
pub(super) struct Context {
    /// What is shown and asked.
    pub(super) gateway: Arc<dyn Gateway>,
    /// The unix user behind the connection.
    pub(super) user: Arc<str>,
    /// Places for live streams.
    pub(super) listeners: Arc<Semaphore>,
    /// Ends live streams.
    pub(super) stop: Stop,
}

/// One `name=value` behind the `?`: its name, whether it has to be there, and what it says.
pub(super) type Parameter = (&'static str, bool, &'static str);

/// `?select=`
const SELECT: &[Parameter] =
    &[("select", false, "device/point with * for any run of characters within one segment; everything when absent")];
/// Which past is wanted.
const PAST: &[Parameter] = &[
    ("point", true, "device/point"),
    ("from", false, "RFC 3339, `now`, or how long ago, such as `-24h`, the default"),
    ("to", false, "likewise; `now` is the default"),
    (
        "every",
        false,
        "whole minutes such as `1m`, `15m`, `1h` or `1d`, `raw` for single readings, or `auto`, the default",
    ),
];

/// One route and what the document says of it.
pub(super) struct Route {
    /// `get`, `post` or `put`.
    pub(super) method: &'static str,
    /// The path, with `{name}` for its parameters.
    pub(super) path: &'static str,
    /// One sentence for people.
    pub(super) summary: &'static str,
    /// The name of the answer's schema, or `None` for text.
    pub(super) answer: Option<&'static str>,
    /// The name of the body's schema.
    pub(super) body: Option<&'static str>,
    /// What it takes behind the `?`.
    pub(super) query: &'static [Parameter],
    /// Media types that the answer can have; the first when none is asked for.
    pub(super) media: &'static [&'static str],
    /// What answers it.
    handler: fn() -> MethodRouter<Context>,
}

impl Route {
    /// A route that answers JSON.
    const fn json(
        method: &'static str,
        path: &'static str,
        answer: &'static str,
        handler: fn() -> MethodRouter<Context>,
        summary: &'static str,
    ) -> Self {
        let media = &["application/json"];
        Self { method, path, summary, answer: Some(answer), body: None, query: &[], media, handler }
    }

    /// The same with a body.
    const fn taking(mut self, body: &'static str) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with `?select=`.
    const fn selecting(self) -> Self {
        self.asking(SELECT)
    }

    /// The same with something behind the `?`.
    const fn asking(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    /// The same with other media types.
    const fn media(mut self, media: &'static [&'static str]) -> Self {
        self.media = media;
        self
    }
}

/// Every route there is.
pub(super) const ROUTES: &[Route] = &[
    Route::json("get", "/api/v1/status", "Status", || get(handlers::status), "The gateway at this moment"),
    Route::json("get", "/api/v1/devices", "Devices", || get(handlers::devices), "Every device"),
    Route::json("get", "/api/v1/points", "Points", || get(handlers::points), "Points with their last values")
        .selecting(),
    Route::json(
        "get",
        "/api/v1/points/{device}/{point}",
        "Point",
        || get(handlers::point),
        "One point with its last value",
    ),
    Route::json(
        "get",
        "/api/v1/tail",
        "TailLine",
        || get(tail::tail),
        "Readings as they come, one JSON object per line or server-sent event, until the client leaves",
    )
    .selecting()
    .media(&[tail::MEDIA, tail::EVENTS]),
    Route::json("post", "/api/v1/read", "Live", || post(handlers::read), "Ask a device for a value now")
        .taking("Target"),
    Route::json(
        "post",
        "/api/v1/write",
        "Outcome",
        || post(handlers::write),
        "Set a point, if a grant allows it, and wait for the outcome",
    )
    .taking("Write"),
    Route::json("get", "/api/v1/history", "History", || get(handlers::history), "The past of a point").asking(PAST),
    Route::json("get", "/api/v1/buffer", "Any", || get(handlers::buffer), "The buffer's status"),
    Route::json(
        "get",
        "/api/v1/buffer/deadletters",
        "Letters",
        || get(handlers::letters).post(handlers::act_on_letters),
        "Messages a broker will never take; `?uplink=` shows those of one uplink",
    ),
    Route::json(
        "post",
        "/api/v1/buffer/deadletters",
        "Letters",
        MethodRouter::new,
        "Owe dead letters to their uplink again (`retry`), or throw them away (`drop`); without `uplink` and `ids` all",
    )
    .taking("LetterAct"),
    Route::json(
        "get",
        "/api/v1/adapters/{adapter}/network",
        "Network",
        || get(handlers::network).post(handlers::act_on_network),
        "The radio network of an adapter, with its devices",
    ),
    Route::json(
        "post",
        "/api/v1/adapters/{adapter}/network",
        "Network",
        MethodRouter::new,
        "Let devices in for some seconds (`permit-join`), make a network on an empty coordinator (`form`), ask who \
         hears whom (`map`), measure how busy channels are (`energy-scan`), give out all that devices know the coordinator by (`backup`, with keys), give it what \
         another one had (`restore`), list firmware images and updates (`firmware`), or give a device new firmware \
         (`update`)",
    )
    .taking("NetworkAct"),
    Route::json("get", "/api/v1/rules", "Any", || get(handlers::rules), "The rules' status"),
    Route::json("get", "/api/v1/tasks", "Any", || get(handlers::tasks), "The supervised tasks"),
    Route::json("post", "/api/v1/reload", "Summary", || post(handlers::reload), "Read the configuration again"),
    Route::json(
        "put",
        "/api/v1/log-level",
        "LogLevel",
        || put(handlers::log_level),
        "Change the log level until the next start",
    )
    .taking("LogLevel"),
    Route::json("get", "/api/v1/openapi.json", "Any", || get(handlers::openapi), "This document"),
    Route {
        answer: None,
        ..Route::json("get", "/metrics", "", || get(handlers::metrics), "All metrics as OpenMetrics text")
            .media(&[handlers::METRICS_MEDIA])
    },
    Route::json("get", "/health", "Health", || get(handlers::health), "200 when everything works, else 503"),
];

/// The routes, ready to serve one connection.
pub(super) fn router(context: Context) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    routes
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(context)
}
