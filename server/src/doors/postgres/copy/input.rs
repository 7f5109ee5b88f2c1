//! COPY FROM STDIN: rows as they come, loaded whole or not at all by the engine's ingest (PW-30).

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::columns::ColumnBuilders;
use super::options::CopyFormat;
use super::out::check;
use super::records::{RecordFault, Records};
use super::statement::{Copied, CopyStatement};
use crate::doors::postgres::client::{Client, told};
use crate::doors::postgres::encode::ValueFormat;
use crate::doors::postgres::fault::Halt;
use crate::doors::postgres::job::Job;
use crate::doors::postgres::report::{Result, SqlReport};
use crate::doors::postgres::tag;
use crate::doors::postgres::wire::Wire;
use duck::types::{Column, Fidelity, LogicalType};
use engine::ingest::{ArrowSource, Ingest, IngestMode, IngestTarget, Source};
use engine::{CancelOnDrop, Error, ErrorKind};

/// Batches that may wait for DuckDB.
const AHEAD: usize = 2;

/// Batches that are kept to say which of their rows DuckDB could not read: those that it may be at.
const KEPT: usize = AHEAD + 2;

/// So much of a message is read at a time.
const PIECE: usize = 1 << 20;

/// How much of a line or a value an error shows.
const SHOWN: usize = 100;

/// What goes to DuckDB's thread: without its end, the load fails.
enum CopyPart {
    Rows(RecordBatch),
    Failed(Error),
    End,
}

/// The receiving end, which blocks DuckDB's thread while the client is slower.
struct CopiedBatches(Option<mpsc::Receiver<CopyPart>>);

impl Iterator for CopiedBatches {
    type Item = engine::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.0.as_mut()?.blocking_recv() {
            Some(CopyPart::Rows(batch)) => return Some(Ok(batch)),
            Some(CopyPart::End) => None,
            Some(CopyPart::Failed(error)) => Some(Err(error)),
            None => Some(Err(abandoned())),
        };
        self.0 = None;
        item
    }
}

fn abandoned() -> Error {
    Error::new(ErrorKind::Cancelled, "the COPY was given up")
}

/// Takes the rows, and gives their number.
///
/// # Errors
/// What is wrong with the table, the rows or their values; 57014 when the client gives up.
pub(super) async fn run(
    client: &Client,
    wire: &mut Wire,
    job: &Job,
    copy: &CopyStatement,
) -> Result<u64, Halt> {
    let Copied::Table { name, columns } = &copy.what else {
        return Err(SqlReport::error("42601", "a query cannot be copied from").into());
    };
    let (target, columns) = wire.watch(find(client, job, name, columns)).await??;
    check(&copy.options.force_not_null, &columns)?;
    check(&copy.options.force_null, &columns)?;
    let format =
        if copy.options.format == CopyFormat::Binary { ValueFormat::Binary } else { ValueFormat::Text };
    wire.out.copy_response(b'G', format.code(), columns.len());
    wire.flush().await?;
    let mut reading = Reading::new(client, job, copy, &columns, name);
    let (sender, receiver) = mpsc::channel(AHEAD);
    let source =
        ArrowSource { schema: reading.builders.schema(), batches: Box::new(CopiedBatches(Some(receiver))) };
    let ingest = Ingest { target, mode: IngestMode::APPEND, source: Source::Arrow(source), keys: None };
    // A client that goes interrupts its load.
    let _gone = CancelOnDrop::new(job.call().cancel(), "the client went away");
    let load = client.session.ingest(ingest, job.call());
    tokio::pin!(load);
    let outcome = tokio::select! {
        biased;
        // A load that ends before its rows has failed.
        loaded = &mut load => loaded.map(|_| ()),
        read = reading.forward(wire, &sender) => {
            let fault = match read {
                Err(Halt::Gone) => return Err(Halt::Gone),
                Err(Halt::Told(report)) => Some(report),
                Ok(()) => None,
            };
            let last = fault.as_ref().map_or(CopyPart::End, |_| CopyPart::Failed(abandoned()));
            // A load that does not take it has failed by itself.
            let (_, loaded) = tokio::join!(sender.send(last), wire.watch(&mut load));
            let loaded = loaded?;
            if let Some(report) = fault {
                return Err(Halt::Told(report));
            }
            loaded.map(|_| ())
        }
    };
    match outcome {
        Ok(()) => Ok(reading.rows),
        Err(error) => Err(reading.placed(client, wire, &error).await?.into()),
    }
}

/// The table and those of its columns that are copied.
async fn find(
    client: &Client,
    job: &Job,
    name: &[String],
    columns: &[String],
) -> Result<(IngestTarget, Arc<[Column]>)> {
    let sql = engine::table_rows(name, columns);
    let turn = client.turn(job.call(), "").await?;
    let (statement, turn) = turn.prepare(sql, Fidelity::Exact).await.map_err(told(""))?;
    let (target, _turn) = turn.table_named(name.to_vec()).await.map_err(told(""))?;
    let shown = name.join(".");
    let target = target
        .ok_or_else(|| SqlReport::error("42809", format!("cannot copy to \"{shown}\", which is no table")))?;
    Ok((target, Arc::clone(&statement.plan().shape.columns)))
}

/// The rows on their way from the client.
struct Reading<'a> {
    job: &'a Job,
    copy: &'a CopyStatement,
    records: Records,
    builders: ColumnBuilders,
    table: &'a str,
    rows: u64,
    /// The lines of the batch that is being filled.
    lines: Vec<u64>,
    /// The batches handed over last, with their lines.
    kept: VecDeque<(RecordBatch, Vec<u64>)>,
}

impl<'a> Reading<'a> {
    fn new(
        client: &Client,
        job: &'a Job,
        copy: &'a CopyStatement,
        columns: &[Column],
        name: &'a [String],
    ) -> Self {
        let limits = client.session.limits();
        let longest = usize::try_from(limits.statement.max(limits.tenant_held)).unwrap_or(usize::MAX);
        let names = columns.iter().map(|column| column.name.clone()).collect();
        Self {
            job,
            copy,
            records: Records::new(&copy.options, names, longest),
            builders: ColumnBuilders::new(columns, copy.options.format),
            table: name.last().map_or("", String::as_str),
            rows: 0,
            lines: Vec::new(),
            kept: VecDeque::new(),
        }
    }

    /// Reads the client's messages to the end of its rows, and hands these on.
    async fn forward(&mut self, wire: &mut Wire, sender: &mpsc::Sender<CopyPart>) -> Result<(), Halt> {
        loop {
            let (tag, body) = wire.message().await?;
            match tag {
                b'd' => {
                    self.job.call().notes().count_bytes_in(body.len());
                    for chunk in body.chunks(PIECE) {
                        self.records.feed(chunk);
                        self.read(false, sender).await?;
                    }
                }
                b'c' => return Ok(self.read(true, sender).await?),
                b'f' => {
                    let why = String::from_utf8_lossy(body.strip_suffix(b"\0").unwrap_or(&body)).into_owned();
                    let report = SqlReport::error("57014", format!("{} from stdin failed: {why}", tag::COPY));
                    return Err(report.in_context(self.place(self.records.line(), None, None)).into());
                }
                // Clients send these without knowing that what they ran was a COPY.
                b'H' | b'S' => {}
                tag => {
                    let message =
                        format!("unexpected message type 0x{tag:02X} during {} from stdin", tag::COPY);
                    wire.out.report(&SqlReport::error("08P01", message));
                    let message = "terminating connection because protocol synchronization was lost";
                    return Err(SqlReport::fatal("08P01", message).into());
                }
            }
        }
    }

    /// Reads the records that are there.
    async fn read(&mut self, is_all: bool, sender: &mpsc::Sender<CopyPart>) -> Result<()> {
        while let Some(mut record) = self.records.next(is_all).map_err(|fault| self.told(*fault))? {
            if self.copy.options.format == CopyFormat::Csv {
                self.force(&mut record.values);
            }
            if let Err((report, at)) = self.builders.add(&record.values) {
                let value = record.values.get(at).and_then(Option::as_ref);
                // Whether bytes are a text is not a column's matter.
                let at = Some(at).filter(|_| report.code != "22021");
                let value = value.filter(|_| at.is_some());
                return Err(report.in_context(self.place(record.line, at, value)));
            }
            if let Some(line) = &record.short {
                let missing = self.builders.columns().nth(record.values.len());
                let missing = missing.map_or("", |column| column.name.as_str());
                let report = SqlReport::error("22P04", format!("missing data for column \"{missing}\""));
                return Err(report.in_context(self.place(record.line, None, Some(line))));
            }
            self.rows += 1;
            self.lines.push(record.line);
            if self.builders.is_full() {
                self.hand_over(sender).await?;
            }
        }
        if is_all { self.hand_over(sender).await } else { Ok(()) }
    }

    /// What stands for NULL is a text, and the other way round, in the columns that the options name.
    fn force(&self, values: &mut [Option<Bytes>]) {
        let options = &self.copy.options;
        for (value, column) in values.iter_mut().zip(self.builders.columns()) {
            match value {
                None if options.force_not_null.has(&column.name) => {
                    *value = Some(Bytes::copy_from_slice(options.null.as_bytes()));
                }
                Some(text) if options.force_null.has(&column.name) && *text == options.null.as_bytes() => {
                    *value = None;
                }
                _ => {}
            }
        }
    }

    async fn hand_over(&mut self, sender: &mpsc::Sender<CopyPart>) -> Result<()> {
        let Some(batch) = self.builders.take()? else { return Ok(()) };
        self.job.call().count_rows(batch.num_rows() as u64);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((batch.clone(), std::mem::take(&mut self.lines)));
        // A load that takes no more has failed, and says why.
        let _ = sender.send(CopyPart::Rows(batch)).await;
        Ok(())
    }

    /// A fault of a record, with its place.
    fn told(&self, fault: RecordFault) -> SqlReport {
        match fault.line {
            Some(line) => fault.report.in_context(self.place(line, fault.column, fault.text.as_ref())),
            None => fault.report,
        }
    }

    /// A line, a column in it, and what stands there, as PostgreSQL names them.
    fn place(&self, line: u64, column: Option<usize>, text: Option<&Bytes>) -> String {
        let column = column.and_then(|at| self.builders.columns().nth(at));
        let column = column.map(|column| format!(", column {}", column.name)).unwrap_or_default();
        let is_binary = self.copy.options.format == CopyFormat::Binary;
        let text = text.filter(|_| !is_binary).map(|text| {
            let text = String::from_utf8_lossy(text);
            let shown: String = text.chars().take(SHOWN).collect();
            let more = if shown.len() < text.len() { "..." } else { "" };
            format!(": \"{shown}{more}\"")
        });
        format!("{} {}, line {line}{column}{}", tag::COPY, self.table, text.unwrap_or_default())
    }

    /// DuckDB's error, with the place of the value that it could not read if there is one.
    async fn placed(&self, client: &Client, wire: &mut Wire, error: &Error) -> Result<SqlReport, Halt> {
        let report = SqlReport::of(error, "");
        if error.kind() != ErrorKind::Sql || !report.code.starts_with("22") {
            return Ok(report);
        }
        match wire.watch(self.find_unread(client)).await? {
            Ok(Some((line, column))) => Ok(report.in_context(self.place(line, Some(column), None))),
            Ok(None) => Ok(report),
            Err(error) => {
                tracing::debug!(%error, "the place of a value is not found");
                Ok(report)
            }
        }
    }

    /// The line and the column of the first value that is none of its type, among the rows handed over last. A session of its
    /// own looks for it: that of the client may be in a transaction that has failed.
    async fn find_unread(&self, client: &Client) -> engine::Result<Option<(u64, usize)>> {
        let session = client.tenant.open_session().await?;
        let types: Vec<LogicalType> = self.builders.columns().map(|column| column.ty.clone()).collect();
        let job = client.begin_quietly("Copy");
        let mut found = Ok(None);
        for (batch, lines) in &self.kept {
            let looked = session.find_uncastable(batch.clone(), types.clone(), job.call()).await;
            found = looked.map(|found| found.and_then(|(row, column)| Some((*lines.get(row)?, column))));
            if !matches!(found, Ok(None)) {
                break;
            }
        }
        client.tenant.sessions().remove(session.id());
        session.close().await;
        job.done(None);
        found
    }
}
