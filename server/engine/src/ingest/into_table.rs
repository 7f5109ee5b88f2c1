//! From a relation into the table, by what the ingest asks and whether the table is there.

use super::enums;
use super::request::{IfExists, IfMissing, Ingested};
use super::source;
use super::table::view;
use super::table_load::{Matched, TableLoad};
use super::upsert;
use crate::error::Result;
use crate::sql::ingest as text;
use duck::types::Column;

/// Loads `relation`; `towards` gives it again as it is best read into columns of known types.
///
/// # Errors
/// As `Session::ingest`.
pub(super) fn load(
    job: &TableLoad<'_>,
    existing: Option<Vec<Column>>,
    relation: &str,
    towards: impl FnOnce(&Matched) -> Result<String>,
) -> Result<Ingested> {
    if existing.is_some()
        && job.mode.if_exists != IfExists::Fail
        && let Some(view) = view(job.connection, &job.table)?
    {
        return Err(view);
    }
    let rows = match (existing, &job.keys) {
        (None, _) if job.mode.if_missing == IfMissing::Fail => return Err(job.missing()),
        (None, None) => job.create(text::Existing::Refuse, relation),
        (None, Some(keys)) => upsert::create(job, text::Existing::Refuse, relation, keys),
        (Some(_), _) if job.mode.if_exists == IfExists::Fail => return Err(job.exists()),
        (Some(_), None) if job.mode.if_exists == IfExists::Replace => {
            job.create(text::Existing::Replace, relation)
        }
        (Some(_), Some(keys)) if job.mode.if_exists == IfExists::Replace => {
            upsert::create(job, text::Existing::Replace, relation, keys)
        }
        (Some(columns), keys) => {
            let pairs = Matched::new(source::columns(job.connection, relation)?, &columns)?;
            let relation = towards(&pairs)?;
            let loaded = match keys {
                None => job.append(&pairs, &relation),
                Some(keys) => upsert::merge(job, &pairs, &relation, keys),
            };
            loaded.map_err(|error| enums::called_so(error, &pairs.types))
        }
    }?;
    Ok(Ingested { rows })
}
