package conformance

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// roomy connections have room enough that a paused stream never holds up another call.
var roomy = []grpc.DialOption{
	grpc.WithInitialWindowSize(1 << 20), grpc.WithInitialConnWindowSize(1 << 30),
	grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)),
}

// channel is a gRPC connection, and Flight over it.
type channel struct {
	*grpc.ClientConn
	pb.FlightServiceClient
}

func (c *call) dial() (channel, error) {
	scheme, host, _ := strings.Cut(c.URL, "://")
	transport := insecure.NewCredentials()
	if scheme == "https" {
		transport = credentials.NewTLS(nil)
	}
	wire, err := grpc.NewClient(host, append(roomy, grpc.WithTransportCredentials(transport))...)
	return channel{wire, pb.NewFlightServiceClient(wire)}, err
}

// onFlight makes a call over the case's connection, with the metadata that it is to have.
func onFlight(act func(context.Context, channel, *call) (answer, error)) func(context.Context, *call) (answer, error) {
	return func(ctx context.Context, c *call) (answer, error) {
		to, err := keep(c.held, "flight "+c.URL, c.dial)
		if err != nil {
			return nil, err
		}
		for _, pair := range c.Metadata {
			ctx = metadata.AppendToOutgoingContext(ctx, pair[0], pair[1])
		}
		return act(ctx, to, c)
	}
}

func (c *call) descriptor() *pb.FlightDescriptor {
	return &pb.FlightDescriptor{Type: pb.FlightDescriptor_CMD, Cmd: c.Command}
}

// received has a part of each message of a stream, unless that failed to open.
func received[M, P any](stream interface{ Recv() (M, error) }, err error, part func(M) P) ([]P, error) {
	parts := []P{}
	for err == nil {
		var next M
		if next, err = stream.Recv(); err == nil {
			parts = append(parts, part(next))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return parts, err
}

func handshake(ctx context.Context, to channel, c *call) (answer, error) {
	stream, err := to.Handshake(ctx)
	if err != nil {
		return nil, err
	}
	for range c.Requests {
		_ = stream.Send(&pb.HandshakeRequest{})
	}
	_ = stream.CloseSend()
	answers, err := received(stream, nil, func(each *pb.HandshakeResponse) answer {
		return answer{"token": string(each.Payload), "protocol_version": each.ProtocolVersion}
	})
	found := append(answers, answer{})[0]
	found["answers"] = len(answers)
	headers, _ := stream.Header()
	for _, value := range headers.Get("authorization") {
		found["header"] = value
	}
	return found, err
}

func info(ctx context.Context, to channel, c *call) (answer, error) {
	var sent metadata.MD
	found, err := to.GetFlightInfo(ctx, c.descriptor(), grpc.Header(&sent))
	message, wrong := proto.Marshal(found)
	return answer{"info": message, "headers": joined(sent)}, cmp.Or(err, wrong)
}

func poll(ctx context.Context, to channel, c *call) (answer, error) {
	found, err := to.PollFlightInfo(ctx, c.descriptor())
	message, wrong := proto.Marshal(found)
	return answer{"poll": message}, cmp.Or(err, wrong)
}

func schema(ctx context.Context, to channel, c *call) (answer, error) {
	found, err := to.GetSchema(ctx, c.descriptor())
	return answer{"schema": found.GetSchema()}, err
}

func get(ctx context.Context, to channel, c *call) (answer, error) {
	stream, err := to.DoGet(ctx, &pb.Ticket{Ticket: c.Ticket})
	if err != nil {
		return nil, err
	}
	reader, err := flight.NewRecordReader(stream)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	arrow, err := c.collect(ctx, reader)
	return answer{"arrow": arrow}, err
}

// collect writes what a reader reads, up to an error if there is one, as an IPC stream; it pauses where the call is to.
func (c *call) collect(ctx context.Context, reader array.RecordReader) ([]byte, error) {
	var stream bytes.Buffer
	writer := ipc.NewWriter(&stream, ipc.WithSchema(reader.Schema()))
	soFar := func() answer { return answer{"arrow": stream.Bytes()} }
	var err error
	for batches := 1; err == nil && reader.Next(); batches++ {
		if err = writer.Write(reader.RecordBatch()); err == nil {
			err = c.pass(ctx, batches, soFar)
		}
	}
	err = cmp.Or(err, reader.Err(), writer.Close())
	return stream.Bytes(), err
}

// put makes a DoPut; where it breaks off, only what the server says within 200 ms counts.
func put(ctx context.Context, to channel, c *call) (answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := to.DoPut(ctx)
	if err != nil {
		return nil, err
	}
	err = c.upload(stream)
	if c.BreakAfter == nil {
		_ = stream.CloseSend()
	} else {
		time.AfterFunc(200*time.Millisecond, cancel)
	}
	results, err := received(stream, err, (*pb.PutResult).GetAppMetadata)
	return answer{"results": results}, err
}

// upload sends the data of a DoPut. What goes wrong meanwhile is told by the status with which the server ends it.
func (c *call) upload(stream flight.DataStreamWriter) error {
	if c.Arrow == nil {
		_ = stream.Send(&pb.FlightData{FlightDescriptor: c.descriptor()})
		return nil
	}
	reader, err := ipc.NewReader(bytes.NewReader(c.Arrow))
	if err != nil {
		return err
	}
	defer reader.Release()
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(reader.Schema()))
	writer.SetFlightDescriptor(c.descriptor())
	for batches := 0; (c.BreakAfter == nil || batches < *c.BreakAfter) && reader.Next(); batches++ {
		if writer.Write(reader.RecordBatch()) != nil {
			return nil
		}
	}
	// Sends the schema, if nothing did so far.
	_ = writer.Close()
	return reader.Err()
}

func action(ctx context.Context, to channel, c *call) (answer, error) {
	stream, err := to.DoAction(ctx, &pb.Action{Type: c.Type, Body: c.Body})
	results, err := received(stream, err, (*pb.Result).GetBody)
	return answer{"results": results}, err
}

func actions(ctx context.Context, to channel, _ *call) (answer, error) {
	stream, err := to.ListActions(ctx, &pb.Empty{})
	types, err := received(stream, err, (*pb.ActionType).GetType)
	return answer{"actions": types}, err
}

// raw sends and receives the bytes of any unary RPC.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }

func (raw) Name() string { return "proto" }

func rpc(ctx context.Context, to channel, c *call) (answer, error) {
	body := []byte{}
	err := to.Invoke(ctx, c.Path, &c.Body, &body, grpc.ForceCodec(raw{}))
	return answer{"body": body}, err
}
