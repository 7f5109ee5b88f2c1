//! Parse, Bind, Describe and Close (PW-12 to PW-19).

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::catalog;
use super::client::{Client, told};
use super::command::Command;
use super::decode;
use super::encode::ValueFormat;
use super::fault::Halt;
use super::faults;
use super::own;
use super::report::{Result, SqlReport};
use super::statement::{self, NamedSql, Portal, described, is_unknown};
use super::transaction::{Block, aborted};
use super::types;
use super::wire::backend::FieldDescription;
use super::wire::frontend::BindMessage;
use super::wire::{Named, Out, Wire};
use duck::types::{Column, Fidelity, LogicalType};
use engine::lexer;
use engine::{PreparedStatement, Returns};

/// Prepares a statement.
///
/// # Errors
/// DuckDB's; 42P05 for a name that is taken, 42601 for several statements.
pub(super) async fn parse(
    client: &mut Client,
    wire: &mut Wire,
    name: String,
    text: String,
    types: Vec<u32>,
) -> Result<(), Halt> {
    if name.is_empty() {
        client.statements.remove("");
    } else if client.statements.contains_key(&name) {
        return Err(SqlReport::error("42P05", format!("prepared statement \"{name}\" already exists")).into());
    }
    client.check_room(client.statements.len())?;
    let room = client.session.statement_room(&text).map_err(told(&text))?;
    let several = lexer::statements(&text);
    if several.len() > 1 {
        let message = "cannot insert multiple commands into a prepared statement";
        return Err(SqlReport::error("42601", message).into());
    }
    let command = if several.is_empty() { Command::Sql } else { Command::of(&text) };
    if client.block == Block::Failed && !command.ends_transaction() && !several.is_empty() {
        return Err(aborted().into());
    }
    let catalog = client.translated(&text, &command).await?;
    let own = match &command {
        Command::Sql if !several.is_empty() => Some(&text),
        Command::Declare(declaration) => Some(&declaration.query),
        _ => None,
    };
    let prepared = match own {
        Some(own) => {
            let to_run = catalog.as_ref().map_or(own, |catalog| &catalog.sql);
            Some(plan(client, wire, to_run, catalog.is_some()).await?)
        }
        None => None,
    };
    let oids = parameter_types(&text, prepared.as_deref(), types, catalog.is_some())?;
    client.statements.insert(name, Arc::new(NamedSql::new(text, command, catalog, prepared, oids, room)));
    wire.out.parse_complete();
    Ok(())
}

/// Has DuckDB plan a statement.
async fn plan(
    client: &Client,
    wire: &mut Wire,
    text: &str,
    needs_catalogs: bool,
) -> Result<Arc<PreparedStatement>, Halt> {
    let job = client.begin_quietly("Parse");
    job.call().notes().count_bytes_in(text.len());
    let _limit = client.limit_time(job.call().cancel());
    let planned = match faults::meet(client, wire, &job, text).await {
        Ok(()) => {
            let planned = wire.watch(async {
                let turn = client.turn(job.call(), text).await?;
                let turn = client.ready_for(turn, needs_catalogs).await?;
                let prepared = turn.prepare(text.to_owned(), Fidelity::Exact).await;
                prepared.map(|(prepared, _)| prepared).map_err(told(text))
            });
            planned.await?.map_err(Halt::from)
        }
        Err(halt) => Err(halt),
    };
    job.ended(&planned, 0);
    planned
}

/// The types of a statement's parameters: those that its client has told, else DuckDB's, else text (PW-14).
fn parameter_types(
    text: &str,
    prepared: Option<&PreparedStatement>,
    told: Vec<u32>,
    is_catalog: bool,
) -> Result<Vec<u32>> {
    let Some(prepared) = prepared else { return Ok(told) };
    let parameters = &prepared.plan().parameters;
    let mut types = told;
    // A client may tell the types of more parameters than there are.
    types.resize(types.len().max(parameters.len()), 0);
    for (ty, (_, found)) in types.iter_mut().zip(parameters) {
        if *ty == 0 || *ty == types::UNKNOWN {
            *ty = match found {
                LogicalType::Unknown => types::TEXT,
                found if is_catalog => types::oid(&catalog::parameter_type(found)),
                found => types::oid(found),
            };
        }
    }
    match lexer::without_gaps(text) {
        Some(_) => Err(SqlReport::error("42P18", "could not determine data type of parameter $1")),
        None => Ok(types),
    }
}

/// Makes a portal.
///
/// # Errors
/// 26000 for an unknown statement, 42P03 for a name that is taken, 08P01 for counts that do not fit, and what is wrong with a
/// value.
pub(super) async fn bind(client: &mut Client, wire: &mut Wire, message: BindMessage) -> Result<(), Halt> {
    let BindMessage { portal: name, statement: of, formats: codes, values, results } = message;
    let statement = find(client, &of)?;
    if name.is_empty() {
        client.portals.remove("");
    }
    let given = values.len();
    check_bind(client, &statement, &name, (&of, codes.len(), given))?;
    refresh(client, wire, &statement).await?;
    client.check_room(client.portals.len())?;
    let size = statement::size(&values);
    let share = client.session.cursors().hold(size).map_err(told(""))?;
    let prepared = statement.prepared();
    let bind = match &prepared {
        Some(prepared) if given > 0 => {
            let format = |at: usize| ValueFormat::of(*codes.get(at).or(codes.first()).unwrap_or(&0));
            let mut bind = decode::parameters(&statement.wanted(Some(prepared)), format, &values)?;
            bind.shorten(prepared.plan().parameters.len());
            Some(bind)
        }
        _ => None,
    };
    let told = match bind.as_ref().filter(|_| needs_values(&statement)) {
        Some(bind) => {
            let columns = resolved(client, wire, &statement, types_of(bind)).await?;
            columns.map(|columns| statement.typed(columns)).or_else(|| statement.columns())
        }
        None => statement.columns(),
    };
    let columns = match &statement.command {
        Command::Sql => told.as_ref().map_or(0, |columns| columns.len()),
        command => own_columns(client, command).map_or(0, |columns| columns.len()),
    };
    let formats = statement::formats(&results, columns, || {
        format!("bind message has {} result formats but query has {columns} columns", results.len())
    })?;
    let portal = Portal { size, ..Portal::new(statement, bind, formats, told, share) };
    client.portals.insert(name, portal);
    wire.out.bind_complete();
    Ok(())
}

/// Whether a portal of this name may be made of a statement, by so many formats and values.
fn check_bind(
    client: &Client,
    statement: &NamedSql,
    name: &str,
    (of, codes, given): (&str, usize, usize),
) -> Result<()> {
    let wanted = statement.oids.len();
    if codes > 1 && codes != given {
        let message = format!("bind message has {codes} parameter formats but {given} parameters");
        return Err(SqlReport::error("08P01", message));
    }
    if given != wanted {
        let message = format!(
            "bind message supplies {given} parameters, but prepared statement \"{of}\" requires {wanted}"
        );
        return Err(SqlReport::error("08P01", message));
    }
    if client.block == Block::Failed && !statement.command.ends_transaction() {
        return Err(aborted());
    }
    if !name.is_empty() && client.portals.contains_key(name) {
        return Err(SqlReport::error("42P03", format!("cursor \"{name}\" already exists")));
    }
    Ok(())
}

/// How many columns a statement gives.
fn width(statement: &NamedSql) -> usize {
    match &statement.command {
        Command::Sql => statement.columns().map_or(0, |columns| columns.len()),
        command => own::columns(command).map_or(0, |columns| columns.len()),
    }
}

fn find(client: &Client, name: &str) -> Result<Arc<NamedSql>> {
    let missing = || match name {
        "" => SqlReport::error("26000", "unnamed prepared statement does not exist"),
        name => SqlReport::error("26000", format!("prepared statement \"{name}\" does not exist")),
    };
    client.statements.get(name).cloned().ok_or_else(missing)
}

/// Tells what a statement or a portal gives.
///
/// # Errors
/// 26000 and 34000 for what is unknown; 0A000 for a statement whose columns have changed.
pub(super) async fn describe(client: &mut Client, wire: &mut Wire, of: Named) -> Result<(), Halt> {
    match of {
        Named::Statement(name) => {
            let statement = find(client, &name)?;
            check_rows_allowed(client, &statement)?;
            refresh(client, wire, &statement).await?;
            resolve(client, wire, &statement).await?;
            wire.out.parameter_description(&statement.oids);
            match (&statement.command, statement.columns()) {
                (Command::Sql, Some(columns)) => wire.out.row_description(&described(&columns), |_| 0),
                (command, _) => tell_own(own_columns(client, command), &[], &mut wire.out),
            }
        }
        Named::Portal(name) => {
            let statement = Arc::clone(&portal(client, &name)?.statement);
            check_rows_allowed(client, &statement)?;
            let portal = portal(client, &name)?;
            let (told, formats) = (portal.told.clone(), portal.formats.clone());
            let format = |at: usize| formats.get(at).copied().unwrap_or(0);
            match (&statement.command, told) {
                (Command::Sql, Some(columns)) => wire.out.row_description(&described(&columns), format),
                (command, _) => tell_own(own_columns(client, command), &formats, &mut wire.out),
            }
        }
    }
    Ok(())
}

/// The columns that a statement of the door's own will give; none where it gives none.
fn own_columns(client: &Client, command: &Command) -> Option<Vec<FieldDescription>> {
    match command {
        Command::Fetch(fetch) => client.fetched_columns(fetch),
        command => own::columns(command),
    }
}

fn tell_own(columns: Option<Vec<FieldDescription>>, formats: &[i16], out: &mut Out) {
    match columns {
        Some(columns) => out.row_description(&columns, |at| formats.get(at).copied().unwrap_or(0)),
        None => out.no_data(),
    }
}

/// In an aborted transaction nothing that gives rows is described.
fn check_rows_allowed(client: &Client, statement: &NamedSql) -> Result<()> {
    if client.block == Block::Failed && width(statement) > 0 { Err(aborted()) } else { Ok(()) }
}

pub(super) fn portal<'a>(client: &'a mut Client, name: &str) -> Result<&'a mut Portal> {
    let missing = || SqlReport::error("34000", format!("portal \"{name}\" does not exist"));
    client.portals.get_mut(name).ok_or_else(missing)
}

/// Has a statement planned again if what it reads has changed (PW-19).
pub(super) async fn refresh(client: &Client, wire: &mut Wire, statement: &NamedSql) -> Result<(), Halt> {
    let Some(prepared) = statement.prepared().filter(|prepared| prepared.plan().returns == Returns::Rows)
    else {
        return Ok(());
    };
    if client.session.is_current(&prepared) {
        return Ok(());
    }
    Ok(statement.renew(plan(client, wire, statement.to_run(), statement.catalog.is_some()).await?)?)
}

/// Finds out the columns of a statement that depend on the types of its parameters.
async fn resolve(client: &Client, wire: &mut Wire, statement: &NamedSql) -> Result<(), Halt> {
    if needs_values(statement) {
        let prepared = statement.prepared();
        let types = decode::types(&statement.wanted(prepared.as_deref()));
        let columns = resolved(client, wire, statement, types).await?;
        *statement.resolved.lock() = columns;
    }
    Ok(())
}

/// Whether planning alone does not tell a statement's columns.
fn needs_values(statement: &NamedSql) -> bool {
    !statement.oids.is_empty() && statement.columns().is_some_and(|columns| is_unknown(&columns))
}

/// The types of values, a text's where nothing else is known.
fn types_of(bind: &engine::Bind) -> Vec<LogicalType> {
    let type_of = |(column, ty): (&ArrayRef, &Option<LogicalType>)| match (ty, column.data_type()) {
        (Some(ty), _) => ty.clone(),
        (None, DataType::Binary) => LogicalType::Blob,
        (None, _) => LogicalType::Varchar,
    };
    bind.rows.columns().iter().zip(&bind.literals).map(type_of).collect()
}

/// The columns of a statement whose parameters are of these types; what DuckDB says against them is told when it runs.
async fn resolved(
    client: &Client,
    wire: &mut Wire,
    statement: &NamedSql,
    types: Vec<LogicalType>,
) -> Result<Option<Arc<[Column]>>, Halt> {
    let job = client.begin_quietly("Describe");
    let _limit = client.limit_time(job.call().cancel());
    let resolved = wire.watch(async {
        let turn = client.turn(job.call(), statement.sql()).await?;
        turn.resolve(statement.to_run().to_owned(), types).await.map_err(told(statement.sql()))
    });
    let resolved = resolved.await?;
    job.done(resolved.as_ref().err());
    Ok(resolved.ok().map(|(columns, _)| columns))
}

/// Forgets a statement or a portal; what is unknown is forgotten already (PW-13).
pub(super) fn close(client: &mut Client, wire: &mut Wire, what: &Named) {
    match what {
        Named::Statement(name) => {
            if let Some(prepared) = client.statements.remove(name).and_then(|statement| statement.prepared())
            {
                client.session.discard(&prepared);
            }
        }
        Named::Portal(name) => drop(client.portals.remove(name)),
    }
    wire.out.close_complete();
}
