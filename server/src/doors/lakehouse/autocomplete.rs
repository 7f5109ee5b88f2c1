//! `POST /autocomplete`: how a statement could go on (LA).

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Caller, JsonBody};
use super::openapi::JsonAnswers;
use super::response::Result;
use super::statement::{self, ConnectionErrors, Context};
use engine::Suggestion;

/// How many suggestions are given when the request does not say, or says 0 (LA-03).
const DEFAULT: usize = 20;

/// How many suggestions are given at most (LA-03).
const MOST: usize = 200;

/// A text to complete.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"statement": "SEL", "max_suggestions": 1}))]
pub(super) struct AutocompleteBody {
    #[schema(nullable = false, required = true)]
    statement: Option<String>,
    catalog: Option<String>,
    schema: Option<String>,
    #[schema(format = Uuid)]
    session_id: Option<String>,
    max_suggestions: Option<u64>,
}

/// The ways to go on, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Completions {
    suggestions: Vec<Completion>,
    statement: String,
    connections_errors: ConnectionErrors,
}

/// One way to go on.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"suggestion": "SELECT", "suggestion_start": 0, "suggestion_type": "keyword",
    "suggestion_score": 0, "extra_char": null}))]
pub(super) struct Completion {
    suggestion: String,
    /// Where replacement begins, in Unicode code points.
    suggestion_start: usize,
    suggestion_type: SuggestionKind,
    suggestion_score: u64,
    /// What to write behind it, other than a blank.
    extra_char: Option<String>,
}

/// What a suggestion is (LA-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Kind)]
pub(super) enum SuggestionKind {
    Keyword,
    Catalog,
    Schema,
    Table,
    Column,
    Function,
}

/// Completes a text in the named session's context.
///
/// # Errors
/// `bad-request` for a missing statement or a malformed session id; `limit-exceeded`.
#[utoipa::path(post, path = "/autocomplete", tag = "Query", request_body = AutocompleteBody,
    responses((status = 200, body = Completions, description = "The best suggestions first"), JsonAnswers))]
pub(super) async fn run(
    caller: Caller,
    JsonBody(body): JsonBody<AutocompleteBody>,
) -> Result<Json<Completions>> {
    let statement = statement::required(&caller.0, body.statement)?;
    let Context { target, session } =
        Context::open(&caller, &statement, body.catalog, body.schema, body.session_id).await?;
    let _gone = caller.cancel_on_drop();
    let completed = session.complete(statement.clone(), target, &caller.1).await;
    let most = match usize::try_from(body.max_suggestions.unwrap_or(0)).unwrap_or(MOST) {
        0 => DEFAULT,
        asked => asked.min(MOST),
    };
    let found = statement::told(completed, 0)?.unwrap_or_default();
    let suggestions = found.into_iter().take(most).map(|found| completion(&statement, found)).collect();
    Ok(Json(Completions { suggestions, statement, connections_errors: ConnectionErrors {} }))
}

fn completion(statement: &str, found: Suggestion) -> Completion {
    let extra = found.extra.unwrap_or_default();
    let text = found.text.strip_suffix(extra.as_str()).unwrap_or(&found.text);
    let before = statement.get(..found.start).unwrap_or(statement);
    Completion {
        suggestion: text.to_owned(),
        suggestion_start: before.chars().count(),
        suggestion_type: kind(&found.kind),
        suggestion_score: found.score,
        extra_char: Some(extra).filter(|extra| !extra.trim().is_empty()),
    }
}

/// DuckDB knows several sorts of functions, and files, types and settings, which are words to a user.
fn kind(duckdb: &str) -> SuggestionKind {
    match duckdb {
        "catalog" => SuggestionKind::Catalog,
        "schema" => SuggestionKind::Schema,
        "table" => SuggestionKind::Table,
        "column" => SuggestionKind::Column,
        function if function.ends_with("function") => SuggestionKind::Function,
        _ => SuggestionKind::Keyword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, start: usize, kind: &str, extra: Option<&str>) -> Suggestion {
        Suggestion {
            text: text.to_owned(),
            start,
            kind: kind.to_owned(),
            score: 1,
            extra: extra.map(str::to_owned),
        }
    }

    #[test]
    fn offsets_count_code_points() {
        let completion = completion("SELECT 'ü日', conc", found("concat", 16, "scalar_function", None));
        assert_eq!((completion.suggestion_start, completion.suggestion_type), (13, SuggestionKind::Function));
    }

    #[test]
    fn blanks_behind_a_suggestion_are_left_out() {
        let keyword = completion("SEL", found("SELECT ", 0, "keyword", Some(" ")));
        assert_eq!((keyword.suggestion.as_str(), keyword.extra_char), ("SELECT", None));
        let catalog = completion("FROM mem", found("memory.", 5, "catalog", Some(".")));
        assert_eq!((catalog.suggestion.as_str(), catalog.extra_char.as_deref()), ("memory", Some(".")));
    }
}
