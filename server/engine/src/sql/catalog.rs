//! What a session can see: catalogs, schemas, tables and keys, as the metadata commands of Flight SQL list them.
//!
//! Filters are parameters, and a NULL filter filters nothing (FM-2). The catalog `system` is hidden, and `temp` shows
//! only while the session has objects in it (FM-3).

use super::TableRef;

/// Condition on `database_name`: neither `system`, nor `temp` without objects. Macros do not count: every session has
/// the server's own there.
macro_rules! visible {
    () => {
        "database_name <> 'system' AND (database_name <> 'temp' OR EXISTS (
            SELECT 1 FROM duckdb_tables() WHERE database_name = 'temp'
            UNION ALL SELECT 1 FROM duckdb_views() WHERE database_name = 'temp' AND NOT internal
            UNION ALL SELECT 1 FROM duckdb_sequences() WHERE database_name = 'temp'
            UNION ALL SELECT 1 FROM duckdb_types() WHERE database_name = 'temp' AND NOT internal))"
    };
}

/// `catalog_name` of every catalog.
pub const CATALOGS: &str = concat!(
    "SELECT database_name AS catalog_name FROM duckdb_databases() WHERE ",
    visible!(),
    " ORDER BY ALL"
);

/// `catalog_name, db_schema_name`; parameters: catalog, schema pattern.
pub const SCHEMAS: &str = concat!(
    "SELECT database_name AS catalog_name, schema_name AS db_schema_name FROM duckdb_schemas() WHERE ",
    visible!(),
    " AND ($1::VARCHAR IS NULL OR database_name = $1)",
    " AND ($2::VARCHAR IS NULL OR schema_name LIKE $2 ESCAPE '\\')",
    " ORDER BY ALL"
);

/// `catalog_name, db_schema_name, table_name, table_type`; parameters: catalog, schema pattern, table pattern, and
/// whether base tables, temporary tables and views are wanted.
pub const TABLES: &str = r"
    SELECT database_name AS catalog_name, schema_name AS db_schema_name, table_name, table_type
    FROM (
        SELECT database_name, schema_name, table_name,
               if(temporary, 'LOCAL TEMPORARY', 'BASE TABLE') AS table_type,
               if(temporary, $5::BOOLEAN, $4::BOOLEAN) AS wanted
        FROM duckdb_tables() WHERE NOT internal
        UNION ALL
        SELECT database_name, schema_name, view_name, 'VIEW', $6::BOOLEAN
        FROM duckdb_views() WHERE NOT internal
    )
    WHERE wanted AND database_name <> 'system'
      AND ($1::VARCHAR IS NULL OR database_name = $1)
      AND ($2::VARCHAR IS NULL OR schema_name LIKE $2 ESCAPE '\')
      AND ($3::VARCHAR IS NULL OR table_name LIKE $3 ESCAPE '\')
    ORDER BY ALL";

/// `name, nullable, remarks` of a table's columns in order; parameters: catalog, schema, table.
pub const COLUMNS: &str = "
    SELECT column_name AS name, is_nullable AS nullable, comment AS remarks
    FROM duckdb_columns()
    WHERE database_name = $1::VARCHAR AND schema_name = $2::VARCHAR AND table_name = $3::VARCHAR
    ORDER BY column_index";

/// The primary key columns (FM-1); parameters: catalog, schema, table.
pub const PRIMARY_KEYS: &str = "
    SELECT database_name AS catalog_name, schema_name AS db_schema_name, table_name,
           unnest(constraint_column_names) AS column_name, constraint_name AS key_name,
           generate_subscripts(constraint_column_names, 1)::INTEGER AS key_sequence
    FROM duckdb_constraints()
    WHERE constraint_type = 'PRIMARY KEY'
      AND ($1::VARCHAR IS NULL OR database_name = $1)
      AND ($2::VARCHAR IS NULL OR schema_name = $2)
      AND table_name = $3::VARCHAR
    ORDER BY catalog_name, db_schema_name, table_name, key_name, key_sequence";

/// The foreign keys (FM-1, FM-5: every rule is 3, NO ACTION); parameters: catalog, schema and table of the primary
/// side, then of the foreign side. DuckDB's foreign keys stay within their schema.
macro_rules! foreign_keys {
    ($first:literal) => {
        concat!(
            "SELECT database_name AS pk_catalog_name, schema_name AS pk_db_schema_name,
                    referenced_table AS pk_table_name, unnest(referenced_column_names) AS pk_column_name,
                    database_name AS fk_catalog_name, schema_name AS fk_db_schema_name,
                    table_name AS fk_table_name, unnest(constraint_column_names) AS fk_column_name,
                    generate_subscripts(constraint_column_names, 1)::INTEGER AS key_sequence,
                    constraint_name AS fk_key_name,
                    (SELECT min(p.constraint_name) FROM duckdb_constraints() p
                     WHERE p.constraint_type IN ('PRIMARY KEY', 'UNIQUE')
                       AND p.database_name = f.database_name AND p.schema_name = f.schema_name
                       AND p.table_name = f.referenced_table
                       AND p.constraint_column_names = f.referenced_column_names) AS pk_key_name,
                    3::UTINYINT AS update_rule, 3::UTINYINT AS delete_rule
             FROM duckdb_constraints() f
             WHERE constraint_type = 'FOREIGN KEY'
               AND ($1::VARCHAR IS NULL OR database_name = $1)
               AND ($2::VARCHAR IS NULL OR schema_name = $2)
               AND ($3::VARCHAR IS NULL OR referenced_table = $3)
               AND ($4::VARCHAR IS NULL OR database_name = $4)
               AND ($5::VARCHAR IS NULL OR schema_name = $5)
               AND ($6::VARCHAR IS NULL OR table_name = $6)
             ORDER BY ",
            $first,
            "key_sequence"
        )
    };
}

/// Foreign keys ordered by their foreign side, as GetExportedKeys lists them.
pub const FOREIGN_KEYS_BY_FOREIGN: &str =
    foreign_keys!("fk_catalog_name, fk_db_schema_name, fk_table_name, fk_key_name, ");

/// Foreign keys ordered by their primary side, as GetImportedKeys and GetCrossReference list them.
pub const FOREIGN_KEYS_BY_PRIMARY: &str =
    foreign_keys!("pk_catalog_name, pk_db_schema_name, pk_table_name, pk_key_name, fk_key_name, ");

/// `kind, word`: DuckDB's reserved keywords, and its scalar functions by what they are about (FM-6).
pub const VOCABULARY: &str = r"
    WITH overloads AS (
        SELECT function_name AS word, categories, return_type, parameter_types,
               ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'FLOAT', 'DOUBLE', 'DECIMAL',
                'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT'] AS numbers,
               ['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS', 'INTERVAL',
                'TIMESTAMP WITH TIME ZONE', 'TIME WITH TIME ZONE'] AS times
        FROM duckdb_functions()
        WHERE function_type = 'scalar' AND internal AND schema_name = 'main'
          AND regexp_full_match(function_name, '[a-z][a-z0-9_]*')
    ), numeric_words AS (
        SELECT DISTINCT word FROM overloads
        WHERE return_type IN (FROM unnest(numbers))
          AND list_has_all(numbers, parameter_types)
          AND NOT (word LIKE 'current\_%' ESCAPE '\' OR word = 'txid_current')
    ), datetime_words AS (
        SELECT DISTINCT word FROM overloads
        WHERE (return_type IN (FROM unnest(times)) OR list_has_any(times, parameter_types))
          AND word NOT IN (FROM numeric_words)
          AND word NOT IN ('greatest', 'least', 'range', 'generate_series', 'equi_width_bins')
    )
    SELECT 'keyword' AS kind, keyword_name AS word FROM duckdb_keywords() WHERE keyword_category = 'reserved'
    UNION ALL SELECT 'numeric', word FROM numeric_words
    UNION ALL SELECT DISTINCT 'string', word FROM overloads
        WHERE list_has_any(categories, ['string', 'regex', 'text_similarity'])
    UNION ALL SELECT DISTINCT 'system', word FROM overloads
        WHERE (word LIKE 'current\_%' ESCAPE '\' OR word IN ('version', 'txid_current', 'in_search_path', 'getvariable'))
          AND word NOT IN (FROM datetime_words)
    UNION ALL SELECT 'datetime', word FROM datetime_words
    ORDER BY ALL";

/// A row if the schema exists; parameters: catalog, schema.
pub const SCHEMA_BY_NAME: &str = "
    SELECT schema_name FROM duckdb_schemas()
    WHERE lower(database_name) = lower($1::VARCHAR) AND lower(schema_name) = lower($2::VARCHAR)";

/// Every row of a table or view, to learn its columns by planning.
pub fn all_rows(table: &TableRef) -> String {
    format!("SELECT * FROM {table}")
}
