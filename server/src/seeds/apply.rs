//! A seed on its way into a database.

use std::io::{self, Read, Write as _};
use std::sync::Arc;

use super::layout::SeedPart;
use super::{Seed, SeedFile, SeedPosition, events};
use crate::doors::lakehouse;
use duck::types::Fidelity;
use engine::ingest::{Ingest, IngestMode, UploadFile};
use engine::{
    Call, CancelOnDrop, Error, ErrorKind, Execute, Result, Script, Session, Staging, Statement, lexer,
    run_blocking,
};

/// What a text may begin with that tells its encoding.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Applies the files of a seed, in their order, until the first fault. Dropped before its end, it ends what it runs.
///
/// # Errors
/// InvalidArgument, naming the file, its line or row, and what is wrong; LimitExceeded; Internal.
pub(crate) async fn apply(seed: &Seed, staging: &Staging, position: &SeedPosition) -> Result<()> {
    for file in &seed.files {
        position.is_in(&file.shown);
        // Closing a file's session may cancel the call that it ran last, so that each has one of its own.
        let call = Call::of_server("a seed");
        let _given_up = CancelOnDrop::new(call.cancel(), "the seed was given up");
        let work = Arc::clone(file);
        let applied = match file.part {
            SeedPart::Sql { .. } => run(work, staging, &call, position).await,
            SeedPart::Rows { .. } => load(work, staging, &call).await,
            SeedPart::Identities | SeedPart::Events => events::take(work, staging, &call).await,
        };
        applied.map_err(|error| placed(&error, &file.shown))?;
    }
    position.is_in("");
    Ok(())
}

/// An error with the file's name before it. What is not the server's fault is the seed's.
fn placed(error: &Error, shown: &str) -> Error {
    let kind = match error.kind() {
        kind @ (ErrorKind::Internal | ErrorKind::LimitExceeded | ErrorKind::Cancelled) => kind,
        _ => ErrorKind::InvalidArgument,
    };
    // A line comes right behind the name.
    let between = if error.message().starts_with(LINE) { "" } else { ": " };
    Error::new(kind, format!("{shown}{between}{}", error.message()))
}

/// How an error begins that tells its line in the file.
const LINE: &str = ", line ";

/// An error that tells the line of a file.
pub(super) fn on_line(error: &Error, line: usize) -> Error {
    Error::new(error.kind(), format!("{LINE}{line}: {}", error.message()))
}

/// Reads a text whole; blocks.
fn text(file: &SeedFile) -> Result<String> {
    let mut bytes = Vec::new();
    file.open().and_then(|mut reader| reader.read_to_end(&mut bytes)).map_err(|fault| unreadable(&fault))?;
    let text = String::from_utf8(bytes).map_err(|fault| {
        let line =
            1 + fault.as_bytes()[..fault.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        on_line(&Error::invalid("it is not UTF-8"), line)
    })?;
    Ok(without_mark(&text).to_owned())
}

pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

pub(super) fn unreadable(fault: &io::Error) -> Error {
    Error::invalid(format!("it cannot be read: {fault}"))
}

/// Runs the statements of a file, one by one, in a session of its own.
async fn run(
    file: Arc<SeedFile>,
    staging: &Staging,
    call: &Arc<Call>,
    position: &SeedPosition,
) -> Result<()> {
    let shown = file.shown.clone();
    let text = run_blocking(move || text(&file)).await?;
    let session = staging.tenant().open_session().await?;
    let at = |line: usize| position.is_in(&format!("{shown}{LINE}{line}"));
    let ran = statements(&text, &session, call, at).await;
    let open = session.transaction().is_open();
    session.close().await;
    ran?;
    match open {
        true => Err(Error::invalid("it ends within a transaction: a COMMIT is missing")),
        false => Ok(()),
    }
}

async fn statements(text: &str, session: &Arc<Session>, call: &Arc<Call>, at: impl Fn(usize)) -> Result<()> {
    let (mut line, mut counted) = (0, 0);
    for (begin, sql) in lexer::statements(text) {
        line += lines(&text[counted..begin]);
        counted = begin;
        session.limits().check_statement(sql)?;
        let first = line + lines(&sql[..sql.len() - lexer::behind(sql, 0).len()]) + 1;
        at(first);
        let script = Script::new(sql.to_owned(), line);
        let ran = execute(session, script, call).await;
        ran.map_err(|error| on_line(&error, first))?;
    }
    Ok(())
}

async fn execute(session: &Arc<Session>, script: Script, call: &Arc<Call>) -> Result<()> {
    let mut rows = session.execute(Execute::new(Statement::Script(script), Fidelity::Exact), call).await?;
    while let Some(batch) = rows.next().await {
        batch?;
    }
    Ok(())
}

fn lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// Loads the rows of a file by the rules of /upload (LU), making table and schema if they are missing.
async fn load(file: Arc<SeedFile>, staging: &Staging, call: &Arc<Call>) -> Result<()> {
    let SeedPart::Rows { target, format } = file.part.clone() else {
        return Err(Error::internal("only rows are loaded"));
    };
    let session = staging.tenant().open_session().await?;
    let limits = *session.limits();
    let place = Arc::clone(&session);
    let source = run_blocking(move || {
        let (copied, head) = copied(&file, &place)?;
        lakehouse::file_source(format, copied, &head, &limits)
    });
    let table = target.table.clone();
    let loaded = match source.await {
        Ok(source) => {
            let ingest = Ingest { target, mode: IngestMode::CREATE_APPEND, source, keys: None };
            session.ingest(ingest, call).await.map(drop)
        }
        Err(error) => Err(error),
    };
    session.close().await;
    loaded.map_err(|error| match error.kind() {
        ErrorKind::CatalogNotFound => {
            Error::invalid(format!("{}; declare the catalog with --catalog", error.message()))
        }
        _ => lakehouse::in_duckdb_words(error, &table),
    })
}

/// The file in the one folder where DuckDB may read, and its first bytes.
fn copied(file: &SeedFile, session: &Session) -> Result<(UploadFile, Vec<u8>)> {
    let mut copy = session.upload_file()?;
    let mut reader = file.open().map_err(|fault| unreadable(&fault))?;
    let mut head = Vec::new();
    reader.by_ref().take(HEAD).read_to_end(&mut head).map_err(|fault| unreadable(&fault))?;
    if head.is_empty() {
        return Err(Error::invalid("it is empty"));
    }
    let written =
        copy.write_all(&head).and_then(|()| io::copy(&mut reader, &mut copy)).and_then(|_| copy.flush());
    written.map_err(|fault| Error::internal(format!("cannot copy it to the folder in TMPDIR: {fault}")))?;
    Ok((copy, head))
}

/// How much of a file's beginning is looked at.
const HEAD: u64 = 4096;
