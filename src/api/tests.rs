//! The API over a real socket.

use std::{ops::ControlFlow, path::PathBuf};

use proptest::{prelude::*, test_runner::Config};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::{
    fake::{Harness, reading},
    server::MAX_LISTENERS,
    *,
};
use crate::shutdown::StopSignal;

/// Sends bytes and reads until the server closes.
async fn raw(path: &PathBuf, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status code of an error.
fn code(error: ClientError) -> u16 {
    match error {
        ClientError::Refused { status, .. } => status,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn listings_answer_what_the_gateway_knows() {
    let mut harness = Harness::new(true);
    let client = harness.client();

    let (status, devices, points, one, tasks) = harness
        .serve(async {
            (
                client.get("/api/v1/status").await.unwrap(),
                client.get("/api/v1/devices").await.unwrap(),
                client.get("/api/v1/points?select=*/cur*").await.unwrap(),
                client.get("/api/v1/points/meter-1/voltage").await.unwrap(),
                client.get("/api/v1/tasks").await.unwrap(),
            )
        })
        .await;

    assert_eq!(status["gateway"], "plant-7");
    assert_eq!(devices[0]["id"], "meter-1");
    assert_eq!((points.as_array().unwrap().len(), &points[0]["point"]), (1, &json!("current")));
    assert_eq!((&one["value"], &one["age_ms"], &one["unit"]), (&json!(230.1), &json!(2_500), &json!("V")));
    assert_eq!(tasks, json!([{"name": "api"}]));
}

#[tokio::test]
async fn the_past_of_a_point_is_told_and_an_unknown_one_meets_its_neighbour() {
    let mut harness = Harness::new(true);
    let client = harness.client();

    let (past, unknown, shapeless, misspelt) = harness
        .serve(async {
            (
                client.get("/api/v1/history?point=meter-1/voltage&from=-1h&every=1h").await.unwrap(),
                client.get("/api/v1/history?point=meter-1/voltag").await.unwrap_err(),
                client.get("/api/v1/history?point=voltage").await.unwrap_err(),
                client.get("/api/v1/history?point=meter-1/voltage&form=-1h").await.unwrap_err(),
            )
        })
        .await;

    assert_eq!((&past["every"], &past["buckets"][0]["mean"]), (&json!("1h"), &json!(230.1)));
    assert!(past.get("readings").is_none());
    assert!(matches!(&unknown, ClientError::Refused { help: Some(help), .. } if help.contains("meter-1/voltage")));
    assert_eq!([unknown, shapeless, misspelt].map(code), [404, 400, 400]);
}

#[tokio::test]
async fn every_route_of_the_table_is_served() {
    let mut harness = Harness::new(true);
    let path = harness.path.clone();

    harness
        .serve(async {
            for route in routes::ROUTES.iter().filter(|route| !route.path.ends_with("tail")) {
                let target = route.path.replace("{device}", "meter-1").replace("{point}", "voltage");
                let method = route.method.to_uppercase();
                let request = format!(
                    "{method} {target} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
                );
                let answer = raw(&path, request.as_bytes()).await;
                let head = answer.lines().next().unwrap_or_default().to_owned();
                assert!(!head.contains("404") && !head.contains("405") && !head.contains("500"), "{target}: {head}");
            }
        })
        .await;
}

#[tokio::test]
async fn a_write_carries_the_user_and_shows_the_outcome() {
    let mut harness = Harness::new(true);
    let client = harness.client();
    let body = json!({"device": "pump-1", "point": "speed", "value": 12, "expires": "1970-01-01T00:00:09Z"});

    let outcome = harness.serve(async { client.send("POST", "/api/v1/write", &body).await.unwrap() }).await;

    assert_eq!((&outcome["status"], &outcome["error"]), (&json!("denied"), &json!("no grant")));
    let written = harness.fake.written.lock().unwrap();
    assert_eq!((&*written[0].user, written[0].target.as_str()), ("ana", "pump-1/speed"));
    assert_eq!(written[0].roles, vec!["local".into()]);
    assert_eq!(written[0].expires, Some(Timestamp::from_millis(9_000)));
}

#[tokio::test]
async fn errors_say_what_is_wrong_with_the_right_code() {
    let mut harness = Harness::new(false);
    let client = harness.client();
    let codes = harness
        .serve(async {
            let get = async |path| code(client.get(path).await.unwrap_err());
            let send = async |method, path, body| code(client.send(method, path, &body).await.unwrap_err());
            [
                get("/api/v1/nothing").await,
                get("/api/v1/points?select=nonsense").await,
                get("/api/v1/points/meter-1/nothing").await,
                get("/api/v1/points/%ff/x").await,
                get("/api/v1/write").await,
                get("/health").await,
                send("POST", "/api/v1/read", json!({"device": "meter-1", "point": "current"})).await,
                send("POST", "/api/v1/read", json!({"device": "Meter 1", "point": "current"})).await,
                send("POST", "/api/v1/write", json!({"value": 1})).await,
                send("POST", "/api/v1/write", json!("x".repeat(600_000))).await,
                send("PUT", "/api/v1/log-level", json!({"level": "loud"})).await,
                send("POST", "/api/v1/reload", json!({})).await,
            ]
        })
        .await;

    assert_eq!(codes, [404, 400, 404, 400, 405, 503, 404, 400, 400, 413, 400, 422]);
}

#[tokio::test]
async fn metrics_have_the_media_type_of_openmetrics() {
    let mut harness = Harness::new(true);
    let path = harness.path.clone();

    let answer = harness.serve(raw(&path, b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;

    assert!(answer.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{answer}");
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[tokio::test]
async fn a_slow_listener_is_told_what_it_missed() {
    let mut harness = Harness::new(true);
    let (client, fake) = (harness.client(), Arc::clone(&harness.fake));
    let mut seen: Vec<Value> = Vec::new();

    harness
        .serve(async {
            let listen = client.lines("/api/v1/tail?select=*/voltage", |line| {
                seen.push(serde_json::from_slice(line).unwrap());
                if seen.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let publish = async {
                while fake.readings.receiver_count() == 0 {
                    tokio::task::yield_now().await;
                }
                // Five at once into a channel of two, before the listener runs again.
                for value in 1..=5_u8 {
                    let batch = [reading("voltage", value.into()), reading("current", 0.0)];
                    fake.readings.send(batch.into()).unwrap();
                }
            };
            let (listened, ()) = tokio::join!(listen, publish);
            listened.unwrap();
        })
        .await;

    assert_eq!(seen[0], json!({"missed_batches": 3}));
    assert_eq!((&seen[1]["value"], &seen[2]["value"]), (&json!(4.0), &json!(5.0)));
}

#[tokio::test]
async fn live_streams_leave_room_for_everybody_else() {
    let mut harness = Harness::new(true);
    let path = harness.path.clone();
    let tail = b"GET /api/v1/tail HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    harness
        .serve(async {
            let mut streams = Vec::new();
            for _ in 0..MAX_LISTENERS {
                let mut stream = UnixStream::connect(&path).await.unwrap();
                stream.write_all(tail).await.unwrap();
                stream.read_u8().await.unwrap();
                streams.push(stream);
            }

            assert!(raw(&path, tail).await.starts_with("HTTP/1.1 503"));
            let status = b"GET /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            assert!(raw(&path, status).await.starts_with("HTTP/1.1 200"));
        })
        .await;
}

#[tokio::test]
async fn a_browser_reads_live_values_as_events() {
    let mut harness = Harness::new(true);
    let (path, fake) = (harness.path.clone(), Arc::clone(&harness.fake));
    let (signal, stop) = StopSignal::pair();
    let server = harness.server.take().unwrap().run(stop);
    let request = b"GET /api/v1/tail?select=*/voltage HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";

    let publish = async {
        while fake.readings.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        fake.readings.send([reading("voltage", 1.0), reading("voltage", 2.0)].into()).unwrap();
        while !fake.readings.is_empty() {
            tokio::task::yield_now().await;
        }
        signal.raise();
    };
    let ((), answer, ()) = tokio::join!(server, raw(&path, request), publish);

    assert!(answer.contains("content-type: text/event-stream\r\n"), "{answer}");
    let events: Vec<_> = answer.split("\n\n").filter_map(|event| event.split_once("data: ")).collect();
    let values: Vec<Value> = events.iter().map(|(_, json)| serde_json::from_str(json).unwrap()).collect();
    assert_eq!(values.iter().map(|live| &live["value"]).collect::<Vec<_>>(), [&json!(1.0), &json!(2.0)]);
}

#[tokio::test]
async fn a_listener_does_not_hold_up_the_stop() {
    let mut harness = Harness::new(true);
    let (client, fake) = (harness.client(), Arc::clone(&harness.fake));
    let (signal, stop) = StopSignal::pair();
    let server = harness.server.take().unwrap().run(stop);

    let stop_soon = async {
        while fake.readings.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        signal.raise();
    };
    let listen = client.lines("/api/v1/tail", |_| ControlFlow::Continue(()));
    let ((), listened, ()) = tokio::join!(server, listen, stop_soon);

    listened.unwrap();
    assert!(!harness.path.exists());
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait_and_are_served() {
    let mut harness = Harness::new(true);
    let path = harness.path.clone();

    harness
        .serve(async {
            let mut idle = Vec::new();
            for _ in 0..64 {
                idle.push(UnixStream::connect(&path).await.unwrap());
            }
            let waiting = raw(&path, b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            let leave = async { drop(idle) };
            let (answer, ()) = tokio::join!(waiting, leave);
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        })
        .await;
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    #[test]
    fn no_request_breaks_the_server(
        route in 0..routes::ROUTES.len(),
        query in "[ -~&&[^ #]]{0,40}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let route = &routes::ROUTES[route];
        prop_assume!(!route.path.ends_with("tail"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut harness = { let _guard = runtime.enter(); Harness::new(true) };
        let path = harness.path.clone();
        let head = format!(
            "{} {}?{query} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            route.method.to_uppercase(), route.path.replace(['{', '}'], ""), body.len(),
        );
        let request = [head.as_bytes(), &body].concat();

        let answer = runtime.block_on(harness.serve(raw(&path, &request)));

        prop_assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        prop_assert!(!answer.starts_with("HTTP/1.1 500"), "{answer}");
    }
}
