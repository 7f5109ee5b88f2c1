// Package mockserver runs the server under test as a process of its own, on free ports.
package mockserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Each server says where it listens once it does (FX-1).
var (
	started = regexp.MustCompile(`Starting (Flight SQL|Lakehouse HTTP|Product Analytics HTTP|PostgreSQL) server on (\S+)`)
	colour  = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// Server is a running server; Stop ends it.
type Server struct {
	Flight, Lakehouse, Analytics, Postgres string // host:port
	process                                *exec.Cmd
	ended                                  chan error
}

// Start runs the binary that ALTERTABLE_MOCK_BINARY names with flags, and returns once its four doors are open.
func Start(flags ...string) (*Server, error) {
	binary := os.Getenv("ALTERTABLE_MOCK_BINARY")
	if binary == "" {
		return nil, errors.New("ALTERTABLE_MOCK_BINARY must name the server's binary")
	}
	ports := []string{"--bind=127.0.0.1", "--flight-port=0", "--lakehouse-port=0", "--analytics-port=0", "--postgres-port=0"}
	process := exec.Command(binary, append(ports, flags...)...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ALTERTABLE_") {
			process.Env = append(process.Env, variable)
		}
	}
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	process.Stderr = process.Stdout
	if err := process.Start(); err != nil {
		return nil, err
	}
	server := &Server{process: process, ended: make(chan error, 1)}
	lines := bufio.NewReader(output)
	if err := server.awaitDoors(lines); err != nil {
		_ = process.Process.Kill()
		return nil, err
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		server.ended <- process.Wait()
	}()
	return server, nil
}

func (s *Server) awaitDoors(lines *bufio.Reader) error {
	var log strings.Builder
	doors := map[string]*string{
		"Flight SQL": &s.Flight, "Lakehouse HTTP": &s.Lakehouse, "Product Analytics HTTP": &s.Analytics,
		"PostgreSQL": &s.Postgres,
	}
	for s.Flight == "" || s.Lakehouse == "" || s.Analytics == "" || s.Postgres == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the server did not open its four doors:\n%s", log.String())
		}
		line = colour.ReplaceAllString(line, "")
		log.WriteString(line)
		if found := started.FindStringSubmatch(line); found != nil {
			*doors[found[1]] = found[2]
		}
	}
	return nil
}

// patience is what a server gets to end in.
const patience = 15 * time.Second

// Kill ends the server at once, for those that have made a thousand tenants, which it would close one by one; it fails if
// the server had ended before.
func (s *Server) Kill() error {
	return errors.Join(s.alive(), s.process.Process.Kill())
}

func (s *Server) alive() error {
	select {
	case err := <-s.ended:
		return fmt.Errorf("the server ended during the tests: %w", err)
	default:
		return nil
	}
}

// Stop asks the server to end, and fails if it had ended before, ends with an error, or takes too long.
func (s *Server) Stop() error {
	if err := s.alive(); err != nil {
		return err
	}
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		_ = s.process.Process.Kill()
		return fmt.Errorf("the server did not end within %s of being asked to", patience)
	}
}
