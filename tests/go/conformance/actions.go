package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

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

// actionCall is an action's type and body, and how its results become an outcome.
type actionCall struct {
	kind  string
	body  []byte
	shown func(results [][]byte) (*object, error)
}

// result is the outcome that an action's only result becomes; wrapped ones are inside an Any.
func result[M any, P interface {
	*M
	proto.Message
}](wrapped bool, shown func(P) *object) func([][]byte) (*object, error) {
	return func(results [][]byte) (*object, error) {
		made := P(new(M))
		if err := one(results, made, wrapped); err != nil {
			return newObject(), err
		}
		return shown(made), nil
	}
}

func counted(results [][]byte) (*object, error) {
	return newObject("results", number(len(results))), nil
}

func bodies(results [][]byte) (*object, error) {
	all := []any{}
	for _, body := range results {
		all = append(all, encoded(body))
	}
	return newObject("results", all), nil
}

// doAction is the action that a verb calls for.
func (r *caseRun) doAction(step *object, verb, text string, fields *object) (actionCall, error) {
	switch verb {
	case "close":
		return actionCall{"ClosePreparedStatement", packed(&pb.ActionClosePreparedStatementRequest{PreparedStatementHandle: r.handle(text)}), counted}, nil
	case "begin":
		return actionCall{"BeginTransaction", packed(&pb.ActionBeginTransactionRequest{}), result(true, func(begun *pb.ActionBeginTransactionResult) *object {
			return newObject("transaction", encoded(begun.TransactionId))
		})}, nil
	case "end":
		return endTransaction(fields)
	case "set":
		body, err := setOptions(fields, step.text("wrapped"))
		return actionCall{"SetSessionOptions", body, result(false, setResult)}, err
	case "get":
		return actionCall{"GetSessionOptions", nil, result(false, getResult)}, nil
	case "close_session":
		return actionCall{"CloseSession", nil, result(false, func(closed *pb.CloseSessionResult) *object {
			return newObject("result", named1(int32(closed.Status), "UNSPECIFIED", "CLOSED", "CLOSING", "NOT_CLOSEABLE"))
		})}, nil
	case "cancel":
		return cancel(text, step.text("via"))
	case "action":
		return actionCall{fields.text("type"), decoded(fields.text("base64")), bodies}, nil
	}
	return actionCall{}, fmt.Errorf("no verb is called flight.%s", verb)
}

func endTransaction(fields *object) (actionCall, error) {
	word, _ := fields.get("action")
	end, known := map[string]int{"commit": 1, "rollback": 2}[asText(word)]
	if !known {
		var err error
		if end, err = strconv.Atoi(asText(word)); err != nil {
			return actionCall{}, err
		}
	}
	return actionCall{"EndTransaction", packed(&pb.ActionEndTransactionRequest{
		TransactionId: decoded(fields.text("transaction")),
		Action:        pb.ActionEndTransactionRequest_EndTransaction(end),
	}), counted}, nil
}

func cancel(ticket, via string) (actionCall, error) {
	outcomes := []string{"UNSPECIFIED", "CANCELLED", "CANCELLING", "NOT_CANCELLABLE"}
	info := &pb.FlightInfo{Endpoint: []*pb.FlightEndpoint{{Ticket: &pb.Ticket{Ticket: decoded(ticket)}}}}
	if via == "CancelQuery" {
		inside, err := proto.Marshal(info)
		return actionCall{"CancelQuery", packed(&pb.ActionCancelQueryRequest{Info: inside}), result(true, func(ended *pb.ActionCancelQueryResult) *object {
			return newObject("result", named1(int32(ended.Result), outcomes...))
		})}, err
	}
	body, err := proto.Marshal(&pb.CancelFlightInfoRequest{Info: info})
	return actionCall{"CancelFlightInfo", body, result(false, func(ended *pb.CancelFlightInfoResult) *object {
		return newObject("result", named1(int32(ended.Status), outcomes...))
	})}, err
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

func setResult(result *pb.SetSessionOptionsResult) *object {
	errors := newObject()
	for key, failure := range result.Errors {
		errors.set(key, named1(int32(failure.Value), "UNSPECIFIED", "INVALID_NAME", "INVALID_VALUE", "ERROR"))
	}
	return newObject("errors", errors)
}

func getResult(result *pb.GetSessionOptionsResult) *object {
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
	return newObject("options", options)
}

// act makes a DoAction and gathers the bodies of its results.
func (c call) act(ctx context.Context, kind string, body []byte) ([][]byte, error) {
	stream, err := c.DoAction(ctx, &pb.Action{Type: kind, Body: body})
	for err == nil {
		var results [][]byte
		for {
			var result *pb.Result
			if result, err = stream.Recv(); errors.Is(err, io.EOF) {
				return results, nil
			} else if err != nil {
				break
			}
			results = append(results, result.Body)
		}
	}
	return nil, as("DoAction", err)
}

// one reads the single result of an action into a message, out of an Any if it is wrapped.
func one(results [][]byte, into proto.Message, wrapped bool) error {
	if len(results) != 1 {
		return failed{status.Newf(codes.Unknown, "%d results instead of one", len(results)), "DoAction"}
	}
	body := results[0]
	if wrapped {
		var any anypb.Any
		if err := proto.Unmarshal(body, &any); err != nil {
			return as("DoAction", err)
		}
		body = any.Value
	}
	if err := proto.Unmarshal(body, into); err != nil {
		return as("DoAction", err)
	}
	return nil
}
