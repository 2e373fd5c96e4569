package ews_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// The benchmarks run against a server in a process of its own on loopback, which sends Exchange-shaped answers from memory. A row is
// one piece of work done by several clients: drain only reads the bytes of the same answers, over the same kind of connection, in the
// same number of requests; ews is this package; encodingxml decodes into structs with the standard library.
//
// Figures are CPU seconds of this process alone. Each client is measured in turn with the drain (and the others that it is compared
// to), round by round, and x-drain is the ratio of the two medians: other programs on the machine disturb both alike. Every turn begins with
// connections of its own, since on loopback one costs up to twice as much as the next for all of its life; and with the same work, not
// measured: what counts is a program that runs for long, not how the heap grows after the others' garbage. The whole table, 9 rounds a row:
//
//	go test -run '^$' -bench '/^(ews|encodingxml)' -benchtime 9x ./ews

// benchServerEnv makes the test binary a canned server: it prints its address and serves until its input ends.
const benchServerEnv = "EWS_BENCH_SERVER"

func init() {
	if os.Getenv(benchServerEnv) == "" {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	go func() { _ = http.Serve(l, http.HandlerFunc(serveCanned)) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// benchServer starts the canned server and returns its endpoint for a work, which is part of the path.
func benchServer(b *testing.B, work string) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServerEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { hangUp(); idle = nil; in.Close(); _ = cmd.Wait() })
	addr := make([]byte, 64)
	n, err := out.Read(addr)
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(string(addr[:n])) + "/" + work + "/EWS/Exchange.asmx"
}

// bearer is sent by all clients alike.
const bearer = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL291dGxvb2sub2ZmaWNlMzY1LmNvbSJ9.c2lnbmF0dXJl"

func benchClient(b *testing.B, endpoint string) *ews.Client {
	b.Helper()
	c, err := ews.NewClient(ews.Config{Endpoint: endpoint, AllowLoopbackHTTP: true,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: bearer, Expiry: time.Now().Add(time.Hour)}))})
	if err != nil {
		b.Fatal(err)
	}
	idle = append(idle, func() { c.Close() })
	return c
}

// plain is what drain and encodingxml share: one kept-alive connection, no compression.
type plain struct {
	http     *http.Client
	endpoint string
	header   http.Header // nil: the least that a server wants
}

func newPlain(endpoint string) *plain {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 27}
	idle = append(idle, transport.CloseIdleConnections)
	return &plain{http: &http.Client{Transport: transport}, endpoint: endpoint}
}

// idle are the functions that close the idle connections of a benchmark's clients.
var idle []func()

func hangUp() {
	for _, end := range idle {
		end()
	}
}

func (p *plain) post(b *testing.B, request string) io.ReadCloser {
	b.Helper()
	req, err := http.NewRequest(http.MethodPost, p.endpoint, strings.NewReader(request))
	if err != nil {
		b.Fatal(err)
	}
	if req.Header = p.header; req.Header == nil {
		req.Header = http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Authorization": {"Bearer " + bearer}}
	}
	resp, err := p.http.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	return resp.Body
}

// drain posts n times and reads the answers; it returns their bytes.
func (p *plain) drain(b *testing.B, n int, request string) (total int64) {
	for range n {
		total += drainBody(b, p.post(b, request))
	}
	return total
}

// copies is drain as most programs have it: io.Discard takes 8 KiB at a time.
func (p *plain) copies(b *testing.B, n int, request string) {
	for range n {
		body := p.post(b, request)
		if _, err := io.Copy(io.Discard, body); err != nil {
			b.Fatal(err)
		}
		body.Close()
	}
}

func drainBody(b *testing.B, body io.ReadCloser) int64 {
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body}, drainBuffer)
	if err != nil {
		b.Fatal(err)
	}
	body.Close()
	return n
}

var drainBuffer = make([]byte, 64<<10)

func soapRequest(body string) string {
	return `<?xml version="1.0"?><soap:Envelope xmlns:soap="` + wire.NSSOAP + `" xmlns:t="` + wire.NSTypes + `" xmlns:m="` + wire.NSMessages + `"><soap:Body>` + body + `</soap:Body></soap:Envelope>`
}

// contender is one client of a row. ratios name those it is compared to.
type contender struct {
	name   string
	ratios []string
	work   func(b *testing.B)
}

// race runs a row: bytes are those on the wire, for MB/s.
func race(b *testing.B, bytes int64, all ...contender) {
	for _, c := range all {
		b.Run(c.name, func(b *testing.B) {
			turns := []contender{c}
			for _, r := range all {
				if slices.Contains(c.ratios, r.name) {
					turns = append(turns, r)
				}
			}
			for _, t := range turns {
				t.work(b) // the server makes its answers
			}
			cpu := make([][]float64, len(turns))
			b.SetBytes(bytes)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				b.StopTimer()
				for i, t := range turns {
					hangUp()
					runtime.GC() // each clears up after itself only
					t.work(b)
					if i == 0 {
						b.StartTimer()
					}
					before := cpuTime()
					t.work(b)
					cpu[i] = append(cpu[i], (cpuTime() - before).Seconds())
					if i == 0 {
						b.StopTimer()
					}
				}
				b.StartTimer()
			}
			own := median(cpu[0])
			b.ReportMetric(own, "cpu-s/op")
			for i, t := range turns[1:] {
				b.ReportMetric(own/median(cpu[i+1]), "x-"+t.name)
			}
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

var (
	overDrain = []string{"drain"}
	overCopy  = []string{"drain", "io.Copy"}
	overBoth  = []string{"drain", "drain+base64"}
	overEWS   = []string{"drain", "ews"}
)
