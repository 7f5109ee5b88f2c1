//! What a ticket stands for.

use std::sync::{Arc, Weak};

use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::metadata::Metadata;
use super::prepared;
use super::session::FlightSession;
use super::transaction::admit;
use engine::{NamedStatement, PreparedStatement, Result};

/// What a DoGet will run.
pub(super) enum Query {
    /// SQL text, admitted under a Flight transaction's id or none (FT-2).
    Sql {
        /// One statement.
        text: String,
        /// As it was planned for its ticket, while the session keeps that.
        planned: Weak<PreparedStatement>,
        /// The transaction it names.
        transaction: Option<Bytes>,
        /// Whether it may change anything (FQ-2).
        changes: bool,
    },
    /// Transaction control that GetFlightInfo has executed; its DoGet replays the empty result (FQ-3).
    Done(SchemaRef),
    /// A prepared statement, with the rows bound to it when the DoGet comes (FP-4).
    Prepared(Arc<NamedStatement>),
    /// A metadata command.
    Metadata(Metadata),
}

/// A command that was planned.
pub(super) struct PlannedCommand {
    /// The schema of the stream.
    pub(super) schema: SchemaRef,
    /// Whether FlightInfo shows the schema (FQ-2, FP-8).
    pub(super) announced: bool,
    /// Whether its ticket may be redeemed again (FQ-5).
    pub(super) repeatable: bool,
    /// What its ticket stands for.
    pub(super) query: Query,
}

impl Query {
    /// Whether the session's transaction lets it run now (FT-2).
    ///
    /// # Errors
    /// `FailedPrecondition`, `NotFound`.
    pub(super) fn admit(&self, session: &FlightSession) -> Result<()> {
        match self {
            Self::Sql { transaction, .. } => admit(&session.engine.transaction(), transaction.as_deref()),
            Self::Prepared(statement) => prepared::admit(statement, session),
            Self::Done(_) | Self::Metadata(_) => Ok(()),
        }
    }

    /// How much memory its text takes, in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Sql { text, .. } => text.len(),
            Self::Prepared(statement) => statement.prepared().sql().len(),
            Self::Done(_) | Self::Metadata(_) => 0,
        }
    }

    /// Whether it may have parameters, which an error may quote.
    pub(super) fn binds_values(&self) -> bool {
        matches!(self, Self::Prepared(_))
    }

    /// Whether running it may change anything (FQ-2).
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::Sql { changes, .. } => *changes,
            Self::Prepared(statement) => statement.prepared().plan().changes(),
            Self::Done(_) | Self::Metadata(_) => false,
        }
    }
}
