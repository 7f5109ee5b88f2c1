//! The database files behind the read-only catalogs: written once per process, attached by every instance.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{ALTERTABLE, PRODUCT_ANALYTICS, Viewer};
use crate::error::{Error, Result};
use crate::sql::{self, product_analytics};
use duck::Connection;

/// The table function that the views read.
const SCAN: &str = product_analytics::SCAN;

/// The bytes of each database file that has been written, by its name.
static FILES: Mutex<BTreeMap<&str, Arc<[u8]>>> = Mutex::new(BTreeMap::new());

/// Attaches `product_analytics` to an instance, and `altertable` if `legacy` (AC-12), their views reading from
/// `viewer`.
///
/// # Errors
/// Internal when a file cannot be written; DuckDB's, which would be a fault of ours.
pub(crate) fn attach(connection: &Connection, viewer: &Arc<Viewer>, legacy: bool) -> Result<()> {
    let source: Arc<Viewer> = Arc::clone(viewer);
    connection.register_tables(SCAN, source)?;
    attach_one(connection, PRODUCT_ANALYTICS, product_analytics::objects)?;
    if legacy { attach_one(connection, ALTERTABLE, product_analytics::legacy_objects) } else { Ok(()) }
}

fn attach_one(connection: &Connection, name: &'static str, objects: fn() -> Vec<String>) -> Result<()> {
    let bytes = bytes(connection, name, objects)?;
    let folder = tempfile::tempdir().map_err(|fault| unwritable(&fault))?;
    let file = folder.path().join(name).with_extension("db");
    std::fs::write(&file, &bytes).map_err(|fault| unwritable(&fault))?;
    // DuckDB keeps the file open; its name goes with the folder when this returns.
    Ok(connection.run(&sql::attach_file(name, &file.to_string_lossy()))?)
}

/// The bytes of a database file; the first instance of the process writes it.
fn bytes(connection: &Connection, name: &'static str, objects: fn() -> Vec<String>) -> Result<Arc<[u8]>> {
    let mut files = FILES.lock();
    if let Some(bytes) = files.get(name) {
        return Ok(Arc::clone(bytes));
    }
    let folder = tempfile::tempdir().map_err(|fault| unwritable(&fault))?;
    let file = folder.path().join(name).with_extension("db");
    write(connection, name, &file, &objects()).map_err(|fault| unwritable(&fault))?;
    let bytes: Arc<[u8]> = std::fs::read(&file).map_err(|fault| unwritable(&fault))?.into();
    files.insert(name, Arc::clone(&bytes));
    Ok(bytes)
}

/// Writes the database `name` with its objects into a new file.
fn write(connection: &Connection, name: &str, file: &Path, objects: &[String]) -> Result<()> {
    connection.run(&sql::attach_new_file(name, &file.to_string_lossy()))?;
    connection.run(&sql::use_schema(name, sql::MAIN))?;
    // Each transaction waits for the disk.
    connection.run(sql::BEGIN)?;
    for statement in objects {
        connection.run(statement)?;
    }
    connection.run(sql::COMMIT)?;
    connection.run(&sql::use_schema("memory", sql::MAIN))?;
    // Detaching writes everything into the file.
    Ok(connection.run(&sql::detach(name))?)
}

fn unwritable(fault: &dyn std::error::Error) -> Error {
    Error::internal(format!(
        "cannot write a temporary file for a read-only catalog: {fault}; set TMPDIR to a writable folder with more space"
    ))
}
