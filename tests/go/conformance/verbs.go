package conformance

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
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
	wanted, err := r.doAction(step, verb, text, fields)
	return func(ctx context.Context, _ *gate) (*object, error) {
		results, err := c.act(ctx, wanted.kind, wanted.body)
		if err != nil {
			return newObject(), err
		}
		return wanted.shown(results)
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
