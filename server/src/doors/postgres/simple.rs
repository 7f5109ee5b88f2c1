//! Query: a text of statements, each answered in order (PW-10, PW-11).

use std::sync::Arc;

use super::catalog::CatalogSql;
use super::client::{Client, told};
use super::command::Command;
use super::copy::{self, CopyStatement};
use super::cursor::{self, Declaration};
use super::encode::ValueFormat;
use super::fault::Halt;
use super::faults;
use super::job::Job;
use super::own::{self, OwnAnswer};
use super::report::{Result, Severity, SqlReport};
use super::run::{self, Sending};
use super::statement::{PortalRows, described};
use super::tag;
use super::transaction::{Block, aborted};
use super::wire::{Gone, Out, Wire};
use duck::types::Fidelity;
use engine::{Execute, Returns, Statement, StatementKind, lexer};

/// One statement of a text.
struct QueryPart {
    sql: String,
    /// How many characters come before it.
    before: usize,
    command: Command,
    /// What it is for DuckDB if it is about PostgreSQL's catalogs.
    catalog: Option<Arc<CatalogSql>>,
}

impl QueryPart {
    fn to_run(&self) -> &str {
        self.catalog.as_ref().map_or(&self.sql, |catalog| &catalog.sql)
    }
}

/// Runs the statements of a text, and tells whether the connection goes on.
///
/// # Errors
/// `Gone` alone: everything else is told.
pub(super) async fn query(client: &mut Client, wire: &mut Wire, text: &str) -> Result<bool, Gone> {
    client.statements.remove("");
    client.portals.remove("");
    let outcome = match run_all(client, wire, text).await {
        Err(Halt::Gone) => return Err(Gone),
        Err(Halt::Told(report)) => Err(report),
        Ok(()) => Ok(()),
    };
    if let Err(report) = &outcome {
        client.note_failure();
        wire.out.report(report);
        if report.severity == Severity::Fatal {
            wire.flush().await?;
            return Ok(false);
        }
    }
    if let Err(report) = client.finish_implicit(outcome.is_err()).await
        && outcome.is_ok()
    {
        wire.out.report(&report);
    }
    client.ready(wire).await.map(|()| true)
}

async fn run_all(client: &mut Client, wire: &mut Wire, text: &str) -> Result<(), Halt> {
    client.session.limits().check_statement(text).map_err(told(text))?;
    let mut parts = Vec::new();
    for (begin, sql) in lexer::statements(text) {
        let before = text[..begin].chars().count();
        let command = Command::of(sql);
        let translated = client.translated(sql, &command).await;
        let catalog = translated.map_err(|report| report.moved(before))?;
        parts.push(QueryPart { sql: sql.to_owned(), before, command, catalog });
    }
    if parts.is_empty() {
        wire.out.empty_query();
        return Ok(());
    }
    let several = parts.len() > 1;
    if several && client.block != Block::Failed {
        judge(client, wire, &parts).await?;
    }
    for part in parts {
        let before = part.before;
        match run_one(client, wire, part, several).await {
            Err(Halt::Told(report)) => return Err(Halt::Told(Box::new(report.moved(before)))),
            ran => ran?,
        }
        wire.flush_if_full().await?;
    }
    Ok(())
}

/// A syntax error anywhere runs nothing.
async fn judge(client: &Client, wire: &mut Wire, parts: &[QueryPart]) -> Result<(), Halt> {
    let sql = parts.iter().filter(|part| part.command == Command::Sql);
    let needs_catalogs = parts.iter().any(|part| part.catalog.is_some());
    let job = client.begin_quietly("Query");
    let judged = wire.watch(async {
        let turn = client.turn(job.call(), "").await?;
        let turn = client.ready_for(turn, needs_catalogs).await?;
        let statements = sql.map(|part| part.to_run().to_owned()).collect();
        turn.judge(statements).await.map(drop).map_err(told(""))
    });
    let judged = judged.await?;
    job.done(judged.as_ref().err());
    Ok(judged?)
}

async fn run_one(client: &mut Client, wire: &mut Wire, part: QueryPart, several: bool) -> Result<(), Halt> {
    let job = client.begin("Query", &part.sql);
    job.call().notes().count_bytes_in(part.sql.len());
    let sent = wire.out.total();
    let outcome = match (faults::meet(client, wire, &job, &part.sql).await, &part.command) {
        (Err(halt), _) => Err(halt),
        (Ok(()), Command::Sql) => run_sql(client, wire, &job, &part, several).await,
        (Ok(()), Command::Declare(declaration)) => {
            run_declare(client, wire, &job, declaration, several).await
        }
        (Ok(()), Command::Fetch(fetch)) => cursor::fetch(client, wire, &job, fetch, None).await,
        (Ok(()), Command::Copy(copy)) => run_copy(client, wire, &job, copy, several).await,
        (Ok(()), command) => {
            let call = Arc::clone(job.call());
            let answer = wire.watch(client.run_own(command, &call)).await?;
            answer.map(|answer| write(&answer, true, &mut wire.out)).map_err(Halt::from)
        }
    };
    let outcome = faults::finish(client, wire, &job, outcome).await;
    job.ended(&outcome, wire.out.total() - sent);
    outcome
}

async fn run_declare(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    declaration: &Declaration,
    several: bool,
) -> Result<(), Halt> {
    if several && client.block != Block::Failed {
        let call = Arc::clone(job.call());
        wire.watch(client.begin_implicit(&call)).await??;
    }
    cursor::declare(client, wire, job, declaration, None).await
}

async fn run_copy(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    copy: &Result<CopyStatement>,
    several: bool,
) -> Result<(), Halt> {
    if several && client.block != Block::Failed {
        let call = Arc::clone(job.call());
        wire.watch(client.begin_implicit(&call)).await??;
    }
    copy::run(client, wire, job, copy).await
}

/// Writes the answer of a statement of the door's own.
pub(super) fn write(answer: &OwnAnswer, describes: bool, out: &mut Out) {
    if let Some(warning) = &answer.warning {
        out.report(warning);
    }
    if let Some((names, rows)) = &answer.rows {
        if describes {
            out.row_description(&own::describe(names), |_| 0);
        }
        rows.iter().for_each(|row| out.text_row(row.iter().map(String::as_str)));
    }
    out.command_complete(&answer.tag);
}

async fn run_sql(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    part: &QueryPart,
    several: bool,
) -> Result<(), Halt> {
    let sql = part.sql.as_str();
    let catalog = part.catalog.clone();
    if client.block == Block::Failed {
        return Err(aborted().into());
    }
    let _limit = client.limit_time(job.call().cancel());
    let call = Arc::clone(job.call());
    if several {
        wire.watch(client.begin_implicit(&call)).await??;
    }
    if let Some(catalog) = &catalog {
        wire.watch(client.set_all(&catalog.settings, None, &call)).await??;
    }
    let started = wire.watch(async {
        let mut turn = client.session.turn(&call).await?;
        if catalog.is_some() {
            turn = turn.with_postgres_catalogs().await?;
        }
        let (statement, turn) = turn.prepare(part.to_run().to_owned(), Fidelity::Exact).await?;
        let kind = statement.plan().kind;
        let request = Execute::new(Statement::Prepared(statement), Fidelity::Exact);
        turn.execute(request).await.map(|stream| (kind, stream))
    });
    let started = started.await?.map_err(told(sql));
    client.savepoints.note(started.as_ref().is_ok_and(|(kind, _)| *kind != StatementKind::Select));
    let (kind, stream) = started?;
    let returns = stream.returns();
    let rows = if returns == Returns::Rows && !tag::counts(kind, &stream.shape().columns) {
        let columns = Arc::clone(&stream.shape().columns);
        let columns = catalog.map_or_else(|| Arc::clone(&columns), |catalog| catalog.columns(&columns));
        wire.out.row_description(&described(&columns), |_| ValueFormat::Text.code());
        let mut rows = PortalRows { stream, columns, cancel: call.cancel().clone() };
        let how = Sending { sql, told: None, formats: &[], limit: usize::MAX, is_sent: true };
        rows.send(wire, job, how).await?.rows as u64
    } else {
        run::count(wire, stream, sql).await?
    };
    wire.out.command_complete(&tag::tag(sql, kind, returns, rows));
    Ok(())
}

impl SqlReport {
    /// As it is told of a text in which the statement comes after so many characters.
    fn moved(mut self, before: usize) -> Self {
        self.position = self.position.map(|at| at + before);
        self
    }
}
