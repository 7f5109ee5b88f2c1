//! Statements about PostgreSQL's catalogs (PW-37 to PW-44): they get PostgreSQL's meaning over the current catalog.
//!
//! Such a statement is known by the names in it ([`words`]), read by `sqlparser`, and written anew for DuckDB ([`rewrite`])
//! over the hidden database that the engine attaches. What PostgreSQL would call its columns ([`naming`]) and of which types
//! they would be ([`shape`]) is found out before. Any other statement is DuckDB's and stays as it is (PW-21).

mod casts;
mod client;
mod functions;
mod naming;
mod order;
mod outputs;
mod rewrite;
mod sessions;
mod shape;
mod tables;
mod words;

use std::sync::Arc;

use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};

use duck::types::{Column, LogicalType};

pub(super) use sessions::Asker;

/// A call of set_config.
#[derive(Debug)]
pub(super) struct SetConfig {
    name: String,
    value: SetValue,
    local: bool,
}

/// What a setting is set to.
#[derive(Debug)]
enum SetValue {
    Text(String),
    /// The parameter of this number, counted from one.
    Parameter(usize),
}

/// A statement as DuckDB runs it, and how its answer is told.
#[derive(Debug, Default)]
pub(super) struct CatalogSql {
    /// The statement in DuckDB's SQL.
    pub(super) sql: String,
    /// The settings that it sets, by name, value and whether for its transaction alone.
    pub(super) settings: Vec<SetConfig>,
    /// The types of its columns in PostgreSQL, where they are known.
    types: Vec<(String, Option<u32>)>,
}

impl CatalogSql {
    /// Its columns as PostgreSQL would have them.
    pub(super) fn columns(&self, columns: &[Column]) -> Arc<[Column]> {
        if columns.iter().any(|column| column.ty == LogicalType::Unknown)
            && let Some(expected) = self.expected()
        {
            return expected;
        }
        let is_known = self.types.len() == columns.len();
        let typed = columns.iter().enumerate().map(|(at, column)| {
            let known = if is_known { self.types[at].1 } else { None };
            Column { name: column.name.clone(), ty: outputs::ty(&column.ty, known) }
        });
        typed.collect()
    }

    /// Its columns where DuckDB cannot tell them before it knows the parameters.
    fn expected(&self) -> Option<Arc<[Column]>> {
        let columns = self
            .types
            .iter()
            .map(|(name, ty)| Some(Column { name: name.clone(), ty: outputs::expected((*ty)?)? }));
        columns.collect::<Option<Vec<_>>>().filter(|columns| !columns.is_empty()).map(Arc::from)
    }
}

/// The type of a parameter that DuckDB has as this one.
pub(super) fn parameter_type(duck: &LogicalType) -> LogicalType {
    outputs::ty(duck, None)
}

/// What a statement is to the catalogs.
pub(super) enum Translation {
    /// It has nothing to do with them.
    Apart,
    /// It is about them.
    Catalog(CatalogSql),
    /// It is about them, but cannot be translated.
    Untranslatable(ParserError),
    /// It is about them, and is longer than [`LONGEST`].
    TooLong,
}

/// The most tokens of a statement that is translated. A chain such as `a OR b OR …` is a tree as deep as it is long, which all
/// that looks at it goes down, and so does what frees it: the stack of [`engine::run_blocking`] has room for six times that.
const LONGEST: usize = 40_000;

/// Translates a statement that is about PostgreSQL's catalogs, on a stack made for it.
pub(super) fn translate(sql: &str, asker: &Asker) -> Translation {
    if engine::lexer::tokens(sql).nth(LONGEST).is_some() {
        return Translation::TooLong;
    }
    match Parser::parse_sql(&PostgreSqlDialect {}, sql) {
        Ok(statements) => match <[Statement; 1]>::try_from(statements) {
            Ok([statement]) if is_kept(&statement) => Translation::Apart,
            Ok([statement]) => Translation::Catalog(translated(statement, asker)),
            Err(_) => Translation::Apart,
        },
        Err(fault) => Translation::Untranslatable(fault),
    }
}

/// Whether a statement keeps its text in the catalog, where that of the hidden database would show.
fn is_kept(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => table.query.is_none(),
        Statement::AlterTable { .. }
        | Statement::CreateFunction { .. }
        | Statement::CreateIndex { .. }
        | Statement::CreateMacro { .. }
        | Statement::CreateView { .. } => true,
        _ => false,
    }
}

fn translated(mut statement: Statement, asker: &Asker) -> CatalogSql {
    let (branches, types) = query_of(&statement).map(shape::of).unwrap_or_default();
    if let Statement::Query(query) = &mut statement {
        order::put(query);
    }
    let settings = rewrite::rewrite(&mut statement, asker);
    if let Statement::Query(query) = &mut statement {
        outputs::cast(query, &branches, asker);
    }
    CatalogSql { sql: statement.to_string(), settings, types }
}

fn query_of(statement: &Statement) -> Option<&Query> {
    if let Statement::Query(query) = statement { Some(query) } else { None }
}
