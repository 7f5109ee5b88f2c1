// Package adbc tests the server with the Go driver of Arrow Database Connectivity.
package adbc

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"altertable.example/mock/tests/mockserver"
	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"
)

var server *mockserver.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = mockserver.Start("--user=alice:secret", "--allow-any-user", "--catalog=lake"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// within bounds a test: a call that hangs fails instead.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func try[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, expected, actual any) {
	t.Helper()
	if want, got := fmt.Sprint(expected), fmt.Sprint(actual); want != got {
		t.Fatalf("expected %s\n     got %s", want, got)
	}
}

func open(user, password string) (adbc.Database, error) {
	return flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(map[string]string{
		adbc.OptionKeyURI:      "grpc://" + server.Flight,
		adbc.OptionKeyUsername: user,
		adbc.OptionKeyPassword: password,
	})
}

// database is that of a user whom nobody has used before.
func database(t *testing.T) adbc.Database {
	t.Helper()
	opened := try[adbc.Database](t)(open("user-"+uuid.NewString(), "secret"))
	t.Cleanup(func() { must(t, opened.Close()) })
	return opened
}

func connect(t *testing.T, to adbc.Database) adbc.Connection {
	t.Helper()
	connection := try[adbc.Connection](t)(to.Open(within(t)))
	t.Cleanup(func() { must(t, connection.Close()) })
	return connection
}

func statement(t *testing.T, on adbc.Connection, sql string) adbc.Statement {
	t.Helper()
	created := try[adbc.Statement](t)(on.NewStatement())
	t.Cleanup(func() { must(t, created.Close()) })
	if sql != "" {
		must(t, created.SetSqlQuery(sql))
	}
	return created
}

func query(t *testing.T, on adbc.Connection, sql string) string {
	t.Helper()
	reader, _, err := statement(t, on, sql).ExecuteQuery(within(t))
	must(t, err)
	return rows(t, reader)
}

func update(t *testing.T, on adbc.Connection, sql string) int64 {
	t.Helper()
	return try[int64](t)(statement(t, on, sql).ExecuteUpdate(within(t)))
}

// rows reads everything as JSON, a line per row.
func rows(t *testing.T, reader array.RecordReader) string {
	t.Helper()
	defer reader.Release()
	var text strings.Builder
	for reader.Next() {
		must(t, array.RecordToJSON(reader.RecordBatch(), &text))
	}
	must(t, reader.Err())
	return strings.TrimSpace(text.String())
}

// batch builds a record batch from JSON rows.
func batch(t *testing.T, schema *arrow.Schema, jsonRows string) arrow.RecordBatch {
	t.Helper()
	built, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(jsonRows))
	must(t, err)
	t.Cleanup(built.Release)
	return built
}

func schema(fields ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fields, nil) }

func field(name string, of arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: of, Nullable: true}
}

// decoded reads JSON lines as values, whose keys one may then pick.
func decoded(t *testing.T, lines string) []map[string]any {
	t.Helper()
	var values []map[string]any
	for decoder := json.NewDecoder(strings.NewReader(lines)); decoder.More(); {
		var value map[string]any
		must(t, decoder.Decode(&value))
		values = append(values, value)
	}
	return values
}
