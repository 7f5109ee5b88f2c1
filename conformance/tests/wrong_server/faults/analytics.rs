//! What Product Analytics may get wrong.

use crate::fault::{HONEST, HTTP, Http, Wrong};
use crate::message::{Call, Reply};
use axum::http::{HeaderValue, Method};
use serde_json::json;
use uuid::Uuid;

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "events are dropped",
        breaks: &[
            "AT-01", "AT-03", "AC-02", "AC-04", "AC-06", "AC-07", "AC-08", "AC-09", "AM-01", "AM-02",
            "AW-01", "AW-02", "AW-03", "AW-04", "AW-05", "AX-10",
        ],
        http: Http { instead: |call| call.is("POST /track").then(accepted), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "events arrive twice",
        breaks: &["AT-03"],
        http: Http { beforehand: |call| call.is("POST /track").then(|| call.clone()), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "timestamps are those of receipt",
        breaks: &["AT-02", "AM-05", "AW-03", "AW-05"],
        http: Http { request: |call| call.forget(&["timestamp"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "properties, releases and the ids of devices and sessions are dropped",
        breaks: &["AT-04", "AT-05", "AC-11", "AW-01", "AW-02", "AW-04"],
        http: Http {
            request: |call| call.forget(&["properties", "release", "device_id", "session_id"]),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "anonymous ids are dropped",
        breaks: &["AM-03", "AM-04", "AM-06", "AC-08", "AI-02"],
        http: Http { request: |call| call.forget(&["anonymous_id"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "identify stores nothing, and is an event",
        breaks: &["AI-01", "AI-02", "AI-03", "AC-10", "AM-05"],
        http: Http {
            beforehand: |call| call.is("POST /identify").then(|| event_of(call)),
            request: |call| {
                if call.is("POST /identify") {
                    call.forget(&["traits"]);
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "an alias is only promised",
        breaks: &["AA-01", "AA-02"],
        http: Http { instead: |call| call.is("POST /alias").then(accepted), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "ids that clients reserve are refused",
        breaks: &["AA-03"],
        http: Http {
            instead: |call| {
                let body = String::from_utf8_lossy(&call.body);
                let reserved = body.contains("\"anonymous\"") || body.contains("\"null\"");
                reserved.then(|| Reply::json(422, &json!({})))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "one project for all keys",
        breaks: &["AX-02", "AX-03", "AX-04"],
        http: Http {
            request: |call| {
                if ["POST /track", "POST /identify", "POST /alias"].iter().any(|route| call.is(route)) {
                    call.headers.insert("x-api-key", HeaderValue::from_static("everybody"));
                    call.headers.remove("authorization");
                    call.query = None;
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "environments are ignored",
        breaks: &["AX-03", "AX-04", "AE-02"],
        http: Http { request: |call| call.forget(&["environment"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "a batch begins with its first item, whatever comes of the rest",
        breaks: &["AX-07"],
        http: Http { beforehand: |call| call.first_item("POST /track"), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "success says nothing",
        breaks: &["AX-09"],
        http: Http {
            reply: Some(|call, reply| {
                if call.method == Method::POST && reply.status == 200 {
                    reply.body.clear();
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every origin is welcome without credentials, and preflights are not known",
        breaks: &["AX-11", "AX-12"],
        http: Http {
            reply: Some(|call, reply| {
                reply.set_header("access-control-allow-origin", "*");
                if call.method == Method::OPTIONS {
                    reply.status = 405;
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
];

fn accepted() -> Reply {
    Reply::json(200, &json!({"ok": true, "task_id": Uuid::new_v4(), "error_code": null}))
}

fn event_of(call: &Call) -> Call {
    let mut event = Call { path: "/track".to_owned(), ..call.clone() };
    event.edit(|item| {
        item.insert("event".to_owned(), "identified".into());
        item.shift_remove("traits");
    });
    event
}
