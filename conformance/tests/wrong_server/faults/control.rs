//! What the control plane may get wrong.

use crate::fault::{HONEST, HTTP, Http, Wrong};
use crate::message::Reply;
use axum::http::HeaderValue;
use serde_json::{Value, json};

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "a reset is promised and forgotten",
        breaks: &["CX-2", "CX-4", "CT-3", "LS-04", "FA-6", "LT-01"],
        http: Http {
            instead: |call| {
                let done = json!({"reset": ["data", "sessions", "journal", "faults", "clock", "tasks"], "skipped": []});
                call.is("POST /_mock/v1/reset").then(|| Reply::json(200, &done))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "whoever asks for the whole server gets it",
        breaks: &["CX-3"],
        http: Http {
            request: |call| {
                if call.path.starts_with("/_mock") {
                    call.headers.insert("authorization", HeaderValue::from_static("Bearer the-key"));
                }
            },
            reply: Some(|call, reply| {
                if call.path.starts_with("/_mock") && [401, 403].contains(&reply.status) {
                    *reply = Reply::json(200, &json!({"tenants": []}));
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "what the plane does not know it ignores",
        breaks: &["CX-1"],
        http: Http { request: |call| call.forget(&["when", "name"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "the plane cannot be turned off",
        breaks: &["CX-5", "CX-1", "CT-2"],
        http: Http {
            reply: Some(|call, reply| {
                if reply.status == 404 && call.path.starts_with("/_mock") {
                    *reply = Reply::json(200, &json!({}));
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every tenant that is made has the same password and no key",
        breaks: &["CT-1", "AX-03", "AC-02"],
        http: Http {
            request: |call| {
                if call.is("POST /_mock/v1/tenants") {
                    call.forget(&["api_key", "environments"]);
                }
            },
            reply: Some(|call, reply| {
                if call.is("POST /_mock/v1/tenants") {
                    reply.edit(|made| made["password"] = "secret".into());
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the journal keeps statements as they are, and nothing of parameters and events",
        breaks: &["RJ-1"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("GET /_mock/v1/requests") {
                    reply.edit(|found| {
                        for request in found["requests"].as_array_mut().into_iter().flatten() {
                            request["parameters"] = Value::Null;
                            request["events"] = Value::Null;
                            request["statement"] = "SELECT 'topsecret'".into();
                        }
                    });
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the journal is not searched but shown whole",
        breaks: &["RJ-2"],
        http: Http {
            request: |call| {
                if call.is("GET /_mock/v1/requests") {
                    call.query = None;
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a wait is over at once",
        breaks: &["RJ-3", "RJ-4"],
        http: Http {
            request: |call| {
                if call.path.ends_with("/wait") {
                    call.edit(|wait| drop(wait.insert("timeout_ms".to_owned(), 0.into())));
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a wait is for whatever comes",
        breaks: &["RJ-3", "RJ-4"],
        http: Http { request: |call| call.forget(&["match"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "a removed tenant stays",
        breaks: &["CT-2"],
        http: Http {
            instead: |call| {
                call.is("DELETE /_mock/v1/tenants/").then(|| Reply::json(200, &json!({"removed": "it"})))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "fault rules are promised and forgotten",
        breaks: &["FR-1", "FR-3", "FR-4"],
        http: Http {
            instead: |call| {
                let rule = json!({"id": "01890163-8694-739b-aea5-966c26f8ad91", "matched": 0, "acted": 0});
                call.is("POST /_mock/v1/faults").then(|| Reply::json(201, &rule))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a fault rule meets whatever comes",
        breaks: &["FR-2"],
        http: Http {
            request: |call| {
                if call.is("POST /_mock/v1/faults") {
                    call.forget(&["match"]);
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a clock is shown as it was set, and tells the machine's time",
        breaks: &["CK-1", "CK-2", "CK-3"],
        http: Http {
            instead: |call| {
                let order: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                let at = order["at"].clone();
                let clock = json!({"at": at, "frozen": true, "rate": 0, "machine": false});
                (call.is("PUT /_mock/v1/clock") || call.is("POST /_mock/v1/clock/advance"))
                    .then(|| Reply::json(200, &clock))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every load is done at once",
        breaks: &["TK-1"],
        http: Http {
            instead: |call| {
                call.is("PUT /_mock/v1/tasks").then(|| Reply::json(200, &json!({"mode": "manual"})))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a restore is promised and forgotten",
        breaks: &["SN-1", "SN-2"],
        http: Http {
            instead: |call| {
                let done = json!({"name": "s", "made_at": "2026-01-01T00:00:00Z", "bytes": 0, "skipped": [], "left_out": []});
                (call.is("POST /_mock/v1/snapshots/") && call.path.ends_with("/restore"))
                    .then(|| Reply::json(200, &done))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a seed is promised and forgotten",
        breaks: &["SD-1", "SD-3"],
        http: Http {
            instead: |call| {
                call.is("POST /_mock/v1/seed").then(|| Reply::json(200, &json!({"seeded": ["seed.sql"]})))
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a copy is promised, and begins empty",
        breaks: &["CT-1"],
        http: Http {
            request: |call| {
                if call.is("POST /_mock/v1/tenants") {
                    call.forget(&["from"]);
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a fault in a seed is not told",
        breaks: &["SD-2"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("POST /_mock/v1/seed") && reply.status == 400 {
                    reply.edit(|told| told["error"]["message"] = "there is a fault in the seed".into());
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the journal in SQL is empty",
        breaks: &["RJ-5"],
        http: Http {
            request: |call| {
                if call.is("POST /query") {
                    call.edit(|query| {
                        if let Some(Value::String(statement)) = query.get_mut("statement") {
                            *statement = statement.replace("mock.main.", "(FROM mock.main.layout) --");
                        }
                    });
                }
            },
            ..HTTP
        },
        ..HONEST
    },
];
