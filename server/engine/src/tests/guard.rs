//! What no SQL may change, tried on real instances (LX-12).

use proptest::prelude::*;

use super::*;
use crate::sql::lexer;

/// Every setting of the instance, as a new session finds it.
const SETTINGS: &str = "SELECT md5(string_agg(concat(name, '=', value), chr(10) ORDER BY name)) FROM duckdb_settings() WHERE name <> 'max_temp_directory_size'";

async fn text(session: &Arc<Session>, sql: &str) -> String {
    let batches = run(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    batches[0].column(0).as_string::<i32>().value(0).to_owned()
}

/// Runs a hostile text; then the session that was there, a new one, and every setting are as before.
async fn is_harmless(tenant: &Arc<Tenant>, other: &Arc<Session>, settings: &str, sql: &str) {
    let attacker = tenant.open_session().await.unwrap();
    let _ = run(&attacker, sql).await;
    let fresh = tenant.open_session().await.unwrap();
    assert_eq!(number(&fresh, "SELECT 42::BIGINT").await, 42, "{sql}");
    assert_eq!(text(&fresh, SETTINGS).await, settings, "{sql}");
    assert_eq!(text(other, "SELECT current_setting('TimeZone')").await, "Etc/UTC", "{sql}");
    attacker.close().await;
    fresh.close().await;
}

const HOSTILE: &[&str] = &[
    "SET GLOBAL max_expression_depth = 1",
    "SET max_expression_depth = 1",
    "SET SESSION max_expression_depth = 100000000",
    "RESET GLOBAL max_expression_depth",
    "SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "set global\u{a0}timezone to 'Asia/Tokyo'",
    "SET/**/GLOBAL/* /* */ */\"TimeZone\"='Asia/Tokyo'",
    "EXPLAIN SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "EXPLAIN ANALYZE SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "EXPLAIN (ANALYZE, FORMAT json) SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "EXPLAIN (ANALYZE) RESET GLOBAL TimeZone",
    "EXPLAIN/* /* */ ' */ANALYZE/* /* */ ' */SET/* /* */ ' */GLOBAL/* /* */ ' */\u{200b}TimeZone = 'Asia/Tokyo'",
    "EXPLAIN (ANALYZE /* ' */) SET GLOBAL\u{200b}TimeZone = 'Asia/Tokyo'",
    "EXPLAIN (ANALYZE, FORMAT 'json' /* ' */) SET/* ' */GLOBAL\u{200b}TimeZone = 'Asia/Tokyo'",
    "RESET GLOBAL TimeZone",
    "SET GLOBAL Calendar = 'japanese'",
    "SET GLOBAL schema = 'information_schema'",
    "SET GLOBAL search_path = 'information_schema'",
    "SET GLOBAL integer_division = true",
    "SET GLOBAL errors_as_json = true",
    "SET GLOBAL lambda_syntax = 'DISABLE_SINGLE_ARROW'",
    "SET default_order = 'DESC'",
    "SET GLOBAL default_null_order = 'nulls_first'",
    "PRAGMA default_null_order = 'nulls_first'",
    "PRAGMA default_order = 'DESC'",
    "SET default_collation = 'NOCASE'",
    "SET memory_limit = '1MB'",
    "SET max_memory = '1MB'",
    "PRAGMA memory_limit = '1MB'",
    "EXPLAIN ANALYZE SET memory_limit = '1MB'",
    "EXPLAIN ANALYZE PRAGMA memory_limit = '1MB'",
    "RESET memory_limit",
    "SET threads = 64",
    "PRAGMA threads = 64",
    "SET external_threads = 64",
    "SET worker_threads = 1",
    "SET temp_directory = '/nowhere'",
    "SET max_temp_directory_size = '1KB'",
    "SET secret_directory = '/nowhere'",
    "SET default_secret_storage = 'x'",
    "SET extension_directory = '/nowhere'",
    "SET custom_extension_repository = 'http://127.0.0.1:9'",
    "SET home_directory = '/nowhere'",
    "SET log_query_path = '/nowhere/log'",
    "SET enable_logging = true",
    "SET logging_storage = 'stdout'",
    "SET logging_level = 'TRACE'",
    "SET enable_profiling = 'json'",
    "PRAGMA enable_profiling",
    "PRAGMA enable_profiling = 'json'",
    "EXPLAIN ANALYZE PRAGMA enable_profiling",
    "SET profiling_output = '/nowhere/x'",
    "SET warnings_as_errors = true",
    "SET immediate_transaction_mode = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET allowed_configs = ['threads']",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET disabled_filesystems = 'LocalFileSystem'",
    "SET disabled_optimizers = 'filter_pushdown'",
    "SET force_compression = 'rle'",
    "SET pivot_limit = 1",
    "SET streaming_buffer_size = '1TB'",
    "SET perfect_ht_threshold = 60",
    "SET checkpoint_threshold = '1KB'",
    "PRAGMA debug_checkpoint_abort = 'before_header'",
    "SET GLOBAL debug_checkpoint_abort = 'before_header'",
    "SET debug_verify_vector = 'dictionary_expression'",
    "SET debug_force_external = true",
    "SET GLOBAL debug_window_mode = 'separate'",
    "PRAGMA enable_verification",
    "PRAGMA verify_parallelism",
    "PRAGMA verify_external",
    "PRAGMA force_checkpoint",
    "PRAGMA disable_checkpoint_on_shutdown",
    "EXPLAIN ANALYZE PRAGMA disable_checkpoint_on_shutdown",
    "PRAGMA enable_print_progress_bar",
    "SELECT 1; SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "CREATE TEMP TABLE a$$ (i INT); SET GLOBAL TimeZone = 'Asia/Tokyo' -- $$",
    "INSTALL httpfs",
    "FORCE INSTALL x FROM 'http://127.0.0.1:9'",
    "UPDATE EXTENSIONS",
    "LOAD httpfs",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "EXPORT DATABASE '/tmp/altertable-mock-escape'",
    "IMPORT DATABASE '/tmp/altertable-mock-escape'",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "FORCE CHECKPOINT",
    "CALL force_checkpoint()",
    "CALL disable_logging()",
    "CALL truncate_duckdb_logs()",
    "CALL disable_profiling()",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_changes_what_other_sessions_find() {
    let tenant = engine().authenticate("alice", "secret").unwrap();
    let other = tenant.open_session().await.unwrap();
    let settings = text(&other, SETTINGS).await;
    for sql in HOSTILE {
        is_harmless(&tenant, &other, &settings, sql).await;
    }
}

/// `SET GLOBAL`, `PRAGMA debug_…` and INSTALL are refused before they run; the lock of the engine would come after.
#[rstest]
#[case("SET GLOBAL TimeZone = 'Asia/Tokyo'", "TimeZone")]
#[case("EXPLAIN ANALYZE SET GLOBAL TimeZone = 'Asia/Tokyo'", "TimeZone")]
#[case("EXPLAIN ANALYZE SET memory_limit = '1MB'", "memory_limit")]
#[case("PRAGMA debug_checkpoint_abort = 'before_header'", "debug_checkpoint_abort")]
#[case("SET GLOBAL debug_verify_vector = 'none'", "debug_verify_vector")]
#[case("PRAGMA verify_parallelism", "verify_parallelism")]
#[case("SET max_expression_depth = 1", "max_expression_depth")]
#[tokio::test(flavor = "multi_thread")]
async fn hooks_and_global_settings_are_refused_under_every_flag(
    #[case] sql: &str,
    #[case] name: &str,
    #[values(false, true)] allow_external_access: bool,
) {
    let users = vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }];
    let engine = Engine::new(EngineConfig { users, allow_external_access, ..EngineConfig::default() });
    let error = run(&session(&engine).await, sql).await.unwrap_err();
    let message = format!("Permission Error: \"{name}\" is managed by the server");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Refused, &*message), "{sql}");
}

const INNOCENT: &[&str] = &[
    "SELECT 'await client.query(sql)'",
    "CREATE TABLE log (s VARCHAR)",
    "INSERT INTO log VALUES ('db.query(x)'), ('enable_logging()')",
    "WITH query(a) AS (SELECT 1) FROM query",
    "WITH x AS (SELECT 1), query(a) AS (SELECT 2) FROM query",
    "PREPARE query AS SELECT $1::INTEGER",
    "EXECUTE query(1)",
    "COMMENT ON TABLE log IS 'enable_logging(x)'",
    "CREATE TABLE disable_logging(a INT)",
    "CREATE TABLE enable_logging(a INT)",
    "CREATE TABLE IF NOT EXISTS query(id INTEGER)",
    "INSERT INTO memory.main.query(id) VALUES (1)",
    "CREATE INDEX i ON query(id)",
    "FROM query('SELECT 1')",
    "FROM query($$FROM query('SELECT 1')$$)",
    "FROM query('SELECT ''enable_logging()''')",
    "SELECT $a$FROM enable_logging()$a$ -- CALL enable_logging()",
    "SELECT * FROM (SELECT 1) AS query(a)",
    "SET TimeZone = 'Europe/Paris'",
    "SET SESSION TimeZone = 'Europe/Paris'",
    "SET TIME ZONE 'UTC'",
    "PRAGMA TimeZone = 'UTC'",
    "RESET TimeZone",
    "SET Calendar = 'gregorian'",
    "SET search_path = 'main'",
    "SET schema = 'main'",
    "USE memory.main",
    "SET VARIABLE threads = 1",
    "RESET VARIABLE threads",
    "SET SESSION default_order = 'DESC'",
    "SET SESSION default_null_order = 'nulls_first'",
    "RESET SESSION null_order",
    "SET SESSION preserve_insertion_order = false",
    "SET enable_progress_bar = false",
    "SET integer_division = true",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 'SET threads = 1'",
    "PRAGMA database_list",
    "PRAGMA table_info('log')",
    "PRAGMA enable_object_cache",
    "PRAGMA disable_optimizer",
    "LOAD json",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "CREATE SECRET mine (TYPE http, BEARER_TOKEN 'x')",
    "ATTACH ':memory:' AS other",
    "CREATE TABLE p AS PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)",
    "UPDATE log SET s = 'SET threads = 1'",
];

#[tokio::test(flavor = "multi_thread")]
async fn innocent_statements_pass() {
    let session = session(&engine()).await;
    for sql in INNOCENT {
        run(&session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let error = run(&session, "SET no_such_setting = 1").await.unwrap_err();
    assert!(error.message().starts_with("Catalog Error: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_can_be_read_again_in_one_session_and_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let users = vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }];
    let engine = Engine::new(EngineConfig { users, allow_external_access: true, ..EngineConfig::default() });
    let one = session(&engine).await;
    let path = path.to_str().unwrap();
    run(&one, &format!("ATTACH '{path}' AS a")).await.unwrap();
    run(&one, "CREATE TABLE a.t AS SELECT 1::BIGINT AS i, 2 AS j").await.unwrap();
    run(&one, "DETACH a").await.unwrap();
    let two = session(&engine).await;
    let reads = async {
        let mut kept = Vec::new();
        for session in [&one, &one, &two, &one] {
            for sql in [
                format!("SELECT * FROM read_duckdb('{path}')"),
                format!("SELECT i FROM read_duckdb('{path}')"),
            ] {
                let prepared = session.prepare(sql, Fidelity::Exact, &Call::of_server("test")).await.unwrap();
                let execute = Execute {
                    statement: Statement::Prepared(Arc::clone(&prepared)),
                    ..Execute::sql("", Fidelity::Exact)
                };
                let mut stream = session.execute(execute, &Call::of_server("test")).await.unwrap();
                assert_eq!(rows(&collect(&mut stream).await.unwrap()), 1);
                kept.push(prepared);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reads)
        .await
        .expect("DuckDB waits for a file that a plan holds");
}

/// Blanks and comments, as DuckDB takes them.
fn gap() -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec![
        " ",
        "\n",
        "\t",
        "\u{a0}",
        "\u{200b}",
        "/**/",
        "/* /* */ ' */",
        "-- $$ '\n",
    ]);
    prop::collection::vec(blank, 1..3).prop_map(|blanks| blanks.concat())
}

/// A name in any case, quoted or not.
fn spelled(name: &'static str) -> impl Strategy<Value = String> {
    (prop::collection::vec(any::<bool>(), name.len()), any::<bool>()).prop_map(move |(upper, quoted)| {
        let cased = name.chars().zip(upper).map(|(c, up)| if up { c.to_ascii_uppercase() } else { c });
        let cased: String = cased.collect();
        if quoted { format!("\"{cased}\"") } else { cased }
    })
}

/// A call of `enable_logging`, within texts of `query()` and whatever may make or hold one.
fn hostile_call() -> impl Strategy<Value = String> {
    let call = (spelled("enable_logging"), gap(), any::<bool>()).prop_map(|(name, gap, qualified)| {
        let schema = if qualified { "system.main." } else { "" };
        format!("FROM {schema}{name}{gap}(storage = 'file', storage_path = '/nowhere/logs')")
    });
    let nested = call.prop_recursive(4, 8, 1, |inner| {
        (inner, spelled("query"), gap(), 0..5_u8).prop_map(|(inner, query, gap, how)| match how {
            0 => format!("FROM {query}{gap}('{}')", inner.replace('\'', "''")),
            1 => format!("FROM {query}($q{}${inner}$q{}$)", inner.len(), inner.len()),
            2 => format!("WITH c AS ({inner}) {gap} FROM c"),
            3 => format!("SELECT * FROM (SELECT 1 AS a$b), ({inner}{gap})"),
            _ => format!("SELECT E'\\'', (SELECT count(*) {inner}), $x$ ' $x$"),
        })
    });
    (nested, 0..6_u8).prop_map(|(sql, how)| match how {
        0 => format!("EXPLAIN ANALYZE {sql}"),
        1 => format!("CREATE OR REPLACE VIEW hostile AS {sql}"),
        2 => format!("CREATE OR REPLACE MACRO hostile() AS TABLE {sql}"),
        3 => format!("CREATE OR REPLACE TABLE hostile_table AS {sql}"),
        _ => sql,
    })
}

fn hostile_set() -> impl Strategy<Value = String> {
    let verb = prop::sample::select(vec![
        "SET",
        "RESET",
        "EXPLAIN SET",
        "EXPLAIN ANALYZE SET",
        "EXPLAIN (ANALYZE) RESET",
    ]);
    let names =
        ["TimeZone", "memory_limit", "threads", "default_order", "current_transaction_invalidation_policy"];
    let name = prop::sample::select(names.to_vec()).prop_flat_map(spelled);
    (verb, gap(), name, gap(), prop::sample::select(vec!["GLOBAL", "global"])).prop_map(
        |(verb, first, name, second, scope)| {
            let value = if verb.ends_with("RESET") { "" } else { "= 'Asia/Tokyo'" };
            format!("{}{first}{scope}{second}{name}{value}", verb.replace(' ', &first))
        },
    )
}

#[test]
fn no_spelling_gets_past_the_guard() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let (tenant, other) = runtime.block_on(async {
        let tenant = engine().authenticate("alice", "secret").unwrap();
        let other = tenant.open_session().await.unwrap();
        (tenant, other)
    });
    let settings = runtime.block_on(text(&other, SETTINGS));
    let config = ProptestConfig { cases: 150, ..ProptestConfig::default() };
    proptest!(config, |(sql in prop_oneof![hostile_call(), hostile_set()])| {
        runtime.block_on(async {
            is_harmless(&tenant, &other, &settings, &sql).await;
            // What was made under a name, if anything was, does no harm either.
            is_harmless(&tenant, &other, &settings, "FROM hostile").await;
            is_harmless(&tenant, &other, &settings, "FROM hostile()").await;
        });
    });
    runtime.block_on(async { other.close().await });
    drop((tenant, other));
}

#[test]
fn the_lexer_counts_statements_as_duckdb_does() {
    let piece = prop::sample::select(vec![
        "SELECT 1",
        ";",
        " ",
        "; SELECT",
        "'a;b'",
        "'it''s;'",
        "\"q;\"\"\"",
        "AS a$$",
        "$$;$$",
        "$t$ ; $$ $t$",
        "E'\\';'",
        "-- ;\n",
        "/* ; /* ; */ */",
        "1",
        ",",
        "+",
        "\u{a0}",
        "AS \u{2028}",
        "AS é",
        "x$1",
        "$1",
        "1e5",
        "0x1F",
        "@",
        "||",
        "->",
        "::INT",
        "(",
        ")",
        "FROM t",
        "\r",
        "\u{200b};",
        "U&'x'",
        "B'1;'",
        "1;2",
    ]);
    let database = duck::Database::open_in_memory(&Vec::new(), 1, &duck::Workers::new(0)).unwrap();
    let connection = database.connect().unwrap();
    let config = ProptestConfig { cases: 5_000, ..ProptestConfig::default() };
    proptest!(config, |(pieces in prop::collection::vec(piece, 1..9))| {
        let sql = pieces.concat();
        // DuckDB passes over a statement that is one foreign word.
        if let Some(extracted) = connection.extract(&sql).ok().filter(|extracted| !extracted.is_empty()) {
            prop_assert_eq!(lexer::count_statements(&sql) as u64, extracted.len(), "{:?}", sql);
        }
    });
}
