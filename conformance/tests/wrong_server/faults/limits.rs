//! What a server may get wrong about its limits.

use crate::fault::{FLIGHT, Flight, HONEST, HTTP, Http, Wrong};
use serde_json::{Value, json};
use tonic::{Code, Status};

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "a limit that is met is a fault of the server",
        breaks: &["LX-15", "LS-11", "AX-14", "FX-8"],
        http: Http {
            reply: Some(|_, reply| {
                if String::from_utf8_lossy(&reply.body).contains("limit-exceeded") {
                    reply.status = 500;
                }
            }),
            ..HTTP
        },
        flight: Flight {
            status: |status| {
                let met = status.code() == Code::ResourceExhausted;
                Some(if met { Status::internal(status.message()) } else { status })
            },
            ..FLIGHT
        },
    },
    Wrong {
        name: "limits are for nobody's eyes",
        breaks: &["LX-16"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("GET /health") && reply.status == 200 {
                    reply.edit(|health| {
                        if health.get("limits").is_some() {
                            health["limits"] = Value::Null;
                        }
                    });
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "long statements are logged whole, and their lengths as none",
        breaks: &["LG-05", "LG-01"],
        http: Http {
            reply: Some(|call, reply| {
                if call.is("GET /query/") {
                    reply.edit(|entry| entry["query_length"] = json!(0));
                }
            }),
            ..HTTP
        },
        ..HONEST
    },
];
