package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/uuid"
)

var client = &http.Client{
	Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

// httpAction is the request that a step describes.
func (r *caseRun) httpAction(step *object, door, line string) (action, error) {
	account, err := r.tenant(step)
	if err != nil {
		return nil, err
	}
	method, path, found := strings.Cut(line, " ")
	if !found {
		return nil, fmt.Errorf("%q is not METHOD PATH", line)
	}
	address, err := r.address(door, path, step)
	if err != nil {
		return nil, err
	}
	body, err := r.body(step)
	if err != nil {
		return nil, err
	}
	headers := http.Header{"User-Agent": nil}
	if _, isJSON := step.get("json"); isJSON {
		headers.Set("Content-Type", "application/json")
	}
	if name, value := httpCredentials(step, door, account); name != "" {
		headers.Set(name, value)
	}
	wanted, _ := step.get("headers")
	setHeaders(headers, wanted)
	return func(ctx context.Context, at *gate) (*object, error) {
		request := &http.Request{Method: method, URL: address, Header: headers, Host: headers.Get("Host")}
		if body != nil {
			request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		return send(request.WithContext(ctx), at)
	}, nil
}

func (r *caseRun) address(door, path string, step *object) (*url.URL, error) {
	host := r.server.lakehouse
	if door == "analytics" {
		host = r.server.analytics
	}
	address, err := url.Parse(host + path)
	if err != nil {
		return nil, err
	}
	wanted, _ := step.get("query")
	if query, ok := wanted.(*object); ok {
		parts := []string{}
		if address.RawQuery != "" {
			parts = append(parts, address.RawQuery)
		}
		for _, name := range query.keys {
			parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(asText(query.at[name])))
		}
		address.RawQuery = strings.Join(parts, "&")
	}
	return address, nil
}

func httpCredentials(step *object, door string, account account) (name, value string) {
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	auth, given := step.get("auth")
	switch auth := auth.(type) {
	case *object:
		switch kind, value := auth.keys[0], asText(auth.at[auth.keys[0]]); kind {
		case "basic":
			return "Authorization", basic(value)
		case "bearer":
			return "Authorization", "Bearer " + value
		case "api_key":
			return "X-Api-Key", value
		default:
			return "Authorization", value
		}
	case string:
		if auth == "none" {
			return "", ""
		}
	}
	if door == "analytics" && !given {
		return "X-Api-Key", account.apiKey
	}
	return "Authorization", basic(account.pair())
}

func setHeaders(headers http.Header, wanted any) {
	given, _ := wanted.(*object)
	if given == nil {
		return
	}
	for _, name := range given.keys {
		headers.Del(name)
		values, isList := given.at[name].([]any)
		if !isList && given.at[name] != nil {
			values = []any{given.at[name]}
		}
		for _, value := range values {
			headers.Add(name, asText(value))
		}
	}
}

func (r *caseRun) body(step *object) ([]byte, error) {
	if value, found := step.get("json"); found {
		return []byte(encode(value)), nil
	}
	if value, found := step.get("text"); found {
		return []byte(value.(string)), nil
	}
	if value, found := step.get("base64"); found {
		return base64.StdEncoding.DecodeString(value.(string))
	}
	if value, found := step.get("file"); found {
		return os.ReadFile(filepath.Join(r.spec, value.(string)))
	}
	if value, found := step.get("fill"); found {
		return []byte(repeated(value.(*object))), nil
	}
	if value, found := step.get("arrow"); found {
		return arrowBody(value.(*object))
	}
	return nil, nil
}

func arrowBody(step *object) ([]byte, error) {
	data, err := readUpload(step)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	var writer interface {
		Write(arrow.RecordBatch) error
		Close() error
	} = ipc.NewWriter(&text, ipc.WithSchema(data.schema))
	if step.text("format") == "file" {
		if writer, err = ipc.NewFileWriter(&text, ipc.WithSchema(data.schema)); err != nil {
			return nil, err
		}
	}
	for _, batch := range data.batches {
		if err := writer.Write(batch); err != nil {
			return nil, err
		}
	}
	err = writer.Close()
	return text.Bytes(), err
}

func send(request *http.Request, at *gate) (*object, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var body []byte
	reader, count := bufio.NewReader(response.Body), 0
	for {
		piece, err := reader.ReadBytes('\n')
		body = append(body, piece...)
		if err != nil {
			return answer(response, body, !errors.Is(err, io.EOF)), nil
		}
		count++
		if err := at.pass(request.Context(), count, func() *object { return answer(response, body, false) }); err != nil {
			return nil, err
		}
	}
}

func answer(response *http.Response, body []byte, aborted bool) *object {
	headers := newObject()
	for name, values := range response.Header {
		headers.set(strings.ToLower(name), strings.Join(values, ", "))
	}
	for _, encoding := range response.TransferEncoding {
		headers.set("transfer-encoding", encoding)
	}
	outcome := newObject("status", number(response.StatusCode), "headers", headers,
		"text", strings.ToValidUTF8(string(body), "\uFFFD"), "aborted", aborted)
	if value, err := decode(body); err == nil {
		outcome.set("json", value)
	}
	if lines, ok := jsonLines(body); ok {
		outcome.set("lines", lines)
	}
	if bytes.HasPrefix(body, []byte{0xff, 0xff, 0xff, 0xff}) {
		outcome.set("arrow", readArrow(body))
	}
	return outcome
}

// jsonLines are the values of the lines, if each is JSON and ends in \n.
func jsonLines(body []byte) ([]any, bool) {
	text, ended := strings.CutSuffix(string(body), "\n")
	if !ended || !utf8.Valid(body) {
		return nil, false
	}
	var lines []any
	for _, line := range strings.Split(text, "\n") {
		value, err := decode([]byte(line))
		if err != nil {
			return nil, false
		}
		lines = append(lines, value)
	}
	return lines, true
}

func readArrow(body []byte) any {
	reader, err := ipc.NewReader(bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	defer reader.Release()
	all := []any{}
	for reader.Next() {
		rows, err := rowsOf(reader.RecordBatch())
		if err != nil {
			return err.Error()
		}
		all = append(all, rows...)
	}
	return newObject("schema", schemaText(reader.Schema()), "rows", all)
}

// restSQL is POST /query in a session, with the outcome of every SQL door.
func (r *caseRun) restSQL(step *object, statement, session string) (action, error) {
	account, err := r.tenant(step)
	if err != nil {
		return nil, err
	}
	id := remembered(r.restSessions, account.user+"/"+session, uuid.NewString)
	request := newObject("json", newObject("statement", statement, "session_id", id))
	for _, key := range []string{"auth", "headers", "tenant"} {
		if value, found := step.get(key); found {
			request.set(key, value)
		}
	}
	run, err := r.httpAction(request, "lakehouse", "POST /query")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, at *gate) (*object, error) {
		outcome, err := run(ctx, at)
		if err != nil {
			return nil, err
		}
		lines := list(outcome, "lines")
		if len(lines) == 0 {
			return nil, fmt.Errorf("POST /query answered %s", encode(outcome))
		}
		return sqlOutcome(lines), nil
	}, nil
}

func sqlOutcome(lines []any) *object {
	var failure any
	if last, ok := lines[len(lines)-1].(*object); ok {
		if text, found := last.get("error"); found {
			failure, lines = text, lines[:len(lines)-1]
		}
	}
	outcome := newObject("columns", nil, "rows", []any{}, "row_count", number(0), "error", failure)
	if len(lines) < 2 {
		return outcome
	}
	if columns, ok := lines[1].([]any); ok {
		names := []any{}
		for _, column := range columns {
			names = append(names, lookup(column, "name"))
		}
		outcome.set("columns", names)
	}
	outcome.set("rows", lines[2:])
	outcome.set("row_count", number(len(lines)-2))
	return outcome
}

// socketAction writes raw bytes and reads until the server closes.
func (r *caseRun) socketAction(step *object, door string) (action, error) {
	address := map[string]string{"lakehouse": r.server.lakehouse, "analytics": r.server.analytics, "flight": r.server.flight}[door]
	value, _ := step.get("send")
	text, _ := value.(string)
	if given, ok := value.(*object); ok {
		if encoded, found := given.get("base64"); found {
			decoded, err := base64.StdEncoding.DecodeString(encoded.(string))
			if err != nil {
				return nil, err
			}
			text = string(decoded)
		} else {
			filled, _ := given.get("fill")
			text = repeated(filled.(*object))
		}
	}
	return func(ctx context.Context, _ *gate) (*object, error) {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address[strings.Index(address, "://")+3:])
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		if err := connection.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
			return nil, err
		}
		// A server that has seen enough closes before everything is sent; its answer still counts.
		go func() { _, _ = io.WriteString(connection, text) }()
		answer, err := io.ReadAll(connection)
		closed := !errors.Is(err, os.ErrDeadlineExceeded)
		return newObject("text", strings.ToValidUTF8(string(answer), "\uFFFD"), "closed", closed), nil
	}, nil
}
