//! A load on its way: it waits for its session's turn, then for its table.

use std::sync::Arc;

use super::job;
use super::request::{IfExists, IfMissing, Ingest, Ingested};
use crate::call::Call;
use crate::error::Result;
use crate::session::{Session, Slot, Turn};

impl Session {
    /// Loads rows into a table, whole or not at all.
    ///
    /// # Errors
    /// CatalogNotFound, TableNotFound, TableExists, ReadOnly; InvalidArgument for an upsert without keys or with a
    /// cursor that names no column; InvalidData for columns that the table or the source lacks; the source's own
    /// error; DuckDB's for a file that it cannot read, a failed cast or a constraint; `Cancelled`.
    pub async fn ingest(self: &Arc<Self>, ingest: Ingest, call: &Arc<Call>) -> Result<Ingested> {
        self.turn(call).await?.ingest(ingest).await
    }
}

impl Turn {
    /// As [`Session::ingest`], in this turn.
    ///
    /// # Errors
    /// As [`Session::ingest`].
    pub async fn ingest(self, ingest: Ingest) -> Result<Ingested> {
        self.call().notes().loads_into(&ingest.target.table);
        let adds = ingest.keys.is_none() && ingest.mode.if_exists == IfExists::Append;
        let creates = ingest.mode.if_missing == IfMissing::Create;
        let target = ingest.target.clone();
        let (guard, turn) = self.may_load(&target, adds, creates).await?;
        let load = move |slot: &mut Slot| {
            let _guard = guard;
            slot.change(|slot| job::run(slot, ingest))
        };
        turn.last(load).await
    }
}
