//! Help with a statement that is not run: its plan, and how it could go on (LE, LA).

use std::sync::Arc;

use super::call::Call;
use super::session::{Session, Target, plan, visit};
use super::sql::assist as text;
use crate::error::{Error, Result};

/// One way to go on with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What to write.
    pub text: String,
    /// Where it begins: the byte of the text from which it replaces.
    pub start: usize,
    /// DuckDB's word for what it is, such as `keyword` or `scalar_function`.
    pub kind: String,
    /// 0 for the best; the greater the worse.
    pub score: u64,
    /// What to write behind it.
    pub extra: Option<String>,
}

impl Session {
    /// DuckDB's plan of a statement as JSON text: an array of one tree. Executes nothing.
    ///
    /// # Errors
    /// DuckDB's error; NotOneStatement; Refused.
    pub async fn explain(self: &Arc<Self>, sql: String, to: Target, call: &Arc<Call>) -> Result<String> {
        call.notes().states(&sql);
        self.in_turn(call, move |slot| {
            let in_transaction = slot.in_transaction();
            visit(slot.connection()?, &to, |connection| {
                // Planned by itself first: the text must be one statement before anything is put in front of it.
                let planned = plan(connection, &sql)?;
                let has_no_plan = planned.has_no_plan();
                planned.foresee(connection, in_transaction, &sql, |_| Ok(()))?;
                if has_no_plan {
                    return Ok(NO_PLAN.to_owned());
                }
                let explain = text::explain_json(&sql);
                let rows =
                    plan(connection, &explain)?.foresee(connection, in_transaction, &explain, |last| {
                        Ok(last.execute()?.text_rows()?)
                    })?;
                let plan = rows.into_iter().next().and_then(|row| row.into_iter().nth(1)).flatten();
                plan.ok_or_else(|| Error::internal("DuckDB explained a statement without a plan"))
            })
        })
        .await
    }

    /// How a text could go on, the best first.
    ///
    /// # Errors
    /// DuckDB's error, such as for a library without the autocomplete extension; InvalidArgument for a text that goes too
    /// deep to be completed.
    pub async fn complete(
        self: &Arc<Self>,
        sql: String,
        to: Target,
        call: &Arc<Call>,
    ) -> Result<Vec<Suggestion>> {
        check_completable(&sql)?;
        call.notes().states(&sql);
        self.in_turn(call, move |slot| {
            visit(slot.connection()?, &to, |connection| {
                let rows = connection.query(&text::complete(&sql))?.text_rows()?;
                Ok(rows.into_iter().filter_map(suggestion).collect())
            })
        })
        .await
    }
}

/// The plan of a statement that DuckDB expands and does not explain, such as an ADD COLUMN with a computed default.
const NO_PLAN: &str = "[]";

/// The longest text that is completed, and the most brackets in it. The parser behind the completions goes as deep on the
/// thread's stack as a text opens brackets (LX-17).
const COMPLETABLE: usize = 256 << 10;
const BRACKETS: usize = 1000;

fn check_completable(text: &str) -> Result<()> {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count();
    if text.len() <= COMPLETABLE && brackets <= BRACKETS {
        return Ok(());
    }
    let limits = format!("{COMPLETABLE} bytes and {BRACKETS} opening brackets");
    Err(Error::invalid(format!("A text to complete may have {limits}")))
}

fn suggestion(row: Vec<Option<String>>) -> Option<Suggestion> {
    let [text, start, kind, score, extra] = <[Option<String>; 5]>::try_from(row).ok()?;
    Some(Suggestion {
        text: text?,
        start: start?.parse().ok()?,
        kind: kind?,
        score: score?.parse().ok()?,
        extra: extra.filter(|extra| !extra.is_empty()),
    })
}
