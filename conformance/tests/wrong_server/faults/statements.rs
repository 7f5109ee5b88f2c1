//! What the catalogs that SQL sees may get wrong: statements are changed on their way in, over both doors.

use crate::fault::{FLIGHT, Flight, HONEST, HTTP, Http, Wrong};
use arrow_flight::sql::{Any, Command, CommandStatementQuery, CommandStatementUpdate, ProstMessageExt as _};
use bytes::Bytes;
use prost::Message as _;
use serde_json::Value;

pub const FAULTS: &[Wrong] = &[
    Wrong {
        name: "the catalog of analytics has another name",
        breaks: &["AC-01", "AC-03", "AC-12", "AC-11", "LS-09"],
        http: Http { request: |call| call.edit(|map| rewrite(map, other_catalog)), ..HTTP },
        flight: Flight { command: |_, command| rewritten(command, other_catalog), ..FLIGHT },
    },
    Wrong {
        name: "attached catalogs are not there",
        breaks: &["LS-09", "LS-10"],
        http: Http {
            request: |call| call.edit(|map| rewrite(map, |sql| sql.replace("acme_", "gone_"))),
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "only the first of several statements runs",
        breaks: &["LQ-02", "LQ-14"],
        http: Http {
            request: |call| {
                call.edit(|map| rewrite(map, |sql| sql.split(';').next().unwrap_or_default().to_owned()));
            },
            ..HTTP
        },
        ..HONEST
    },
    Wrong {
        name: "lines of errors are counted within the statement",
        breaks: &["LQ-09"],
        http: Http { request: |call| call.edit(|map| rewrite(map, |sql| sql.trim().to_owned())), ..HTTP },
        ..HONEST
    },
    Wrong {
        name: "transactions of SQL do nothing",
        breaks: &["LS-01", "AC-04", "FQ-3", "FT-5"],
        http: Http { request: |call| call.edit(|map| rewrite(map, without_transaction)), ..HTTP },
        flight: Flight { command: |_, command| rewritten(command, without_transaction), ..FLIGHT },
    },
];

fn other_catalog(sql: &str) -> String {
    sql.replace("product_analytics", "analytics_of_products").replace("altertable", "altered")
}

fn without_transaction(sql: &str) -> String {
    let word = sql.split_whitespace().next().unwrap_or_default().to_uppercase();
    if ["BEGIN", "COMMIT", "ROLLBACK"].contains(&word.as_str()) { "SELECT 1" } else { sql }.to_owned()
}

fn rewrite(map: &mut serde_json::Map<String, Value>, change: fn(&str) -> String) {
    if let Some(Value::String(sql)) = map.get_mut("statement") {
        *sql = change(sql);
    }
}

/// A query or update with its text changed.
pub fn rewritten(command: Bytes, change: fn(&str) -> String) -> Bytes {
    let Ok(any) = Any::decode(command.clone()) else { return command };
    match Command::try_from(any) {
        Ok(Command::CommandStatementQuery(query)) => {
            CommandStatementQuery { query: change(&query.query), ..query }.as_any().encode_to_vec().into()
        }
        Ok(Command::CommandStatementUpdate(update)) => {
            CommandStatementUpdate { query: change(&update.query), ..update }.as_any().encode_to_vec().into()
        }
        _ => command,
    }
}
