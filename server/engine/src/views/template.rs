//! The database files behind the read-only catalogs, attached by every instance.
//!
//! That of `product_analytics` is part of the program: to make its views and to write them takes a quarter of the time to
//! the first answer. A test holds it to the statements that it was made of. Those of `altertable` and `mock`, which few ask
//! for, are written once per process.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{ALTERTABLE, MOCK, PRODUCT_ANALYTICS, Viewer};
use crate::config::EngineConfig;
use crate::error::{Error, Result};
use crate::sql::{self, product_analytics};
use duck::Connection;

/// The table function that the views read.
const SCAN: &str = product_analytics::SCAN;

/// The file of `product_analytics`, without the zeros at its end.
const MADE: &[u8] = include_bytes!("product_analytics.db");

/// How long a file is that holds no more than views: DuckDB's headers and one block.
const LENGTH: u64 = 3 * 4096 + (256 << 10);

/// A file that was written, if it was.
type Written = Mutex<Option<Arc<[u8]>>>;

/// That of `altertable`.
static WRITTEN_ALTERTABLE: Written = Mutex::new(None);

/// That of `mock`.
static WRITTEN_MOCK: Written = Mutex::new(None);

/// Attaches `product_analytics` to an instance, and `altertable` (AC-12) and `mock` (RJ-5) if they are asked for, their
/// views reading from `viewer`.
///
/// # Errors
/// Internal when a file cannot be written; DuckDB's, which would be a fault of ours.
pub(crate) fn attach(connection: &Connection, viewer: &Arc<Viewer>, config: &EngineConfig) -> Result<()> {
    let source: Arc<Viewer> = Arc::clone(viewer);
    connection.register_tables(SCAN, source)?;
    attach_file(connection, PRODUCT_ANALYTICS, MADE)?;
    if config.legacy_altertable_catalog {
        let objects = product_analytics::legacy_objects;
        attach_file(connection, ALTERTABLE, &written(connection, ALTERTABLE, &WRITTEN_ALTERTABLE, objects)?)?;
    }
    if config.mock_catalog {
        let objects = product_analytics::mock_objects;
        attach_file(connection, MOCK, &written(connection, MOCK, &WRITTEN_MOCK, objects)?)?;
    }
    Ok(())
}

fn attach_file(connection: &Connection, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir().map_err(|fault| unwritable(&fault))?;
    let path = folder.path().join(name).with_extension("db");
    let copied = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.set_len(LENGTH.max(bytes.len() as u64))
    });
    copied.map_err(|fault| unwritable(&fault))?;
    // DuckDB keeps the file open; its name goes with the folder when this returns.
    Ok(connection.run(&sql::attach_file(name, &path.to_string_lossy()))?)
}

/// The file of a database with these objects; the first instance of the process writes it.
fn written(
    connection: &Connection,
    name: &str,
    written: &Written,
    objects: fn() -> Vec<String>,
) -> Result<Arc<[u8]>> {
    let mut written = written.lock();
    if let Some(bytes) = &*written {
        return Ok(Arc::clone(bytes));
    }
    let bytes: Arc<[u8]> = make(connection, name, &objects())?.into();
    *written = Some(Arc::clone(&bytes));
    Ok(bytes)
}

/// The bytes of a new database with these objects.
fn make(connection: &Connection, name: &str, objects: &[String]) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().map_err(|fault| unwritable(&fault))?;
    let file = folder.path().join(name).with_extension("db");
    write(connection, name, &file, objects).map_err(|fault| unwritable(&fault))?;
    std::fs::read(&file).map_err(|fault| unwritable(&fault))
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

#[cfg(test)]
mod tests {
    use super::*;
    use duck::{Database, Workers};

    fn connection() -> (Database, Connection) {
        let database = Database::open_in_memory(&Vec::new(), 1, &Workers::new(0)).unwrap();
        let connection = database.connect().unwrap();
        connection.register_tables(SCAN, Arc::new(Viewer::default())).unwrap();
        (database, connection)
    }

    fn views(connection: &Connection) -> Vec<Vec<Option<String>>> {
        let sql = "SELECT schema_name, view_name, sql, column_count::VARCHAR, comment FROM duckdb_views() \
                   WHERE database_name = 'product_analytics' ORDER BY ALL";
        connection.query(sql).unwrap().text_rows().unwrap()
    }

    #[test]
    fn the_file_in_the_program_is_what_its_statements_make() {
        let objects = product_analytics::objects();
        let (_database, fresh) = connection();
        let mut bytes = make(&fresh, PRODUCT_ANALYTICS, &objects).unwrap();
        assert_eq!(bytes.len() as u64, LENGTH);
        attach_file(&fresh, PRODUCT_ANALYTICS, &bytes).unwrap();
        let (_database, shipped) = connection();
        attach_file(&shipped, PRODUCT_ANALYTICS, MADE).unwrap();
        if views(&fresh) != views(&shipped) {
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            let (_, file) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
            std::fs::write(&file, bytes).unwrap();
            panic!("copy {} to server/engine/src/views/product_analytics.db", file.display());
        }
        assert!(views(&shipped).len() > 5);
    }
}
