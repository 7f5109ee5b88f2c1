// Package clients has pgx do what programs do with it, against the server that DATABASE_URL names.
package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

var url = os.Getenv("DATABASE_URL")

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

func execute(t *testing.T, connection *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := connection.Exec(context.Background(), statement); err != nil {
			t.Fatalf("%s: %s", statement, err)
		}
	}
}

func same(t *testing.T, actual, expected any) {
	t.Helper()
	if !reflect.DeepEqual(actual, expected) {
		t.Fatalf("\nactual   %#v\nexpected %#v", actual, expected)
	}
}

func failsWith(t *testing.T, err error, code string) {
	t.Helper()
	var fault *pgconn.PgError
	if !errors.As(err, &fault) || fault.Code != code {
		t.Fatalf("%v, not %s", err, code)
	}
}

func TestEveryModeOfAskingGivesTheSame(t *testing.T) {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec,
		pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			config, err := pgx.ParseConfig(url)
			if err != nil {
				t.Fatal(err)
			}
			config.DefaultQueryExecMode = mode
			connection, err := pgx.ConnectConfig(context.Background(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = connection.Close(context.Background()) }()
			for round := range 3 {
				var (
					whole  int32
					text   string
					moment time.Time
					bytes  []byte
					exact  pgtype.Numeric
					none   *int64
				)
				at := time.Date(2024, 2, 29, 12, 34, 56, 789000, time.UTC)
				given := []byte{0, 1, 255}
				if mode == pgx.QueryExecModeSimpleProtocol {
					// It writes bytes into the statement, as \x0001ff, which DuckDB reads as one byte and four characters.
					given = nil
				}
				row := connection.QueryRow(context.Background(),
					"SELECT $1::int + 1, $2::text, $3::timestamptz, $4::bytea, 12.50::numeric(6,2), $5::bigint", round, "it's", at, given, nil)
				if err := row.Scan(&whole, &text, &moment, &bytes, &exact, &none); err != nil {
					t.Fatal(err)
				}
				same(t, []any{whole, text, moment.UTC(), bytes}, []any{int32(round + 1), "it's", at, given})
				same(t, []any{exact.Int, exact.Exp, none}, []any{big.NewInt(1250), int32(-2), (*int64)(nil)})
			}
		})
	}
}

func TestTypesBothWays(t *testing.T) {
	connection := connect(t)
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	clock := pgtype.Time{Microseconds: 3_723_000_004, Valid: true}
	id := pgtype.UUID{Bytes: [16]byte{15: 7}, Valid: true}
	span := pgtype.Interval{Microseconds: 5_000_000, Days: 3, Months: 14, Valid: true}
	for _, each := range []struct {
		as    string
		value any
	}{
		{"boolean", true}, {"smallint", int16(-7)}, {"int", int32(42)}, {"bigint", int64(1) << 40}, {"real", float32(1.5)},
		{"float8", 0.1}, {"text", "x"}, {"varchar", "ü"}, {"date", day}, {"timestamp", day.Add(time.Hour)}, {"time", clock},
		{"uuid", id}, {"interval", span}, {"int[]", []int32{1, 2}}, {"text[]", []string{"a,b", `"`, ""}}, {"float8[]", []float64{1, 2.5}},
		{"bytea", []byte{1, 0, 2}}, {"boolean[]", []bool{true, false}}, {"timestamptz", day}, {"bigint[]", []int64{}},
	} {
		back := reflect.New(reflect.TypeOf(each.value))
		if err := connection.QueryRow(context.Background(), "SELECT $1::"+each.as, each.value).Scan(back.Interface()); err != nil {
			t.Fatalf("%s: %s", each.as, err)
		}
		if moment, isTime := back.Elem().Interface().(time.Time); isTime {
			same(t, moment.UTC(), each.value)
		} else {
			same(t, back.Elem().Interface(), each.value)
		}
	}
	var document map[string]any
	if err := connection.QueryRow(context.Background(), "SELECT $1::json", map[string]any{"a": "b"}).Scan(&document); err != nil {
		t.Fatal(err)
	}
	same(t, document, map[string]any{"a": "b"})
}

func TestAnEnumIsLoadedByItsName(t *testing.T) {
	connection := connect(t)
	execute(t, connection, "CREATE TYPE weather AS ENUM ('sun', 'rain')", "CREATE TABLE days (id int, sky weather)")
	loaded, err := connection.LoadType(context.Background(), "weather")
	if err != nil {
		t.Fatal(err)
	}
	connection.TypeMap().RegisterType(loaded)
	execute(t, connection, "INSERT INTO days VALUES (1, 'sun')")
	if _, err := connection.Exec(context.Background(), "INSERT INTO days VALUES ($1, $2)", 2, "rain"); err != nil {
		t.Fatal(err)
	}
	rows, err := connection.Query(context.Background(), "SELECT sky FROM days ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	skies, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	same(t, skies, []string{"sun", "rain"})
}

type part struct {
	ID    int32  `db:"id"`
	Name  string `db:"name"`
	Price *float64
}

func TestRowsBecomeStructures(t *testing.T) {
	connection := connect(t)
	execute(t, connection, "CREATE TABLE parts (id int PRIMARY KEY, name text, price float8)",
		"INSERT INTO parts VALUES (1, 'bolt', 0.5), (2, 'nut', NULL)")
	rows, err := connection.Query(context.Background(), "SELECT id, name, price FROM parts WHERE id = ANY($1::int[]) ORDER BY id", []int32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	half := 0.5
	parts, err := pgx.CollectRows(rows, pgx.RowToStructByName[part])
	if err != nil {
		t.Fatal(err)
	}
	same(t, parts, []part{{1, "bolt", &half}, {2, "nut", nil}})
	err = connection.QueryRow(context.Background(), "SELECT id FROM parts WHERE id = 9").Scan(new(int32))
	if !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
}

func TestRowsAreCopiedIn(t *testing.T) {
	connection := connect(t)
	execute(t, connection, "CREATE TABLE copied (id int, name text, moment timestamptz, price numeric(10,2), tags text[])")
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	copied, err := connection.CopyFrom(context.Background(), pgx.Identifier{"copied"}, []string{"id", "name", "moment", "price", "tags"},
		pgx.CopyFromSlice(10_000, func(i int) ([]any, error) {
			return []any{i, fmt.Sprintf("row %d", i), at, pgtype.Numeric{Int: big.NewInt(int64(i)), Exp: -2, Valid: true}, []string{"a", "b"}}, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	same(t, copied, int64(10_000))
	var count, sum int64
	if err := connection.QueryRow(context.Background(), "SELECT count(*), (sum(price) * 100)::bigint FROM copied WHERE moment = $1", at).Scan(&count, &sum); err != nil {
		t.Fatal(err)
	}
	same(t, []int64{count, sum}, []int64{10_000, 49_995_000})
	_, err = connection.CopyFrom(context.Background(), pgx.Identifier{"copied"}, []string{"id"},
		pgx.CopyFromSlice(10, func(i int) ([]any, error) { return []any{i}, map[bool]error{true: errors.New("no more")}[i == 5] }))
	if err == nil {
		t.Fatal("a copy that broke off succeeded")
	}
	if err := connection.QueryRow(context.Background(), "SELECT count(*) FROM copied").Scan(&count); err != nil || count != 10_000 {
		t.Fatal(count, err)
	}
}

func TestABatchIsOneRoundTrip(t *testing.T) {
	connection := connect(t)
	execute(t, connection, "CREATE TABLE batched (id int PRIMARY KEY)")
	batch := &pgx.Batch{}
	for i := range 20 {
		batch.Queue("INSERT INTO batched VALUES ($1)", i)
	}
	var count int64
	batch.Queue("SELECT count(*) FROM batched").QueryRow(func(row pgx.Row) error { return row.Scan(&count) })
	if err := connection.SendBatch(context.Background(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	same(t, count, int64(20))
	broken := &pgx.Batch{}
	broken.Queue("INSERT INTO batched VALUES (100)")
	broken.Queue("INSERT INTO batched VALUES (1)")
	failsWith(t, connection.SendBatch(context.Background(), broken).Close(), "23505")
	if err := connection.QueryRow(context.Background(), "SELECT count(*) FROM batched").Scan(&count); err != nil || count != 20 {
		t.Fatal(count, err)
	}
}

func TestTransactionsAndTheirParts(t *testing.T) {
	connection := connect(t)
	execute(t, connection, "CREATE TABLE moved (id int PRIMARY KEY)")
	refuse := errors.New("no more")
	err := pgx.BeginFunc(context.Background(), connection, func(tx pgx.Tx) error {
		if _, err := tx.Exec(context.Background(), "INSERT INTO moved VALUES (1)"); err != nil {
			return err
		}
		return refuse
	})
	if !errors.Is(err, refuse) {
		t.Fatal(err)
	}
	err = pgx.BeginTxFunc(context.Background(), connection, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		_, err := tx.Exec(context.Background(), "INSERT INTO moved VALUES (1)")
		return err
	})
	failsWith(t, err, "25006")
	err = pgx.BeginFunc(context.Background(), connection, func(tx pgx.Tx) error {
		return pgx.BeginFunc(context.Background(), tx, func(inner pgx.Tx) error {
			_, err := inner.Exec(context.Background(), "INSERT INTO moved VALUES (2)")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	var id int32
	if err := connection.QueryRow(context.Background(), "SELECT id FROM moved").Scan(&id); err != nil || id != 2 {
		t.Fatal(id, err)
	}
}

func TestAPoolServesMoreThanItHas(t *testing.T) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			var next int
			if err := pool.QueryRow(context.Background(), "SELECT $1::int + 1", i).Scan(&next); err != nil || next != i+1 {
				t.Error(next, err)
			}
		})
	}
	group.Wait()
	if total := pool.Stat().TotalConns(); total > 4 {
		t.Fatal(total)
	}
}

func TestADeadlineEndsAQuery(t *testing.T) {
	connection := connect(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	endless := "SELECT sum((a.i * b.i) % 7) FROM generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(i)"
	if _, err := connection.Exec(ctx, endless); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestDatabaseSQL(t *testing.T) {
	database, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = database.Close() }()
	database.SetMaxOpenConns(3)
	if _, err := database.Exec("CREATE TABLE entries (id int PRIMARY KEY, words text, moment timestamp)"); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	statement, err := database.Prepare("INSERT INTO entries VALUES ($1, $2, $3)")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		result, err := statement.Exec(i, sql.NullString{String: "x", Valid: i%2 == 0}, at)
		if err != nil {
			t.Fatal(err)
		}
		if changed, _ := result.RowsAffected(); changed != 1 {
			t.Fatal(changed)
		}
	}
	rows, err := database.Query("SELECT id, words, moment FROM entries WHERE id < $1 ORDER BY id", 2)
	if err != nil {
		t.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	same(t, []string{types[0].DatabaseTypeName(), types[2].DatabaseTypeName()}, []string{"INT4", "TIMESTAMP"})
	var seen []any
	for rows.Next() {
		var (
			id    int
			words sql.NullString
			when  time.Time
		)
		if err := rows.Scan(&id, &words, &when); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, id, words.Valid, when)
	}
	same(t, seen, []any{0, true, at, 1, false, at})
	tx, err := database.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("DELETE FROM entries"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	_, err = database.Exec("INSERT INTO entries (id) VALUES (1)")
	failsWith(t, err, "23505")
	connection, err := database.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	err = connection.Raw(func(driver any) error {
		same(t, driver.(*stdlib.Conn).Conn().PgConn().ParameterStatus("server_encoding"), "UTF8")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
