//! The database files behind the read-only catalogs: written once per process, attached by every instance.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Viewer;
use crate::engine::duck::{Connection, Database, Settings};
use crate::engine::sql::{self, product_analytics};
use crate::error::{Error, Result};

/// The table function that the views read.
const SCAN: &str = product_analytics::SCAN;

/// A database file's bytes, once it has been written.
static TEMPLATE: Mutex<Option<Arc<[u8]>>> = Mutex::new(None);

/// Attaches `product_analytics` to an instance, its views reading from `viewer`.
///
/// # Errors
/// Internal when the file cannot be written; DuckDB's, which would be a fault of ours.
pub(crate) fn attach(connection: &Connection, viewer: &Arc<Viewer>) -> Result<()> {
    let source: Arc<Viewer> = Arc::clone(viewer);
    connection.register_tables(SCAN, source)?;
    let bytes = template()?;
    let folder = tempfile::tempdir().map_err(|fault| unwritable(&fault))?;
    let file = folder.path().join("product_analytics.db");
    std::fs::write(&file, &bytes).map_err(|fault| unwritable(&fault))?;
    // DuckDB keeps the file open; its name goes with the folder when this returns.
    connection.run(&sql::attach_file(super::PRODUCT_ANALYTICS, &file.to_string_lossy()))
}

fn template() -> Result<Arc<[u8]>> {
    let mut template = TEMPLATE.lock();
    if let Some(bytes) = &*template {
        return Ok(Arc::clone(bytes));
    }
    let folder = tempfile::tempdir().map_err(|fault| unwritable(&fault))?;
    let file = folder.path().join("product_analytics.db");
    write(&file)?;
    let bytes: Arc<[u8]> = std::fs::read(&file).map_err(|fault| unwritable(&fault))?.into();
    Ok(Arc::clone(template.insert(bytes)))
}

/// Writes the catalog into a new database file.
fn write(file: &Path) -> Result<()> {
    let settings: Settings =
        vec![("autoload_known_extensions", "false".to_owned()), ("threads", "1".to_owned())];
    let database = Database::open_in_memory(&settings)?;
    let connection = database.connect()?;
    connection.register_tables(SCAN, Arc::new(Viewer::default()))?;
    connection.run(&sql::attach_new_file(super::PRODUCT_ANALYTICS, &file.to_string_lossy()))?;
    connection.run(&sql::use_schema(super::PRODUCT_ANALYTICS, sql::MAIN))?;
    for statement in product_analytics::objects() {
        connection.run(&statement)?;
    }
    connection.run(&sql::use_schema("memory", sql::MAIN))?;
    // Detaching writes everything into the file.
    connection.run(&sql::detach(super::PRODUCT_ANALYTICS))
}

fn unwritable(fault: &std::io::Error) -> Error {
    Error::internal(format!("cannot write a temporary file for the catalog product_analytics: {fault}"))
}
