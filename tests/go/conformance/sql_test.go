package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// aroundText is what the ADBC driver puts around what the server said.
var aroundText = regexp.MustCompile(`(?s)^\[FlightSQL\] (.*) \([A-Za-z]+; [^()]*\)$`)

// runSQL is a statement through the ADBC driver.
func runSQL(ctx context.Context, c *call) (answer, error) {
	arrow, err := c.query(ctx)
	var refused adbc.Error
	if errors.As(err, &refused) {
		return answer{"arrow": arrow, "error": aroundText.ReplaceAllString(refused.Msg, "$1")}, nil
	}
	return answer{"arrow": arrow, "error": nil}, err
}

func (c *call) query(ctx context.Context) ([]byte, error) {
	name := fmt.Sprint("adbc ", c.URL, c.Metadata)
	connection, err := keep(c.held, name, func() (adbc.Connection, error) { return c.openSession(ctx) })
	if err != nil {
		return nil, err
	}
	statement, err := connection.NewStatement()
	if err != nil {
		return nil, err
	}
	defer statement.Close()
	if err := statement.SetSqlQuery(c.Statement); err != nil {
		return nil, err
	}
	reader, _, err := statement.ExecuteQuery(ctx)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	return c.collect(ctx, reader)
}

func (c *call) openSession(ctx context.Context) (adbc.Connection, error) {
	options := map[string]string{adbc.OptionKeyURI: strings.Replace(c.URL, "http", "grpc", 1)}
	for _, pair := range c.Metadata {
		options[flightsql.OptionRPCCallHeaderPrefix+pair[0]] = pair[1]
	}
	database, err := flightsql.NewDriver(memory.DefaultAllocator).NewDatabaseWithOptions(options, roomy...)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(c.held.ctx, func() { _ = database.Close() })
	return database.Open(ctx)
}
