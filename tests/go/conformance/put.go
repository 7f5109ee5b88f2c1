package conformance

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// put makes a DoPut; where it breaks off after some batches, only what the server says within 200 ms counts.
func (c call) put(ctx context.Context, command []byte, data upload, breakAfter int) ([]*pb.PutResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.DoPut(ctx)
	if err != nil {
		return nil, as("DoPut", err)
	}
	if breakAfter >= 0 {
		data.batches = data.batches[:min(breakAfter, len(data.batches))]
		time.AfterFunc(200*time.Millisecond, cancel)
	}
	// What goes wrong while sending is told by the server, in the status that Recv gives.
	if data.schema == nil {
		_ = stream.Send(&pb.FlightData{FlightDescriptor: descriptor(command)})
	} else {
		writer := flight.NewRecordWriter(stream, ipc.WithSchema(data.schema))
		writer.SetFlightDescriptor(descriptor(command))
		for _, batch := range data.batches {
			if writer.Write(batch) != nil {
				break
			}
		}
		if breakAfter < 0 {
			_ = writer.Close()
		}
	}
	if breakAfter < 0 {
		_ = stream.CloseSend()
	}
	var results []*pb.PutResult
	for {
		result, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return results, nil
		} else if err != nil {
			return nil, as("DoPut", err)
		}
		results = append(results, result)
	}
}

func (c call) update(ctx context.Context, command []byte, data upload, breakAfter int) (*object, error) {
	results, err := c.put(ctx, command, data, breakAfter)
	if err != nil {
		return newObject(), err
	}
	var result pb.DoPutUpdateResult
	if len(results) != 1 || proto.Unmarshal(results[0].AppMetadata, &result) != nil {
		return newObject(), failed{status.Newf(codes.Unknown, "%d PutResults instead of one", len(results)), "DoPut"}
	}
	return newObject("count", number(result.RecordCount)), nil
}

func (c call) bind(ctx context.Context, handle []byte, data upload) (*object, error) {
	command := packed(&pb.CommandPreparedStatementQuery{PreparedStatementHandle: handle})
	results, err := c.put(ctx, command, data, -1)
	if err != nil {
		return newObject(), err
	}
	outcome := newObject("results", number(len(results)), "same_handle", false)
	var result pb.DoPutPreparedStatementResult
	if len(results) > 0 && proto.Unmarshal(results[0].AppMetadata, &result) == nil {
		outcome.set("same_handle", string(result.PreparedStatementHandle) == string(handle))
	}
	return outcome, nil
}
