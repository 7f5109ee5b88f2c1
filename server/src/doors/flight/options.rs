//! Session options (FS-6 to FS-11).

use std::collections::HashMap;
use std::sync::Arc;

use super::messages::{
    GetSessionOptionsResult, OptionFault, OptionValue, SessionOptionValue, SetSessionOptionsError,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use super::schema::JsonStyle;
use super::session::FlightSession;
use engine::{Call, Result};

/// The catalog and schema that every session starts in.
const START: (&str, &str) = ("memory", "main");

/// How long the name of a catalog or schema may be, in bytes: a session keeps that of a schema to come.
const LONGEST_NAME: usize = 64 << 10;

/// Known keys, in the order they are applied (FS-8).
const KEYS: [&str; 4] = ["catalog", "schema", "compute_size", "arrow_json_extension"];

/// What a session's options are set to; catalog and schema live in DuckDB.
#[derive(Clone)]
pub(super) struct Options {
    json_by_default: bool,
    json: Option<bool>,
    compute_size: Option<&'static str>,
}

impl Options {
    /// The options that sessions start with; `json_by_default` is `--arrow-json-extension`.
    pub(super) fn new(json_by_default: bool) -> Self {
        Self { json_by_default, json: None, compute_size: None }
    }

    /// Whether JSON columns are marked (FY-4).
    pub(super) fn json_style(&self) -> JsonStyle {
        if self.json.unwrap_or(self.json_by_default) { JsonStyle::Extension } else { JsonStyle::Plain }
    }
}

/// SetSessionOptions: applies every key it can and reports the others.
///
/// # Errors
/// `Cancelled` when the session closes.
pub(super) async fn set(
    session: &Arc<FlightSession>,
    request: SetSessionOptionsRequest,
    call: &Arc<Call>,
) -> Result<SetSessionOptionsResult> {
    drop(session.turn(call).await?);
    let mut asked = request.session_options;
    let mut faults = HashMap::new();
    for key in KEYS {
        if let Some(value) = asked.remove(key)
            && let Err(fault) = set_one(session, key, value.value, call).await
        {
            faults.insert(key.to_owned(), fault);
        }
    }
    faults.extend(asked.into_keys().map(|key| (key, OptionFault::InvalidName)));
    let errors = faults.into_iter().map(|(key, fault)| (key, SetSessionOptionsError { value: fault as i32 }));
    Ok(SetSessionOptionsResult { errors: errors.collect() })
}

async fn set_one(
    session: &FlightSession,
    key: &str,
    value: Option<OptionValue>,
    call: &Arc<Call>,
) -> Result<(), OptionFault> {
    match (key, value) {
        ("catalog", None) => set_catalog(session, START.0.to_owned(), call).await,
        ("schema", None) => set_schema(session, START.1.to_owned(), call).await,
        ("catalog" | "schema", Some(OptionValue::Text(name))) if name.len() > LONGEST_NAME => {
            Err(OptionFault::InvalidValue)
        }
        ("catalog", Some(OptionValue::Text(name))) => set_catalog(session, name, call).await,
        ("schema", Some(OptionValue::Text(name))) if !name.is_empty() => {
            set_schema(session, name, call).await
        }
        ("compute_size", None) => {
            session.options.lock().compute_size = None;
            Ok(())
        }
        ("compute_size", Some(OptionValue::Text(size))) => {
            session.options.lock().compute_size = Some(compute_size(&size).ok_or(OptionFault::InvalidValue)?);
            Ok(())
        }
        ("arrow_json_extension", value) => {
            session.options.lock().json = value.map(switch).transpose()?;
            Ok(())
        }
        _ => Err(OptionFault::InvalidValue),
    }
}

async fn set_catalog(session: &FlightSession, name: String, call: &Arc<Call>) -> Result<(), OptionFault> {
    let fault = |_| OptionFault::Error;
    let turn = session.turn(call).await.map_err(fault)?;
    let exists = turn.use_catalog(name).await.map_err(fault)?;
    if exists { Ok(()) } else { Err(OptionFault::InvalidValue) }
}

async fn set_schema(session: &FlightSession, name: String, call: &Arc<Call>) -> Result<(), OptionFault> {
    let fault = |_| OptionFault::Error;
    session.turn(call).await.map_err(fault)?.use_schema(name).await.map_err(fault)
}

fn switch(value: OptionValue) -> Result<bool, OptionFault> {
    match value {
        OptionValue::Bool(on) => Ok(on),
        OptionValue::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        OptionValue::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(OptionFault::InvalidValue),
    }
}

fn compute_size(text: &str) -> Option<&'static str> {
    Some(match text.to_ascii_uppercase().as_str() {
        "XS" => "XS",
        "S" => "S",
        "M" => "M",
        "L" => "L",
        "XL" => "XL",
        "2XL" | "XXL" => "2XL",
        "3XL" | "XXXL" => "3XL",
        "4XL" | "XXXXL" => "4XL",
        _ => return None,
    })
}

/// GetSessionOptions: catalog and schema as now in force, other keys if set (FS-11).
///
/// # Errors
/// DuckDB's, in an aborted transaction; `Cancelled` when the session closes.
pub(super) async fn get(session: &Arc<FlightSession>, call: &Arc<Call>) -> Result<GetSessionOptionsResult> {
    let (catalog, schema) = session.turn(call).await?.place().await?;
    let options = session.options.lock();
    let text = |text: &str| Some(OptionValue::Text(text.to_owned()));
    let values = [
        ("catalog", text(&catalog)),
        ("schema", text(&schema)),
        ("compute_size", options.compute_size.and_then(text)),
        ("arrow_json_extension", options.json.map(OptionValue::Bool)),
    ];
    let set = values.into_iter().filter(|(_, value)| value.is_some());
    let session_options = set.map(|(key, value)| (key.to_owned(), SessionOptionValue { value }));
    Ok(GetSessionOptionsResult { session_options: session_options.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("xs", Some("XS"))]
    #[case("Xxl", Some("2XL"))]
    #[case("4XL", Some("4XL"))]
    #[case("AUTO", None)]
    #[case("", None)]
    fn compute_sizes_are_read_in_any_case(#[case] text: &str, #[case] size: Option<&str>) {
        assert_eq!(compute_size(text), size);
    }
}
