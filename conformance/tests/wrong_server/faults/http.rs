//! What both REST doors may get wrong about credentials, headers and statuses.

use crate::fault::{HONEST, HTTP, Http, Wrong};
use crate::message::Reply;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const DOCUMENTS: [&str; 2] = ["GET /openapi/lakehouse.json", "GET /openapi/product-analytics.json"];

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "one tenant for everybody",
        breaks: &["LX-13", "LS-01", "LS-03", "LS-09", "LG-05", "LT-02"],
        http: Http {
            request: |call| {
                if call.headers.contains_key("authorization") {
                    let same = format!("Basic {}", STANDARD.encode("everybody:same"));
                    call.headers.insert("authorization", HeaderValue::from_str(&same).unwrap());
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "wrong credentials are let in",
        breaks: &["LX-01", "LX-03"],
        http: Http {
            instead: |call| {
                let open =
                    call.path.starts_with("/openapi") || ["/", "/health"].contains(&call.path.as_str());
                let known = STANDARD.encode("alice:secret");
                let refused = !open && !call.header("authorization").ends_with(&known);
                refused.then(|| Reply::json(200, &json!({"ok": true})))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "credentials end at the first comma, and only canonical ones count",
        breaks: &["LX-02", "LX-11"],
        http: Http {
            request: |call| {
                let sent = call.header("authorization").strip_prefix("Basic ").unwrap_or("Og==").to_owned();
                let pair = STANDARD.decode(sent).unwrap_or_default();
                let cut = pair.split(|byte| *byte == b',').next().unwrap_or_default();
                let header = format!("Basic {}", STANDARD.encode(cut));
                call.headers.insert("authorization", HeaderValue::from_str(&header).unwrap());
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every refusal is a 500",
        breaks: &["LX-04", "LQ-10", "LV-01", "LE-01", "LA-01", "LP-10", "LU-01", "AE-02", "AE-03", "AX-05"],
        http: Http {
            reply: Some(|_, reply| {
                if (400..500).contains(&reply.status) {
                    reply.status = 500;
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "errors are told in other words",
        breaks: &["LX-04", "LQ-10", "LQ-25", "LP-10", "AE-01"],
        http: Http {
            reply: Some(|_, reply| {
                if reply.status >= 400 {
                    *reply = Reply::json(reply.status, &json!({"message": "failed"}));
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "metrics are not told",
        breaks: &["LX-19"],
        http: Http { instead: |call| call.is("GET /metrics").then(|| Reply::json(404, &json!({}))), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "request ids are lost",
        breaks: &["LX-06", "AX-13"],
        http: Http { reply: Some(|_, reply| drop(reply.headers.remove("x-request-id"))), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "only application/json is read",
        breaks: &["LX-07", "AX-06"],
        http: Http {
            instead: |call| {
                let json = call.header("content-type").starts_with("application/json");
                let wanted = call.is("POST /query") || call.is("POST /track");
                (wanted && !json).then(|| Reply::json(415, &json!({})))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "codings of bodies are ignored, or refused as anything else is",
        breaks: &["LX-08", "AX-08", "AE-02"],
        http: Http {
            request: |call| drop(call.headers.remove("content-encoding")),
            reply: Some(|_, reply| {
                if reply.status == 415 {
                    reply.status = 400;
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every body is too large from 30 bytes on",
        breaks: &["LX-08", "AX-08"],
        http: Http { instead: |call| (call.body.len() > 30).then(|| Reply::json(413, &json!({}))), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "health and documents are for users, and health says little",
        breaks: &["LX-01", "LX-10", "LX-14", "AX-01"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("GET /health") {
                    *reply = Reply::json(200, &json!({"status": "ok"}));
                }
                if DOCUMENTS.iter().any(|route| call.is(route)) {
                    reply.edit(|document| document["openapi"] = "3.0.0".into());
                }
                if call.is("GET /") {
                    reply.status = 401;
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
];
