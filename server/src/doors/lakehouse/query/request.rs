//! What a query asks for (LQ-01), read once into types that cannot be wrong.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::params;
use crate::doors::lakehouse::response::{ApiError, Code, Result};
use crate::doors::lakehouse::session::SentId;
use engine::{Bind, Target, Window, lines_before};

/// The window of a sanitized query (LQ-13).
const SANITIZED: (u64, u64) = (500, 0);

/// Sizes of a compute cluster; they change nothing here (LQ-01).
const COMPUTE_SIZES: [&str; 12] =
    ["XS", "S", "M", "L", "XL", "2XL", "3XL", "4XL", "XXL", "XXXL", "XXXXL", "AUTO"];

/// The request object as it arrives; `null` equals absent and unknown keys are ignored (LX-07).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"statement": "SELECT $a + 1 AS b", "params": {"a": 41}}))]
pub(in crate::doors::lakehouse) struct QueryBody {
    /// SQL: one statement, or several that run in order.
    statement: Option<String>,
    /// Stands in for an absent `statement`.
    sql: Option<String>,
    /// The catalog to use from now on in this session.
    catalog: Option<String>,
    /// The schema to use from now on in this session.
    schema: Option<String>,
    /// The session to run in; a new one if absent.
    #[schema(format = Uuid)]
    session_id: Option<String>,
    /// Whether to run in a session of its own.
    ephemeral: Option<bool>,
    /// How many result rows to deliver.
    limit: Option<u64>,
    /// How many result rows to leave out before.
    offset: Option<u64>,
    /// Whether to deliver the first 500 rows.
    sanitize: Option<bool>,
    /// An object binds by name, an array in order.
    params: Option<Value>,
    /// `duckdb`, the only dialect.
    dialect: Option<String>,
    /// How rows are written.
    #[schema(value_type = Option<ResultFormat>)]
    format: Option<String>,
    /// The query's id; a new one if absent.
    #[schema(format = Uuid)]
    query_id: Option<String>,
    /// Whether the log shows the query.
    visible: Option<bool>,
    /// Who asks.
    requested_by: Option<String>,
    /// Without effect here.
    compute_size: Option<String>,
    #[expect(dead_code, reason = "recorded nowhere, but a timezone of another type is a malformed request")]
    timezone: Option<String>,
    #[expect(dead_code, reason = "without effect, but a cache of another type is a malformed request")]
    cache: Option<bool>,
}

/// A query to run.
#[derive(Debug)]
pub(super) struct QueryRequest {
    /// The trimmed statement, or the statements.
    pub(super) statement: String,
    /// How many lines were sent before it, for the lines that errors name.
    pub(super) lines_before: usize,
    /// Where it runs.
    pub(super) target: Target,
    /// The session it names.
    pub(super) session: Option<SentId>,
    /// Whether it runs in a session of its own.
    pub(super) ephemeral: bool,
    /// `limit` as line 1 reports it.
    pub(super) limit: Option<u64>,
    /// `offset` as line 1 reports it.
    pub(super) offset: Option<u64>,
    /// Its parameters.
    pub(super) bind: Option<Bind>,
    /// How its rows are written.
    pub(super) format: ResultFormat,
    /// Its id, the client's or a new one (LQ-20).
    pub(super) id: SentId,
    /// Whether the log shows it.
    pub(super) visible: bool,
    /// Who asked, as the client says.
    pub(super) requested_by: Option<String>,
}

/// The formats of results (LQ-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
#[schema(as = Format)]
pub(super) enum ResultFormat {
    Default,
    Csv,
    Jsonl,
    Parquet,
}

impl QueryRequest {
    /// The rows to deliver.
    pub(super) fn window(&self) -> Window {
        Window { limit: self.limit, offset: self.offset.unwrap_or(0) }
    }
}

impl QueryRequest {
    /// The session that it asks for by its id.
    pub(super) fn named_session(&self) -> Option<Uuid> {
        self.session.as_ref().filter(|_| !self.ephemeral).map(SentId::id)
    }
}

impl TryFrom<QueryBody> for QueryRequest {
    type Error = ApiError;

    fn try_from(body: QueryBody) -> Result<Self> {
        check_dialect(body.dialect.as_deref())?;
        check_compute_size(body.compute_size.as_deref())?;
        let (limit, offset) = match body.sanitize {
            Some(true) => (Some(SANITIZED.0), Some(SANITIZED.1)),
            _ => (body.limit, body.offset),
        };
        let (statement, lines_before) = statement(body.statement.or(body.sql))?;
        Ok(Self {
            statement,
            lines_before,
            target: Target { catalog: body.catalog, schema: body.schema },
            session: body.session_id.map(|id| SentId::read("session_id", id)).transpose()?,
            ephemeral: body.ephemeral.unwrap_or(false),
            limit,
            offset,
            bind: body.params.map(params::bind).transpose()?,
            format: ResultFormat::named(body.format.as_deref())?,
            id: match body.query_id {
                Some(id) => SentId::read("query_id", id)?,
                None => SentId::new(Uuid::now_v7()),
            },
            visible: body.visible.unwrap_or(true),
            requested_by: body.requested_by,
        })
    }
}

impl ResultFormat {
    fn named(name: Option<&str>) -> Result<Self> {
        match name {
            None | Some("default") => Ok(Self::Default),
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::Jsonl),
            Some("parquet") => Ok(Self::Parquet),
            Some(other) => Err(ApiError::bad_request(format!("Unsupported query format: {other}"))),
        }
    }
}

fn statement(text: Option<String>) -> Result<(String, usize)> {
    let text = text.ok_or_else(|| ApiError::bad_request("the field `statement` is missing"))?;
    match text.trim() {
        "" => Err(ApiError::bad_request("the field `statement` is blank")),
        trimmed => Ok((trimmed.to_owned(), lines_before(&text))),
    }
}

fn check_dialect(dialect: Option<&str>) -> Result<()> {
    match dialect {
        Some(other) if !other.eq_ignore_ascii_case("duckdb") => {
            let message = format!("the dialect `{other}` is not supported; `duckdb` is");
            Err(ApiError::new(Code::UnsupportedDialect, message))
        }
        _ => Ok(()),
    }
}

fn check_compute_size(size: Option<&str>) -> Result<()> {
    match size {
        Some(other) if !COMPUTE_SIZES.iter().any(|size| size.eq_ignore_ascii_case(other)) => {
            Err(ApiError::bad_request(format!(
                "the compute_size `{other}` is unknown; XS, S, M, L, XL, 2XL, 3XL, 4XL and AUTO are known"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::doors::lakehouse::extract::parse;

    fn request(json: &str) -> Result<QueryRequest> {
        parse::<QueryBody>(json.as_bytes())?.try_into()
    }

    #[test]
    fn null_equals_absent_and_unknown_keys_are_ignored() {
        let request = request(
            r#"{"statement":" SELECT 1 ","catalog":null,"limit":null,"params":null,"format":null,"ephemeral":null,"query_id":null,"who":{"knows":[]}}"#,
        )
        .unwrap();
        assert_eq!(request.statement, "SELECT 1");
        assert_eq!(request.format, ResultFormat::Default);
        assert!(!request.ephemeral && request.visible && request.bind.is_none());
        assert_eq!(request.id.id().get_version_num(), 7);
    }

    #[test]
    fn sql_stands_in_for_an_absent_statement() {
        assert_eq!(request(r#"{"sql":"SELECT 2"}"#).unwrap().statement, "SELECT 2");
    }

    #[test]
    fn sanitize_discards_limit_and_offset() {
        let request = request(r#"{"statement":"x","limit":3,"offset":9,"sanitize":true}"#).unwrap();
        assert_eq!((request.limit, request.offset), (Some(500), Some(0)));
    }

    #[rstest]
    #[case::missing("{}", "the field `statement` is missing")]
    #[case::blank(r#"{"statement":" \n"}"#, "the field `statement` is blank")]
    #[case::format(r#"{"statement":"x","format":"xml"}"#, "Unsupported query format: xml")]
    #[case::session(r#"{"statement":"x","session_id":"nope"}"#, "session_id is not a UUID: `nope`")]
    #[case::query_id(r#"{"statement":"x","query_id":""}"#, "query_id is not a UUID: ``")]
    #[case::dialect(
        r#"{"statement":"x","dialect":"postgres"}"#,
        "the dialect `postgres` is not supported; `duckdb` is"
    )]
    #[case::array(r#"["SELECT 1"]"#, "the body must be a JSON object")]
    #[case::empty("", "the body is empty; it must be a JSON object")]
    fn faults_say_what_is_wrong(#[case] json: &str, #[case] message: &str) {
        assert_eq!(request(json).unwrap_err().message(), message);
    }

    #[rstest]
    #[case(r#"{"statement":1}"#)]
    #[case(r#"{"statement":"x","limit":-1}"#)]
    #[case(r#"{"statement":"x","limit":1.5}"#)]
    #[case(r#"{"statement":"x","limit":"1"}"#)]
    #[case(r#"{"statement":"x","ephemeral":"yes"}"#)]
    #[case(r#"{"statement":"x","timezone":3}"#)]
    #[case(r#"{"statement":"x","cache":"no"}"#)]
    #[case(r#"{"statement":"x","compute_size":"HUGE"}"#)]
    #[case(r#"{"statement":"x","compute_size":"5XL"}"#)]
    #[case(r#"{"statement":"x","params":3}"#)]
    #[case(r#"{"statement":"x""#)]
    fn ill_typed_fields_are_refused(#[case] json: &str) {
        assert_eq!(request(json).unwrap_err().code(), Code::BadRequest);
    }

    #[rstest]
    fn known_sizes_pass_in_any_case(#[values("xs", "Auto", "2xl", "XXXXL")] size: &str) {
        request(&format!(r#"{{"statement":"x","compute_size":"{size}","dialect":"DuckDB"}}"#)).unwrap();
    }
}
