package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// flightAction is what a `flight.` verb does.
func (r *caseRun) flightAction(step *object, verb string, argument any) (action, error) {
	c, err := r.call(step, verb)
	if err != nil {
		return nil, err
	}
	data, err := readUpload(step)
	if err != nil {
		return nil, err
	}
	run, err := r.flightVerb(step, verb, argument, c, data)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, at *gate) (*object, error) {
		outcome, err := run(metadata.NewOutgoingContext(ctx, c.metadata), at)
		var failure failed
		if errors.As(err, &failure) {
			return failure.outcome(outcome), nil
		}
		if err == nil {
			outcome.set("status", "OK")
		}
		return outcome, err
	}, nil
}

func (r *caseRun) flightVerb(step *object, verb string, argument any, c call, data upload) (action, error) {
	text, _ := argument.(string)
	fields, _ := argument.(*object)
	transaction := transactionOf(step)
	simple := func(run func(context.Context) (*object, error)) (action, error) {
		return func(ctx context.Context, _ *gate) (*object, error) { return run(ctx) }, nil
	}
	switch verb {
	case "query", "info", "poll", "schema":
		command, err := r.command(argument, transaction, false)
		return c.reading(verb, command), err
	case "update":
		command, err := r.command(argument, transaction, true)
		return func(ctx context.Context, _ *gate) (*object, error) { return c.update(ctx, command, data, -1) }, err
	case "ingest":
		command, breakAfter := ingest(fields, transaction), -1
		if after, found := step.get("break_after"); found {
			breakAfter, _ = strconv.Atoi(asText(after))
		}
		return simple(func(ctx context.Context) (*object, error) { return c.update(ctx, command, data, breakAfter) })
	case "bind":
		return simple(func(ctx context.Context) (*object, error) { return c.bind(ctx, r.handle(text), data) })
	case "fetch":
		return func(ctx context.Context, at *gate) (*object, error) {
			return c.fetch(ctx, decoded(text), newObject(), at)
		}, nil
	case "handshake":
		requests := 1
		if wanted, found := fields.get("requests"); found {
			requests, _ = strconv.Atoi(asText(wanted))
		}
		return simple(func(ctx context.Context) (*object, error) { return c.handshake(ctx, requests) })
	case "actions":
		return simple(c.actions)
	case "rpc":
		return simple(func(ctx context.Context) (*object, error) { return c.rpc(ctx, text, decoded(step.text("base64"))) })
	case "prepare":
		return simple(func(ctx context.Context) (*object, error) {
			return c.prepare(ctx, &pb.ActionCreatePreparedStatementRequest{Query: text, TransactionId: transaction})
		})
	}
	kind, body, shown, err := r.doAction(step, verb, text, fields)
	return func(ctx context.Context, _ *gate) (*object, error) {
		results, err := c.act(ctx, kind, body)
		if err != nil {
			return newObject(), err
		}
		return shown(results)
	}, err
}

func (c call) reading(verb string, command []byte) action {
	return func(ctx context.Context, at *gate) (*object, error) {
		switch verb {
		case "query":
			return c.query(ctx, command, at)
		case "poll":
			return c.poll(ctx, command)
		case "schema":
			return c.schema(ctx, command)
		}
		outcome, _, err := c.info(ctx, command)
		if err != nil {
			outcome = newObject()
		}
		return outcome, err
	}
}

func transactionOf(step *object) []byte {
	if id, found := step.get("transaction"); found {
		return decoded(id.(string))
	}
	return nil
}

// handle is that of a prepared statement; a name never prepared stands for itself.
func (r *caseRun) handle(name string) []byte {
	r.lock.Lock()
	defer r.lock.Unlock()
	if known, found := r.prepared[name]; found {
		return known
	}
	return []byte(name)
}

// command is the serialized Any of what a step queries or updates.
func (r *caseRun) command(argument any, transaction []byte, update bool) ([]byte, error) {
	if sql, ok := argument.(string); ok {
		if update {
			return packed(&pb.CommandStatementUpdate{Query: sql, TransactionId: transaction}), nil
		}
		return packed(&pb.CommandStatementQuery{Query: sql, TransactionId: transaction}), nil
	}
	named := argument.(*object)
	name, value := named.keys[0], named.at[named.keys[0]]
	switch name {
	case "prepared":
		if update {
			return packed(&pb.CommandPreparedStatementUpdate{PreparedStatementHandle: r.handle(value.(string))}), nil
		}
		return packed(&pb.CommandPreparedStatementQuery{PreparedStatementHandle: r.handle(value.(string))}), nil
	case "base64":
		return decoded(value.(string)), nil
	case "any":
		fields := value.(*object)
		return proto.Marshal(&anypb.Any{TypeUrl: fields.text("type_url"), Value: decoded(fields.text("base64"))})
	}
	messages := map[string]proto.Message{
		"GetCatalogs": &pb.CommandGetCatalogs{}, "GetDbSchemas": &pb.CommandGetDbSchemas{}, "GetTables": &pb.CommandGetTables{},
		"GetTableTypes": &pb.CommandGetTableTypes{}, "GetPrimaryKeys": &pb.CommandGetPrimaryKeys{},
		"GetExportedKeys": &pb.CommandGetExportedKeys{}, "GetImportedKeys": &pb.CommandGetImportedKeys{},
		"GetCrossReference": &pb.CommandGetCrossReference{}, "GetSqlInfo": &pb.CommandGetSqlInfo{}, "GetXdbcTypeInfo": &pb.CommandGetXdbcTypeInfo{},
	}
	message, known := messages[name]
	if !known {
		return nil, fmt.Errorf("no Flight SQL command is called %s", name)
	}
	err := protojson.Unmarshal([]byte(encode(value)), message)
	return packed(message), err
}

func ingest(fields *object, transaction []byte) []byte {
	pairs := map[string][2]int32{"create": {1, 1}, "append": {2, 2}, "create_append": {1, 2}, "replace": {1, 3}}
	pair := pairs[fields.text("mode")]
	for i, key := range []string{"if_not_exist", "if_exists"} {
		if value, found := fields.get(key); found {
			parsed, _ := strconv.Atoi(asText(value))
			pair[i] = int32(parsed)
		}
	}
	command := &pb.CommandStatementIngest{
		Table: fields.text("table"), TransactionId: transaction, Options: map[string]string{},
		TableDefinitionOptions: &pb.CommandStatementIngest_TableDefinitionOptions{
			IfNotExist: pb.CommandStatementIngest_TableDefinitionOptions_TableNotExistOption(pair[0]),
			IfExists:   pb.CommandStatementIngest_TableDefinitionOptions_TableExistsOption(pair[1]),
		},
	}
	for key, into := range map[string]**string{"catalog": &command.Catalog, "schema": &command.Schema} {
		if value, found := fields.get(key); found {
			*into = proto.String(value.(string))
		}
	}
	if temporary, found := fields.get("temporary"); found {
		command.Temporary = temporary == true
	}
	options, _ := fields.get("options")
	if given, ok := options.(*object); ok {
		for _, key := range given.keys {
			command.Options[key] = given.text(key)
		}
	}
	return packed(command)
}

func (c call) prepare(ctx context.Context, request proto.Message) (*object, error) {
	results, err := c.act(ctx, "CreatePreparedStatement", packed(request))
	if err != nil {
		return newObject(), err
	}
	var prepared pb.ActionCreatePreparedStatementResult
	if err := one(results, &prepared, true); err != nil {
		return newObject(), err
	}
	schema, err := ipcSchema(prepared.DatasetSchema)
	parameters, wrong := ipcSchema(prepared.ParameterSchema)
	if err := errors.Join(err, wrong); err != nil {
		return newObject(), as("DoAction", err)
	}
	outcome := newObject("handle", encoded(prepared.PreparedStatementHandle), "schema", schemaText(schema), "metadata", metadataOf(schema),
		"parameters", schemaText(parameters), "is_update", nil)
	if prepared.IsUpdate != nil {
		outcome.set("is_update", prepared.GetIsUpdate())
	}
	return outcome, nil
}

// doAction is the type and body of an action, and how its results become an outcome.
func (r *caseRun) doAction(step *object, verb, text string, fields *object) (kind string, body []byte, shown func([][]byte) (*object, error), err error) {
	counted := func(results [][]byte) (*object, error) { return newObject("results", number(len(results))), nil }
	info := &pb.FlightInfo{Endpoint: []*pb.FlightEndpoint{{Ticket: &pb.Ticket{Ticket: decoded(text)}}}}
	cancelled := []string{"UNSPECIFIED", "CANCELLED", "CANCELLING", "NOT_CANCELLABLE"}
	switch verb {
	case "close":
		return "ClosePreparedStatement", packed(&pb.ActionClosePreparedStatementRequest{PreparedStatementHandle: r.handle(text)}), counted, nil
	case "begin":
		return "BeginTransaction", packed(&pb.ActionBeginTransactionRequest{}), func(results [][]byte) (*object, error) {
			var result pb.ActionBeginTransactionResult
			err := one(results, &result, true)
			return newObject("transaction", encoded(result.TransactionId)), err
		}, nil
	case "end":
		ends := map[string]int32{"commit": 1, "rollback": 2}
		word, _ := fields.get("action")
		end, known := ends[asText(word)]
		if !known {
			parsed, err := strconv.Atoi(asText(word))
			if err != nil {
				return "", nil, nil, err
			}
			end = int32(parsed)
		}
		request := &pb.ActionEndTransactionRequest{TransactionId: decoded(fields.text("transaction")), Action: pb.ActionEndTransactionRequest_EndTransaction(end)}
		return "EndTransaction", packed(request), counted, nil
	case "set":
		body, err := setOptions(fields, step.text("wrapped"))
		return "SetSessionOptions", body, setResult, err
	case "get":
		return "GetSessionOptions", nil, getResult, nil
	case "close_session":
		return "CloseSession", nil, func(results [][]byte) (*object, error) {
			var result pb.CloseSessionResult
			err := one(results, &result, false)
			return newObject("result", named1(int32(result.Status), "UNSPECIFIED", "CLOSED", "CLOSING", "NOT_CLOSEABLE")), err
		}, nil
	case "cancel":
		if step.text("via") == "CancelQuery" {
			inside, err := proto.Marshal(info)
			return "CancelQuery", packed(&pb.ActionCancelQueryRequest{Info: inside}), func(results [][]byte) (*object, error) {
				var result pb.ActionCancelQueryResult
				err := one(results, &result, true)
				return newObject("result", named1(int32(result.Result), cancelled...)), err
			}, err
		}
		body, err := proto.Marshal(&pb.CancelFlightInfoRequest{Info: info})
		return "CancelFlightInfo", body, func(results [][]byte) (*object, error) {
			var result pb.CancelFlightInfoResult
			err := one(results, &result, false)
			return newObject("result", named1(int32(result.Status), cancelled...)), err
		}, err
	case "action":
		return fields.text("type"), decoded(fields.text("base64")), func(results [][]byte) (*object, error) {
			bodies := []any{}
			for _, body := range results {
				bodies = append(bodies, encoded(body))
			}
			return newObject("results", bodies), nil
		}, nil
	}
	return "", nil, nil, fmt.Errorf("no verb is called flight.%s", verb)
}

func setOptions(fields *object, wrapped string) ([]byte, error) {
	request := &pb.SetSessionOptionsRequest{SessionOptions: map[string]*pb.SessionOptionValue{}}
	for _, key := range fields.keys {
		option := &pb.SessionOptionValue{}
		switch value := fields.at[key].(type) {
		case string:
			option.OptionValue = &pb.SessionOptionValue_StringValue{StringValue: value}
		case bool:
			option.OptionValue = &pb.SessionOptionValue_BoolValue{BoolValue: value}
		case json.Number:
			whole, err := value.Int64()
			if err != nil {
				return nil, err
			}
			option.OptionValue = &pb.SessionOptionValue_Int64Value{Int64Value: whole}
		case []any:
			list := &pb.SessionOptionValue_StringListValue{Values: texts(value)}
			option.OptionValue = &pb.SessionOptionValue_StringListValue_{StringListValue: list}
		case *object:
			parsed, err := strconv.ParseFloat(value.text("$double"), 64)
			if err != nil {
				return nil, err
			}
			option.OptionValue = &pb.SessionOptionValue_DoubleValue{DoubleValue: parsed}
		}
		request.SessionOptions[key] = option
	}
	body, err := proto.Marshal(request)
	if wrapped != "" && err == nil {
		body, err = proto.Marshal(&anypb.Any{TypeUrl: wrapped, Value: body})
	}
	return body, err
}

func setResult(results [][]byte) (*object, error) {
	var result pb.SetSessionOptionsResult
	if err := one(results, &result, false); err != nil {
		return newObject(), err
	}
	errors := newObject()
	for key, failure := range result.Errors {
		errors.set(key, named1(int32(failure.Value), "UNSPECIFIED", "INVALID_NAME", "INVALID_VALUE", "ERROR"))
	}
	return newObject("errors", errors), nil
}

func getResult(results [][]byte) (*object, error) {
	var result pb.GetSessionOptionsResult
	if err := one(results, &result, false); err != nil {
		return newObject(), err
	}
	options := newObject()
	for key, option := range result.SessionOptions {
		switch value := option.OptionValue.(type) {
		case *pb.SessionOptionValue_StringValue:
			options.set(key, value.StringValue)
		case *pb.SessionOptionValue_BoolValue:
			options.set(key, value.BoolValue)
		case *pb.SessionOptionValue_Int64Value:
			options.set(key, number(value.Int64Value))
		case *pb.SessionOptionValue_DoubleValue:
			options.set(key, double(value.DoubleValue))
		default:
			options.set(key, nil)
		}
	}
	return newObject("options", options), nil
}

// call is made in a session of the step's tenant, opened on first use.
func (r *caseRun) call(step *object, verb string) (call, error) {
	account, err := r.tenant(step)
	if err != nil {
		return call{}, err
	}
	made := call{Client: r.flight, connection: r.connection, metadata: metadata.MD{}}
	_, given := step.get("auth")
	if given || verb == "handshake" {
		if _, value := httpCredentials(step, "flight", account); value != "" {
			made.metadata.Set("authorization", value)
		}
	} else {
		token, err := r.token(account, session(step))
		if err != nil {
			return call{}, err
		}
		made.metadata.Set("authorization", "Bearer "+token)
	}
	headers, _ := step.get("headers")
	if wanted, ok := headers.(*object); ok {
		for _, name := range wanted.keys {
			made.metadata.Set(name, asText(wanted.at[name]))
		}
	}
	return made, nil
}

func session(step *object) string {
	if name := step.text("session"); name != "" {
		return name
	}
	return "main"
}

func (r *caseRun) token(account account, session string) (string, error) {
	key := account.user + "/" + session
	if known, found := r.tokens[key]; found {
		return known, nil
	}
	_, basic := httpCredentials(newObject(), "flight", account)
	ctx := metadata.AppendToOutgoingContext(r.ctx, "authorization", basic)
	outcome, err := call{Client: r.flight}.handshake(ctx, 1)
	if err != nil {
		return "", fmt.Errorf("the handshake of session %s failed: %w", session, err)
	}
	r.tokens[key] = outcome.text("token")
	return r.tokens[key], nil
}

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

var _ flight.Client = call{}
