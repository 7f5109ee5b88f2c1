//! `FlightSqlServiceClient` in every call that it has for the server's commands.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow_flight::Action;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, CommandStatementIngest, EndTransaction,
    SqlInfo, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use futures::{TryStreamExt, stream};
use rstest::rstest;
use tonic::Request;

use super::door::{client, fetch, query, server, shown, stranger};

fn people() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["ann", "bob", "carol"]));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

fn ingest(if_missing: TableNotExistOption, if_exists: TableExistsOption) -> CommandStatementIngest {
    let options = TableDefinitionOptions { if_not_exist: if_missing.into(), if_exists: if_exists.into() };
    CommandStatementIngest {
        table_definition_options: Some(options),
        table: "people".to_owned(),
        ..CommandStatementIngest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused() {
    let server = server().await;
    let error = stranger(&server).await.handshake("alice", "wrong").await.unwrap_err().to_string();
    assert!(error.contains("Authentication failed: invalid credentials"), "{error}");
    let error = stranger(&server).await.execute("SELECT 1".to_owned(), None).await.unwrap_err().to_string();
    assert!(error.contains("Authentication failed"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_answer_rows_counts_and_errors() {
    let server = server().await;
    let mut client = client(&server).await;
    assert_eq!(client.execute_update("CREATE TABLE t (i INTEGER)".to_owned(), None).await.unwrap(), 0);
    assert_eq!(client.execute_update("INSERT INTO t VALUES (1), (2)".to_owned(), None).await.unwrap(), 2);
    let info = client.execute("SELECT i, 'n' || i AS n FROM t ORDER BY i".to_owned(), None).await.unwrap();
    let schema = info.clone().try_decode_schema().unwrap();
    let rows = fetch(&mut client, info).await;
    assert_eq!((shown(&rows).as_str(), rows[0].schema().as_ref()), ("1,n1\n2,n2\n", &schema));
    let error = client.execute("SELECT missing".to_owned(), None).await.unwrap_err().to_string();
    assert!(error.contains("Binder Error: Referenced column"), "{error}");
    assert_eq!(query(&mut client, "SELECT 42").await, "42\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_arrives_whole() {
    let server = server().await;
    let mut client = client(&server).await;
    let sql = "SELECT i, repeat('x', 100) AS s FROM range(300000) t(i)";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let rows = fetch(&mut client, info).await;
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 300_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_bind_query_and_update() {
    let server = server().await;
    let mut client = client(&server).await;
    query(&mut client, "CREATE TABLE t (id BIGINT, name VARCHAR)").await;
    let mut insert = client.prepare("INSERT INTO t VALUES ($1, $2)".to_owned(), None).await.unwrap();
    let parameters = insert.parameter_schema().unwrap();
    let types: Vec<_> = parameters.fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Utf8]);
    insert.set_parameters(people()).unwrap();
    assert_eq!(insert.execute_update().await.unwrap(), 3);
    insert.close().await.unwrap();

    let mut select = client.prepare("SELECT name FROM t WHERE id = $1".to_owned(), None).await.unwrap();
    assert_eq!(select.dataset_schema().unwrap().field(0).name(), "name");
    for (id, expected) in [(2, "bob\n"), (1, "ann\n")] {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![id]));
        select.set_parameters(RecordBatch::try_from_iter([("1", id)]).unwrap()).unwrap();
        let info = select.execute().await.unwrap();
        assert_eq!(shown(&fetch(&mut client, info).await), expected);
    }
    select.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_creates_appends_and_replaces() {
    use {TableExistsOption as Exists, TableNotExistOption as Missing};
    let server = server().await;
    let mut client = client(&server).await;
    for (missing, exists, rows) in [
        (Missing::Create, Exists::Fail, 3),
        (Missing::Fail, Exists::Append, 6),
        (Missing::Create, Exists::Append, 9),
        (Missing::Create, Exists::Replace, 3),
    ] {
        let batches = stream::iter([Ok(people())]);
        assert_eq!(client.execute_ingest(ingest(missing, exists), batches).await.unwrap(), 3);
        assert_eq!(query(&mut client, "SELECT count(*) FROM people").await, format!("{rows}\n"));
    }
    let again = stream::iter([Ok(people())]);
    let refused = client.execute_ingest(ingest(Missing::Create, Exists::Fail), again).await.unwrap_err();
    assert!(refused.to_string().contains("already exists"), "{refused}");
    assert_eq!(query(&mut client, "FROM people").await, "1,ann\n2,bob\n,carol\n");
}

#[rstest]
#[case::committed(EndTransaction::Commit, "1\n")]
#[case::rolled_back(EndTransaction::Rollback, "0\n")]
#[tokio::test(flavor = "multi_thread")]
async fn transactions_end_either_way(#[case] end: EndTransaction, #[case] rows: &str) {
    let server = server().await;
    let mut client = client(&server).await;
    query(&mut client, "CREATE TABLE t (i INTEGER)").await;
    let id = client.begin_transaction().await.unwrap();
    let insert = "INSERT INTO t VALUES (1)".to_owned();
    assert_eq!(client.execute_update(insert.clone(), Some(id.clone())).await.unwrap(), 1);
    let refused = client.execute_update(insert, None).await.unwrap_err().to_string();
    assert!(refused.contains("a transaction is already active"), "{refused}");
    client.end_transaction(id.clone(), end).await.unwrap();
    assert_eq!(query(&mut client, "SELECT count(*) FROM t").await, rows);
    let ended = client.end_transaction(id, end).await.unwrap_err().to_string();
    assert!(ended.contains("Transaction not found"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_lists_what_there_is() {
    let server = server().await;
    let mut client = client(&server).await;
    query(&mut client, "CREATE SCHEMA s").await;
    query(&mut client, "CREATE TABLE s.parent (id INTEGER PRIMARY KEY)").await;
    query(&mut client, "CREATE TABLE s.child (id INTEGER REFERENCES s.parent (id))").await;

    let info = client.get_catalogs().await.unwrap();
    assert!(shown(&fetch(&mut client, info).await).contains("memory\n"));
    let filter = CommandGetDbSchemas { catalog: Some("memory".to_owned()), ..Default::default() };
    let info = client.get_db_schemas(filter).await.unwrap();
    assert!(shown(&fetch(&mut client, info).await).contains("memory,s\n"));
    let info = client.get_table_types().await.unwrap();
    assert!(shown(&fetch(&mut client, info).await).contains("BASE TABLE\n"));
    let tables = CommandGetTables {
        table_name_filter_pattern: Some("par%".to_owned()),
        include_schema: true,
        ..Default::default()
    };
    let info = client.get_tables(tables).await.unwrap();
    let batches = fetch(&mut client, info).await;
    assert_eq!(shown(&[batches[0].project(&[0, 1, 2, 3]).unwrap()]), "memory,s,parent,BASE TABLE\n");
    let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerName]).await.unwrap();
    assert_eq!(fetch(&mut client, info).await[0].num_rows(), 1);
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(-5) }).await.unwrap();
    let names = fetch(&mut client, info).await[0].project(&[0]).unwrap();
    assert_eq!(shown(&[names]), "BIGINT\nUBIGINT\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_lists_keys_from_either_side() {
    let server = server().await;
    let mut client = client(&server).await;
    query(&mut client, "CREATE TABLE parent (id INTEGER PRIMARY KEY)").await;
    query(&mut client, "CREATE TABLE child (id INTEGER REFERENCES parent (id))").await;
    let table = |name: &str| name.to_owned();
    let own = CommandGetPrimaryKeys { table: table("parent"), ..Default::default() };
    let info = client.get_primary_keys(own).await.unwrap();
    let rows = shown(&fetch(&mut client, info).await);
    assert!(rows.starts_with("memory,main,parent,id,parent_id_pkey,1\n"), "{rows}");
    let exported = CommandGetExportedKeys { table: table("parent"), ..Default::default() };
    let imported = CommandGetImportedKeys { table: table("child"), ..Default::default() };
    let between = CommandGetCrossReference {
        pk_table: table("parent"),
        fk_table: table("child"),
        ..Default::default()
    };
    let infos = [
        client.get_exported_keys(exported).await.unwrap(),
        client.get_imported_keys(imported).await.unwrap(),
        client.get_cross_reference(between).await.unwrap(),
    ];
    for info in infos {
        let rows = shown(&fetch(&mut client, info).await);
        assert!(rows.starts_with("memory,main,parent,id,memory,main,child,id,1,"), "{rows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_is_over() {
    let server = server().await;
    let mut client = client(&server).await;
    query(&mut client, "SELECT 1").await;
    let close = Action { r#type: "CloseSession".to_owned(), body: bytes::Bytes::new() };
    let answer: Vec<_> = client.do_action(Request::new(close)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(answer.len(), 1);
    let error = client.execute("SELECT 1".to_owned(), None).await.unwrap_err().to_string();
    assert!(error.contains("Session configuration not found or expired"), "{error}");
}
