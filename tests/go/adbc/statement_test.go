package adbc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

var integers = schema(field("id", arrow.PrimitiveTypes.Int32), field("name", arrow.BinaryTypes.String))

func TestAQueryReturnsRows(t *testing.T) {
	equal(t, `{"i":0,"s":"n0"}`+"\n"+`{"i":1,"s":"n1"}`, query(t, connect(t, database(t)), "SELECT i, 'n' || i AS s FROM range(2) t(i)"))
}

func TestALongResultArrivesWhole(t *testing.T) {
	reader, _, err := statement(t, connect(t, database(t)), "SELECT i FROM range(1000000) t(i)").ExecuteQuery(within(t))
	must(t, err)
	defer reader.Release()
	var count, sum int64
	for reader.Next() {
		for _, value := range reader.RecordBatch().Column(0).(*array.Int64).Int64Values() {
			count, sum = count+1, sum+value
		}
	}
	must(t, reader.Err())
	equal(t, []int64{1000000, 499999500000}, []int64{count, sum})
}

func TestUpdatesTellHowManyRowsTheyChanged(t *testing.T) {
	connection := connect(t, database(t))
	update(t, connection, "CREATE TABLE t (i INTEGER)")
	equal(t, 3, update(t, connection, "INSERT INTO t SELECT * FROM range(3)"))
	equal(t, 2, update(t, connection, "DELETE FROM t WHERE i > 0"))
	equal(t, `{"i":0}`, query(t, connection, "FROM t"))
}

func TestAPreparedQueryRunsOncePerBoundRow(t *testing.T) {
	prepared := statement(t, connect(t, database(t)), "SELECT $1::INTEGER + 1 AS next, $2::VARCHAR AS name")
	must(t, prepared.Prepare(within(t)))
	parameters := try[*arrow.Schema](t)(prepared.GetParameterSchema())
	equal(t, "[1 2]", []string{parameters.Field(0).Name, parameters.Field(1).Name})
	must(t, prepared.Bind(within(t), batch(t, integers, `[{"id": 1, "name": "a"}, {"id": 41, "name": null}]`)))
	reader, _, err := prepared.ExecuteQuery(within(t))
	must(t, err)
	equal(t, `{"name":"a","next":2}`+"\n"+`{"name":null,"next":42}`, rows(t, reader))
}

func TestAPreparedUpdateRunsAgainWithOtherRows(t *testing.T) {
	connection := connect(t, database(t))
	update(t, connection, "CREATE TABLE t (id INTEGER, name VARCHAR)")
	insert := statement(t, connection, "INSERT INTO t VALUES (?, ?)")
	must(t, insert.Prepare(within(t)))
	for _, some := range []string{`[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]`, `[{"id": 3, "name": null}]`} {
		must(t, insert.Bind(within(t), batch(t, integers, some)))
		equal(t, strings.Count(some, "id"), try[int64](t)(insert.ExecuteUpdate(within(t))))
	}
	equal(t, `{"ids":[1,2,3],"names":2}`, query(t, connection, "SELECT list(id ORDER BY id) ids, count(name) AS names FROM t"))
}

func TestBoundRowsMayBeStreamed(t *testing.T) {
	connection := connect(t, database(t))
	update(t, connection, "CREATE TABLE t (id INTEGER, name VARCHAR)")
	insert := statement(t, connection, "INSERT INTO t VALUES (?, ?)")
	must(t, insert.Prepare(within(t)))
	batches := []arrow.RecordBatch{batch(t, integers, `[{"id": 1, "name": "a"}]`), batch(t, integers, `[{"id": 2, "name": "b"}]`)}
	reader := try[array.RecordReader](t)(array.NewRecordReader(integers, batches))
	must(t, insert.BindStream(within(t), reader))
	equal(t, 2, try[int64](t)(insert.ExecuteUpdate(within(t))))
	equal(t, `{"n":2}`, query(t, connection, "SELECT count(*) AS n FROM t"))
}

func TestIngestInEveryMode(t *testing.T) {
	connection := connect(t, database(t))
	ingest := func(mode, jsonRows string) (int64, error) {
		loader := statement(t, connection, "")
		must(t, loader.SetOption(adbc.OptionKeyIngestTargetTable, "t"))
		must(t, loader.SetOption(adbc.OptionKeyIngestMode, mode))
		must(t, loader.Bind(within(t), batch(t, integers, jsonRows)))
		return loader.ExecuteUpdate(within(t))
	}
	refused := func(mode, text string) {
		t.Helper()
		_, err := ingest(mode, `[{"id": 0, "name": "refused"}]`)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Fatalf("%s: expected %s, got %v", mode, text, err)
		}
	}
	refused(adbc.OptionValueIngestModeAppend, `Table "memory"."main"."t" does not exist (FailedPrecondition`)
	equal(t, 2, try[int64](t)(ingest(adbc.OptionValueIngestModeCreate, `[{"id": 1, "name": "a"}, {"id": 2, "name": null}]`)))
	refused(adbc.OptionValueIngestModeCreate, `Table "memory"."main"."t" already exists (AlreadyExists`)
	equal(t, 1, try[int64](t)(ingest(adbc.OptionValueIngestModeAppend, `[{"id": 3, "name": "c"}]`)))
	equal(t, 1, try[int64](t)(ingest(adbc.OptionValueIngestModeCreateAppend, `[{"id": 4, "name": "d"}]`)))
	equal(t, `{"ids":[1,2,3,4]}`, query(t, connection, "SELECT list(id ORDER BY id) AS ids FROM t"))
	equal(t, 1, try[int64](t)(ingest(adbc.OptionValueIngestModeReplace, `[{"id": 9, "name": "z"}]`)))
	equal(t, `{"id":9,"name":"z"}`, query(t, connection, "FROM t"))
}

func TestIngestIntoACatalogAndSchemaThatItCreates(t *testing.T) {
	connection := connect(t, database(t))
	loader := statement(t, connection, "")
	must(t, loader.SetOption(adbc.OptionKeyIngestTargetTable, "t"))
	must(t, loader.SetOption(adbc.OptionKeyIngestMode, adbc.OptionValueIngestModeCreate))
	must(t, loader.SetOption(adbc.OptionValueIngestTargetCatalog, "lake"))
	must(t, loader.SetOption(adbc.OptionValueIngestTargetDBSchema, "fresh"))
	must(t, loader.Bind(within(t), batch(t, integers, `[{"id": 1, "name": "a"}]`)))
	equal(t, 1, try[int64](t)(loader.ExecuteUpdate(within(t))))
	equal(t, `{"id":1,"name":"a"}`, query(t, connection, "FROM lake.fresh.t"))
}

func TestTransactionsCommitAndRollBack(t *testing.T) {
	db := database(t)
	writer, reader := connect(t, db), connect(t, db)
	update(t, writer, "CREATE TABLE t (i INTEGER)")
	options := writer.(adbc.PostInitOptions)
	must(t, options.SetOption(adbc.OptionKeyAutoCommit, adbc.OptionValueDisabled))
	update(t, writer, "INSERT INTO t VALUES (1)")
	must(t, writer.Rollback(within(t)))
	update(t, writer, "INSERT INTO t VALUES (2)")
	equal(t, `{"i":2}`, query(t, writer, "FROM t"))
	equal(t, "", query(t, reader, "FROM t"))
	must(t, writer.Commit(within(t)))
	equal(t, `{"i":2}`, query(t, reader, "FROM t"))
	must(t, options.SetOption(adbc.OptionKeyAutoCommit, adbc.OptionValueEnabled))
	update(t, writer, "INSERT INTO t VALUES (3)")
	equal(t, `{"n":2}`, query(t, reader, "SELECT count(*) AS n FROM t"))
}

func TestCancellingTheContextEndsARunningQuery(t *testing.T) {
	connection := connect(t, database(t))
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	endless := "CREATE TABLE t AS SELECT sum(a.i * b.i) FROM range(1000000) a(i), range(10000000) b(i)"
	before := time.Now()
	if _, err := statement(t, connection, endless).ExecuteUpdate(ctx); err == nil {
		t.Fatal("a cancelled update must fail")
	}
	reader, _, err := statement(t, connection, "SELECT sum(a.i * b.i) FROM range(1000000) a(i), range(10000000) b(i)").ExecuteQuery(ctx)
	if err == nil {
		reader.Next()
		err = reader.Err()
		reader.Release()
	}
	if err == nil {
		t.Fatal("a cancelled query must fail")
	}
	equal(t, `{"one":1}`, query(t, connection, "SELECT 1 AS one"))
	if took := time.Since(before); took > 10*time.Second {
		t.Fatalf("the connection was free again only after %v", took)
	}
}

func TestPartitionsAreReadOnAnotherStatement(t *testing.T) {
	connection := connect(t, database(t))
	described, partitions, _, err := statement(t, connection, "SELECT i FROM range(3) t(i)").ExecutePartitions(within(t))
	must(t, err)
	equal(t, []any{uint64(1), "i"}, []any{partitions.NumPartitions, described.Field(0).Name})
	reader := try[array.RecordReader](t)(connection.ReadPartition(within(t), partitions.PartitionIDs[0]))
	equal(t, `{"i":0}`+"\n"+`{"i":1}`+"\n"+`{"i":2}`, rows(t, reader))
}

func TestPartitionsAreReadOnAnotherConnection(t *testing.T) {
	db := database(t)
	connection, other := connect(t, db), connect(t, db)
	_, partitions, _, err := statement(t, connection, "SELECT i FROM range(3) t(i)").ExecutePartitions(within(t))
	must(t, err)
	reader := try[array.RecordReader](t)(other.ReadPartition(within(t), partitions.PartitionIDs[0]))
	equal(t, `{"i":0}`+"\n"+`{"i":1}`+"\n"+`{"i":2}`, rows(t, reader))
}

func TestASQLErrorKeepsItsTextAndTheConnection(t *testing.T) {
	connection := connect(t, database(t))
	_, _, err := statement(t, connection, "FROM no_such_table").ExecuteQuery(within(t))
	if err == nil || !strings.Contains(err.Error(), "Catalog Error: Table with name no_such_table does not exist") {
		t.Fatal(err)
	}
	equal(t, `{"one":1}`, query(t, connection, "SELECT 1 AS one"))
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	for _, password := range []string{"wrong", "secret"} {
		db := try[adbc.Database](t)(open("alice", password))
		connection, err := db.Open(within(t))
		if password == "secret" {
			must(t, err)
			must(t, connection.Close())
			continue
		}
		var failure adbc.Error
		if !errors.As(err, &failure) || failure.Code != adbc.StatusUnauthenticated {
			t.Fatalf("expected unauthenticated, got %v", err)
		}
	}
}

func TestSessionOptionsChooseTheCatalogAndSchema(t *testing.T) {
	connection := connect(t, database(t))
	update(t, connection, "CREATE SCHEMA lake.deep")
	options := connection.(adbc.GetSetOptions)
	equal(t, "memory", try[string](t)(options.GetOption(adbc.OptionKeyCurrentCatalog)))
	must(t, options.SetOption(adbc.OptionKeyCurrentCatalog, "lake"))
	must(t, options.SetOption(adbc.OptionKeyCurrentDbSchema, "deep"))
	equal(t, `{"c":"lake","s":"deep"}`, query(t, connection, "SELECT current_catalog() AS c, current_schema() AS s"))
	update(t, connection, "USE memory")
	equal(t, "memory", try[string](t)(options.GetOption(adbc.OptionKeyCurrentCatalog)))
	equal(t, "main", try[string](t)(options.GetOption(adbc.OptionKeyCurrentDbSchema)))
	must(t, options.SetOption(flightsql.OptionSessionOptionPrefix+"compute_size", "XL"))
	equal(t, "XL", try[string](t)(options.GetOption(flightsql.OptionSessionOptionPrefix+"compute_size")))
	if err := options.SetOption(flightsql.OptionSessionOptionPrefix+"no_such_option", "1"); err == nil {
		t.Fatal("an unknown session option must be refused")
	}
	if err := options.SetOption(adbc.OptionKeyCurrentCatalog, "missing"); err == nil {
		t.Fatal("a missing catalog must be refused")
	}
}
