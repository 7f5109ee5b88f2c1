//! COPY TO STDOUT: rows as they are computed, each a message.

use std::sync::Arc;

use super::options::{ColumnChoice, CopyFormat, Header};
use super::statement::{Copied, CopyStatement};
use super::write::RowWriter;
use crate::doors::postgres::client::{Client, told};
use crate::doors::postgres::command::Command;
use crate::doors::postgres::encode::ValueFormat;
use crate::doors::postgres::fault::Halt;
use crate::doors::postgres::job::Job;
use crate::doors::postgres::report::{Result, SqlReport};
use crate::doors::postgres::wire::Wire;
use duck::types::{Column, Fidelity};
use engine::{Execute, ResultStream, Returns, Statement};

/// Sends the rows, and gives their number.
///
/// # Errors
/// DuckDB's; 0A000 for a statement that gives no rows, 42703 for an option about a column that there is not.
pub(super) async fn run(
    client: &Client,
    wire: &mut Wire,
    job: &Job,
    copy: &CopyStatement,
) -> Result<u64, Halt> {
    let sql = match &copy.what {
        Copied::Table { name, columns } => engine::table_rows(name, columns),
        Copied::Query(sql) => sql.clone(),
    };
    let call = Arc::clone(job.call());
    let catalog = client.translated(&sql, &Command::Sql).await?;
    let sql = catalog.as_ref().map_or(sql, |catalog| catalog.sql.clone());
    let stream = wire.watch(async {
        let turn = client.turn(&call, "").await?;
        let turn = client.ready_for(turn, catalog.is_some()).await?;
        let (statement, turn) = turn.prepare(sql, Fidelity::Exact).await.map_err(told(""))?;
        if statement.plan().returns != Returns::Rows {
            return Err(SqlReport::error(
                "0A000",
                "a query that is copied must give rows, by RETURNING if it changes some",
            ));
        }
        let request = Execute::new(Statement::Prepared(statement), Fidelity::Exact);
        turn.execute(request).await.map_err(told(""))
    });
    let stream = stream.await??;
    let columns = Arc::clone(&stream.shape().columns);
    let columns = catalog.map_or(Arc::clone(&columns), |catalog| catalog.columns(&columns));
    check(&copy.options.force_quote, &columns)?;
    send(wire, job, copy, stream, &columns).await
}

/// An option may name columns that are copied alone.
pub(super) fn check(choice: &ColumnChoice, columns: &[Column]) -> Result<()> {
    let ColumnChoice::These(names) = choice else { return Ok(()) };
    let missing =
        names.iter().find(|name| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)));
    match missing {
        None => Ok(()),
        Some(name) => Err(SqlReport::error("42703", format!("column \"{name}\" does not exist"))),
    }
}

async fn send(
    wire: &mut Wire,
    job: &Job,
    copy: &CopyStatement,
    mut stream: ResultStream,
    columns: &[Column],
) -> Result<u64, Halt> {
    let is_binary = copy.options.format == CopyFormat::Binary;
    let format = if is_binary { ValueFormat::Binary } else { ValueFormat::Text };
    wire.out.copy_response(b'H', format.code(), columns.len());
    let mut writer = RowWriter::new(&copy.options, columns);
    if copy.options.header != Header::No {
        writer.header(columns, &mut wire.out);
    }
    let mut rows = 0;
    while let Some(batch) = wire.watch(stream.next()).await? {
        let batch = batch.map_err(told(""))?;
        let mut from = 0;
        while from < batch.num_rows() {
            let written = writer.rows(&batch, columns, from, &mut wire.out)?;
            from += written;
            job.count_rows(written);
            wire.flush_if_full().await?;
        }
        rows += batch.num_rows() as u64;
    }
    writer.end(&mut wire.out);
    wire.out.copy_done();
    Ok(rows)
}
