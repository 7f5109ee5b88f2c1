-- The relations of pg_catalog that say something of the current catalog. A column that is not given is NULL; the rows that
-- every PostgreSQL has are added, and all columns put in their order and given their types. A relation has no pages: clients
-- take those that have some for tables whose parts can be read by `ctid`.

CREATE VIEW @pg.pg_namespace AS
SELECT oid, name AS nspname, 10 AS nspowner FROM @base.schemas;

CREATE VIEW @pg.pg_database AS
SELECT @base.object_oid(database_oid, 0) AS oid, database_name AS datname, 10 AS datdba, 6 AS encoding, 'c' AS datlocprovider, false AS datistemplate,
       true AS datallowconn, -1 AS datconnlimit, 717 AS datfrozenxid, 1 AS datminmxid, 1663 AS dattablespace, 'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype
FROM system.main.duckdb_databases() WHERE NOT internal;

CREATE VIEW @pg.pg_class AS
SELECT r.oid, r.name AS relname, s.oid AS relnamespace, CASE WHEN r.kind = 'S' THEN 0 ELSE @base.object_oid(r.number, 1) END AS reltype, 0 AS reloftype,
       10 AS relowner, CASE r.kind WHEN 'r' THEN 2 ELSE 0 END AS relam, CASE r.kind WHEN 'v' THEN 0 ELSE r.oid END AS relfilenode, 0 AS reltablespace,
       0 AS relpages, r.rows AS reltuples, 0 AS relallvisible, 0 AS reltoastrelid, r.has_index AS relhasindex,
       false AS relisshared, r.persistence AS relpersistence, r.kind AS relkind, r.columns AS relnatts, r.checks AS relchecks,
       r.kind = 'v' AS relhasrules, r.kind = 'r' AND r.number IN (SELECT number FROM @base.in_foreign_keys) AS relhastriggers,
       false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity, true AS relispopulated,
       CASE r.kind WHEN 'r' THEN 'd' ELSE 'n' END AS relreplident, false AS relispartition, 0 AS relrewrite, CASE r.kind WHEN 'r' THEN 717 ELSE 0 END AS relfrozenxid, CASE r.kind WHEN 'r' THEN 1 ELSE 0 END AS relminmxid
FROM @base.relations r JOIN @base.schemas s ON s.database = r.database AND s.duck = r.schema
UNION ALL
SELECT i.oid, i.name, s.oid, 0, 0, 10, 403, i.oid, 0, 1, 0, 0, 0, false, false, CASE i.database WHEN 'temp' THEN 't' ELSE 'p' END, 'i', len(i.expressions), 0, false, false, false, false, false, true, 'n', false, 0, 0, 0
FROM @base.indexes i JOIN @base.schemas s ON s.database = i.database AND s.duck = i.schema;

CREATE VIEW @base.references AS
SELECT c.oid, t.oid AS confrelid, t.number
FROM @base.constraints c JOIN @base.relations t ON t.database = c.database AND t.schema = c.schema AND t.name = c.referenced_table AND t.kind = 'r'
WHERE c.kind = 'f';

CREATE VIEW @pg.pg_attribute AS
SELECT a.attrelid, a.attname, a.atttypid, -1 AS attstattarget, coalesce(t.typlen, CASE WHEN a.is_array THEN -1 ELSE 4 END) AS attlen, a.attnum, CASE WHEN a.is_array THEN 1 ELSE 0 END AS attndims, -1 AS attcacheoff,
       a.atttypmod, coalesce(t.typbyval, NOT a.is_array) AS attbyval, coalesce(t.typalign, 'i') AS attalign, coalesce(t.typstorage, 'p') AS attstorage, '' AS attcompression, a.attnotnull, a.atthasdef, false AS atthasmissing, '' AS attidentity,
       '' AS attgenerated, false AS attisdropped, true AS attislocal, 0 AS attinhcount, coalesce(t.typcollation, 0) AS attcollation
FROM (
  SELECT @base.object_oid(table_oid, 0) AS attrelid, name AS attname, type AS atttypid, number AS attnum, modifier AS atttypmod, is_array,
         NOT is_nullable AS attnotnull, "default" IS NOT NULL AS atthasdef
  FROM @base.columns
  UNION ALL
  SELECT s.oid, c.name, c.type, c.number, -1, false, true, false
  FROM @base.relations s, (VALUES ('last_value', 20, 1), ('log_cnt', 20, 2), ('is_called', 16, 3)) c(name, type, number) WHERE s.kind = 'S'
  UNION ALL
  SELECT i.oid, coalesce(c.name, 'expr'), coalesce(c.type, 25), i.place, coalesce(c.modifier, -1), false, false, false
  FROM (SELECT *, unnest(expressions) AS expression, generate_subscripts(expressions, 1) AS place FROM @base.indexes) i
  LEFT JOIN @base.columns c ON c.table_oid = i.table_oid AND i.expression IN (c.name, '"' || replace(c.name, '"', '""') || '"')
) a LEFT JOIN @rows.pg_type t ON t.oid = a.atttypid;

CREATE VIEW @pg.pg_attrdef AS
SELECT @base.object_oid(table_oid, number) AS oid, @base.object_oid(table_oid, 0) AS adrelid, number AS adnum, "default" AS adbin FROM @base.columns WHERE "default" IS NOT NULL;

CREATE VIEW @pg.pg_type AS
SELECT e.oid, e.name AS typname, s.oid AS typnamespace, 10 AS typowner, 4 AS typlen, true AS typbyval, 'e' AS typtype, 'E' AS typcategory, false AS typispreferred,
       true AS typisdefined, ',' AS typdelim, 0 AS typrelid, 0 AS typsubscript, 0 AS typelem, e.array_oid AS typarray, 3504 AS typinput, 3505 AS typoutput, 3506 AS typreceive, 3507 AS typsend,
       0 AS typmodin, 0 AS typmodout, 0 AS typanalyze, 'i' AS typalign, 'p' AS typstorage, false AS typnotnull, 0 AS typbasetype, -1 AS typtypmod, 0 AS typndims, 0 AS typcollation
FROM @base.enums e JOIN @base.schemas s ON s.database = e.database AND s.duck = e.schema
UNION ALL
SELECT e.array_oid, '_' || e.name, s.oid, 10, -1, false, 'b', 'A', false, true, ',', 0, 6179, e.oid, 0, 750, 751, 2400, 2401, 0, 0, 3816, 'i', 'x', false, 0, -1, 0, 0
FROM @base.enums e JOIN @base.schemas s ON s.database = e.database AND s.duck = e.schema
UNION ALL
SELECT @base.object_oid(r.number, 1), r.name, s.oid, 10, -1, false, 'c', 'C', false, true, ',', r.oid, 0, 0, @base.object_oid(r.number, 2), 2290, 2291, 2402, 2403, 0, 0, 0, 'd', 'x', false, 0, -1, 0, 0
FROM @base.relations r JOIN @base.schemas s ON s.database = r.database AND s.duck = r.schema WHERE r.kind <> 'S'
UNION ALL
SELECT @base.object_oid(r.number, 2), '_' || r.name, s.oid, 10, -1, false, 'b', 'A', false, true, ',', 0, 6179, @base.object_oid(r.number, 1), 0, 750, 751, 2400, 2401, 0, 0, 3816, 'd', 'x', false, 0, -1, 0, 0
FROM @base.relations r JOIN @base.schemas s ON s.database = r.database AND s.duck = r.schema WHERE r.kind <> 'S';

CREATE VIEW @pg.pg_enum AS
SELECT @base.object_oid(number, 2 + place) AS oid, type AS enumtypid, place AS enumsortorder, label AS enumlabel
FROM (SELECT number, oid AS type, unnest(labels) AS label, generate_subscripts(labels, 1) AS place FROM @base.enums);

CREATE VIEW @pg.pg_constraint AS
SELECT c.oid, c.name AS conname, s.oid AS connamespace, c.kind AS contype, false AS condeferrable, false AS condeferred, true AS convalidated,
       @base.object_oid(c.table_oid, 0) AS conrelid, 0 AS contypid,
       CASE WHEN c.kind IN ('p', 'u') THEN c.index_oid WHEN c.kind = 'f' THEN k.index_oid ELSE 0 END AS conindid, 0 AS conparentid, coalesce(k.confrelid, 0) AS confrelid,
       CASE c.kind WHEN 'f' THEN 'a' ELSE ' ' END AS confupdtype, CASE c.kind WHEN 'f' THEN 'a' ELSE ' ' END AS confdeltype, CASE c.kind WHEN 'f' THEN 's' ELSE ' ' END AS confmatchtype,
       true AS conislocal, 0 AS coninhcount, c.kind <> 'c' AS connoinherit, c.numbers AS conkey, k.confkey,
       CASE c.kind WHEN 'f' THEN list_transform(c.numbers, x -> 96::UINTEGER) END AS conpfeqop, CASE c.kind WHEN 'f' THEN list_transform(c.numbers, x -> 96::UINTEGER) END AS conppeqop,
       CASE c.kind WHEN 'f' THEN list_transform(c.numbers, x -> 96::UINTEGER) END AS conffeqop, c.expression AS conbin
FROM @base.constraints c JOIN @base.schemas s ON s.database = c.database AND s.duck = c.schema
LEFT JOIN @base.foreign_keys k ON k.oid = c.oid;

CREATE VIEW @base.foreign_keys AS
SELECT r.oid, any_value(r.confrelid) AS confrelid, list(a.number ORDER BY f.place) AS confkey,
       coalesce(min(u.index_oid), 0) AS index_oid
FROM @base.references r
JOIN (SELECT oid, referenced, unnest(referenced) AS name, generate_subscripts(referenced, 1) AS place FROM @base.constraints WHERE kind = 'f') f ON f.oid = r.oid
JOIN @base.columns a ON a.table_oid = r.number AND a.name = f.name
LEFT JOIN @base.constraints u ON u.table_oid = r.number AND u.kind IN ('p', 'u') AND u.columns = f.referenced
GROUP BY r.oid;

CREATE VIEW @pg.pg_index AS
SELECT i.oid AS indexrelid, @base.object_oid(i.table_oid, 0) AS indrelid, len(i.expressions) AS indnatts, len(i.expressions) AS indnkeyatts, i.is_unique AS indisunique,
       false AS indnullsnotdistinct, i.is_primary AS indisprimary, false AS indisexclusion, i.is_primary OR i.is_unique AS indimmediate, false AS indisclustered, true AS indisvalid, false AS indcheckxmin,
       true AS indisready, true AS indislive, false AS indisreplident, k.numbers AS indkey, list_transform(k.numbers, x -> 0::UINTEGER) AS indcollation,
       list_transform(k.numbers, x -> 1978::UINTEGER) AS indclass, list_transform(k.numbers, x -> 0::SMALLINT) AS indoption,
       CASE WHEN list_contains(k.numbers, 0) THEN array_to_string(k.expressions, ', ') END AS indexprs
FROM @base.indexes i JOIN @base.index_keys k ON k.oid = i.oid;

CREATE VIEW @base.index_keys AS
SELECT i.oid, list(coalesce(c.number, 0)::SMALLINT ORDER BY i.place) AS numbers, list(i.expression ORDER BY i.place) FILTER (WHERE c.number IS NULL) AS expressions,
       list(coalesce(@base.quoted(c.name), i.expression) ORDER BY i.place) AS texts
FROM (SELECT oid, table_oid, unnest(expressions) AS expression, generate_subscripts(expressions, 1) AS place FROM @base.indexes) i
LEFT JOIN @base.columns c ON c.table_oid = i.table_oid AND i.expression IN (c.name, '"' || replace(c.name, '"', '""') || '"')
GROUP BY i.oid;

CREATE VIEW @pg.pg_description AS
SELECT oid AS objoid, 1259 AS classoid, 0 AS objsubid, comment AS description FROM @base.relations WHERE comment IS NOT NULL
UNION ALL SELECT oid, 1259, 0, comment FROM @base.indexes WHERE comment IS NOT NULL
UNION ALL SELECT @base.object_oid(table_oid, 0), 1259, number, comment FROM @base.columns WHERE comment IS NOT NULL
UNION ALL SELECT oid, 1247, 0, comment FROM @base.enums WHERE comment IS NOT NULL
UNION ALL SELECT oid, 1255, 0, comment FROM @base.functions WHERE comment IS NOT NULL
UNION ALL SELECT oid, 2615, 0, comment FROM @base.schemas WHERE comment IS NOT NULL;

CREATE VIEW @pg.pg_proc AS
SELECT oid, name AS proname, namespace AS pronamespace, 10 AS proowner, 14 AS prolang, 100 AS procost, CASE WHEN is_table THEN 1000 ELSE 0 END AS prorows, 0 AS provariadic, 0 AS prosupport,
       'f' AS prokind, false AS prosecdef, false AS proleakproof, false AS proisstrict, is_table AS proretset, 'v' AS provolatile, 'u' AS proparallel, len(parameters) AS pronargs, 0 AS pronargdefaults,
       CASE WHEN is_table THEN 2249 ELSE 2283 END AS prorettype, list_transform(parameters, x -> 2283::UINTEGER) AS proargtypes, parameters AS proargnames, source AS prosrc
FROM @base.functions;

CREATE VIEW @pg.pg_sequence AS
SELECT @base.object_oid(sequence_oid, 0) AS seqrelid, 20 AS seqtypid, start_value AS seqstart, increment_by AS seqincrement, max_value AS seqmax, min_value AS seqmin, 1 AS seqcache, cycle AS seqcycle
FROM system.main.duckdb_sequences() WHERE database_name IN (current_database(), 'temp');

CREATE VIEW @pg.pg_sequences AS
SELECT schema_name AS schemaname, sequence_name AS sequencename, 'sequenceowner' AS sequenceowner, 20 AS data_type, start_value, min_value, max_value, increment_by, cycle, 1 AS cache_size, last_value
FROM system.main.duckdb_sequences() WHERE database_name = current_database();

CREATE VIEW @pg.pg_tables AS
SELECT n.nspname AS schemaname, c.relname AS tablename, @owner AS tableowner, c.relhasindex AS hasindexes, c.relhasrules AS hasrules, c.relhastriggers AS hastriggers, c.relrowsecurity AS rowsecurity
FROM @pg.pg_class c JOIN @pg.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r';

CREATE VIEW @pg.pg_views AS
SELECT n.nspname AS schemaname, c.relname AS viewname, @owner AS viewowner, @base.view_text(r.sql) AS definition
FROM @pg.pg_class c JOIN @pg.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN @base.relations r ON r.oid = c.oid WHERE c.relkind = 'v';

CREATE VIEW @pg.pg_indexes AS
SELECT n.nspname AS schemaname, t.relname AS tablename, c.relname AS indexname, @pg.pg_get_indexdef(c.oid) AS indexdef
FROM @pg.pg_index x JOIN @pg.pg_class c ON c.oid = x.indexrelid JOIN @pg.pg_class t ON t.oid = x.indrelid JOIN @pg.pg_namespace n ON n.oid = t.relnamespace
WHERE t.relkind = 'r';

CREATE VIEW @base.roles AS
SELECT 10::UINTEGER AS oid, @owner AS rolname, true AS is_user UNION ALL SELECT oid, rolname, false FROM @rows.roles;

CREATE VIEW @pg.pg_authid AS
SELECT oid, rolname, is_user AS rolsuper, true AS rolinherit, is_user AS rolcreaterole, is_user AS rolcreatedb, is_user AS rolcanlogin, false AS rolreplication, false AS rolbypassrls, -1 AS rolconnlimit FROM @base.roles;

CREATE VIEW @pg.pg_roles AS
SELECT oid, rolname, is_user AS rolsuper, true AS rolinherit, is_user AS rolcreaterole, is_user AS rolcreatedb, is_user AS rolcanlogin, false AS rolreplication, false AS rolbypassrls, -1 AS rolconnlimit, '********' AS rolpassword FROM @base.roles;

CREATE VIEW @pg.pg_user AS
SELECT rolname AS usename, oid AS usesysid, true AS usecreatedb, true AS usesuper, false AS userepl, false AS usebypassrls, '********' AS passwd FROM @base.roles WHERE is_user;

CREATE VIEW @pg.pg_shadow AS
SELECT rolname AS usename, oid AS usesysid, true AS usecreatedb, true AS usesuper, false AS userepl, false AS usebypassrls FROM @base.roles WHERE is_user;

CREATE VIEW @pg.pg_group AS
SELECT rolname AS groname, oid AS grosysid, [] AS grolist FROM @base.roles WHERE NOT is_user;

CREATE VIEW @pg.pg_auth_members AS
SELECT roleid, member, grantor, admin_option FROM @rows.auth_members;

CREATE VIEW @pg.pg_timezone_names AS
SELECT name, abbrev, utc_offset, is_dst FROM system.main.pg_timezone_names();

CREATE VIEW @pg.pg_timezone_abbrevs AS
SELECT abbrev, utc_offset, is_dst FROM @rows.timezone_abbrevs;

CREATE VIEW @pg.pg_stat_all_tables AS
SELECT c.oid AS relid, n.nspname AS schemaname, c.relname, 0 AS seq_scan, 0 AS seq_tup_read, 0 AS n_tup_ins, 0 AS n_tup_upd, 0 AS n_tup_del, 0 AS n_tup_hot_upd, c.reltuples::BIGINT AS n_live_tup, 0 AS n_dead_tup,
       0 AS n_mod_since_analyze, 0 AS n_ins_since_vacuum, 0 AS vacuum_count, 0 AS autovacuum_count, 0 AS analyze_count, 0 AS autoanalyze_count
FROM @pg.pg_class c JOIN @pg.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 't');

CREATE VIEW @pg.pg_stat_user_tables AS
SELECT * FROM @pg.pg_stat_all_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname !~~ 'pg_toast%';

CREATE VIEW @pg.pg_stat_database AS
SELECT oid AS datid, datname, 1 AS numbackends, 0 AS xact_commit, 0 AS xact_rollback, 0 AS blks_read, 0 AS blks_hit FROM @pg.pg_database;
