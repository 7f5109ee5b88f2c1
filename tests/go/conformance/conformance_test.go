// Package conformance is the driver of the behaviour spec with the Go clients, see conformance/spec/DRIVERS.md.
package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/status"
)

// command names the cases of which the Go clients must be able to express nine in ten.
const command = "drive --floor lakehouse/*=90 --floor analytics/*=90 " +
	"--floor flight/query*=90 --floor flight/prepared*=90 --floor flight/metadata*=90"

// kinds are the calls that the Go clients can make.
var kinds = map[string]func(context.Context, *call) (answer, error){
	"http": sendHTTP, "socket": sendRaw, "sql.flight": runSQL, "handshake": onFlight(handshake),
	"info": onFlight(info), "poll": onFlight(poll), "schema": onFlight(schema), "get": onFlight(get),
	"put": onFlight(put), "action": onFlight(action), "actions": onFlight(actions), "rpc": onFlight(rpc),
}

// answer is what came back from a call; bytes in it become base64.
type answer map[string]any

// call has the fields of every kind of call.
type call struct {
	Number                                            int `json:"call"`
	Connection, Requests                              int
	Kind, Method, URL, Address, Path, Type, Statement string
	Headers, Metadata                                 [][2]string
	Body, Command, Ticket, Arrow                      []byte
	PauseAfter                                        int  `json:"pause_after"`
	BreakAfter                                        *int `json:"break_after"`

	held    *held
	say     func(answer)
	hangUp  context.CancelFunc
	resumed chan struct{}
}

// message is a line of the program: a call, a word about one that was made, or what became of a case.
type message struct {
	call
	Resume  int
	HangUp  int `json:"hang_up"`
	Verdict *struct {
		Connection          int
		ID, Outcome, Reason string
	}
}

// TestConformance makes the calls that `altertable-conformance drive` asks for; each of its verdicts is a test.
func TestConformance(t *testing.T) {
	name := cmp.Or(os.Getenv("ALTERTABLE_CONFORMANCE"), "altertable-conformance")
	program := exec.CommandContext(t.Context(), name, strings.Fields(command)...)
	lines, output := io.Pipe()
	program.Stdout, program.Stderr = output, os.Stderr
	input, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = output.CloseWithError(program.Run()) }()
	d := &driver{T: t, replies: json.NewEncoder(input), calls: map[int]*call{}, cases: map[int]*held{}}
	if err := d.drive(json.NewDecoder(lines)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// driver makes the calls, all at the same time.
type driver struct {
	*testing.T
	lock    sync.Mutex
	replies *json.Encoder
	calls   map[int]*call
	cases   map[int]*held
}

// drive does what the program says until its end, and returns what ended it.
func (d *driver) drive(lines *json.Decoder) error {
	d.say(answer{"driver": "go", "calls": slices.Sorted(maps.Keys(kinds))})
	for {
		var heard message
		if err := lines.Decode(&heard); err != nil {
			return err
		}
		switch told := heard.Verdict; {
		case told != nil:
			d.end(told.Connection)
			d.Run(told.ID, func(t *testing.T) { judge(t, told.Outcome, told.Reason) })
		case heard.Number != 0:
			d.start(&heard.call)
		case d.calls[heard.HangUp] != nil:
			d.calls[heard.HangUp].hangUp()
		case d.calls[heard.Resume] != nil:
			close(d.calls[heard.Resume].resumed)
		}
	}
}

func judge(t *testing.T, outcome, reason string) {
	switch outcome {
	case "skipped":
		t.Skip(reason)
	case "failed":
		t.Error(reason)
	}
}

func (d *driver) say(line answer) {
	d.lock.Lock()
	defer d.lock.Unlock()
	// That the program is gone shows where it is read.
	_ = d.replies.Encode(line)
}

func (d *driver) start(c *call) {
	if d.cases[c.Connection] == nil {
		ctx, end := context.WithCancel(d.Context())
		d.cases[c.Connection] = &held{ctx: ctx, end: end, things: map[string]io.Closer{}}
	}
	c.held, c.say, c.resumed = d.cases[c.Connection], d.say, make(chan struct{})
	var ctx context.Context
	ctx, c.hangUp = context.WithCancel(c.held.ctx)
	d.calls[c.Number] = c
	go func() {
		defer c.hangUp()
		d.say(c.reply(ctx))
	}()
}

// end forgets a case, and closes and hangs up whatever it has left.
func (d *driver) end(connection int) {
	if known := d.cases[connection]; known != nil {
		known.end()
	}
	delete(d.cases, connection)
	maps.DeleteFunc(d.calls, func(_ int, c *call) bool { return c.Connection == connection })
}

// reply makes the call and tells what became of it.
func (c *call) reply(ctx context.Context) (line answer) {
	line = answer{"call": c.Number}
	defer func() {
		if cause := recover(); cause != nil {
			line["broke"] = fmt.Sprint(cause)
		}
	}()
	found, err := kinds[c.Kind](ctx, c)
	// The status itself: what wraps it would add to the message.
	var refused interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil:
		line["answer"] = found
	case errors.As(err, &refused):
		code, message := refused.GRPCStatus().Code(), refused.GRPCStatus().Message()
		line["answer"] = answer{"arrow": found["arrow"], "status": answer{"code": int(code), "message": message}}
	default:
		line["broke"] = err.Error()
	}
	return line
}

// pass stops where the call is to pause, after so many items, until it is to go on.
func (c *call) pass(ctx context.Context, items int, soFar func() answer) error {
	if items != c.PauseAfter {
		return nil
	}
	c.say(answer{"call": c.Number, "paused": soFar()})
	select {
	case <-c.resumed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held is what the calls of a case share until its verdict.
type held struct {
	ctx    context.Context
	end    context.CancelFunc
	lock   sync.Mutex
	things map[string]io.Closer
}

// keep opens a thing unless the case has it already.
func keep[T io.Closer](in *held, name string, open func() (T, error)) (T, error) {
	in.lock.Lock()
	defer in.lock.Unlock()
	if known, found := in.things[name]; found {
		return known.(T), nil
	}
	made, err := open()
	if err == nil {
		in.things[name] = made
		context.AfterFunc(in.ctx, func() { _ = made.Close() })
	}
	return made, err
}
