//! Flight SQL messages from the words of a step, and the session messages that arrow-flight does not carry.

use crate::fault::{During, Fault, Result};
use arrow_flight::sql::{
    Any, CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate,
    CommandStatementIngest, CommandStatementQuery, CommandStatementUpdate, ProstMessageExt as _,
    TableDefinitionOptions,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message as _;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use tonic::Status;

/// Bytes from base64.
///
/// # Errors
/// Text that is not base64.
pub fn bytes(text: &str) -> Result<Bytes> {
    STANDARD.decode(text).map(Bytes::from).during("base64")
}

/// Base64 of bytes.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What a step queries or updates.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// A SQL text.
    Sql(String),
    /// One of the other commands by name.
    Named(Map<String, Value>),
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    catalog: Option<String>,
    db_schema: Option<String>,
    db_schema_filter_pattern: Option<String>,
    table_name_filter_pattern: Option<String>,
    table_types: Vec<String>,
    include_schema: bool,
    table: String,
    pk_catalog: Option<String>,
    pk_db_schema: Option<String>,
    pk_table: String,
    fk_catalog: Option<String>,
    fk_db_schema: Option<String>,
    fk_table: String,
    info: Vec<u32>,
    data_type: Option<i32>,
    type_url: String,
    base64: String,
}

impl Command {
    /// The serialized `Any` of a query; `prepared` knows handles by name.
    ///
    /// # Errors
    /// A command nobody knows, or fields of the wrong shape.
    pub fn query(&self, transaction: Option<Bytes>, prepared: &HashMap<String, Bytes>) -> Result<Bytes> {
        let (name, value) = match self {
            Self::Sql(sql) => {
                return Ok(packed(
                    &CommandStatementQuery { query: sql.clone(), transaction_id: transaction }.as_any(),
                ));
            }
            Self::Named(map) => map.iter().next().ok_or_else(|| Fault::new("a command needs a name"))?,
        };
        match (name.as_str(), value) {
            ("prepared", Value::String(name)) => Ok(packed(
                &CommandPreparedStatementQuery { prepared_statement_handle: handle(name, prepared) }.as_any(),
            )),
            ("base64", Value::String(text)) => bytes(text),
            (name, fields) => metadata(name, serde_json::from_value(fields.clone()).during(name)?),
        }
    }

    /// The serialized `Any` of an update.
    ///
    /// # Errors
    /// As [`Command::query`].
    pub fn update(&self, transaction: Option<Bytes>, prepared: &HashMap<String, Bytes>) -> Result<Bytes> {
        match self {
            Self::Sql(sql) => Ok(packed(
                &CommandStatementUpdate { query: sql.clone(), transaction_id: transaction }.as_any(),
            )),
            Self::Named(map) => match map.get("prepared").and_then(Value::as_str) {
                Some(name) => Ok(packed(
                    &CommandPreparedStatementUpdate { prepared_statement_handle: handle(name, prepared) }
                        .as_any(),
                )),
                None => self.query(transaction, prepared),
            },
        }
    }
}

/// The handle of a prepared statement; a name never prepared stands for itself.
pub fn handle(name: &str, prepared: &HashMap<String, Bytes>) -> Bytes {
    prepared.get(name).cloned().unwrap_or_else(|| Bytes::copy_from_slice(name.as_bytes()))
}

/// The bytes of an `Any`.
pub fn packed(any: &Any) -> Bytes {
    any.encode_to_vec().into()
}

fn metadata(name: &str, f: Fields) -> Result<Bytes> {
    let any = match name {
        "GetCatalogs" => CommandGetCatalogs {}.as_any(),
        "GetDbSchemas" => {
            CommandGetDbSchemas { catalog: f.catalog, db_schema_filter_pattern: f.db_schema_filter_pattern }
                .as_any()
        }
        "GetTables" => CommandGetTables {
            catalog: f.catalog,
            db_schema_filter_pattern: f.db_schema_filter_pattern,
            table_name_filter_pattern: f.table_name_filter_pattern,
            table_types: f.table_types,
            include_schema: f.include_schema,
        }
        .as_any(),
        "GetTableTypes" => CommandGetTableTypes {}.as_any(),
        "GetPrimaryKeys" => {
            CommandGetPrimaryKeys { catalog: f.catalog, db_schema: f.db_schema, table: f.table }.as_any()
        }
        "GetExportedKeys" => {
            CommandGetExportedKeys { catalog: f.catalog, db_schema: f.db_schema, table: f.table }.as_any()
        }
        "GetImportedKeys" => {
            CommandGetImportedKeys { catalog: f.catalog, db_schema: f.db_schema, table: f.table }.as_any()
        }
        "GetCrossReference" => CommandGetCrossReference {
            pk_catalog: f.pk_catalog,
            pk_db_schema: f.pk_db_schema,
            pk_table: f.pk_table,
            fk_catalog: f.fk_catalog,
            fk_db_schema: f.fk_db_schema,
            fk_table: f.fk_table,
        }
        .as_any(),
        "GetSqlInfo" => CommandGetSqlInfo { info: f.info }.as_any(),
        "GetXdbcTypeInfo" => CommandGetXdbcTypeInfo { data_type: f.data_type }.as_any(),
        "any" => Any { type_url: f.type_url, value: bytes(&f.base64)? },
        other => return Err(Fault(format!("no Flight SQL command is called {other}"))),
    };
    Ok(packed(&any))
}

/// An ingest as a step writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    #[serde(default)]
    table: String,
    catalog: Option<String>,
    schema: Option<String>,
    #[serde(default)]
    temporary: bool,
    mode: Option<Mode>,
    if_not_exist: Option<i32>,
    if_exists: Option<i32>,
    #[serde(default)]
    options: HashMap<String, String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Create,
    Append,
    CreateAppend,
    Replace,
}

impl Ingest {
    /// The serialized `Any`.
    pub fn packed(self, transaction_id: Option<Bytes>) -> Bytes {
        let (if_not_exist, if_exists) = match self.mode {
            Some(Mode::Create) => (1, 1),
            Some(Mode::Append) => (2, 2),
            Some(Mode::CreateAppend) => (1, 2),
            Some(Mode::Replace) => (1, 3),
            None => (self.if_not_exist.unwrap_or(0), self.if_exists.unwrap_or(0)),
        };
        let command = CommandStatementIngest {
            table_definition_options: Some(TableDefinitionOptions { if_not_exist, if_exists }),
            table: self.table,
            schema: self.schema,
            catalog: self.catalog,
            temporary: self.temporary,
            transaction_id,
            options: self.options,
        };
        packed(&command.as_any())
    }
}

/// The prepared-statement answer with the field that says whether it is an update (FP-1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Prepared {
    /// Opaque.
    #[prost(bytes = "bytes", tag = "1")]
    pub handle: Bytes,
    /// Encapsulated IPC schema of the result.
    #[prost(bytes = "bytes", tag = "2")]
    pub dataset_schema: Bytes,
    /// Encapsulated IPC schema of the parameters.
    #[prost(bytes = "bytes", tag = "3")]
    pub parameter_schema: Bytes,
    /// Whether the statement returns no rows.
    #[prost(bool, optional, tag = "4")]
    pub is_update: Option<bool>,
}

/// `SessionOptionValue` (FS-6).
#[derive(Clone, PartialEq, prost::Message)]
pub struct OptionValue {
    /// The member that is set.
    #[prost(oneof = "OptionMember", tags = "1, 2, 3, 4, 5")]
    pub member: Option<OptionMember>,
}

/// The members of [`OptionValue`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OptionMember {
    /// A text.
    #[prost(string, tag = "1")]
    Text(String),
    /// A truth value.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// An integer.
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    /// A floating-point number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Several texts.
    #[prost(message, tag = "5")]
    List(TextList),
}

/// `StringListValue`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TextList {
    /// The texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// `SetSessionOptionsRequest`, and `GetSessionOptionsResult`, which looks alike.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionOptions {
    /// Values by key.
    #[prost(map = "string, message", tag = "1")]
    pub options: HashMap<String, OptionValue>,
}

/// `SetSessionOptionsResult`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetResult {
    /// What was wrong, by key.
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, OptionError>,
}

/// `SetSessionOptionsResult.Error`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct OptionError {
    /// INVALID_NAME 1, INVALID_VALUE 2, ERROR 3.
    #[prost(int32, tag = "1")]
    pub value: i32,
}

/// `CloseSessionResult`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct CloseResult {
    /// CLOSED 1, CLOSING 2, NOT_CLOSEABLE 3.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

impl OptionValue {
    /// The value a step writes: null is a value without member, `{$double: "1.5"}` a double.
    ///
    /// # Errors
    /// A value of another shape.
    pub fn read(value: &Value) -> Result<Self> {
        let unknown = || Fault(format!("{value} is no session option value"));
        let member = match value {
            Value::Null => None,
            Value::String(text) => Some(OptionMember::Text(text.clone())),
            Value::Bool(truth) => Some(OptionMember::Bool(*truth)),
            Value::Number(number) => Some(OptionMember::Integer(number.as_i64().ok_or_else(unknown)?)),
            Value::Array(items) => {
                let values = items
                    .iter()
                    .map(|item| item.as_str().map(str::to_owned))
                    .collect::<Option<_>>()
                    .ok_or_else(unknown)?;
                Some(OptionMember::List(TextList { values }))
            }
            Value::Object(map) => {
                let digits = map.get("$double").and_then(Value::as_str).ok_or_else(unknown)?;
                Some(OptionMember::Double(digits.parse().map_err(|_| unknown())?))
            }
        };
        Ok(Self { member })
    }

    /// The value as a step expects it.
    pub fn shown(&self) -> Value {
        match &self.member {
            None => Value::Null,
            Some(OptionMember::Text(text)) => text.as_str().into(),
            Some(OptionMember::Bool(truth)) => (*truth).into(),
            Some(OptionMember::Integer(number)) => (*number).into(),
            Some(OptionMember::Double(number)) => (*number).into(),
            Some(OptionMember::List(list)) => list.values.clone().into(),
        }
    }
}

/// The single result of an action, wrapped in an `Any`.
///
/// # Errors
/// Another number of results, or bytes that are not that message.
pub fn unpacked<T: prost::Message + Default>(results: &[Bytes]) -> Result<T, Status> {
    let any: Any = bare(results)?;
    T::decode(any.value).map_err(|error| Status::unknown(format!("an undecodable {}: {error}", any.type_url)))
}

/// The single result of an action, as it stands.
///
/// # Errors
/// As [`unpacked`].
pub fn bare<T: prost::Message + Default>(results: &[Bytes]) -> Result<T, Status> {
    let [body] = results else {
        return Err(Status::unknown(format!("{} results instead of one", results.len())));
    };
    T::decode(body.clone()).map_err(|error| Status::unknown(format!("an undecodable result: {error}")))
}
