package conformance

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// flightSQL is a statement through the ADBC driver, with the outcome of every SQL door.
func (r *caseRun) flightSQL(step *object, statement string) (action, error) {
	c, err := r.call(step, "query")
	if err != nil {
		return nil, err
	}
	connection, err := r.adbcConnection(strings.Join(c.metadata.Get("authorization"), ""))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, at *gate) (*object, error) {
		outcome := newObject("columns", nil, "rows", []any{}, "row_count", number(0), "error", nil)
		if err := runADBC(ctx, connection, statement, outcome, at); err != nil {
			text, err := serverText(err)
			outcome.set("error", text)
			return outcome, err
		}
		return outcome, nil
	}, nil
}

func (r *caseRun) adbcConnection(authorization string) (adbc.Connection, error) {
	if known, found := r.adbc[authorization]; found {
		return known, nil
	}
	host, secure := place(r.server.flight)
	scheme := "grpc://"
	if secure {
		scheme = "grpc+tls://"
	}
	database, err := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(map[string]string{
		adbc.OptionKeyURI:                   scheme + host,
		flightsql.OptionAuthorizationHeader: authorization,
	})
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, database)
	connection, err := database.Open(r.ctx)
	if err == nil {
		r.adbc[authorization] = connection
		r.closers = append(r.closers, connection)
	}
	return connection, err
}

func runADBC(ctx context.Context, connection adbc.Connection, sql string, outcome *object, at *gate) error {
	statement, err := connection.NewStatement()
	if err != nil {
		return err
	}
	defer statement.Close()
	if err := statement.SetSqlQuery(sql); err != nil {
		return err
	}
	reader, _, err := statement.ExecuteQuery(ctx)
	if err != nil {
		return err
	}
	defer reader.Release()
	names, kinds := []any{}, []string{}
	for _, field := range reader.Schema().Fields() {
		names = append(names, field.Name)
		kind, _ := field.Metadata.GetValue("ARROW:FLIGHT:SQL:TYPE_NAME")
		kinds = append(kinds, kind)
	}
	outcome.set("columns", names)
	rows := []any{}
	for batches := 1; reader.Next(); batches++ {
		more, err := rowsOf(reader.RecordBatch())
		if err != nil {
			return err
		}
		for _, row := range more {
			rows = append(rows, asLN(row.([]any), kinds))
		}
		outcome.set("rows", rows)
		outcome.set("row_count", number(len(rows)))
		if err := at.pass(ctx, batches, func() *object { return outcome }); err != nil {
			return err
		}
	}
	return reader.Err()
}

// asLN writes a row as the REST door does: JSON parsed, numbers that are none null.
func asLN(row []any, kinds []string) []any {
	for i, value := range row {
		text, ok := value.(string)
		switch {
		case ok && (kinds[i] == "JSON" || kinds[i] == "VARIANT"):
			if parsed, err := decode([]byte(text)); err == nil {
				row[i] = parsed
			}
		case ok && (kinds[i] == "FLOAT" || kinds[i] == "DOUBLE"):
			row[i] = nil
		}
	}
	return row
}

var driverText = regexp.MustCompile(`(?s)^\[FlightSQL\] (.*) \([A-Za-z]+; [^()]*\)$`)

// serverText is what the server said, without what the driver puts around it.
func serverText(err error) (string, error) {
	var failure adbc.Error
	if !errors.As(err, &failure) {
		return "", err
	}
	if found := driverText.FindStringSubmatch(failure.Msg); found != nil {
		return found[1], nil
	}
	return failure.Msg, nil
}
