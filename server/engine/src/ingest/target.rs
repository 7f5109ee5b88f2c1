//! Which table a load is for.

use crate::sql::TableRef;

/// Names the table of an load; what is `None` comes from the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IngestTarget {
    /// The catalog; the session's current one if `None`.
    pub catalog: Option<String>,
    /// The schema; if `None` the current one, or `main` in a catalog that is not current (FI-3).
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Whether it is a temporary table of the session, `temp.main` (FI-4).
    pub temporary: bool,
}

impl IngestTarget {
    /// The same table by the one name that all its spellings share.
    pub(super) fn lowercase(&self) -> Self {
        Self {
            catalog: self.catalog.as_deref().map(str::to_lowercase),
            schema: self.schema.as_deref().map(str::to_lowercase),
            table: self.table.to_lowercase(),
            temporary: self.temporary,
        }
    }

    /// The table, by names that REST always gives.
    pub(super) fn table_ref(&self) -> TableRef {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        TableRef { catalog: name(&self.catalog), schema: name(&self.schema), table: self.table.clone() }
    }
}
