package conformance

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// failed is a status in place of an outcome, with the RPC that gave it.
type failed struct {
	status *status.Status
	rpc    string
}

func (f failed) Error() string { return f.status.String() }

// as turns a gRPC error into the outcome it is.
func as(rpc string, err error) error {
	if found, ok := status.FromError(err); ok {
		return failed{found, rpc}
	}
	return failed{status.New(codes.Unknown, err.Error()), rpc}
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

func (f failed) outcome(soFar *object) *object {
	code := strings.ToUpper(capital.ReplaceAllString(f.status.Code().String(), "${1}_$2"))
	if f.status.Code() == codes.Canceled {
		code = "CANCELLED"
	}
	soFar.set("status", code)
	soFar.set("message", f.status.Message())
	soFar.set("at", f.rpc)
	return soFar
}

// place is the host and port of a URL, and whether it asks for TLS.
func place(address string) (host string, secure bool) {
	scheme, host, _ := strings.Cut(address, "://")
	return host, !slices.Contains([]string{"http", "grpc", "grpc+tcp"}, scheme)
}

// dial has room enough that a paused stream never holds up another call.
func dial(address string) (*grpc.ClientConn, error) {
	host, secure := place(address)
	transport := insecure.NewCredentials()
	if secure {
		transport = credentials.NewTLS(nil)
	}
	return grpc.NewClient(host, grpc.WithTransportCredentials(transport),
		grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(1<<30),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)))
}

// call is a Flight call about to be made.
type call struct {
	flight.Client
	connection *grpc.ClientConn
	metadata   metadata.MD
	handle     func(string) []byte
}

func encoded(bytes []byte) string { return base64.StdEncoding.EncodeToString(bytes) }

func decoded(text string) []byte {
	bytes, _ := base64.StdEncoding.DecodeString(text)
	return bytes
}

func packed(message proto.Message) []byte {
	wrapped, err := anypb.New(message)
	if err != nil {
		return nil
	}
	bytes, _ := proto.Marshal(wrapped)
	return bytes
}

func ipcSchema(bytes []byte) (*arrow.Schema, error) {
	if len(bytes) == 0 {
		return arrow.NewSchema(nil, nil), nil
	}
	return flight.DeserializeSchema(bytes, memory.DefaultAllocator)
}

func descriptor(command []byte) *pb.FlightDescriptor {
	return &pb.FlightDescriptor{Type: pb.FlightDescriptor_CMD, Cmd: command}
}

func (c call) info(ctx context.Context, command []byte) (*object, []byte, error) {
	var headers metadata.MD
	info, err := c.GetFlightInfo(ctx, descriptor(command), grpc.Header(&headers))
	if err != nil {
		return nil, nil, as("GetFlightInfo", err)
	}
	seen := newObject()
	for name, values := range headers {
		seen.set(name, strings.Join(values, ", "))
	}
	shown, ticket, err := infoShown(info)
	return newObject("info", shown, "headers", seen), ticket, err
}

func infoShown(info *pb.FlightInfo) (*object, []byte, error) {
	schema, err := ipcSchema(info.Schema)
	if err != nil {
		return nil, nil, as("GetFlightInfo", err)
	}
	places := []any{}
	for _, endpoint := range info.Endpoint {
		uris := []any{}
		for _, location := range endpoint.Location {
			uris = append(uris, location.Uri)
		}
		places = append(places, uris)
	}
	shown := newObject("schema", schemaText(schema), "metadata", metadataOf(schema), "records", number(info.TotalRecords),
		"bytes", number(info.TotalBytes), "locations", places, "ticket", nil, "descriptor", encoded(info.FlightDescriptor.GetCmd()))
	if len(info.Endpoint) == 0 {
		return shown, nil, nil
	}
	ticket := info.Endpoint[0].GetTicket().GetTicket()
	shown.set("ticket", encoded(ticket))
	return shown, ticket, nil
}

// tapped keeps the status that ended a stream, which the reader would bury in an error of its own.
type tapped struct {
	flight.DataStreamReader
	err error
}

func (t *tapped) Recv() (*pb.FlightData, error) {
	data, err := t.DataStreamReader.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return data, err
}

// fetch reads a ticket's stream into an outcome.
func (c call) fetch(ctx context.Context, ticket []byte, outcome *object, at *gate) (*object, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.DoGet(ctx, &pb.Ticket{Ticket: ticket})
	if err != nil {
		return outcome, as("DoGet", err)
	}
	tap := &tapped{DataStreamReader: stream}
	judged := func(err error) error {
		if tap.err != nil {
			err = tap.err
		}
		if err == nil {
			return nil
		}
		return as("DoGet", err)
	}
	reader, err := flight.NewRecordReader(tap)
	if err != nil {
		return outcome, judged(err)
	}
	defer reader.Release()
	outcome.set("schema", schemaText(reader.Schema()))
	outcome.set("metadata", metadataOf(reader.Schema()))
	rows, batches := []any{}, 0
	outcome.set("rows", rows)
	outcome.set("row_count", number(0))
	for reader.Next() {
		more, err := flightRows(reader.RecordBatch())
		if err != nil {
			return nil, err
		}
		rows, batches = append(rows, more...), batches+1
		outcome.set("rows", rows)
		outcome.set("row_count", number(len(rows)))
		if err := at.pass(ctx, batches, func() *object { return outcome }); err != nil {
			return nil, err
		}
	}
	outcome.set("batches", number(batches))
	return outcome, judged(reader.Err())
}

// flightRows opens the encapsulated schemas that GetTables returns.
func flightRows(batch arrow.RecordBatch) ([]any, error) {
	rows, err := rowsOf(batch)
	if err != nil {
		return nil, err
	}
	for _, at := range batch.Schema().FieldIndices("table_schema") {
		column, ok := batch.Column(at).(*array.Binary)
		for i := 0; ok && i < len(rows); i++ {
			if schema, err := ipcSchema(column.Value(i)); err == nil && !column.IsNull(i) {
				rows[i].([]any)[at] = newObject("schema", schemaText(schema), "metadata", metadataOf(schema))
			}
		}
	}
	return rows, nil
}

func (c call) query(ctx context.Context, command []byte, at *gate) (*object, error) {
	outcome, ticket, err := c.info(ctx, command)
	if err != nil {
		return newObject(), err
	}
	return c.fetch(ctx, ticket, outcome, at)
}

func (c call) poll(ctx context.Context, command []byte) (*object, error) {
	polled, err := c.PollFlightInfo(ctx, descriptor(command))
	if err != nil {
		return newObject(), as("PollFlightInfo", err)
	}
	shown, _, err := infoShown(polled.Info)
	if err != nil {
		return newObject(), err
	}
	outcome := newObject("info", shown, "progress", double(polled.GetProgress()), "descriptor", nil)
	if polled.FlightDescriptor != nil {
		outcome.set("descriptor", "present")
	}
	return outcome, nil
}

func (c call) schema(ctx context.Context, command []byte) (*object, error) {
	result, err := c.GetSchema(ctx, descriptor(command))
	if err != nil {
		return newObject(), as("GetSchema", err)
	}
	schema, err := ipcSchema(result.Schema)
	if err != nil {
		return newObject(), as("GetSchema", err)
	}
	return newObject("schema", schemaText(schema), "metadata", metadataOf(schema)), nil
}

func (c call) handshake(ctx context.Context, requests int) (*object, error) {
	stream, err := c.Handshake(ctx)
	if err != nil {
		return newObject(), as("Handshake", err)
	}
	for range requests {
		_ = stream.Send(&pb.HandshakeRequest{})
	}
	_ = stream.CloseSend()
	outcome := newObject("header", nil, "token", nil, "protocol_version", nil)
	for count := 0; ; count++ {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			headers, _ := stream.Header()
			if found := headers.Get("authorization"); len(found) > 0 {
				outcome.set("header", found[0])
			}
			outcome.set("answers", number(count))
			return outcome, nil
		} else if err != nil {
			return newObject(), as("Handshake", err)
		}
		if count == 0 {
			outcome.set("token", string(answer.Payload))
			outcome.set("protocol_version", number(int64(answer.ProtocolVersion)))
		}
	}
}

func (c call) actions(ctx context.Context) (*object, error) {
	stream, err := c.ListActions(ctx, &pb.Empty{})
	if err != nil {
		return newObject(), as("ListActions", err)
	}
	names := []any{}
	for {
		action, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return newObject("actions", names), nil
		} else if err != nil {
			return newObject(), as("ListActions", err)
		}
		names = append(names, action.Type)
	}
}

// raw sends and receives the bytes of any unary RPC.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }

func (raw) Name() string { return "proto" }

func (c call) rpc(ctx context.Context, path string, body []byte) (*object, error) {
	var answer []byte
	if err := c.connection.Invoke(ctx, path, &body, &answer, grpc.ForceCodec(raw{})); err != nil {
		return newObject(), as("rpc", err)
	}
	return newObject("base64", encoded(append([]byte{}, answer...))), nil
}

func named1(number int32, names ...string) string {
	if int(number) < len(names) {
		return names[number]
	}
	return fmt.Sprint(number)
}
