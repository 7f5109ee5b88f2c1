use arrow::array::AsArray;
use arrow::datatypes::Schema;
use arrow_flight::IpcMessage;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, ProstMessageExt,
};
use bytes::Bytes;

use super::client::{Client, Door, text, ticket};

/// The rows, after checking that FlightInfo and stream agree on their schema.
async fn rows(client: &mut Client, command: &impl ProstMessageExt) -> String {
    let info = client.info(command).await.unwrap();
    let promised = info.clone().try_decode_schema().unwrap();
    let batches = client.redeem(ticket(&info)).await.unwrap();
    assert!(batches.iter().all(|batch| *batch.schema() == promised));
    text(&batches)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_and_schemas_are_listed() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE SCHEMA s_1").await.unwrap();
    client.query("CREATE SCHEMA sx1").await.unwrap();
    assert_eq!(rows(&mut client, &CommandGetCatalogs {}).await, "memory\nproduct_analytics");
    for (catalog, pattern, expected) in [
        (some("memory"), None, "memory|main\nmemory|s_1\nmemory|sx1"),
        (some("memory"), some("s%"), "memory|s_1\nmemory|sx1"),
        (None, some("s\\_1"), "memory|s_1"),
        (None, some("S%"), ""),
        (None, some(""), ""),
        (some(""), None, ""),
        (None, some("x\\"), ""),
    ] {
        let command = CommandGetDbSchemas { catalog, db_schema_filter_pattern: pattern };
        assert_eq!(rows(&mut client, &command).await, expected, "{command:?}");
    }
    client.query("CREATE TEMP TABLE t (i INT)").await.unwrap();
    assert_eq!(rows(&mut client, &CommandGetCatalogs {}).await, "memory\nproduct_analytics\ntemp");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_filtered_and_described() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT NOT NULL, d DECIMAL(9, 2), s VARCHAR)").await.unwrap();
    client.query("COMMENT ON COLUMN t.d IS 'money'").await.unwrap();
    client.query("CREATE VIEW v AS SELECT i FROM t").await.unwrap();
    client.query("CREATE TEMP TABLE tt (i INT)").await.unwrap();
    assert_eq!(rows(&mut client, &CommandGetTableTypes {}).await, "BASE TABLE\nLOCAL TEMPORARY\nVIEW");
    let base = "memory|main|t|BASE TABLE";
    for (types, expected) in [
        (vec![], "memory|main|t|BASE TABLE\nmemory|main|v|VIEW"),
        (vec!["TABLE".to_owned()], base),
        (vec!["BASE TABLE".to_owned()], base),
        (vec!["base table".to_owned()], ""),
        (vec!["LOCAL TEMPORARY".to_owned()], ""),
    ] {
        let command = CommandGetTables { table_types: types, catalog: some("memory"), ..Default::default() };
        assert_eq!(rows(&mut client, &command).await, expected, "{command:?}");
    }
    let temporary =
        CommandGetTables { table_types: vec!["LOCAL TEMPORARY".to_owned()], ..Default::default() };
    assert_eq!(rows(&mut client, &temporary).await, "temp|main|tt|LOCAL TEMPORARY");
    let command = CommandGetTables { include_schema: true, catalog: some("memory"), ..Default::default() };
    let batches = client.fetch(&command).await.unwrap();
    let schemas = batches[0].column(4).as_binary::<i32>();
    let schema =
        |row: usize| Schema::try_from(IpcMessage(Bytes::copy_from_slice(schemas.value(row)))).unwrap();
    let (table, view) = (schema(0), schema(1));
    assert_eq!(table.fields().iter().map(|f| f.is_nullable()).collect::<Vec<_>>(), [false, true, true]);
    let fact = |schema: &Schema, field: usize, key: &str| {
        schema.field(field).metadata().get(&format!("ARROW:FLIGHT:SQL:{key}")).cloned()
    };
    assert_eq!(fact(&table, 1, "REMARKS"), some("money"));
    assert_eq!((fact(&table, 1, "PRECISION"), fact(&table, 1, "SCALE")), (some("9"), some("2")));
    assert_eq!((fact(&table, 2, "IS_CASE_SENSITIVE"), fact(&table, 0, "REMARKS")), (some("1"), None));
    assert_eq!((fact(&view, 0, "IS_READ_ONLY"), fact(&view, 0, "TABLE_NAME")), (some("1"), some("v")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_view_has_an_empty_schema() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT)").await.unwrap();
    client.query("CREATE VIEW v AS SELECT i FROM t").await.unwrap();
    client.query("DROP TABLE t").await.unwrap();
    let command = CommandGetTables { include_schema: true, catalog: some("memory"), ..Default::default() };
    let batches = client.fetch(&command).await.unwrap();
    let schema = Bytes::copy_from_slice(batches[0].column(4).as_binary::<i32>().value(0));
    assert!(Schema::try_from(IpcMessage(schema)).unwrap().fields().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_from_both_sides() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE p (a INT, b INT, PRIMARY KEY (b, a))").await.unwrap();
    client.query("CREATE TABLE f (x INT, y INT, FOREIGN KEY (x, y) REFERENCES p (b, a))").await.unwrap();
    let primary = CommandGetPrimaryKeys { catalog: None, db_schema: None, table: "p".to_owned() };
    let keys = rows(&mut client, &primary).await;
    assert!(keys.starts_with("memory|main|p|b|") && keys.contains("|1\nmemory|main|p|a|"), "{keys}");
    let exported = CommandGetExportedKeys { catalog: some("memory"), db_schema: None, table: "p".to_owned() };
    let imported = CommandGetImportedKeys { catalog: None, db_schema: some("main"), table: "f".to_owned() };
    let between =
        CommandGetCrossReference { pk_table: "p".to_owned(), fk_table: "f".to_owned(), ..Default::default() };
    let keys = rows(&mut client, &exported).await;
    assert!(keys.starts_with("memory|main|p|b|memory|main|f|x|1|") && keys.ends_with("|3|3"), "{keys}");
    assert_eq!(rows(&mut client, &imported).await, keys);
    assert_eq!(rows(&mut client, &between).await, keys);
    let none = CommandGetExportedKeys { catalog: None, db_schema: None, table: "f".to_owned() };
    assert_eq!(rows(&mut client, &none).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_type_facts_are_told() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let name = rows(&mut client, &CommandGetSqlInfo { info: vec![0, 508, 511] }).await;
    assert!(name.starts_with("0|{string_value=Altertable Flight SQL Server}\n508|"), "{name}");
    assert!(name.contains("select") && name.contains("version"), "{name}");
    assert_eq!(rows(&mut client, &CommandGetSqlInfo { info: vec![] }).await.lines().count(), 91);
    let integers = rows(&mut client, &CommandGetXdbcTypeInfo { data_type: Some(4) }).await;
    assert_eq!(integers.lines().count(), 2);
}
