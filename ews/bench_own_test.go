package ews_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// BenchmarkCreateItemInMemory is what this package itself does for a CreateItem: the transport is a slice of bytes.
func BenchmarkCreateItemInMemory(b *testing.B) {
	c := benchClient(b, "http://127.0.0.1:1/EWS/Exchange.asmx")
	answer := &memoryAnswer{answer: makeCanned("create", "CreateItem", nil), header: http.Header{
		"Content-Type": {"text/xml; charset=utf-8"}, "Content-Length": {"700"}, "Date": {"Mon, 23 Nov 2026 16:40:02 GMT"}}}
	c.SetTransportForBench(answer)
	m := c.Own()
	draft := ews.NewDraftForBench(strings.Repeat("<p>Thank you for your message.</p>", 20))
	ctx := context.Background()
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		if err := m.CreateForBench(ctx, draft); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// memoryAnswer answers every request alike, as http.Transport does from the caller's side, but with nobody behind it.
type memoryAnswer struct {
	answer []byte
	header http.Header
	resp   http.Response
	at     int
	sink   int64
}

func (t *memoryAnswer) RoundTrip(req *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, req.Body)
	if err != nil {
		return nil, err
	}
	t.sink += n
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
		if trace.WroteHeaders != nil {
			trace.WroteHeaders()
		}
		if trace.WroteRequest != nil {
			trace.WroteRequest(httptrace.WroteRequestInfo{})
		}
	}
	t.at = 0
	t.resp = http.Response{StatusCode: http.StatusOK, Header: t.header, Body: t, ContentLength: int64(len(t.answer))}
	return &t.resp, nil
}

func (t *memoryAnswer) Read(p []byte) (int, error) {
	n := copy(p, t.answer[t.at:])
	if t.at += n; t.at == len(t.answer) {
		return n, io.EOF
	}
	return n, nil
}

func (t *memoryAnswer) Close() error { return nil }
