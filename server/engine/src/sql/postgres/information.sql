-- The views of information_schema that say something of the current catalog.

CREATE VIEW @base.user_classes AS
SELECT c.oid, c.relname AS name, n.nspname AS schema, n.oid AS namespace, c.relkind AS kind, c.relpersistence AS persistence
FROM @pg.pg_class c JOIN @pg.pg_namespace n ON n.oid = c.relnamespace;

CREATE VIEW @info.information_schema_catalog_name AS SELECT current_database() AS catalog_name;

CREATE VIEW @info.schemata AS
SELECT current_database() AS catalog_name, nspname AS schema_name, @owner AS schema_owner FROM @pg.pg_namespace;

CREATE VIEW @info.tables AS
SELECT current_database() AS table_catalog, schema AS table_schema, name AS table_name,
       CASE WHEN persistence = 't' THEN 'LOCAL TEMPORARY' WHEN kind = 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type,
       CASE WHEN kind = 'r' THEN 'YES' ELSE 'NO' END AS is_insertable_into, 'NO' AS is_typed, CASE WHEN persistence = 't' THEN 'PRESERVE' END AS commit_action
FROM @base.user_classes WHERE kind IN ('r', 'v') AND schema <> 'pg_toast';

CREATE VIEW @info.views AS
SELECT current_database() AS table_catalog, c.schema AS table_schema, c.name AS table_name, @base.view_text(r.sql) AS view_definition, 'NONE' AS check_option,
       'NO' AS is_updatable, 'NO' AS is_insertable_into, 'NO' AS is_trigger_updatable, 'NO' AS is_trigger_deletable, 'NO' AS is_trigger_insertable_into
FROM @base.user_classes c LEFT JOIN @base.relations r ON r.oid = c.oid WHERE c.kind = 'v';

CREATE VIEW @info.columns AS
SELECT current_database() AS table_catalog, c.schema AS table_schema, c.name AS table_name, a.attname AS column_name, a.attnum AS ordinal_position, d.adbin AS column_default,
       CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
       CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY' WHEN n.nspname = 'pg_catalog' THEN f.name ELSE 'USER-DEFINED' END AS data_type,
       CASE WHEN a.atttypid IN (25, 1043) AND false THEN 0 END AS character_maximum_length,
       CASE WHEN a.atttypid IN (25, 1042, 1043) THEN 1073741824 END AS character_octet_length,
       CASE a.atttypid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53 WHEN 1700 THEN CASE WHEN a.atttypmod >= 4 THEN (a.atttypmod - 4) >> 16 END END AS numeric_precision,
       CASE WHEN a.atttypid IN (20, 21, 23, 700, 701) THEN 2 WHEN a.atttypid = 1700 THEN 10 END AS numeric_precision_radix,
       CASE WHEN a.atttypid IN (20, 21, 23) THEN 0 WHEN a.atttypid = 1700 AND a.atttypmod >= 4 THEN (a.atttypmod - 4) & 65535 END AS numeric_scale,
       CASE WHEN a.atttypid = 1082 THEN 0 WHEN a.atttypid IN (1083, 1114, 1184, 1186, 1266) THEN 6 END AS datetime_precision,
       current_database() AS udt_catalog, n.nspname AS udt_schema, t.typname AS udt_name, a.attnum AS dtd_identifier, 'NO' AS is_self_referencing, 'NO' AS is_identity, 'NO' AS identity_cycle,
       'NEVER' AS is_generated, CASE WHEN c.kind = 'r' THEN 'YES' ELSE 'NO' END AS is_updatable
FROM @base.user_classes c JOIN @pg.pg_attribute a ON a.attrelid = c.oid JOIN @pg.pg_type t ON t.oid = a.atttypid JOIN @pg.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN @base.type_names f ON f.oid = t.oid LEFT JOIN @pg.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.kind IN ('r', 'v') AND a.attnum > 0 AND c.schema <> 'pg_toast';

CREATE VIEW @info.table_constraints AS
SELECT current_database() AS constraint_catalog, c.schema AS constraint_schema, k.conname AS constraint_name, current_database() AS table_catalog, c.schema AS table_schema, c.name AS table_name,
       CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK' ELSE 'FOREIGN KEY' END AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced,
       CASE k.contype WHEN 'u' THEN 'YES' END AS nulls_distinct
FROM @pg.pg_constraint k JOIN @base.user_classes c ON c.oid = k.conrelid
UNION ALL
SELECT current_database(), c.schema, c.namespace || '_' || c.oid || '_' || a.attnum || '_not_null', current_database(), c.schema, c.name, 'CHECK', 'NO', 'NO', 'YES', NULL
FROM @pg.pg_attribute a JOIN @base.user_classes c ON c.oid = a.attrelid WHERE a.attnotnull AND a.attnum > 0 AND c.kind = 'r';

CREATE VIEW @info.check_constraints AS
SELECT current_database() AS constraint_catalog, c.schema AS constraint_schema, k.conname AS constraint_name, k.conbin AS check_clause
FROM @pg.pg_constraint k JOIN @base.user_classes c ON c.oid = k.conrelid WHERE k.contype = 'c'
UNION ALL
SELECT current_database(), c.schema, c.namespace || '_' || c.oid || '_' || a.attnum || '_not_null', a.attname || ' IS NOT NULL'
FROM @pg.pg_attribute a JOIN @base.user_classes c ON c.oid = a.attrelid WHERE a.attnotnull AND a.attnum > 0 AND c.kind = 'r';

CREATE VIEW @base.constraint_columns AS
SELECT k.oid, k.conname, k.contype, k.conrelid, k.confrelid, k.number, k.referenced, k.place, c.schema, c.name, a.attname
FROM (SELECT *, unnest(conkey) AS number, unnest(coalesce(confkey, list_transform(conkey, x -> NULL::SMALLINT))) AS referenced, generate_subscripts(conkey, 1) AS place FROM @pg.pg_constraint WHERE conrelid <> 0) k
JOIN @base.user_classes c ON c.oid = k.conrelid JOIN @pg.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.number;

CREATE VIEW @info.key_column_usage AS
SELECT current_database() AS constraint_catalog, k.schema AS constraint_schema, k.conname AS constraint_name, current_database() AS table_catalog, k.schema AS table_schema, k.name AS table_name,
       k.attname AS column_name, k.place AS ordinal_position, CASE WHEN k.contype = 'f' THEN (SELECT max(list_position(u.conkey, k.referenced)) FROM @pg.pg_constraint u WHERE u.conrelid = k.confrelid AND u.contype IN ('p', 'u') AND list_contains(u.conkey, k.referenced)) END AS position_in_unique_constraint
FROM @base.constraint_columns k WHERE k.contype IN ('p', 'u', 'f');

CREATE VIEW @info.constraint_column_usage AS
SELECT current_database() AS table_catalog, k.schema AS table_schema, k.name AS table_name, k.attname AS column_name, current_database() AS constraint_catalog, k.schema AS constraint_schema, k.conname AS constraint_name
FROM @base.constraint_columns k WHERE k.contype IN ('p', 'u', 'c')
UNION ALL
SELECT current_database(), c.schema, c.name, a.attname, current_database(), k.schema, k.conname
FROM @base.constraint_columns k JOIN @base.user_classes c ON c.oid = k.confrelid JOIN @pg.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = k.referenced WHERE k.contype = 'f';

CREATE VIEW @info.constraint_table_usage AS
SELECT DISTINCT table_catalog, table_schema, table_name, constraint_catalog, constraint_schema, constraint_name FROM @info.constraint_column_usage;

CREATE VIEW @info.referential_constraints AS
SELECT current_database() AS constraint_catalog, c.schema AS constraint_schema, k.conname AS constraint_name, current_database() AS unique_constraint_catalog, uc.schema AS unique_constraint_schema, u.conname AS unique_constraint_name,
       'NONE' AS match_option, 'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
FROM @pg.pg_constraint k JOIN @base.user_classes c ON c.oid = k.conrelid
LEFT JOIN @pg.pg_constraint u ON u.conindid = k.conindid AND u.conrelid = k.confrelid AND u.contype IN ('p', 'u') AND k.conindid <> 0 LEFT JOIN @base.user_classes uc ON uc.oid = u.conrelid
WHERE k.contype = 'f';

CREATE VIEW @info.sequences AS
SELECT current_database() AS sequence_catalog, schema_name AS sequence_schema, sequence_name, 'bigint' AS data_type, 64 AS numeric_precision, 2 AS numeric_precision_radix, 0 AS numeric_scale,
       start_value, min_value AS minimum_value, max_value AS maximum_value, increment_by AS increment, CASE WHEN cycle THEN 'YES' ELSE 'NO' END AS cycle_option
FROM system.main.duckdb_sequences() WHERE database_name = current_database();

CREATE VIEW @info.routines AS
SELECT current_database() AS specific_catalog, n.nspname AS specific_schema, p.proname || '_' || p.oid AS specific_name, current_database() AS routine_catalog, n.nspname AS routine_schema, p.proname AS routine_name,
       'FUNCTION' AS routine_type, t.name AS data_type, current_database() AS type_udt_catalog, 'pg_catalog' AS type_udt_schema, y.typname AS type_udt_name, 0 AS dtd_identifier,
       'SQL' AS routine_body, p.prosrc AS routine_definition, 'SQL' AS external_language, 'GENERAL' AS parameter_style, 'NO' AS is_deterministic, 'MODIFIES' AS sql_data_access,
       CASE WHEN p.proisstrict THEN 'YES' ELSE 'NO' END AS is_null_call, 'YES' AS schema_level_routine, 0 AS max_dynamic_result_sets, 'INVOKER' AS security_type, 'NO' AS as_locator, 'NO' AS is_udt_dependent
FROM @pg.pg_proc p JOIN @pg.pg_namespace n ON n.oid = p.pronamespace LEFT JOIN @base.type_names t ON t.oid = p.prorettype LEFT JOIN @pg.pg_type y ON y.oid = p.prorettype WHERE p.prokind = 'f';

CREATE VIEW @info.parameters AS
SELECT current_database() AS specific_catalog, n.nspname AS specific_schema, p.proname || '_' || p.oid AS specific_name, p.place AS ordinal_position, 'IN' AS parameter_mode, 'NO' AS is_result, 'NO' AS as_locator,
       p.proargnames[p.place] AS parameter_name, t.name AS data_type, current_database() AS udt_catalog, 'pg_catalog' AS udt_schema, y.typname AS udt_name, p.place AS dtd_identifier
FROM (SELECT *, unnest(proargtypes) AS argument, generate_subscripts(proargtypes, 1) AS place FROM @pg.pg_proc) p
JOIN @pg.pg_namespace n ON n.oid = p.pronamespace LEFT JOIN @base.type_names t ON t.oid = p.argument LEFT JOIN @pg.pg_type y ON y.oid = p.argument;

CREATE VIEW @info.table_privileges AS
SELECT @owner AS grantor, @owner AS grantee, current_database() AS table_catalog, c.schema AS table_schema, c.name AS table_name, p.name AS privilege_type, 'YES' AS is_grantable, CASE p.name WHEN 'SELECT' THEN 'YES' ELSE 'NO' END AS with_hierarchy
FROM @base.user_classes c, (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) p(name) WHERE c.kind IN ('r', 'v') AND c.schema <> 'pg_toast';

CREATE VIEW @info.role_table_grants AS SELECT * FROM @info.table_privileges;

CREATE VIEW @info.column_privileges AS
SELECT @owner AS grantor, @owner AS grantee, current_database() AS table_catalog, c.schema AS table_schema, c.name AS table_name, a.attname AS column_name, p.name AS privilege_type, 'YES' AS is_grantable
FROM @base.user_classes c JOIN @pg.pg_attribute a ON a.attrelid = c.oid, (VALUES ('INSERT'), ('SELECT'), ('UPDATE'), ('REFERENCES')) p(name) WHERE c.kind IN ('r', 'v') AND a.attnum > 0 AND c.schema <> 'pg_toast';

CREATE VIEW @info.role_column_grants AS SELECT * FROM @info.column_privileges;

CREATE VIEW @info.enabled_roles AS SELECT rolname AS role_name FROM @base.roles;
CREATE VIEW @info.applicable_roles AS SELECT @owner AS grantee, rolname AS role_name, 'NO' AS is_grantable FROM @base.roles WHERE NOT is_user;
CREATE VIEW @info.administrable_role_authorizations AS SELECT @owner AS grantee, rolname AS role_name, 'YES' AS is_grantable FROM @base.roles WHERE NOT is_user;
CREATE VIEW @info.character_sets AS SELECT 'UTF8' AS character_set_name, 'UCS' AS character_repertoire, 'UTF8' AS form_of_use, current_database() AS default_collate_catalog;
CREATE VIEW @info.collations AS SELECT current_database() AS collation_catalog, 'pg_catalog' AS collation_schema, collname AS collation_name, 'NO PAD' AS pad_attribute FROM @rows.pg_collation;
CREATE VIEW @info.sql_features AS SELECT feature_id, feature_name, sub_feature_id, sub_feature_name, is_supported, is_verified_by, comments FROM @rows.sql_features;
CREATE VIEW @info.sql_implementation_info AS SELECT implementation_info_id, implementation_info_name, integer_value, character_value, comments FROM @rows.sql_implementation_info;
CREATE VIEW @info.sql_parts AS SELECT feature_id, feature_name, is_supported, is_verified_by, comments FROM @rows.sql_parts;
CREATE VIEW @info.sql_sizing AS SELECT sizing_id, sizing_name, supported_value, comments FROM @rows.sql_sizing;
