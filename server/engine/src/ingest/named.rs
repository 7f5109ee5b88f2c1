//! Tables by names as SQL has them, for loads that a statement asks for (PW-30).

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::table::{once, resolve, table_columns};
use super::target::IngestTarget;
use crate::call::Call;
use crate::error::{Error, Result};
use crate::session::{Session, Slot, Turn};
use crate::sql::{copy as text, ingest};
use duck::types::LogicalType;

/// The catalog of a session's temporary tables.
const TEMP: &str = "temp";

/// The column by which rows are counted, beside others that have numbers for names.
const ROW: &str = "row";

impl Turn {
    /// The table of a name of one to three parts, where DuckDB would find it; none if there is none.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn table_named(self, name: Vec<String>) -> Result<(Option<IngestTarget>, Self)> {
        self.step(move |slot| find(slot, &name)).await
    }
}

impl Session {
    /// The first row, and the column in it, whose text is no value of the column's type; the columns of `rows` are texts.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn find_uncastable(
        self: &Arc<Self>,
        rows: RecordBatch,
        types: Vec<LogicalType>,
        call: &Arc<Call>,
    ) -> Result<Option<(usize, usize)>> {
        self.in_turn(call, move |slot| {
            let numbers: ArrayRef =
                Arc::new(Int64Array::from_iter_values(0..i64::try_from(rows.num_rows()).unwrap_or(0)));
            let columns: Vec<_> =
                types.into_iter().enumerate().map(|(at, ty)| (at.to_string(), ty)).collect();
            let names = columns.iter().map(|(name, _)| name.clone());
            let arrays = names.zip(rows.columns().iter().cloned()).chain([(ROW.to_owned(), numbers)]);
            let numbered =
                RecordBatch::try_from_iter(arrays).map_err(|fault| Error::internal(fault.to_string()))?;
            let scan = slot.instance().scans().register(numbered.schema(), once(&numbered))?;
            let relation = ingest::scan(scan.token(), scan.columns());
            let found =
                slot.connection()?.query(&text::first_uncastable(&relation, &columns, ROW))?.text_rows()?;
            let number = |cell: Option<&Option<String>>| cell?.as_deref()?.parse().ok();
            Ok(found.first().and_then(|row| Some((number(row.first())?, number(row.get(1))?))))
        })
        .await
    }
}

fn find(slot: &mut Slot, name: &[String]) -> Result<Option<IngestTarget>> {
    let connection = slot.connection()?;
    let target = |catalog: Option<&str>, schema: Option<&str>, table: &str| IngestTarget {
        catalog: catalog.map(str::to_owned),
        schema: schema.map(str::to_owned),
        table: table.to_owned(),
        temporary: catalog.is_some_and(|catalog| catalog.eq_ignore_ascii_case(TEMP)),
    };
    let candidates = match name {
        [table] => {
            let searched = connection.query(text::SEARCHED_SCHEMAS)?.text_rows()?;
            let searched =
                searched.iter().flatten().flatten().map(|schema| target(None, Some(schema), table));
            [target(Some(TEMP), None, table), target(None, None, table)].into_iter().chain(searched).collect()
        }
        [first, table] => vec![target(None, Some(first), table), target(Some(first), None, table)],
        [catalog, schema, table] => vec![target(Some(catalog), Some(schema), table)],
        _ => Vec::new(),
    };
    for candidate in candidates {
        let table = resolve(connection, &candidate)?;
        if table_columns(connection, &table).is_ok_and(|columns| columns.is_some()) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
