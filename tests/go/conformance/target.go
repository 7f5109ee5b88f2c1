package conformance

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"altertable.example/mock/tests/mockserver"
)

type account struct{ user, password, apiKey string }

func (a account) pair() string { return a.user + ":" + a.password }

// server is where a target listens, and whom it knows if not everybody.
type server struct {
	lakehouse, analytics, flight string
	only                         *account
	stop                         func() error
}

// target gives each set of flags a server of its own, started by the first case that needs it.
type target struct {
	lock    sync.Mutex
	servers map[string]func() (*server, error)
	// calm is held for reading by every case that runs, and for writing by one that has to run by itself.
	calm sync.RWMutex
}

// attempts runs a case among others; once more by itself if it was only late, because others may have kept the machine busy.
func (t *target) attempts(each specCase, spec string) error {
	running, err := t.server(each.server)
	if err != nil {
		return err
	}
	t.calm.RLock()
	err = runCase(context.Background(), each, running, spec)
	t.calm.RUnlock()
	if errors.As(err, new(late)) || errors.Is(err, context.DeadlineExceeded) {
		t.calm.Lock()
		defer t.calm.Unlock()
		return runCase(context.Background(), each, running, spec)
	}
	return err
}

func (t *target) server(flags []string) (*server, error) {
	t.lock.Lock()
	start := remembered(t.servers, strings.Join(flags, "\n"), func() func() (*server, error) {
		return sync.OnceValues(func() (*server, error) { return startServer(flags) })
	})
	t.lock.Unlock()
	return start()
}

func startServer(flags []string) (*server, error) {
	if os.Getenv("CONFORMANCE_URL") != "" {
		return remote(), nil
	}
	started, err := mockserver.Start(flags...)
	if err != nil {
		return nil, err
	}
	return &server{lakehouse: "http://" + started.Lakehouse, analytics: "http://" + started.Analytics,
		flight: "http://" + started.Flight, stop: started.Kill}, nil
}

// remote is the server that the variables of the Rust runner name.
func remote() *server {
	or := func(variable, fallback string) string {
		if value := os.Getenv(variable); value != "" {
			return value
		}
		return fallback
	}
	made := &server{lakehouse: os.Getenv("CONFORMANCE_URL"), analytics: or("CONFORMANCE_ANALYTICS_URL", "http://127.0.0.1:15001"),
		flight: or("CONFORMANCE_FLIGHT_URL", "http://127.0.0.1:15002")}
	if user, password, given := strings.Cut(os.Getenv("CONFORMANCE_USER"), ":"); given {
		made.only = &account{user, password, os.Getenv("CONFORMANCE_API_KEY")}
	}
	return made
}

func (t *target) close() error {
	client.CloseIdleConnections()
	var errs []error
	for _, start := range t.servers {
		if running, err := start(); err == nil && running.stop != nil {
			errs = append(errs, running.stop())
		}
	}
	return errors.Join(errs...)
}

func remembered[T any](in map[string]T, key string, make func() T) T {
	if known, found := in[key]; found {
		return known
	}
	in[key] = make()
	return in[key]
}
