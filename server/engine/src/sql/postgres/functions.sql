-- PostgreSQL's functions that DuckDB has not, or that mean something else there. One that takes `session_owner` is given the
-- name of the session's user behind its other arguments. Names of tables begin with `own_`: DuckDB puts arguments in their place
-- as they are written, and a caller's table of the same name would be hidden by a macro's own.

CREATE MACRO @base.view_text(sql) AS ' ' || regexp_replace(sql, '^CREATE (TEMPORARY )?VIEW .*? AS (?i:(SELECT|WITH|FROM|VALUES|\())', '\2', 's');

CREATE MACRO @pg.version() AS 'PostgreSQL 15.0 (DuckDB ' || system.main.version() || ')';
CREATE MACRO @pg.pg_is_in_recovery() AS false;
CREATE MACRO @pg.pg_is_wal_replay_paused() AS false;
CREATE MACRO @pg.pg_terminate_backend(process) AS false, (process, patience) AS false;
CREATE MACRO @pg.pg_cancel_backend(process) AS false;
CREATE MACRO @pg.pg_blocking_pids(process) AS []::INTEGER[];
CREATE MACRO @pg.pg_my_temp_schema() AS coalesce((SELECT max(oid) FROM @base.schemas own_schemas WHERE name = 'pg_temp_3'), 0::UINTEGER);
CREATE MACRO @pg.pg_is_other_temp_schema(schema) AS false;
CREATE MACRO @pg.pg_postmaster_start_time() AS current_date::TIMESTAMPTZ;
CREATE MACRO @pg.pg_conf_load_time() AS current_date::TIMESTAMPTZ;
CREATE MACRO @pg.pg_current_xact_id() AS txid_current();
CREATE MACRO @pg.pg_current_snapshot() AS NULL::VARCHAR;
CREATE MACRO @pg.pg_export_snapshot() AS '00000003-00000001-1';
CREATE MACRO @pg.inet_server_addr() AS '127.0.0.1';
CREATE MACRO @pg.inet_client_addr() AS '127.0.0.1';
CREATE MACRO @pg.inet_server_port() AS NULL::INTEGER;
CREATE MACRO @pg.inet_client_port() AS NULL::INTEGER;
CREATE MACRO @pg.current_schemas(implicit) AS CASE WHEN implicit THEN ['pg_catalog'] ELSE []::VARCHAR[] END || list_filter(list_distinct(@base.path()), name -> name NOT IN ('pg_catalog', 'information_schema'));
CREATE MACRO @pg.current_schema() AS system.main.current_schema();
CREATE MACRO @pg.current_database() AS system.main.current_database();
CREATE MACRO @pg.current_catalog() AS system.main.current_database();

CREATE MACRO @pg.pg_get_userbyid(role, session_owner) AS CASE WHEN role = 10 THEN session_owner ELSE coalesce((SELECT any_value(rolname) FROM @rows.roles own_roles WHERE oid = role), 'unknown (OID=' || role || ')') END;
CREATE MACRO @pg.pg_encoding_to_char(encoding) AS CASE encoding WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' ELSE '' END;
CREATE MACRO @pg.pg_char_to_encoding(name) AS CASE upper(name) WHEN 'UTF8' THEN 6 WHEN 'SQL_ASCII' THEN 0 ELSE -1 END;
CREATE MACRO @pg.getdatabaseencoding() AS 'UTF8';
CREATE MACRO @pg.pg_client_encoding() AS 'UTF8';

CREATE MACRO @pg.format_type(type, modifier) AS
CASE WHEN type IS NULL THEN NULL
     WHEN type = 0 THEN '-'
     WHEN modifier IS NULL OR modifier < 0 THEN coalesce((SELECT any_value(name) FROM @base.type_names own_type_names WHERE oid = type), '???')
     WHEN type IN (1700, 1231) THEN 'numeric(' || ((modifier - 4) >> 16) || ',' || ((modifier - 4) & 65535) || ')' || CASE type WHEN 1231 THEN '[]' ELSE '' END
     WHEN type IN (1043, 1015) THEN 'character varying(' || (modifier - 4) || ')' || CASE type WHEN 1015 THEN '[]' ELSE '' END
     WHEN type IN (1042, 1014) THEN 'character(' || (modifier - 4) || ')' || CASE type WHEN 1014 THEN '[]' ELSE '' END
     WHEN type IN (1560, 1562) THEN CASE type WHEN 1560 THEN 'bit(' ELSE 'bit varying(' END || modifier || ')'
     WHEN type IN (1114, 1083) THEN CASE type WHEN 1114 THEN 'timestamp(' ELSE 'time(' END || modifier || ') without time zone'
     WHEN type IN (1184, 1266) THEN CASE type WHEN 1184 THEN 'timestamp(' ELSE 'time(' END || modifier || ') with time zone'
     ELSE coalesce((SELECT any_value(name) FROM @base.type_names own_type_names WHERE oid = type), '???') END;

CREATE MACRO @base.relation_text(relation) AS
CASE WHEN relation = 0 THEN '-' ELSE coalesce((SELECT any_value(CASE WHEN is_visible THEN '' ELSE @base.quoted(namespace) || '.' END || @base.quoted(name)) FROM @base.relation_names own_relation_names WHERE oid = relation), relation::VARCHAR) END;
CREATE MACRO @base.type_text(type) AS
CASE WHEN type = 0 THEN '-' ELSE coalesce((SELECT any_value(name) FROM @base.type_names own_type_names WHERE oid = type), type::VARCHAR) END;
CREATE MACRO @base.function_text(function) AS
CASE WHEN function = 0 THEN '-' ELSE coalesce((SELECT any_value(proname) FROM @pg.pg_proc own_pg_proc WHERE oid = function), function::VARCHAR) END;
CREATE MACRO @base.procedure_text(function) AS
CASE WHEN function = 0 THEN '-' ELSE coalesce((SELECT any_value(own_p.proname || '(' || coalesce(own_t.identity, array_to_string(own_p.proargnames, ',')) || ')') FROM @pg.pg_proc own_p LEFT JOIN @rows.function_texts own_t ON own_t.oid = own_p.oid WHERE own_p.oid = function), function::VARCHAR) END;
CREATE MACRO @base.operator_text(operator) AS
CASE WHEN operator = 0 THEN '0' ELSE coalesce((SELECT any_value(name) FROM @rows.operator_names own_operator_names WHERE oid = operator), operator::VARCHAR) END;
CREATE MACRO @base.oper_text(operator) AS
CASE WHEN operator = 0 THEN '0' ELSE coalesce((SELECT any_value(oprname) FROM @rows.pg_operator own_pg_operator WHERE oid = operator), operator::VARCHAR) END;
CREATE MACRO @base.namespace_text(namespace) AS
CASE WHEN namespace = 0 THEN '-' ELSE coalesce((SELECT any_value(@base.quoted(nspname)) FROM @pg.pg_namespace own_pg_namespace WHERE oid = namespace), namespace::VARCHAR) END;
CREATE MACRO @base.role_text(role, session_owner) AS CASE WHEN role = 0 THEN '-' WHEN role = 10 THEN @base.quoted(session_owner) ELSE coalesce((SELECT any_value(rolname) FROM @rows.roles own_roles WHERE oid = role), role::VARCHAR) END;
CREATE MACRO @base.collation_text(wanted) AS coalesce((SELECT any_value(@base.quoted(collname)) FROM @rows.pg_collation own_pg_collation WHERE oid = wanted), wanted::VARCHAR);

CREATE MACRO @base.parts(name) AS list_transform(list_filter(regexp_extract_all(name, '"(?:[^"]|"")*"|[^."]+'), part -> trim(part) <> ''), part -> CASE WHEN starts_with(part, '"') THEN replace(part[2:-2], '""', '"') ELSE lower(trim(part)) END);
CREATE MACRO @base.find_relation(wanted) AS
coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @base.relation_names own_r WHERE lower(own_r.name) = lower(@base.parts(wanted::VARCHAR)[-1]) AND CASE WHEN @base.parts(wanted::VARCHAR)[2] IS NOT NULL THEN lower(own_r.namespace) = lower(@base.parts(wanted::VARCHAR)[-2]) ELSE own_r.is_visible END));
CREATE MACRO @base.find_type(wanted) AS
coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @base.type_names own_t WHERE own_t.name = wanted::VARCHAR OR 'pg_catalog.' || own_t.name = wanted::VARCHAR),
 (SELECT min(own_t.oid) FROM @pg.pg_type own_t JOIN @pg.pg_namespace own_n ON own_n.oid = own_t.typnamespace WHERE lower(own_t.typname) = lower(@base.parts(wanted::VARCHAR)[-1]) AND (@base.parts(wanted::VARCHAR)[2] IS NULL OR own_n.nspname = @base.parts(wanted::VARCHAR)[-2])));
CREATE MACRO @base.find_function(wanted) AS coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @pg.pg_proc own_pg_proc WHERE proname = @base.parts(wanted::VARCHAR)[-1]));
CREATE MACRO @base.find_procedure(wanted) AS coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @pg.pg_proc own_pg_proc WHERE proname = @base.parts(split_part(wanted::VARCHAR, '(', 1))[-1]));
CREATE MACRO @base.find_operator(wanted) AS coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @rows.operator_names own_n WHERE own_n.name = wanted::VARCHAR));
CREATE MACRO @base.find_oper(wanted) AS coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @rows.pg_operator own_pg_operator WHERE oprname = wanted::VARCHAR));
CREATE MACRO @base.find_namespace(wanted) AS coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @pg.pg_namespace own_pg_namespace WHERE nspname = @base.parts(wanted::VARCHAR)[-1]));
CREATE MACRO @base.find_role(wanted, session_owner) AS coalesce(TRY_CAST(wanted AS UINTEGER), CASE WHEN wanted::VARCHAR = session_owner THEN 10::UINTEGER END, (SELECT min(oid) FROM @rows.roles own_roles WHERE rolname = wanted::VARCHAR));
CREATE MACRO @base.find_collation(wanted) AS coalesce(TRY_CAST(wanted AS UINTEGER), (SELECT min(oid) FROM @rows.pg_collation own_pg_collation WHERE collname = @base.parts(wanted::VARCHAR)[-1]));

CREATE MACRO @pg.to_regclass(wanted) AS @base.find_relation(wanted);
CREATE MACRO @pg.to_regtype(wanted) AS @base.find_type(wanted);
CREATE MACRO @pg.to_regproc(wanted) AS @base.find_function(wanted);
CREATE MACRO @pg.to_regprocedure(wanted) AS @base.find_procedure(wanted);
CREATE MACRO @pg.to_regnamespace(wanted) AS @base.find_namespace(wanted);
CREATE MACRO @pg.to_regrole(wanted, session_owner) AS @base.find_role(wanted, session_owner);
CREATE MACRO @pg.to_regoper(wanted) AS @base.find_oper(wanted);
CREATE MACRO @pg.to_regoperator(wanted) AS @base.find_operator(wanted);

CREATE MACRO @pg.pg_table_is_visible(relation) AS (SELECT bool_or(is_visible) FROM @base.relation_names own_relation_names WHERE oid = relation);
CREATE MACRO @pg.pg_type_is_visible(type) AS (SELECT bool_or(is_visible) FROM @base.type_names own_t WHERE own_t.oid = type);
CREATE MACRO @pg.pg_function_is_visible(function) AS (SELECT bool_or(own_p.visible) FROM (SELECT oid, pronamespace = 11 AS visible FROM @rows.pg_proc own_pg_proc UNION ALL SELECT own_f.oid, true FROM @base.functions own_f) own_p WHERE own_p.oid = function);
CREATE MACRO @pg.pg_operator_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_operator own_pg_operator WHERE oid = x);
CREATE MACRO @pg.pg_opclass_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_opclass own_pg_opclass WHERE oid = x);
CREATE MACRO @pg.pg_opfamily_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_opfamily own_pg_opfamily WHERE oid = x);
CREATE MACRO @pg.pg_collation_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_collation own_pg_collation WHERE oid = x);
CREATE MACRO @pg.pg_conversion_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_conversion own_pg_conversion WHERE oid = x);
CREATE MACRO @pg.pg_ts_config_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_ts_config own_pg_ts_config WHERE oid = x);
CREATE MACRO @pg.pg_ts_dict_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_ts_dict own_pg_ts_dict WHERE oid = x);
CREATE MACRO @pg.pg_ts_parser_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_ts_parser own_pg_ts_parser WHERE oid = x);
CREATE MACRO @pg.pg_ts_template_is_visible(x) AS (SELECT bool_or(true) FROM @rows.pg_ts_template own_pg_ts_template WHERE oid = x);
CREATE MACRO @pg.pg_statistics_obj_is_visible(x) AS NULL::BOOLEAN;

CREATE MACRO @pg.obj_description(object) AS (SELECT max(description) FROM @pg.pg_description own_pg_description WHERE objoid = object AND objsubid = 0),
(object, catalog) AS (SELECT max(description) FROM @pg.pg_description own_d WHERE own_d.objoid = object AND own_d.objsubid = 0 AND own_d.classoid = (SELECT max(oid) FROM @rows.pg_class own_pg_class WHERE relname = catalog AND relnamespace = 11));
CREATE MACRO @pg.col_description(relation, wanted) AS (SELECT max(description) FROM @pg.pg_description own_d WHERE own_d.objoid = relation AND own_d.objsubid = wanted AND own_d.classoid = 1259);
CREATE MACRO @pg.shobj_description(object, catalog) AS NULL::VARCHAR;

CREATE MACRO @pg.pg_get_expr(expression, relation) AS expression::VARCHAR, (expression, relation, pretty) AS expression::VARCHAR;
CREATE MACRO @pg.pg_get_viewdef(relation) AS (SELECT max(@base.view_text(sql)) FROM @base.relations own_relations WHERE kind = 'v' AND oid = @base.find_relation(relation)), (relation, pretty) AS (SELECT max(@base.view_text(sql)) FROM @base.relations own_relations WHERE kind = 'v' AND oid = @base.find_relation(relation));
CREATE MACRO @base.constraint_text(wanted) AS coalesce((SELECT max(
  CASE own_c.kind WHEN 'c' THEN 'CHECK (' || own_c.expression || ')'
              WHEN 'f' THEN 'FOREIGN KEY (' || array_to_string(list_transform(own_c.columns, x -> @base.quoted(x)), ', ') || ') REFERENCES ' || @base.relation_text(own_r.confrelid) || '(' || array_to_string(list_transform(own_c.referenced, x -> @base.quoted(x)), ', ') || ')'
              WHEN 'p' THEN 'PRIMARY KEY (' || array_to_string(list_transform(own_c.columns, x -> @base.quoted(x)), ', ') || ')'
              ELSE 'UNIQUE (' || array_to_string(list_transform(own_c.columns, x -> @base.quoted(x)), ', ') || ')' END)
  FROM @base.constraints own_c LEFT JOIN @base.references own_r ON own_r.oid = own_c.oid WHERE own_c.oid = wanted), (SELECT max(text) FROM @rows.constraint_texts own_constraint_texts WHERE oid = wanted));
CREATE MACRO @pg.pg_get_constraintdef(wanted) AS @base.constraint_text(wanted), (wanted, pretty) AS @base.constraint_text(wanted);
CREATE MACRO @base.index_text(wanted) AS coalesce((SELECT max(
  'CREATE ' || CASE WHEN own_i.is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || @base.quoted(own_i.name) || ' ON ' || @base.quoted(own_i.schema) || '.' || @base.quoted(own_i."table") || ' USING btree (' || array_to_string(own_k.texts, ', ') || ')')
  FROM @base.indexes own_i JOIN @base.index_keys own_k ON own_k.oid = own_i.oid WHERE own_i.oid = wanted), (SELECT max(text) FROM @rows.index_texts own_index_texts WHERE oid = wanted));
CREATE MACRO @pg.pg_get_indexdef(wanted) AS @base.index_text(wanted),
(wanted, key_place, pretty) AS CASE WHEN key_place = 0 THEN @base.index_text(wanted) ELSE (SELECT max(own_k.texts[key_place]) FROM @base.index_keys own_k WHERE own_k.oid = wanted) END;
CREATE MACRO @pg.pg_get_functiondef(function) AS (SELECT max('CREATE MACRO ' || @base.quoted(name) || '(' || array_to_string(parameters, ', ') || ') AS ' || CASE WHEN is_table THEN 'TABLE ' ELSE '' END || source) FROM @base.functions own_functions WHERE oid = function);
CREATE MACRO @pg.pg_get_function_arguments(function) AS coalesce((SELECT max(arguments) FROM @rows.function_texts own_function_texts WHERE oid = function), (SELECT max(array_to_string(parameters, ', ')) FROM @base.functions own_functions WHERE oid = function));
CREATE MACRO @pg.pg_get_function_identity_arguments(function) AS coalesce((SELECT max(identity) FROM @rows.function_texts own_function_texts WHERE oid = function), (SELECT max(array_to_string(parameters, ', ')) FROM @base.functions own_functions WHERE oid = function));
CREATE MACRO @pg.pg_get_function_result(function) AS coalesce((SELECT max(result) FROM @rows.function_texts own_function_texts WHERE oid = function), (SELECT max(CASE WHEN is_table THEN 'SETOF record' ELSE 'anyelement' END) FROM @base.functions own_functions WHERE oid = function));
CREATE MACRO @pg.pg_get_function_sqlbody(function) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_function_arg_default(function, number) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_triggerdef(number) AS NULL::VARCHAR, (number, pretty) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_ruledef(number) AS NULL::VARCHAR, (number, pretty) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_partkeydef(relation) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_partition_constraintdef(relation) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_statisticsobjdef(number) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_statisticsobjdef_columns(number) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_serial_sequence(relation, name) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_get_replica_identity_index(relation) AS NULL::UINTEGER;
CREATE MACRO @pg.pg_get_publication_tables(name) AS NULL::UINTEGER;
CREATE MACRO @pg.pg_get_keywords() AS TABLE SELECT word, catcode, barelabel, catdesc, baredesc FROM @rows.keywords own_keywords;
CREATE MACRO @pg.pg_relation_is_publishable(relation) AS EXISTS (FROM @base.relations own_relations WHERE oid = TRY_CAST(relation AS UINTEGER) AND kind = 'r');
CREATE MACRO @pg.pg_partition_ancestors(relation) AS NULL::UINTEGER;
CREATE MACRO @pg.pg_partition_root(relation) AS relation;
CREATE MACRO @pg.pg_relation_is_updatable(relation, triggers) AS CASE WHEN EXISTS (FROM @base.relations own_relations WHERE oid = relation AND kind = 'r') THEN 28 ELSE 0 END;
CREATE MACRO @pg.pg_column_is_updatable(relation, number, triggers) AS EXISTS (FROM @base.relations own_relations WHERE oid = relation AND kind = 'r');
CREATE MACRO @pg.pg_collation_for(x) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_collation_actual_version(x) AS NULL::VARCHAR;
CREATE MACRO @pg.pg_tablespace_location(x) AS '';
CREATE MACRO @pg.pg_relation_filenode(x) AS x;
CREATE MACRO @pg.pg_relation_filepath(x) AS NULL::VARCHAR;
CREATE MACRO @base.bytes(relation) AS coalesce((SELECT max(rows * columns * 8) FROM @base.relations own_relations WHERE kind = 'r' AND oid = @base.find_relation(relation)), 0)::BIGINT;
CREATE MACRO @pg.pg_relation_size(relation) AS @base.bytes(relation), (relation, fork) AS @base.bytes(relation);
CREATE MACRO @pg.pg_table_size(relation) AS @base.bytes(relation);
CREATE MACRO @pg.pg_total_relation_size(relation) AS @base.bytes(relation);
CREATE MACRO @pg.pg_indexes_size(relation) AS 0::BIGINT;
CREATE MACRO @pg.pg_tablespace_size(x) AS 0::BIGINT;
CREATE MACRO @pg.pg_database_size(x) AS (SELECT sum(estimated_size * column_count * 8)::BIGINT FROM system.main.duckdb_tables() own_duckdb_tables WHERE database_name = current_database());
CREATE MACRO @pg.pg_size_pretty(bytes) AS CASE WHEN bytes < 10240 THEN bytes || ' bytes' WHEN bytes < 10485760 THEN round(bytes / 1024)::BIGINT || ' kB' WHEN bytes < 10737418240 THEN round(bytes / 1048576)::BIGINT || ' MB' ELSE round(bytes / 1073741824)::BIGINT || ' GB' END;
CREATE MACRO @pg.pg_stat_get_numscans(x) AS 0::BIGINT;
CREATE MACRO @pg.pg_stat_get_tuples_returned(x) AS 0::BIGINT;
CREATE MACRO @pg.pg_stat_get_live_tuples(x) AS 0::BIGINT;
CREATE MACRO @pg.pg_sequence_last_value(x) AS (SELECT max(last_value) FROM system.main.duckdb_sequences() own_duckdb_sequences WHERE @base.object_oid(sequence_oid, 0) = x);
CREATE MACRO @pg.pg_index_column_has_property(i, n, property) AS CASE property WHEN 'asc' THEN true WHEN 'nulls_last' THEN true WHEN 'orderable' THEN true ELSE false END;
CREATE MACRO @pg.pg_index_has_property(i, property) AS false;
CREATE MACRO @pg.pg_indexam_has_property(i, property) AS property IN ('can_order', 'can_unique', 'can_multi_col', 'can_include');
CREATE MACRO @pg.pg_describe_object(class, object, part) AS @base.relation_text(object);
CREATE MACRO @pg.pg_typeof(x) AS @base.type_text(@base.type_of(typeof(x)));
CREATE MACRO @base.type_of(wanted) AS coalesce((SELECT max(CASE WHEN ends_with(wanted, ']') THEN own_t.array_oid ELSE own_t.oid END) FROM @base.type_numbers own_t WHERE own_t.name = regexp_replace(regexp_replace(wanted, '\[\d*\]$', ''), '\(.*\)$', '')), 114)::UINTEGER;

CREATE MACRO @pg.has_table_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_any_column_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_column_privilege(a, b, c) AS true, (a, b, c, d) AS true;
CREATE MACRO @pg.has_schema_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_database_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_sequence_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_function_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_language_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_type_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_tablespace_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_foreign_data_wrapper_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_server_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.has_parameter_privilege(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.pg_has_role(a, b) AS true, (a, b, c) AS true;
CREATE MACRO @pg.row_security_active(a) AS false;
CREATE MACRO @pg.acldefault(kind, owner) AS NULL::VARCHAR[];
CREATE MACRO @pg.aclexplode(acl) AS unnest([]::STRUCT(grantor UINTEGER, grantee UINTEGER, privilege_type VARCHAR, is_grantable BOOLEAN)[]);

CREATE MACRO @pg.quote_ident(name) AS @base.quoted(name);
CREATE MACRO @pg.quote_literal(value) AS '''' || replace(value::VARCHAR, '''', '''''') || '''';
CREATE MACRO @pg.quote_nullable(value) AS coalesce('''' || replace(value::VARCHAR, '''', '''''') || '''', 'NULL');
CREATE MACRO @pg.array_upper(list, dimension) AS CASE WHEN len(list) > 0 AND dimension = 1 THEN len(list)::INTEGER END;
CREATE MACRO @pg.array_lower(list, dimension) AS CASE WHEN len(list) > 0 AND dimension = 1 THEN 1 END;
CREATE MACRO @pg.array_ndims(list) AS CASE WHEN len(list) > 0 THEN 1 END;
CREATE MACRO @pg.cardinality(list) AS len(list)::INTEGER;
CREATE MACRO @pg.array_remove(list, value) AS list_filter(list, x -> x IS DISTINCT FROM value);
CREATE MACRO @pg.array_positions(list, value) AS list_filter(list_transform(list, (x, i) -> CASE WHEN x = value THEN i END), x -> x IS NOT NULL);
CREATE MACRO @pg.pg_options_to_table(options) AS unnest([]::STRUCT(option_name VARCHAR, option_value VARCHAR)[]);
CREATE MACRO @pg._pg_expandarray(list) AS unnest(list_transform(list, (x, i) -> {'x': x, 'n': i::INTEGER}));
CREATE MACRO @pg.txid_current() AS system.main.txid_current();
CREATE MACRO @pg.pg_column_size(x) AS len(x::VARCHAR)::INTEGER;

-- Advisory locks exclude nobody (PW-35).
CREATE MACRO @pg.pg_advisory_lock(key) AS '', (key, second) AS '';
CREATE MACRO @pg.pg_advisory_lock_shared(key) AS '', (key, second) AS '';
CREATE MACRO @pg.pg_advisory_xact_lock(key) AS '', (key, second) AS '';
CREATE MACRO @pg.pg_advisory_xact_lock_shared(key) AS '', (key, second) AS '';
CREATE MACRO @pg.pg_try_advisory_lock(key) AS true, (key, second) AS true;
CREATE MACRO @pg.pg_try_advisory_lock_shared(key) AS true, (key, second) AS true;
CREATE MACRO @pg.pg_try_advisory_xact_lock(key) AS true, (key, second) AS true;
CREATE MACRO @pg.pg_try_advisory_xact_lock_shared(key) AS true, (key, second) AS true;
CREATE MACRO @pg.pg_advisory_unlock(key) AS true, (key, second) AS true;
CREATE MACRO @pg.pg_advisory_unlock_shared(key) AS true, (key, second) AS true;
CREATE MACRO @pg.pg_advisory_unlock_all() AS '';
