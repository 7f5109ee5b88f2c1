//! What uploads, upserts, appends and the helpers of an editor may get wrong.

use crate::fault::{HONEST, HTTP, Http, Wrong};
use crate::message::{Call, Reply};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// How many loads run.
static LOADS: AtomicUsize = AtomicUsize::new(0);

fn is_load(call: &Call) -> bool {
    call.is("POST /upload") || call.is("POST /upsert")
}

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "validating and explaining execute",
        breaks: &["LV-02", "LE-03"],
        http: Http {
            beforehand: |call| {
                let looking = call.is("POST /validate") || call.is("POST /explain");
                looking.then(|| Call { path: "/query".to_owned(), ..call.clone() })
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "everything is valid, and no plan has scans",
        breaks: &["LV-01", "LE-01", "LE-02", "LE-03"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit(|answer| {
                    for (key, value) in [("valid", json!(true)), ("tables", json!([])), ("plan", json!([]))] {
                        if answer.get(key).is_some() {
                            answer[key] = value;
                            answer["error"] = Value::Null;
                        }
                    }
                });
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "suggestions start one too late, without end, and lose the statement",
        breaks: &["LA-01", "LA-02", "LA-03"],
        http: Http {
            request: |call| call.forget(&["max_suggestions"]),
            reply: Some(|call, reply| {
                if call.is("POST /autocomplete") {
                    reply.edit(suggested_late);
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every upload creates or appends, into main",
        breaks: &["LU-01", "LU-04", "LU-05"],
        http: Http {
            request: |call| {
                call.edit_parameters(|name, value| match name {
                    "mode" => Some("create_append".to_owned()),
                    "schema" => Some("main".to_owned()),
                    _ => Some(value.to_owned()),
                });
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "appending overwrites",
        breaks: &["LU-04", "LU-06", "LU-07"],
        http: Http {
            request: |call| {
                let change = |value: &str| if value == "append" { "overwrite" } else { value }.to_owned();
                call.edit_parameters(|_, value| Some(change(value)));
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every file is CSV, and its last line is lost",
        breaks: &["LU-02", "LU-03", "LU-08"],
        http: Http {
            request: |call| {
                if call.is("POST /upload") {
                    call.headers.insert("content-type", axum::http::HeaderValue::from_static("text/csv"));
                    let end = call.body.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
                    call.body.truncate(end);
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a load fails while another one runs",
        breaks: &["LU-09"],
        http: Http {
            request: |call| {
                if is_load(call) {
                    LOADS.fetch_add(1, Ordering::SeqCst);
                }
            },
            reply: Some(|call, reply| {
                if is_load(call) && LOADS.fetch_sub(1, Ordering::SeqCst) > 1 {
                    *reply =
                        Reply::json(400, &json!({"error": {"code": "invalid-data", "message": "conflict"}}));
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "what was loaded is not told",
        breaks: &["LM-05", "LP-02"],
        http: Http {
            reply: Some(|call, reply| {
                if ["POST /upload", "POST /upsert", "POST /append"].iter().any(|route| call.is(route)) {
                    reply.edit(|answer| *answer = json!({"ok": true}));
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "an upsert inserts",
        breaks: &["LM-01", "LM-02", "LM-03", "LM-04"],
        http: Http {
            request: |call| {
                if call.is("POST /upsert") {
                    call.path = "/upload".to_owned();
                    call.forget_parameters(&["mode", "primary_key", "cursor_field"]);
                    call.query = call.query.take().map(|query| format!("{query}&mode=create_append"));
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "cursors are ignored",
        breaks: &["LM-03", "LM-04"],
        http: Http { request: |call| call.forget_parameters(&["cursor_field"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "an append is only promised",
        breaks: &["LP-01", "LP-03", "LP-06", "LP-09"],
        http: Http { instead: |call| call.is("POST /append").then(promise), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "an append begins with its first row, whatever comes of the rest",
        breaks: &["LP-04"],
        http: Http { beforehand: |call| call.first_item("POST /append"), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "what is appended is text",
        breaks: &["LP-07", "LP-08", "LU-10"],
        http: Http {
            request: |call| {
                if call.is("POST /append") {
                    call.edit(|row| row.values_mut().for_each(|value| *value = value.to_string().into()));
                }
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every append goes well",
        breaks: &["LP-02", "LP-05", "LP-09", "LP-10"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("POST /append") {
                    *reply = promise();
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every task is still running",
        breaks: &["LT-01", "LT-02"],
        http: Http {
            instead: |call| {
                let running = || Reply::json(200, &json!({"task_id": Uuid::nil(), "status": "running"}));
                call.is("GET /tasks/").then(running)
            },
            ..HTTP
        },
        ..HONEST
    },
];

fn promise() -> Reply {
    let task = Uuid::new_v4();
    Reply::json(200, &json!({"ok": true, "error_code": null, "error_message": null, "task_id": task}))
}

fn suggested_late(answer: &mut Value) {
    let suggestions = answer["suggestions"].as_array_mut().into_iter().flatten();
    suggestions.for_each(|suggestion| {
        let start = suggestion["suggestion_start"].as_u64().unwrap_or(0);
        suggestion["suggestion_start"] = (start + 1).into();
    });
    if let Some(map) = answer.as_object_mut() {
        map.shift_remove("statement");
    }
}
