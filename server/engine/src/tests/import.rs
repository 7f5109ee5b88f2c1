//! IMPORT DATABASE: one statement, whose files are judged before anything of them runs.

use super::*;

fn with_files() -> Arc<Engine> {
    let account = |name: &str| Account { name: name.to_owned(), password: "secret".to_owned() };
    let users = vec![account("alice"), account("bob")];
    Engine::new(EngineConfig { users, allow_external_access: true, ..EngineConfig::default() })
}

/// A folder that alice has exported.
async fn exported(engine: &Arc<Engine>, into: &std::path::Path) -> String {
    let folder = into.join("it's").to_str().unwrap().replace('\'', "''");
    let alice = session(engine).await;
    for sql in [
        "CREATE SCHEMA s",
        "CREATE TABLE s.t (i INTEGER PRIMARY KEY, name VARCHAR DEFAULT 'none')",
        "INSERT INTO s.t VALUES (1, 'one'), (2, 'it''s')",
        "CREATE VIEW v AS FROM s.t WHERE i > 1",
        "CREATE SEQUENCE q START 7",
        "CREATE TYPE mood AS ENUM ('fine')",
        "CREATE TABLE u (m mood, n INTEGER DEFAULT nextval('q'), CHECK (n > 0))",
        "CREATE INDEX x ON u (n)",
        "CREATE MACRO twice(x) AS x * 2",
        "CREATE MACRO all_of_it() AS TABLE FROM s.t",
        "COMMENT ON TABLE u IS 'x; y'",
        &format!("EXPORT DATABASE '{folder}'"),
    ] {
        run(&alice, sql).await.unwrap();
    }
    folder
}

async fn of_bob(engine: &Arc<Engine>) -> Arc<Session> {
    engine.authenticate("bob", "secret").unwrap().open_session().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_exported_is_imported_wherever_it_lies_now() {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    let folder = exported(&engine, place.path()).await;
    let moved = place.path().join("moved");
    std::fs::rename(place.path().join("it's"), &moved).unwrap();
    let bob = of_bob(&engine).await;
    assert!(
        run(&bob, &format!("IMPORT DATABASE '{folder}'"))
            .await
            .unwrap_err()
            .message()
            .contains("IO Error: Cannot open file")
    );
    let import = format!("import database '{}';", moved.to_str().unwrap());
    // Planning it leaves nothing behind.
    let call = Call::of_server("test");
    let plan = bob.plan(import.clone(), Target::default(), Fidelity::Exact, &call).await.unwrap();
    assert_eq!(plan.returns, Returns::Count);
    let prepared = bob.prepare(import, Fidelity::Exact, &call).await.unwrap();
    assert!(run(&bob, "FROM s.t").await.is_err());
    let request = Execute::new(Statement::Prepared(prepared), Fidelity::Exact);
    let mut answer = bob.execute(request, &call).await.unwrap();
    assert_eq!((answer.returns(), rows(&collect(&mut answer).await.unwrap())), (Returns::Nothing, 0));
    assert_eq!(number(&bob, "SELECT count(*) FROM s.t").await, 2);
    assert_eq!(number(&bob, "SELECT twice(count(*)) FROM all_of_it()").await, 4);
    assert_eq!(rows(&run(&bob, "FROM v WHERE name = 'it''s'").await.unwrap()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_part_of_scripts() {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    let folder = exported(&engine, place.path()).await;
    let bob = of_bob(&engine).await;
    let script = Script::new(format!("IMPORT DATABASE '{folder}'; SELECT count(*) FROM s.t"), 0);
    let request = Execute::new(Statement::Script(script), Fidelity::Exact);
    let mut counted = bob.execute(request, &Call::of_server("test")).await.unwrap();
    let counted = collect(&mut counted).await.unwrap();
    assert_eq!(counted[0].column(0).as_primitive::<Int64Type>().value(0), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surplus_parameter_is_told_before_anything_runs() {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    let folder = exported(&engine, place.path()).await;
    let bob = of_bob(&engine).await;
    let column: arrow::array::ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter([("a", column)]).unwrap();
    let script = Script::new(format!("IMPORT DATABASE '{folder}'"), 0);
    let request = Execute {
        bind: Some(Bind::new(rows, BindBy::NameElsePosition)),
        ..Execute::new(Statement::Script(script), Fidelity::Exact)
    };
    assert!(bob.execute(request, &Call::of_server("test")).await.is_err());
    assert!(run(&bob, "FROM s.t").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_file_ends_in_the_other_nor_stands_for_several() {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    let folder = exported(&engine, place.path()).await;
    let schema = place.path().join("it's/schema.sql");
    let text = std::fs::read_to_string(&schema).unwrap();
    std::fs::write(&schema, text + " /* and no end").unwrap();
    let bob = of_bob(&engine).await;
    let pattern = folder.replace("it''s", "it*");
    assert!(run(&bob, &format!("IMPORT DATABASE '{pattern}'")).await.is_err());
    // DuckDB takes a comment without an end for an error, or for one to the end of its file.
    match run(&bob, &format!("IMPORT DATABASE '{folder}'")).await {
        Ok(_) => assert_eq!(number(&bob, "SELECT count(*) FROM s.t").await, 2),
        Err(_) => assert!(run(&bob, "FROM s.t").await.is_err()),
    }
}

#[rstest]
#[case(r"E'{}/it\'s'")]
#[case(r"E'{}/\x69t\047s'")]
#[case("'{}'\n'/it''s'")]
#[case("$x${}/it's$x$")]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_named_by_any_literal(#[case] literal: &str) {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    exported(&engine, place.path()).await;
    let bob = of_bob(&engine).await;
    let literal = literal.replace("{}", place.path().to_str().unwrap());
    run(&bob, &format!("IMPORT DATABASE {literal};")).await.unwrap();
    assert_eq!(number(&bob, "SELECT count(*) FROM s.t").await, 2);
}

#[rstest]
#[case("schema.sql", "\n\n-- x\nSELEC;\n", "Parser Error", 4)]
#[case("schema.sql", ";;\n\nCREATE TABLE w\n(i\nNOTHING);", "Catalog Error", 5)]
#[case("load.sql", "\n/* y\n */ INSERT INTO s.t VALUES\n(1, 'again');", "Constraint Error", 3)]
#[case("load.sql", "SELECT 1;\n\nSELECT\n1, nothing", "Binder Error", 4)]
#[case("load.sql", "\nCOMMIT", "cannot be part of an IMPORT", 2)]
#[case("load.sql", "SELECT 1;\nCOPY s.t FROM 'none.csv'", "none.csv", 2)]
#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_the_file_and_its_line(
    #[case] file: &str,
    #[case] added: &str,
    #[case] expected: &str,
    #[case] line: usize,
) {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    exported(&engine, place.path()).await;
    let path = place.path().join("it's").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{added}")).unwrap();
    let line = text.lines().count() + line - usize::from(!text.ends_with('\n'));
    let bob = of_bob(&engine).await;
    let folder = place.path().join("it's");
    let import = format!("\n\nIMPORT DATABASE $${}$$", folder.display());
    for script in [import.clone(), format!("{import}; SELECT 1"), format!("SELECT 1;{import}")] {
        let request = Execute::new(Statement::Script(Script::new(script, 7)), Fidelity::Exact);
        let error = bob.execute(request, &Call::of_server("test")).await.unwrap_err();
        assert!(error.message().contains(expected), "{error}");
        let place = format!("\nin {}/{file}, line {line}", folder.display());
        assert!(error.message().ends_with(&place), "{error} {place}");
    }
}

#[rstest]
#[case("SET GLOBAL TimeZone = 'Asia/Tokyo';", "managed")]
#[case("INSERT INTO s.t VALUES (1, 'again');", "Constraint Error")]
#[case("IMPORT DATABASE 'elsewhere';", "managed")]
#[case("SELEC", "Parser Error")]
#[case("COMMIT; SELECT error('late');", "cannot be part of an IMPORT")]
#[case("ROLLBACK; CREATE TABLE s2 (i INT);", "cannot be part of an IMPORT")]
#[case("SET TimeZone = 'Asia/Tokyo';", "cannot be part of an IMPORT")]
#[case("CREATE SCHEMA z; USE z;", "cannot be part of an IMPORT")]
#[case("PREPARE p AS SELECT 1;", "cannot be part of an IMPORT")]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_fails_leaves_nothing(#[case] hostile: &str, #[case] expected: &str) {
    let (engine, place) = (with_files(), tempfile::tempdir().unwrap());
    let folder = exported(&engine, place.path()).await;
    let load = place.path().join("it's/load.sql");
    let text = std::fs::read_to_string(&load).unwrap();
    std::fs::write(&load, text + hostile).unwrap();
    let bob = of_bob(&engine).await;
    let error = run(&bob, &format!("IMPORT DATABASE '{folder}'")).await.unwrap_err();
    assert!(error.message().contains(expected), "{error}");
    assert!(run(&bob, "FROM s.t").await.is_err());
    assert_eq!(number(&bob, "SELECT 42::BIGINT").await, 42);
}
