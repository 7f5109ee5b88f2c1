-- What DuckDB tells of the current catalog, with the numbers that PostgreSQL's catalogs have for it.
--
-- `@` stands for the hidden database. DuckDB numbers all its objects by one count, and an object keeps its number. Each has
-- 128 of PostgreSQL's numbers here: the object's own; its row type or its values' type and the arrays of that; and two for
-- each of its keys and checks.

CREATE MACRO @base.object_oid(number, place) AS ((number * 128 + place) % 2147483648)::UINTEGER;

CREATE MACRO @base.quoted(name) AS
CASE WHEN regexp_full_match(name, '[a-z_][a-z0-9_$]*') AND NOT regexp_full_match(name, '@reserved') THEN name ELSE '"' || replace(name, '"', '""') || '"' END;

CREATE MACRO @base.path() AS
CASE WHEN len(system.main.current_schemas(false)) > 0 THEN system.main.current_schemas(false) ELSE [system.main.current_schema()] END;

CREATE VIEW @base.schemas AS
SELECT database_name AS database, schema_name AS duck, oid AS number, comment,
       CASE WHEN database_name <> 'temp' THEN schema_name ELSE 'pg_temp_3' END AS name,
       CASE WHEN database_name <> 'temp' AND schema_name = 'main' THEN 2200::UINTEGER ELSE @base.object_oid(oid, 0) END AS oid
FROM system.main.duckdb_schemas()
WHERE schema_name NOT IN ('pg_catalog', 'information_schema') AND (database_name = current_database()
      OR database_name = 'temp' AND EXISTS (FROM system.main.duckdb_tables() WHERE temporary));

CREATE VIEW @base.constraints AS
SELECT c.*, @base.object_oid(table_oid, 4 + 2 * place) AS oid, @base.object_oid(table_oid, 5 + 2 * place) AS index_oid
FROM (
  SELECT database_name AS database, schema_name AS schema, table_name AS "table", table_oid, constraint_name AS name,
         constraint_text AS text, expression, constraint_column_names AS columns, referenced_table, referenced_column_names AS referenced,
         list_transform(constraint_column_indexes, x -> (x + 1)::SMALLINT) AS numbers,
         CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u' WHEN 'CHECK' THEN 'c' ELSE 'f' END AS kind,
         row_number() OVER (PARTITION BY table_oid ORDER BY constraint_index) - 1 AS place
  FROM system.main.duckdb_constraints()
  WHERE database_name IN (current_database(), 'temp') AND constraint_type <> 'NOT NULL'
) c WHERE place < 62;

CREATE VIEW @base.in_foreign_keys AS
SELECT t.table_oid AS number FROM system.main.duckdb_tables() t
JOIN (SELECT DISTINCT database_name, schema_name, unnest([table_name, referenced_table]) AS name FROM system.main.duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY') k
  ON k.database_name = t.database_name AND k.schema_name = t.schema_name AND k.name = t.table_name;

CREATE VIEW @base.relations AS
SELECT database_name AS database, schema_name AS schema, table_name AS name, table_oid AS number, @base.object_oid(table_oid, 0) AS oid, 'r' AS kind,
       CASE WHEN temporary THEN 't' ELSE 'p' END AS persistence, comment, column_count AS columns, check_constraint_count AS checks,
       index_count > 0 OR has_primary_key AS has_index, estimated_size AS rows, sql
FROM system.main.duckdb_tables() WHERE database_name IN (current_database(), 'temp') AND NOT internal
UNION ALL
SELECT database_name, schema_name, view_name, view_oid, @base.object_oid(view_oid, 0), 'v', CASE WHEN temporary THEN 't' ELSE 'p' END,
       comment, column_count, 0, false, 0, sql
FROM system.main.duckdb_views() WHERE database_name IN (current_database(), 'temp') AND NOT internal
UNION ALL
SELECT database_name, schema_name, sequence_name, sequence_oid, @base.object_oid(sequence_oid, 0), 'S', CASE WHEN temporary THEN 't' ELSE 'p' END,
       comment, 3, 0, false, 1, sql
FROM system.main.duckdb_sequences() WHERE database_name IN (current_database(), 'temp');

CREATE VIEW @base.indexes AS
SELECT database_name AS database, schema_name AS schema, table_name AS "table", table_oid, index_name AS name, @base.object_oid(index_oid, 0) AS oid,
       is_unique, false AS is_primary, comment, coalesce(TRY_CAST(expressions AS VARCHAR[]), [expressions]) AS expressions
FROM system.main.duckdb_indexes() WHERE database_name IN (current_database(), 'temp')
UNION ALL
SELECT database, schema, "table", table_oid, name, index_oid, true, kind = 'p', NULL, columns FROM @base.constraints WHERE kind IN ('p', 'u');

CREATE VIEW @base.enums AS
SELECT database_name AS database, schema_name AS schema, type_name AS name, type_oid AS number, @base.object_oid(type_oid, 1) AS oid,
       @base.object_oid(type_oid, 2) AS array_oid, labels, comment,
       'ENUM(' || array_to_string(list_transform(labels, label -> '''' || replace(label, '''', '''''') || ''''), ', ') || ')' AS definition
FROM system.main.duckdb_types() WHERE database_name IN (current_database(), 'temp') AND NOT internal AND logical_type = 'ENUM';

CREATE VIEW @base.type_numbers AS
SELECT * FROM (VALUES
  ('BOOLEAN', 16, 1000), ('TINYINT', 21, 1005), ('UTINYINT', 21, 1005), ('SMALLINT', 21, 1005), ('USMALLINT', 23, 1007), ('INTEGER', 23, 1007),
  ('UINTEGER', 20, 1016), ('BIGINT', 20, 1016), ('UBIGINT', 1700, 1231), ('HUGEINT', 1700, 1231), ('UHUGEINT', 1700, 1231), ('BIGNUM', 1700, 1231),
  ('DECIMAL', 1700, 1231), ('FLOAT', 700, 1021), ('DOUBLE', 701, 1022), ('VARCHAR', 1043, 1015), ('BLOB', 17, 1001), ('UUID', 2950, 2951),
  ('JSON', 114, 114), ('BIT', 1562, 1563), ('DATE', 1082, 1182), ('TIME', 1083, 1183), ('TIME_NS', 1083, 1183), ('TIME WITH TIME ZONE', 1266, 1270),
  ('TIMESTAMP', 1114, 1115), ('TIMESTAMP_S', 1114, 1115), ('TIMESTAMP_MS', 1114, 1115), ('TIMESTAMP_NS', 1114, 1115),
  ('TIMESTAMP WITH TIME ZONE', 1184, 1185), ('INTERVAL', 1186, 1187), ('GEOMETRY', 25, 1009), ('"NULL"', 23, 1007), ('ENUM', 1043, 1015)
) t(name, oid, array_oid);

CREATE VIEW @base.columns AS
SELECT c.database, c.schema, c."table", c.table_oid, c.name, c.number, c.comment, c."default", c.is_nullable, c.data_type,
       CASE WHEN c.is_array THEN coalesce(t.array_oid, 114) ELSE coalesce(e.oid, t.oid, 114) END::UINTEGER AS type,
       CASE WHEN c.bare = 'DECIMAL' THEN (regexp_extract(c.element, '\((\d+),', 1)::INTEGER << 16 | regexp_extract(c.element, ',(\d+)\)', 1)::INTEGER) + 4
            WHEN c.bare = 'UBIGINT' THEN 1310724 WHEN c.bare = 'HUGEINT' THEN 2490372 ELSE -1 END::INTEGER AS modifier,
       c.is_array AND t.array_oid IS NOT NULL AND t.array_oid <> 114 AS is_array
FROM (
  SELECT *, CASE WHEN starts_with(element, 'DECIMAL(') THEN 'DECIMAL' WHEN starts_with(element, 'ENUM(') THEN 'ENUM'
                 WHEN starts_with(element, 'GEOMETRY') THEN 'GEOMETRY' ELSE element END AS bare
  FROM (
    SELECT database_name AS database, schema_name AS schema, table_name AS "table", table_oid, column_name AS name, column_index::SMALLINT AS number,
           comment, column_default AS "default", is_nullable, data_type, ends_with(data_type, ']') AS is_array,
           CASE WHEN ends_with(data_type, ']') THEN regexp_replace(data_type, '\[\d*\]$', '') ELSE data_type END AS element
    FROM system.main.duckdb_columns() WHERE database_name IN (current_database(), 'temp') AND NOT internal
  )
) c
LEFT JOIN @base.type_numbers t ON t.name = c.bare
LEFT JOIN (SELECT definition, min(oid) AS oid FROM @base.enums GROUP BY definition) e ON e.definition = c.element AND NOT c.is_array;

CREATE VIEW @base.functions AS
SELECT s.oid AS namespace, f.function_name AS name, @base.object_oid(f.function_oid, 0) AS oid, f.macro_definition AS source,
       f.function_type = 'table_macro' AS is_table, f.parameters, f.comment
FROM system.main.duckdb_functions() f JOIN @base.schemas s ON s.database = f.database_name AND s.duck = f.schema_name
WHERE f.function_type IN ('macro', 'table_macro') AND NOT f.internal;

CREATE VIEW @base.named_relations AS
SELECT oid, name, database, schema FROM @base.relations
UNION ALL SELECT @base.object_oid(index_oid, 0), index_name, database_name, schema_name FROM system.main.duckdb_indexes() WHERE database_name IN (current_database(), 'temp')
UNION ALL SELECT index_oid, name, database, schema FROM @base.constraints WHERE kind IN ('p', 'u');

CREATE VIEW @base.relation_names AS
SELECT r.oid, r.name, CASE WHEN r.database <> 'temp' THEN r.schema ELSE 'pg_temp_3' END AS namespace,
       r.database = 'temp' OR list_contains(@base.path(), r.schema) AS is_visible
FROM @base.named_relations r
UNION ALL
SELECT oid, relname, CASE WHEN relnamespace = 11 THEN 'pg_catalog' WHEN relnamespace = 99 THEN 'pg_toast' ELSE 'information_schema' END, relnamespace = 11 FROM @rows.pg_class;

CREATE VIEW @base.type_names AS
SELECT oid, format AS name, true AS is_visible FROM @rows.type_names
UNION ALL
SELECT unnest([oid, array_oid]), CASE WHEN is_visible THEN '' ELSE @base.quoted(schema) || '.' END || @base.quoted(name) || unnest(['', '[]']), is_visible
FROM (
  SELECT oid, array_oid, name, schema, database = 'temp' OR list_contains(@base.path(), schema) AS is_visible
  FROM (SELECT oid, array_oid, name, schema, database FROM @base.enums
        UNION ALL SELECT @base.object_oid(number, 1), @base.object_oid(number, 2), name, schema, database FROM @base.relations WHERE kind <> 'S')
);
