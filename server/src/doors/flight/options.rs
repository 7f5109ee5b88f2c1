//! Session options (FS-6 to FS-11).

use std::collections::HashMap;
use std::sync::Arc;

use super::messages::{
    GetSessionOptionsResult, OptionFault, OptionValue, SessionOptionValue, SetSessionOptionsError,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use super::schema::JsonStyle;
use super::session::Session;
use engine::{CancelToken, Result};

/// The catalog and schema that every session starts in.
const START: (&str, &str) = ("memory", "main");
const MAIN: &str = "main";

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
    pending: Option<Pending>,
}

/// A schema that does not exist yet: statements run in its catalog's `main` until it does.
#[derive(Clone, PartialEq)]
struct Pending {
    catalog: String,
    schema: String,
}

impl Options {
    /// The options that sessions start with; `json_by_default` is `--arrow-json-extension`.
    pub(super) fn new(json_by_default: bool) -> Self {
        Self { json_by_default, json: None, compute_size: None, pending: None }
    }

    /// Whether JSON columns are marked (FY-4).
    pub(super) fn json_style(&self) -> JsonStyle {
        if self.json.unwrap_or(self.json_by_default) { JsonStyle::Extension } else { JsonStyle::Plain }
    }

    /// The schema to create on ingest into `catalog`, or into the session's own: one that was chosen in this catalog
    /// and does not exist yet (FS-8, FI-3).
    pub(super) fn pending_schema_in(&self, catalog: Option<&str>) -> Option<String> {
        let pending = self.pending.as_ref()?;
        let here = catalog.is_none_or(|catalog| catalog.eq_ignore_ascii_case(&pending.catalog));
        here.then(|| pending.schema.clone())
    }
}

impl Session {
    /// Moves into the chosen schema once it exists, unless a SQL `USE` has gone elsewhere meanwhile.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(super) async fn apply_pending_schema(&self, cancel: &CancelToken) -> Result<()> {
        let Some(pending) = self.options.lock().pending.clone() else { return Ok(()) };
        // An aborted transaction answers nothing; the schema waits until it has ended.
        let Ok((catalog, schema)) = self.engine.current_target(cancel).await else { return cancel.check() };
        let moved = catalog != pending.catalog || schema != MAIN;
        if moved || matches!(self.enter(&pending.catalog, &pending.schema, cancel).await, Ok(true)) {
            self.options.lock().pending.take_if(|now| *now == pending);
        }
        cancel.check()
    }

    /// `USE` of a schema; false if it does not exist.
    async fn enter(&self, catalog: &str, schema: &str, cancel: &CancelToken) -> Result<bool> {
        if !self.engine.has_schema(catalog, schema, cancel).await? {
            return Ok(false);
        }
        self.engine.use_schema(catalog, schema, cancel).await.map(|()| true)
    }
}

/// SetSessionOptions: applies every key it can and reports the others.
///
/// # Errors
/// `Cancelled` when the session closes.
pub(super) async fn set(
    session: &Arc<Session>,
    request: SetSessionOptionsRequest,
    cancel: &CancelToken,
) -> Result<SetSessionOptionsResult> {
    let _turn = session.turn(cancel).await?;
    let mut asked = request.session_options;
    let mut faults = HashMap::new();
    for key in KEYS {
        if let Some(value) = asked.remove(key)
            && let Err(fault) = set_one(session, key, value.value, cancel).await
        {
            faults.insert(key.to_owned(), fault);
        }
    }
    faults.extend(asked.into_keys().map(|key| (key, OptionFault::InvalidName)));
    let errors = faults.into_iter().map(|(key, fault)| (key, SetSessionOptionsError { value: fault as i32 }));
    Ok(SetSessionOptionsResult { errors: errors.collect() })
}

async fn set_one(
    session: &Session,
    key: &str,
    value: Option<OptionValue>,
    cancel: &CancelToken,
) -> Result<(), OptionFault> {
    match (key, value) {
        ("catalog", None) => set_catalog(session, START.0, cancel).await,
        ("schema", None) => set_schema(session, START.1, cancel).await,
        ("catalog" | "schema", Some(OptionValue::Text(name))) if name.len() > LONGEST_NAME => {
            Err(OptionFault::InvalidValue)
        }
        ("catalog", Some(OptionValue::Text(name))) => set_catalog(session, &name, cancel).await,
        ("schema", Some(OptionValue::Text(name))) if !name.is_empty() => {
            set_schema(session, &name, cancel).await
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

async fn set_catalog(session: &Session, name: &str, cancel: &CancelToken) -> Result<(), OptionFault> {
    match session.enter(name, MAIN, cancel).await {
        Ok(true) => {
            session.options.lock().pending = None;
            Ok(())
        }
        Ok(false) => Err(OptionFault::InvalidValue),
        Err(_) => Err(OptionFault::Error),
    }
}

async fn set_schema(session: &Session, schema: &str, cancel: &CancelToken) -> Result<(), OptionFault> {
    let fault = |_| OptionFault::Error;
    let (catalog, _) = session.engine.current_target(cancel).await.map_err(fault)?;
    if session.enter(&catalog, schema, cancel).await.map_err(fault)? {
        session.options.lock().pending = None;
        return Ok(());
    }
    session.enter(&catalog, MAIN, cancel).await.map_err(fault)?;
    session.options.lock().pending = Some(Pending { catalog, schema: schema.to_owned() });
    Ok(())
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
pub(super) async fn get(session: &Arc<Session>, cancel: &CancelToken) -> Result<GetSessionOptionsResult> {
    let _turn = session.turn(cancel).await?;
    let (catalog, schema) = session.engine.current_target(cancel).await?;
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
