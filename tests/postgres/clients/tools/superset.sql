SELECT datname FROM pg_database WHERE datistemplate = false;
-- rows: PostgreSQL has databases that no user made

SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname = 'shop' ORDER BY nspname;

SELECT pg_backend_pid() > 0 AS works;

SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = 0;

SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind in ('r', 'p');

SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind = 'v';

SELECT conname IS NOT NULL AS is_named, pg_catalog.pg_get_constraintdef(oid, true) AS condef FROM pg_constraint r WHERE r.conrelid = :people AND r.contype = 'f' ORDER BY 1;
