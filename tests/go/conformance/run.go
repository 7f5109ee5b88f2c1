package conformance

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/google/uuid"
	"google.golang.org/grpc"
)

const patience = 60 * time.Second

// action is something about to happen, free of the case it belongs to.
type action func(ctx context.Context, at *gate) (*object, error)

// caseRun is the state of one case while its steps run.
type caseRun struct {
	ctx          context.Context
	spec, door   string
	server       *server
	connection   *grpc.ClientConn
	flight       flight.Client
	vars         map[string]any
	first        string
	accounts     map[string]account
	tokens       map[string]string
	restSessions map[string]string
	adbc         map[string]adbc.Connection
	closers      []io.Closer
	lock         sync.Mutex
	prepared     map[string][]byte
	background   map[string]*background
}

// runCase runs a case against its server.
func runCase(ctx context.Context, each specCase, at *server, spec string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connection, err := dial(at.flight)
	if err != nil {
		return err
	}
	r := &caseRun{ctx: ctx, spec: spec, door: each.door, server: at, connection: connection, flight: flight.NewClientFromConn(connection, nil),
		vars: map[string]any{"uuid": uuid.NewString()}, first: each.tenants[0], accounts: map[string]account{}, tokens: map[string]string{},
		restSessions: map[string]string{}, adbc: map[string]adbc.Connection{}, prepared: map[string][]byte{}, background: map[string]*background{}}
	r.closers = append(r.closers, connection)
	defer r.close()
	for _, tenant := range each.tenants {
		r.introduce(tenant)
	}
	for i, step := range each.steps {
		if err := r.step(step); err != nil {
			return fmt.Errorf("step %d: %w\n%s", i+1, err, shortened(encode(step)))
		}
	}
	return nil
}

func (r *caseRun) close() {
	for _, running := range r.background {
		running.cancel()
		<-running.done
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		_ = r.closers[i].Close()
	}
}

// introduce makes up a user nobody has seen before; its API key is its name (LX-13).
func (r *caseRun) introduce(tenant string) {
	user := "user-" + strings.ReplaceAll(uuid.NewString(), "-", "")
	made := account{user, "pw:" + strings.ReplaceAll(uuid.NewString(), "-", ""), user}
	if r.server.only != nil {
		made = *r.server.only
	}
	r.accounts[tenant] = made
	for name, value := range map[string]string{"user": made.user, "password": made.password, "api_key": made.apiKey} {
		r.vars[tenant+"."+name] = value
		if tenant == r.first {
			r.vars[name] = value
		}
	}
}

func (r *caseRun) tenant(step *object) (account, error) {
	name := r.first
	if given := step.text("tenant"); given != "" {
		name = given
	}
	found, known := r.accounts[name]
	if !known {
		return account{}, fmt.Errorf("no tenant is called %s", name)
	}
	return found, nil
}

// step runs one step of the spec as often as it says.
func (r *caseRun) step(raw any) error {
	for round := int64(0); ; round++ {
		r.vars["i"] = number(round)
		filled, err := fill(raw, r.vars, false)
		if err != nil {
			return err
		}
		step := filled.(*object)
		if err := r.once(step); err != nil {
			return err
		}
		times, found := step.get("times")
		if !found || asText(number(round+1)) == asText(times) {
			return nil
		}
	}
}

// verbOf is the verb of a step and what stands behind it.
func verbOf(step *object) (string, any) {
	for _, key := range step.keys {
		switch key {
		case "lakehouse", "analytics", "socket", "sql", "join", "drop", "pending", "sleep":
			return key, step.at[key]
		}
		if strings.HasPrefix(key, "flight.") {
			return key, step.at[key]
		}
	}
	return "", nil
}

func (r *caseRun) once(step *object) error {
	started := time.Now()
	verb, argument := verbOf(step)
	name, _ := argument.(string)
	running := r.background[name]
	switch verb {
	case "sleep":
		length, err := time.ParseDuration(name)
		time.Sleep(length)
		return err
	case "join", "drop", "pending":
		if running == nil {
			return fmt.Errorf("no background step is called %s", name)
		}
	}
	switch verb {
	case "drop":
		delete(r.background, name)
		running.cancel()
		<-running.done
		return nil
	case "pending":
		select {
		case <-running.done:
			return fmt.Errorf("the background step %s has ended: %v %s", name, running.err, shortened(encode(running.ended)))
		case <-time.After(50 * time.Millisecond):
			return nil
		}
	case "join":
		delete(r.background, name)
		if running.gate != nil {
			close(running.gate.resume)
		}
		select {
		case <-running.done:
		case <-time.After(patience):
			running.cancel()
			return fmt.Errorf("nothing came back within %s", patience)
		}
		if running.err != nil {
			return running.err
		}
		return r.judge(running.verb, step, running.ended, started)
	}
	if name := step.text("background"); name != "" {
		return r.start(name, verb, step, argument)
	}
	return r.untilItHolds(verb, step, argument, started)
}

func (r *caseRun) untilItHolds(verb string, step *object, argument any, started time.Time) error {
	eventually, _ := time.ParseDuration(step.text("eventually"))
	for {
		began := time.Now()
		run, err := r.action(verb, step, argument)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.ctx, patience)
		outcome, err := run(ctx, nil)
		cancel()
		if err != nil {
			return err
		}
		if handle := outcome.text("handle"); verb == "flight.prepare" && handle != "" {
			name := step.text("as")
			if name == "" {
				name = "main"
			}
			r.prepared[name] = decoded(handle)
		}
		if err = r.judge(verb, step, outcome, began); err == nil || time.Since(started) >= eventually {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// action is what a step does, with everything it needs from the case.
func (r *caseRun) action(verb string, step *object, argument any) (action, error) {
	text, _ := argument.(string)
	switch verb {
	case "lakehouse", "analytics":
		return r.httpAction(step, verb, text)
	case "socket":
		return r.socketAction(step, text)
	case "sql":
		door := step.text("door")
		if door == "" {
			door = r.door
		}
		if door == "flight" {
			return r.flightSQL(step, text)
		}
		return r.restSQL(step, text, session(step))
	}
	return r.flightAction(step, strings.TrimPrefix(verb, "flight."), argument)
}

// late is an answer that was right, and only came too late.
type late struct{ took, limit time.Duration }

func (l late) Error() string { return fmt.Sprintf("took %s instead of at most %s", l.took, l.limit) }

// judge compares an outcome with the step's expectations, success filled in where it says nothing, and captures from it.
func (r *caseRun) judge(verb string, step *object, outcome *object, started time.Time) error {
	took := time.Since(started)
	wanted := newObject()
	given, _ := step.get("expect")
	if expected, ok := given.(*object); ok {
		for _, key := range expected.keys {
			wanted.set(key, expected.at[key])
		}
	}
	key, success := "status", any("OK")
	switch verb {
	case "lakehouse", "analytics":
		success = newObject("$between", []any{number(200), number(299)})
	case "sql":
		key, success = "error", nil
	case "socket":
		key = ""
	}
	if _, found := wanted.get(key); !found && key != "" {
		wanted.set(key, success)
	}
	var found []string
	for _, each := range compareOutcome(wanted, outcome) {
		found = append(found, each.String())
	}
	if limit, err := time.ParseDuration(step.text("after")); err == nil && took < limit {
		found = append(found, fmt.Sprintf("took %s instead of at least %s", took, limit))
	}
	if len(found) > 0 {
		return fmt.Errorf("%s\noutcome %s", strings.Join(found, "\n"), shortened(encode(outcome)))
	}
	if limit, err := time.ParseDuration(step.text("within")); err == nil && took > limit {
		return late{took, limit}
	}
	return r.capture(step, outcome)
}

func (r *caseRun) capture(step *object, outcome *object) error {
	wanted, _ := step.get("capture")
	pointers, ok := wanted.(*object)
	if !ok {
		return nil
	}
	for _, name := range pointers.keys {
		found, err := at(outcome, pointers.text(name))
		if err != nil {
			return err
		}
		r.vars[name] = found
	}
	return nil
}

// at follows a JSON pointer.
func at(value any, pointer string) (any, error) {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		var next any = missing{}
		switch inside := value.(type) {
		case *object:
			next = lookup(inside, part)
		case []any:
			var index int
			if _, err := fmt.Sscan(part, &index); err == nil && index < len(inside) {
				next = inside[index]
			}
		}
		if next == (missing{}) {
			return nil, fmt.Errorf("nothing to capture at %s in %s", pointer, shortened(encode(value)))
		}
		value = next
	}
	return value, nil
}
