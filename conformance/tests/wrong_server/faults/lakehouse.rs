//! What `POST /query`, its log and its sessions may get wrong.

use crate::fault::{HONEST, HTTP, Http, Wrong};
use crate::message::{Call, Reply};
use axum::http::HeaderValue;
use serde_json::{Value, json};
use uuid::Uuid;

/// One session that everybody shares.
const SHARED: &str = "00000000-0000-4000-8000-000000000001";

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "the last row is lost",
        breaks: &["LQ-07", "LQ-08", "LQ-12", "LQ-14", "LS-06", "LQ-11"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit_lines(|lines| {
                    if lines.len() > 2 {
                        lines.pop();
                    }
                });
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every column is VARCHAR",
        breaks: &["LQ-06", "LQ-08", "LN-01"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit_lines(|lines| {
                    let columns = lines.get_mut(1).and_then(Value::as_array_mut);
                    columns.into_iter().flatten().for_each(|column| column["type"] = "VARCHAR".into());
                });
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "numbers go through a 64-bit float, times have no T, parts of intervals other names",
        breaks: &["LN-01", "LN-02", "LN-03", "LN-04"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit_lines(|lines| lines.iter_mut().skip(2).for_each(careless));
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "errors are swallowed",
        breaks: &["LQ-02", "LQ-09", "LQ-11", "LS-08", "LS-10", "LX-12", "LX-17", "LX-18", "AC-05", "AC-13"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit_lines(|lines| lines.retain(|line| line.get("error").is_none()));
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "a mistake in SQL is a 500",
        breaks: &["LX-05", "LQ-09"],
        http: Http {
            reply: Some(|_, reply| {
                let mut failed = false;
                reply.edit_lines(|lines| {
                    failed = lines.last().is_some_and(|line| line.get("error").is_some());
                });
                if failed {
                    reply.status = 500;
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the stream is buffered",
        breaks: &["LQ-05", "LQ-07"],
        http: Http { reply: Some(|_, _| {}), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "the last line has no end",
        breaks: &["LQ-03"],
        http: Http { reply: Some(|_, reply| reply.edit_text(|text| text.trim_end().to_owned())), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "the first line names other ids",
        breaks: &["LQ-04", "LQ-20", "LS-02"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit_lines(|lines| {
                    if let Some(head) = lines.first_mut().and_then(Value::as_object_mut) {
                        head.insert("query_id".to_owned(), Uuid::new_v4().to_string().into());
                        head.insert("session_id".to_owned(), Uuid::nil().to_string().into());
                        head.shift_remove("rows_limit");
                    }
                });
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "one session for everything",
        breaks: &["LS-01", "LS-02", "LS-05"],
        http: Http {
            request: |call| {
                call.edit(|map| drop(map.insert("session_id".to_owned(), SHARED.into())));
                call.forget(&["ephemeral"]);
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "sessions are forgotten at once",
        breaks: &["LS-01", "LS-03", "LS-06", "LQ-11"],
        http: Http { request: |call| call.forget(&["session_id"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "an expired session comes back under its id",
        breaks: &["LS-04"],
        http: Http {
            reply: Some(|call, reply| {
                let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                reply.edit_lines(|lines| {
                    if let (Some(head), Some(id)) = (lines.first_mut(), body.get("session_id")) {
                        head["session_id"] = id.clone();
                    }
                });
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "sessions start in another zone and say so",
        breaks: &["LS-07"],
        http: Http { reply: Some(|_, reply| reply.edit_text(|text| text.replace("Etc/UTC", "UTC"))), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "a cancellation is promised and forgotten",
        breaks: &["LC-01", "LC-02", "LC-04", "LQ-21"],
        http: Http {
            instead: |call| {
                let promise = || Reply::json(200, &json!({"cancelled": true, "message": "cancelled"}));
                call.is("DELETE /query/").then(promise)
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "nothing was cancelled",
        breaks: &["LC-03"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("DELETE /query/") {
                    reply.edit(|answer| answer["cancelled"] = false.into());
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the log tells of nothing but success",
        breaks: &["LG-01", "LG-02", "LG-03", "LG-04", "LQ-20"],
        http: Http { reply: Some(|call, reply| log(call, reply, flattered)), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "the log knows no query",
        breaks: &["LG-05", "LQ-19", "LG-06"],
        http: Http {
            instead: |call| {
                let unknown =
                    || Reply::json(404, &json!({"error": {"code": "not-found", "message": "gone"}}));
                call.is("GET /query/").then(unknown)
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "fields of the request are ignored",
        breaks: &["LQ-01", "LQ-02", "LQ-11", "LQ-12", "LQ-14", "LQ-15", "LQ-16", "LQ-17", "LV-02"],
        http: Http {
            request: |call| {
                call.forget(&["sql", "limit", "offset", "params", "dialect", "format", "catalog", "schema"]);
                call.forget(&["compute_size", "visible", "requested_by"]);
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the window stays when it is to be discarded",
        breaks: &["LQ-13"],
        http: Http { request: |call| call.forget(&["sanitize"]), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "failures of other formats and of the legacy stream are 200",
        breaks: &["LQ-18", "LQ-24"],
        http: Http {
            reply: Some(|_, reply| {
                let kind = reply.headers.get("content-type").map(HeaderValue::as_bytes);
                if reply.status >= 400 && kind.is_some_and(|kind| kind.starts_with(b"text/plain")) {
                    reply.status = 200;
                }
                reply.aborted = false;
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "the legacy stream has typed columns",
        breaks: &["LQ-22", "LQ-23"],
        http: Http {
            reply: Some(|_, reply| {
                reply.edit_lines(|lines| {
                    let columns = lines.get_mut(1).and_then(Value::as_array_mut);
                    let names = columns.into_iter().flatten().filter(|column| column.is_string());
                    names.for_each(|name| *name = json!({"name": name.clone(), "type": "VARCHAR"}));
                });
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "every client gets the same stream",
        breaks: &["LQ-22"],
        http: Http { request: |call| drop(call.headers.remove("user-agent")), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "csv lacks its header and parquet is text",
        breaks: &["LQ-16", "LQ-17"],
        http: Http {
            reply: Some(|_, reply| {
                let kind = reply.headers.get("content-type").cloned();
                if kind.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv")) {
                    reply.edit_text(|text| text.lines().skip(1).map(|line| format!("{line}\n")).collect());
                }
                if kind.is_some_and(|kind| kind == "application/parquet") {
                    reply.body = "PAR0".into();
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
];

fn log(call: &Call, reply: &mut Reply, change: fn(&mut Value)) {
    if call.is("GET /query/") {
        reply.edit(change);
    }
}

fn flattered(entry: &mut Value) {
    entry["error"] = Value::Null;
    entry["end_time"] = entry["start_time"].clone();
    entry["client_interface"] = "Http".into();
    entry["stats"] = Value::Null;
    entry["query"] = "SELECT 0".into();
}

/// What a JSON library and a date library do when nobody tells them otherwise.
fn careless(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let rounded = number.as_f64().and_then(serde_json::Number::from_f64);
            *number = rounded.unwrap_or_else(|| number.clone());
        }
        Value::String(text) => *text = text.replace('T', " ").replace("mons", "months").replace("secs", "s"),
        Value::Array(items) => items.iter_mut().for_each(careless),
        Value::Object(map) => map.values_mut().for_each(careless),
        _ => {}
    }
}
