//! The hidden database that PostgreSQL's catalogs are read from, attached when a session first asks for them (PW-37, PW-41).
//!
//! It is part of the program, compressed, because making it takes seconds. DuckDB shows it in no listing. A test holds it to
//! the statements that it was made of.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::sql::{self, postgres};
use duck::Connection;

/// The database's file.
const MADE: &[u8] = include_bytes!("postgres.db.zst");

/// Attaches it, by a file in this folder whose name is gone when this returns.
///
/// # Errors
/// Internal when the file cannot be written; DuckDB's, which would be a fault of ours.
pub(crate) fn attach(connection: &Connection, folder: &Path) -> Result<()> {
    let file = tempfile::Builder::new().suffix(".db").tempfile_in(folder);
    let written = file.and_then(|mut file| {
        file.write_all(&zstd::decode_all(MADE)?)?;
        Ok(file)
    });
    let file = written.map_err(|fault| {
        Error::internal(format!("cannot write a temporary file for PostgreSQL's catalogs: {fault}"))
    })?;
    // DuckDB keeps the file open; its name goes with `file`.
    Ok(connection.run(&sql::attach_hidden(postgres::DATABASE, &file.path().to_string_lossy()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use duck::{Database, Workers};

    /// What the database is made of, rows included.
    fn contents(connection: &Connection) -> Vec<Vec<Option<String>>> {
        let tables = "SELECT 'SELECT count(*) || hash(list(hash(t) ORDER BY hash(t)))::VARCHAR FROM __postgresql.rows.' || table_name || ' t' \
                      FROM duckdb_tables() WHERE database_name = '__postgresql' ORDER BY ALL";
        let counts = connection.query(tables).unwrap().text_rows().unwrap().into_iter().flatten().flatten();
        let mut found: Vec<Vec<Option<String>>> =
            counts.flat_map(|count| connection.query(&count).unwrap().text_rows().unwrap()).collect();
        for listed in [
            "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = '__postgresql' ORDER BY ALL",
            "SELECT schema_name, function_name, macro_definition, parameters::VARCHAR FROM duckdb_functions() \
             WHERE database_name = '__postgresql' ORDER BY ALL",
        ] {
            found.extend(connection.query(listed).unwrap().text_rows().unwrap());
        }
        found
    }

    fn database() -> (Database, Connection) {
        let database = Database::open_in_memory(&Vec::new(), 1, &Workers::new(0)).unwrap();
        let connection = database.connect().unwrap();
        (database, connection)
    }

    #[test]
    fn the_file_in_the_program_is_what_its_statements_make() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fresh.db");
        let (_database, fresh) = database();
        fresh.run(&sql::attach_new_small_file(postgres::DATABASE, &file.to_string_lossy())).unwrap();
        fresh.run(sql::BEGIN).unwrap();
        for statement in postgres::objects() {
            fresh.run(&statement).unwrap_or_else(|error| panic!("{error}\n{statement:.2000}"));
        }
        fresh.run(sql::COMMIT).unwrap();
        fresh.run(&sql::detach(postgres::DATABASE)).unwrap();
        fresh.run(&sql::attach_file(postgres::DATABASE, &file.to_string_lossy())).unwrap();
        let expected = contents(&fresh);
        let (_database, shipped) = database();
        let shown = folder.path().join("shipped.db");
        std::fs::write(&shown, zstd::decode_all(MADE).unwrap()).unwrap();
        shipped.run(&sql::attach_file(postgres::DATABASE, &shown.to_string_lossy())).unwrap();
        if expected != contents(&shipped) {
            let (_, kept) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
            std::fs::write(&kept, zstd::encode_all(&*std::fs::read(file).unwrap(), 19).unwrap()).unwrap();
            panic!("copy {} to server/engine/src/views/postgres.db.zst", kept.display());
        }
        assert!(expected.len() > 200);
    }
}
