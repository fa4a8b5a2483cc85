package main

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net/textproto"
	"os"
	"time"

	"golang.org/x/net/http/httpguts"

	"martlet/gateway/telemetry"
)

// TracesConfig says where traces go.
type TracesConfig struct {
	Endpoint string // empty: nothing is traced
	Sample   float64
	Headers  map[string]string // of each request
}

// tracesFile is [traces].
type tracesFile struct {
	Endpoint    string   `toml:"endpoint"`
	Sample      *float64 `toml:"sample"`
	HeadersFile string   `toml:"headers_file"`
}

const (
	// defaultSample is the share of requests that are traced.
	defaultSample = 0.01
	// maxHeaders bounds the file of headers, in bytes.
	maxHeaders = 16 << 10
)

func (r *configReader) traces(f *tracesFile) TracesConfig {
	c := TracesConfig{Endpoint: f.Endpoint, Sample: defaultSample}
	if f.Endpoint == "" {
		if f.Sample != nil || f.HeadersFile != "" {
			r.fail("traces", "endpoint", "say where the collector is: endpoint = \"http://127.0.0.1:4318\"")
		}
		return TracesConfig{}
	}
	if _, err := telemetry.Endpoint(f.Endpoint); err != nil {
		r.fail("traces", "endpoint", "%q is not the URL of a collector, such as http://127.0.0.1:4318", f.Endpoint)
	}
	if f.Sample != nil {
		if c.Sample = *f.Sample; !(c.Sample > 0 && c.Sample <= 1) {
			r.fail("traces", "sample", "a share above 0, up to 1 for all")
		}
	}
	if f.HeadersFile != "" {
		c.Headers = r.headers(f.HeadersFile)
	}
	return c
}

// headers reads a file of lines such as "Authorization: Bearer …".
func (r *configReader) headers(name string) map[string]string {
	b, err := os.ReadFile(r.path(name))
	if err != nil {
		r.fail("traces", "headers_file", "%v", err)
		return nil
	}
	all := map[string]string{}
	bad := len(b) > maxHeaders
	if !bad {
		h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(bytes.TrimSpace(b), "\r\n\r\n"...)))).ReadMIMEHeader()
		bad = err != nil || len(h) == 0
		for k, v := range h {
			all[k] = v[0]
			bad = bad || !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(v[0]) || len(v) > 1
		}
	}
	if bad { // what it holds is secret
		r.fail("traces", "headers_file", "%s does not hold lines such as \"Authorization: Bearer …\"", r.path(name))
	}
	return all
}

// newTraces is what sends traces; nil: nothing is traced.
func (c *Config) newTraces(log *slog.Logger) (*telemetry.Traces, error) {
	if c.Traces.Endpoint == "" {
		return nil, nil
	}
	return telemetry.New(telemetry.Config{
		Endpoint: c.Traces.Endpoint, Headers: c.Traces.Headers, Sample: c.Traces.Sample, Version: version(), Host: c.Hostname, Logger: log,
	})
}

// tracesEnd bounds how long the end waits for a collector.
const tracesEnd = 2 * time.Second

// endTraces sends what is still to be sent.
func (d *data) endTraces() {
	ctx, cancel := context.WithTimeout(context.Background(), tracesEnd)
	defer cancel()
	_ = d.traces.Shutdown(ctx) // what the collector has not taken by then is lost
}
