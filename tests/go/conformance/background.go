package conformance

import (
	"context"
	"fmt"
	"time"
)

// gate stops a background step after so many lines or batches until it is joined; nil stops nobody.
type gate struct {
	after   int
	reached chan *object
	resume  chan struct{}
	passed  bool
}

func (g *gate) pass(ctx context.Context, items int, outcome func() *object) error {
	if g == nil || g.passed || items < g.after {
		return nil
	}
	g.passed = true
	g.reached <- outcome()
	select {
	case <-g.resume:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type background struct {
	verb   string
	cancel context.CancelFunc
	gate   *gate
	done   chan struct{}
	ended  *object
	err    error
}

// start sets a step going; with `pause_after` it waits until so much has arrived.
func (r *caseRun) start(name, verb string, step *object, argument any) error {
	run, err := r.action(verb, step, argument)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	running := &background{verb: verb, cancel: cancel, done: make(chan struct{})}
	if after, found := step.get("pause_after"); found {
		running.gate = &gate{reached: make(chan *object, 1), resume: make(chan struct{})}
		if _, err := fmt.Sscan(asText(after), &running.gate.after); err != nil {
			return err
		}
	}
	r.background[name] = running
	go func() {
		defer close(running.done)
		running.ended, running.err = run(ctx, running.gate)
	}()
	if running.gate == nil {
		return nil
	}
	select {
	case soFar := <-running.gate.reached:
		return r.capture(step, soFar)
	case <-running.done:
		return fmt.Errorf("it ended before the pause: %v %s", running.err, shortened(encode(running.ended)))
	case <-time.After(patience):
		return fmt.Errorf("nothing came back within %s", patience)
	}
}
