package adbc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/google/uuid"
)

// tester is a user whom nobody has used before, and what the control plane does for it.
type tester struct {
	*testing.T
	user string
}

func newTester(t *testing.T) tester { return tester{t, "user-" + uuid.NewString()} }

// plane asks the control plane and reads its answer into a value.
func (t tester) plane(method, path, body string, answer any) {
	t.Helper()
	request := try[*http.Request](t.T)(http.NewRequestWithContext(
		within(t.T), method, "http://"+server.Lakehouse+"/_mock/v1/"+path, bytes.NewBufferString(body)))
	request.SetBasicAuth(t.user, "secret")
	request.Header.Set("Content-Type", "application/json")
	response := try[*http.Response](t.T)(http.DefaultClient.Do(request))
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, response.Status)
	}
	must(t.T, json.NewDecoder(response.Body).Decode(answer))
}

type rule struct {
	ID    string `json:"id"`
	Acted int    `json:"acted"`
}

// fail sets a rule; what it returns says how often it acted.
func (t tester) fail(order string) func() int {
	t.Helper()
	var set rule
	t.plane(http.MethodPost, "faults", order, &set)
	return func() int {
		var shown rule
		t.plane(http.MethodGet, "faults/"+set.ID, "", &shown)
		return shown.Acted
	}
}

func (t tester) connect() adbc.Connection {
	t.Helper()
	opened := try[adbc.Database](t.T)(open(t.user, "secret"))
	t.Cleanup(func() { must(t.T, opened.Close()) })
	connection := try[adbc.Connection](t.T)(opened.Open(within(t.T)))
	// A connection that a fault has ended may say so once more.
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// fetch reads a whole result, or as much as comes.
func (t tester) fetch(ctx context.Context, on adbc.Connection, sql string) (int64, error) {
	t.Helper()
	asked := try[adbc.Statement](t.T)(on.NewStatement())
	defer func() { _ = asked.Close() }()
	must(t.T, asked.SetSqlQuery(sql))
	reader, _, err := asked.ExecuteQuery(ctx)
	if err != nil {
		return 0, err
	}
	defer reader.Release()
	var count int64
	for reader.Next() {
		count += reader.RecordBatch().NumRows()
	}
	return count, reader.Err()
}

func TestAFailureHasItsStatusAndText(t *testing.T) {
	for status, code := range map[string]adbc.Status{
		"UNAVAILABLE": adbc.StatusIO, "RESOURCE_EXHAUSTED": adbc.StatusInternal, "NOT_FOUND": adbc.StatusNotFound,
		"DEADLINE_EXCEEDED": adbc.StatusTimeout,
	} {
		t.Run(status, func(t *testing.T) {
			test := newTester(t)
			connection := test.connect()
			acted := test.fail(`{"match": {"operation": "GetFlightInfo CommandStatementQuery"}, "times": 1,
				"do": {"status": "` + status + `", "message": "for a while"}}`)
			_, err := test.fetch(within(t), connection, "SELECT 1")
			var told adbc.Error
			if !errors.As(err, &told) || !strings.Contains(told.Msg, "for a while") {
				t.Fatal(err)
			}
			equal(t, code, told.Code)
			equal(t, 1, acted())
			equal(t, 1, try[int64](t)(test.fetch(within(t), connection, "SELECT 1")))
		})
	}
}

func TestAResultThatFailsInItsMiddleIsNoWholeResult(t *testing.T) {
	for _, effect := range []string{`"status": "DATA_LOSS"`, `"cut": "reset"`, `"torn": true`} {
		t.Run(effect, func(t *testing.T) {
			test := newTester(t)
			acted := test.fail(`{"match": {"operation": "DoGet", "statement": "range"}, "times": 1,
				"do": {` + effect + `, "after": {"batches": 1}}}`)
			count, err := test.fetch(within(t), test.connect(), "FROM range(50000)")
			if err == nil || count >= 50000 {
				t.Fatalf("%d rows, %v", count, err)
			}
			equal(t, 1, acted())
			equal(t, 50000, try[int64](t)(test.fetch(within(t), test.connect(), "FROM range(50000)")))
		})
	}
}

func TestAChangeWhoseAnswerIsLostWasMade(t *testing.T) {
	test := newTester(t)
	connection := test.connect()
	update(t, connection, "CREATE TABLE lost (a INTEGER)")
	acted := test.fail(`{"match": {"statement": "INSERT"}, "times": 1, "do": {"lost_ack": true}}`)
	if _, err := statement(t, connection, "INSERT INTO lost VALUES (1)").ExecuteUpdate(within(t)); err == nil {
		t.Fatal("an answer came")
	}
	equal(t, 1, acted())
	equal(t, 1, try[int64](t)(test.fetch(within(t), test.connect(), "FROM lost")))
}

func TestACallThatHangsEndsWithItsContext(t *testing.T) {
	test := newTester(t)
	connection := test.connect()
	acted := test.fail(`{"match": {"statement": "hangs"}, "do": {"hang": true}}`)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := test.fetch(ctx, connection, "SELECT 'hangs'"); err == nil {
		t.Fatal("an answer came")
	}
	equal(t, 1, acted())
	equal(t, 1, try[int64](t)(test.fetch(within(t), test.connect(), "SELECT 1")))
}

func TestATokenThatExpiredIsToldSo(t *testing.T) {
	test := newTester(t)
	connection := test.connect()
	acted := test.fail(`{"match": {"operation": "GetFlightInfo CommandStatementQuery"}, "times": 1, "do": {"expire": true}}`)
	if _, err := test.fetch(within(t), connection, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "Session expired") {
		t.Fatal(err)
	}
	equal(t, 1, acted())
	equal(t, 1, try[int64](t)(test.fetch(within(t), test.connect(), "SELECT 1")))
}
