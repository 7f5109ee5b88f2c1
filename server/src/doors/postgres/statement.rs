//! Prepared statements and portals of a connection.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::catalog::CatalogSql;
use super::command::Command;
use super::decode::ParameterType;
use super::report::{Result, SqlReport};
use super::types;
use super::wire::backend::FieldDescription;
use duck::types::{Column, LogicalType};
use engine::{Bind, PreparedStatement, ResultStream, Returns, Share, StatementRoom};

/// A prepared statement.
pub(super) struct NamedSql {
    pub(super) text: String,
    pub(super) command: Command,
    /// What it is for DuckDB if it is about PostgreSQL's catalogs.
    pub(super) catalog: Option<Arc<CatalogSql>>,
    /// As DuckDB has planned it last; none of what is not DuckDB's.
    prepared: Mutex<Option<Arc<PreparedStatement>>>,
    /// The types of its parameters, as its client knows them.
    pub(super) oids: Vec<u32>,
    /// Its columns where planning alone does not tell them.
    pub(super) resolved: Mutex<Option<Arc<[Column]>>>,
    pub(super) _room: StatementRoom,
}

impl NamedSql {
    /// A statement, as it was planned.
    pub(super) fn new(
        text: String,
        command: Command,
        catalog: Option<Arc<CatalogSql>>,
        prepared: Option<Arc<PreparedStatement>>,
        oids: Vec<u32>,
        room: StatementRoom,
    ) -> Self {
        let prepared = Mutex::new(prepared);
        Self { text, command, catalog, prepared, oids, resolved: Mutex::default(), _room: room }
    }

    /// What DuckDB plans of it: of a DECLARE the statement within.
    pub(super) fn sql(&self) -> &str {
        if let Command::Declare(declaration) = &self.command { &declaration.query } else { &self.text }
    }

    /// As it was planned last.
    pub(super) fn prepared(&self) -> Option<Arc<PreparedStatement>> {
        self.prepared.lock().clone()
    }

    /// It was planned again.
    ///
    /// # Errors
    /// 0A000 if its columns are others now (PW-19).
    pub(super) fn renew(&self, fresh: Arc<PreparedStatement>) -> Result<()> {
        let mut prepared = self.prepared.lock();
        let former = prepared.as_ref().map(|prepared| &prepared.plan().shape.columns);
        if former.is_some_and(|former| !are_same(former, &fresh.plan().shape.columns)) {
            return Err(changed());
        }
        *prepared = Some(fresh);
        Ok(())
    }

    /// What it wants in the places of its parameters.
    pub(super) fn wanted<'a>(&'a self, prepared: Option<&'a PreparedStatement>) -> Vec<ParameterType<'a>> {
        let resolved = |at: usize| {
            let parameters = prepared.map(|prepared| &prepared.plan().parameters);
            parameters.and_then(|parameters| parameters.get(at)).map_or(&LogicalType::Unknown, |(_, ty)| ty)
        };
        self.oids
            .iter()
            .enumerate()
            .map(|(at, oid)| ParameterType { oid: *oid, resolved: resolved(at) })
            .collect()
    }

    /// Its text as DuckDB runs it.
    pub(super) fn to_run(&self) -> &str {
        self.catalog.as_ref().map_or(self.sql(), |catalog| &catalog.sql)
    }

    /// Columns of its answer with the types that its client is told.
    pub(super) fn typed(&self, columns: Arc<[Column]>) -> Arc<[Column]> {
        match &self.catalog {
            Some(catalog) => catalog.columns(&columns),
            None => columns,
        }
    }

    /// Its columns, as far as they are known; none if it gives no rows.
    pub(super) fn columns(&self) -> Option<Arc<[Column]>> {
        let prepared = self.prepared()?;
        let plan = prepared.plan();
        if plan.returns != Returns::Rows {
            return None;
        }
        let columns = self.resolved.lock().clone().unwrap_or_else(|| Arc::clone(&plan.shape.columns));
        Some(self.typed(columns))
    }
}

/// Whether rows of these columns are what was told: those that were not known may be anything.
pub(super) fn are_same(told: &[Column], actual: &[Column]) -> bool {
    is_unknown(told) || told == actual
}

/// Whether planning alone does not tell these columns: it does not tell their number then either.
pub(super) fn is_unknown(columns: &[Column]) -> bool {
    columns.iter().any(|column| column.ty == LogicalType::Unknown)
}

/// PostgreSQL's refusal of a statement whose columns have changed.
pub(super) fn changed() -> SqlReport {
    SqlReport::error("0A000", "cached plan must not change result type")
}

/// Columns as RowDescription tells them.
pub(super) fn described(columns: &[Column]) -> Vec<FieldDescription> {
    columns.iter().map(|column| types::describe(&column.name, &column.ty)).collect()
}

/// A statement with its parameters, ready to run, or as far as it has come.
pub(super) struct Portal {
    pub(super) statement: Arc<NamedSql>,
    pub(super) bind: Option<Bind>,
    /// The formats of its columns, by their codes.
    pub(super) formats: Vec<i16>,
    /// The columns that its client was told.
    pub(super) told: Option<Arc<[Column]>>,
    pub(super) state: State,
    /// Whether SQL made it to give bytes.
    pub(super) is_binary: bool,
    pub(super) hold: Hold,
    /// How many rows SQL has read of it.
    pub(super) position: u64,
    /// How many bytes its parameters came in.
    pub(super) size: usize,
    /// The memory that they take of the user's limit.
    pub(super) _share: Option<Share>,
}

impl Portal {
    /// A portal that has not run.
    pub(super) fn new(
        statement: Arc<NamedSql>,
        bind: Option<Bind>,
        formats: Vec<i16>,
        told: Option<Arc<[Column]>>,
        share: Share,
    ) -> Self {
        let (state, hold) = (State::Ready, Hold::No);
        let (is_binary, position, size) = (false, 0, 0);
        Self { statement, bind, formats, told, state, is_binary, hold, position, size, _share: Some(share) }
    }
}

/// Whether a portal outlives its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It does not.
    No,
    /// It does if that commits.
    New,
    /// It has.
    Kept,
}

/// How far a portal is.
pub(super) enum State {
    /// It has not run.
    Ready,
    /// Its rows are being read.
    Rows(Box<PortalRows>),
    /// It has run to its end, and gave rows or none.
    Done { gave_rows: bool },
}

/// PortalRows on their way.
pub(super) struct PortalRows {
    pub(super) stream: ResultStream,
    /// Its columns, with the types that its client is told.
    pub(super) columns: Arc<[Column]>,
    /// The call that runs the statement, which a cancel request is about as well.
    pub(super) cancel: engine::CancelToken,
}

/// The formats of as many columns or parameters: none, one for all, or one each.
///
/// # Errors
/// 08P01 for another number of codes.
pub(super) fn formats(codes: &[i16], count: usize, fault: impl Fn() -> String) -> Result<Vec<i16>> {
    match codes {
        [] => Ok(vec![0; count]),
        [code] => Ok(vec![*code; count]),
        codes if codes.len() == count => Ok(codes.to_vec()),
        _ => Err(SqlReport::error("08P01", fault())),
    }
}

/// How many bytes values take.
pub(super) fn size(values: &[Option<Bytes>]) -> usize {
    values.iter().flatten().map(Bytes::len).sum()
}
