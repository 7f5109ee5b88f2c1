package conformance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

var client = http.Client{
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// sendHTTP reads the answer line by line, so that the call can pause between lines that arrive together.
func sendHTTP(ctx context.Context, c *call) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, c.Method, c.URL, bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	request.Header["User-Agent"] = nil
	for _, header := range c.Headers {
		request.Header.Add(header[0], header[1])
	}
	request.Host = request.Header.Get("Host")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var body []byte
	reader := bufio.NewReader(response.Body)
	for lines := 1; ; lines++ {
		line, err := reader.ReadBytes('\n')
		body = append(body, line...)
		if err != nil {
			return httpAnswer(response, body, !errors.Is(err, io.EOF)), nil
		}
		if err := c.pass(ctx, lines, func() answer { return httpAnswer(response, body, false) }); err != nil {
			return nil, err
		}
	}
}

func httpAnswer(response *http.Response, body []byte, aborted bool) answer {
	headers := joined(response.Header)
	for _, encoding := range response.TransferEncoding {
		headers["transfer-encoding"] = encoding
	}
	return answer{"status": response.StatusCode, "headers": headers, "body": body, "aborted": aborted}
}

// joined are headers as answers have them.
func joined(headers map[string][]string) map[string]string {
	made := map[string]string{}
	for name, values := range headers {
		made[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return made
}

// sendRaw sends bytes to a port and reads until the server closes.
func sendRaw(ctx context.Context, c *call) (answer, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	if err := connection.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return nil, err
	}
	// A server that has seen enough closes before everything is sent; its answer still counts.
	go func() { _, _ = connection.Write(c.Body) }()
	body, err := io.ReadAll(connection)
	return answer{"body": body, "closed": !errors.Is(err, os.ErrDeadlineExceeded)}, nil
}
