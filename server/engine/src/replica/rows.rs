//! Hands the rows of one database's tables over to another's.
//!
//! One thread reads while this one writes, so that the next rows are there when the last ones are in.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{iter, thread};

use parking_lot::Mutex;

use super::blueprint::TablePlan;
use crate::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::instance::Instance;
use crate::sql;
use crate::sql::blueprint as text;
use duck::{Chunk, Connection, RowLayout};

/// How many chunks of up to 2,048 rows may wait to be written.
const AHEAD: usize = 32;

/// What was read.
enum Piece {
    /// A table that has rows, which follow.
    Begin(RowLayout),
    Rows(Chunk),
    /// The end of a table.
    End,
}

type Pieces = Arc<Mutex<Receiver<duck::Result<Piece>>>>;

/// Fills the tables of the target, in their order, with the rows that the source's connection sees.
///
/// # Errors
/// DuckDB's, for the table that it names.
pub(super) fn hand_over(
    source: &Arc<Instance>,
    connection: Connection,
    (target, site): (&Instance, &Connection),
    mut tables: Vec<TablePlan>,
) -> Result<()> {
    for table in tables.iter_mut().filter(|table| table.has_generated) {
        stand_by(table, site)?;
        // DuckDB is asked which columns are computed: it does not list them.
        let is_written = |column: &String| site.prepare(&text::give_column(&table.name, column)).is_ok();
        table.columns.retain(is_written);
    }
    let selects: Vec<_> = tables.iter().map(|table| text::rows_of(&table.name, &table.columns)).collect();
    let (sender, receiver) = sync_channel(AHEAD);
    let pieces: Pieces = Arc::new(Mutex::new(receiver));
    // The vectors that are handed over belong to it.
    let _source = Arc::clone(source);
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("copies rows".to_owned()).stack_size(duck::STACK_BYTES);
        let started = reader.spawn_scoped(scope, || {
            blocking::prepare_thread();
            if let Err(error) = read(&connection, &selects, &sender) {
                // Whoever writes has failed if nobody hears of it.
                let _ = sender.send(Err(error));
            }
            drop((sender, connection));
        });
        started.map_err(|fault| Error::internal(format!("no thread could be started: {fault}")))?;
        let written = tables.iter().try_for_each(|table| fill(table, target, site, &pieces));
        // Nobody reads any more: the reader ends.
        drop(pieces);
        written
    })
}

/// Reads every table.
fn read(
    connection: &Connection,
    selects: &[String],
    sender: &SyncSender<duck::Result<Piece>>,
) -> duck::Result<()> {
    let gone = |_| duck::Error::new(duck::ErrorKind::Internal, "nobody takes the rows");
    for select in selects {
        let mut statement = connection.prepare(select)?;
        let mut rows = statement.start_streaming()?.execute()?;
        let mut layout = Some(RowLayout::of(&statement));
        while let Some(chunk) = rows.fetch()? {
            if let Some(layout) = layout.take_if(|_| chunk.rows() > 0) {
                sender.send(Ok(Piece::Begin(layout))).map_err(gone)?;
            }
            if layout.is_none() {
                sender.send(Ok(Piece::Rows(chunk))).map_err(gone)?;
            }
        }
        sender.send(Ok(Piece::End)).map_err(gone)?;
    }
    Ok(())
}

/// What was read next.
fn next(pieces: &Pieces) -> duck::Result<Piece> {
    let ended = |_| Err(duck::Error::new(duck::ErrorKind::Internal, "the rows have ended early"));
    pieces.lock().recv().unwrap_or_else(ended)
}

/// Has names be looked up near a table: those of its constraints and computed columns.
fn stand_by(table: &TablePlan, site: &Connection) -> Result<()> {
    let (catalog, schema) = &table.step.place;
    Ok(site.run(&sql::use_schema(catalog, schema))?)
}

/// Writes one table.
fn fill(table: &TablePlan, target: &Instance, site: &Connection, pieces: &Pieces) -> Result<()> {
    let Piece::Begin(layout) = next(pieces)? else { return Ok(()) };
    if table.is_bound_by_names {
        stand_by(table, site)?;
    }
    let more = Arc::clone(pieces);
    let chunks = iter::from_fn(move || match next(&more) {
        Ok(Piece::Rows(chunk)) => Some(Ok(chunk)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let rows = target.scans().register_chunks(layout, Box::new(chunks));
    let own_keys = table.own_keys();
    let filled = if own_keys.is_empty() {
        site.run(&text::fill_table(&table.name, &table.columns, rows.token())).map_err(Error::from)
    } else {
        let waiting = text::fill_waiting(&table.columns, rows.token());
        site.run(&waiting).map_err(Error::from).and_then(|()| let_in(table, site))
    };
    filled.map_err(|error| {
        let message = format!("{} cannot be copied: {}", table.step.what, error.message());
        Error::new(ErrorKind::FailedPrecondition, message)
    })
}

/// Writes the rows of a table that refers to itself, each after those that it refers to.
fn let_in(table: &TablePlan, site: &Connection) -> Result<()> {
    let [find, write, take_off] = text::let_in(&table.name, &table.columns, &table.own_keys());
    let any = |sql| -> Result<bool> { Ok(!site.query(sql)?.text_rows()?.is_empty()) };
    while any(text::ANY_WAITING)? {
        site.run(&find)?;
        if !any(text::ANY_READY)? {
            let message = "its rows refer to one another in a circle";
            return Err(Error::new(ErrorKind::Sql, message));
        }
        site.run(&write)?;
        site.run(&take_off)?;
    }
    Ok(site.run(text::END_WAITING)?)
}
