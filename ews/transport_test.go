package ews_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// serve starts a server and a client for it.
func serve(t testing.TB, h http.HandlerFunc, change func(*ews.Config)) *ews.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg := ews.Config{Endpoint: srv.URL, AllowLoopbackHTTP: true, Token: &tokens{}, Retry: &ews.RetryPolicy{BaseDelay: time.Millisecond}}
	if change != nil {
		change(&cfg)
	}
	c, err := ews.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConfig(t *testing.T) {
	tok := &tokens{}
	tests := []struct {
		name string
		cfg  ews.Config
		says []string
	}{
		{"everything", ews.Config{Mailbox: "x", UserAgent: "a\r\nb", ServerVersion: `"/>`}, []string{"Endpoint: missing", "Token: missing", "UserAgent:", "Mailbox:", "ServerVersion:"}},
		{"http", ews.Config{Endpoint: "http://mail.example.com/EWS/Exchange.asmx", Token: tok, AllowLoopbackHTTP: true}, []string{"use https"}},
		{"loopback", ews.Config{Endpoint: "http://127.0.0.1:1", Token: tok}, []string{"AllowLoopbackHTTP"}},
		{"looks like loopback", ews.Config{Endpoint: "http://127.0.0.1.evil.test", Token: tok, AllowLoopbackHTTP: true}, []string{"use https"}},
		{"user", ews.Config{Endpoint: "https://u:p@mail.example.com", Token: tok}, []string{"user name"}},
		{"words", ews.Config{Endpoint: "mail.example.com", Token: tok}, []string{"not a URL"}},
		{"scheme", ews.Config{Endpoint: "ftp://mail.example.com", Token: tok}, []string{`"ftp"`}},
		{"query", ews.Config{Endpoint: "https://mail.example.com/EWS/Exchange.asmx?wsdl", Token: tok}, []string{"remove what follows"}},
		{"wsdl", ews.Config{Endpoint: "https://mail.example.com/EWS/Services.wsdl", Token: tok}, []string{"description"}},
		{"owa", ews.Config{Endpoint: "https://mail.example.com/owa/", Token: tok}, []string{"web mail"}},
		{"autodiscover", ews.Config{Endpoint: "https://mail.example.com/autodiscover/autodiscover.svc", Token: tok}, []string{"Autodiscover"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c, err := ews.NewClient(tc.cfg)
			if err == nil || c != nil {
				t.Fatal("accepted")
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v\ndoes not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "u:p") {
				t.Errorf("%q", err)
			}
		})
	}
	for _, url := range []string{"https://mail.example.com", "https://mail.example.com/", "https://mail.example.com/ews", " https://mail.example.com/EWS/Exchange.asmx "} {
		rt := &script{answers: []answer{fine}}
		c := newClient(t, rt, func(c *ews.Config) { c.Endpoint = url })
		if err := c.Own().DoCall(t.Context(), getItem(nil)); err != nil {
			t.Fatal(err)
		}
		if got := rt.reqs[0].URL.String(); got != "https://mail.example.com/EWS/Exchange.asmx" {
			t.Errorf("%s became %s", url, got)
		}
	}
}

func TestMailboxes(t *testing.T) {
	rt := &script{answers: []answer{fine}}
	c := newClient(t, rt, nil)
	tests := []struct {
		m       *ews.Mailbox
		address string
		anchor  string
		sid     string // in the ExchangeImpersonation header
	}{
		{c.Own(), "help@example.com", "help@example.com", ""},
		{c.Shared("Team@example.com"), "Team@example.com", "Team@example.com", ""},
		{c.Impersonate("a&b@example.com"), "a&b@example.com", "a&b@example.com", "<t:SmtpAddress>a&amp;b@example.com</t:SmtpAddress>"},
		{c.ImpersonateUPN("a@corp.test"), "a@corp.test", "a@corp.test", "<t:PrincipalName>a@corp.test</t:PrincipalName>"},
		{c.ImpersonateSID("S-1-5-21-1"), "S-1-5-21-1", "", "<t:SID>S-1-5-21-1</t:SID>"},
	}
	for i, tc := range tests {
		if err := tc.m.DoCall(t.Context(), getItem(nil)); err != nil {
			t.Fatal(err)
		}
		if got := tc.m.Address(); got != tc.address {
			t.Errorf("%d: address %q", i, got)
		}
		if got := rt.reqs[i].Header.Get("X-AnchorMailbox"); got != tc.anchor {
			t.Errorf("%d: anchor %q", i, got)
		}
		if has := strings.Contains(rt.bodies[i], "ExchangeImpersonation"); has != (tc.sid != "") || !strings.Contains(rt.bodies[i], tc.sid) {
			t.Errorf("%d: %s", i, rt.bodies[i])
		}
	}
	for _, m := range []*ews.Mailbox{c.Shared(""), c.Shared("x"), c.Impersonate("a@b\r\nX-Evil: 1"), c.Impersonate("a b@c"), c.ImpersonateUPN("@"), c.ImpersonateSID("x")} {
		n := rt.count()
		if err := m.DoCall(t.Context(), getItem(nil)); err == nil || rt.count() != n {
			t.Errorf("%q: %v", m.Address(), err)
		}
	}
}

// TestNoRedirect: with the caller's own client, too, a redirect is not followed, and that client stays as it is.
func TestNoRedirect(t *testing.T) {
	var hits atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		mine := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
		follow := fmt.Sprintf("%p", mine.CheckRedirect)
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }, func(c *ews.Config) { c.HTTPClient = mine })
		err := c.Own().DoCall(t.Context(), getItem(nil))
		if !errors.Is(err, ews.ErrEndpoint) || asError(t, err).StatusCode != status {
			t.Errorf("%d: %v", status, err)
		}
		if fmt.Sprintf("%p", mine.CheckRedirect) != follow || mine.Transport != nil {
			t.Error("the caller's client was changed")
		}
		mine.CloseIdleConnections()
	}
	if hits.Load() != 0 {
		t.Errorf("the other host was asked %d times", hits.Load())
	}
}

// TestRequestOnTheWire: what a server sees of a request with a large content: its length, never chunks, and all of it.
func TestRequestOnTheWire(t *testing.T) {
	const size = 3 << 20
	opened := 0
	fail := true
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength || len(r.TransferEncoding) > 0 {
			t.Errorf("%d bytes of %d, %v, %v", len(body), r.ContentLength, r.TransferEncoding, err)
		}
		if n := bytes.Count(body, []byte("AAAA")); n != size/3 {
			t.Errorf("%d of %d groups arrived", n, size/3)
		}
		if fail { // the second attempt reads the content again
			fail = false
			w.WriteHeader(500)
			return
		}
		io.WriteString(w, messages(okMessage("")))
	}, nil)
	call := getItem(nil)
	call.Body = func(w *wire.Writer) error {
		w.Start("m:GetItem")
		w.Base64(size, func() (io.ReadCloser, error) {
			opened++
			return io.NopCloser(io.LimitReader(zeros{}, size)), nil
		})
		w.End()
		return nil
	}
	if err := c.Own().DoCall(t.Context(), call); err != nil || opened != 2 {
		t.Errorf("%v, opened %d times", err, opened)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestConnectionReuse: requests one after the other share a connection, packed or not, streamed or not.
func TestConnectionReuse(t *testing.T) {
	text := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("mail"), 50_000))
	body := prologue + "<t:MimeContent>" + text + "</t:MimeContent>" + epilogue
	n := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if n++; n%2 == 0 {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed(body))
		} else {
			io.WriteString(w, body)
		}
		if n%3 == 0 { // the end of the chunks comes apart from the last of them
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}, nil)
	var fresh atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if !i.Reused {
			fresh.Add(1)
		}
	}})
	for range 6 {
		if err := c.Own().DoCall(ctx, getItem(nil)); err != nil {
			t.Fatal(err)
		}
		r, err := c.Own().StreamCall(ctx, mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || len(b) != 200_000 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
	}
	if fresh.Load() != 1 {
		t.Errorf("%d connections", fresh.Load())
	}
}

// mimeCall stops in front of t:MimeContent.
func mimeCall() *ews.Call {
	return &ews.Call{Op: "GetItem", Read: func(s *wire.Scanner) error {
		return ews.ReadResponses(s, func(i int, s *wire.Scanner) error {
			for d := s.Depth(); s.Child(d); {
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "MimeContent" {
						return ews.ErrHold
					}
				}
			}
			return s.Err()
		})
	}}
}

// TestStreamErrors: an answer that ends early is never a clean end, and no stream hangs when it is left.
func TestStreamErrors(t *testing.T) {
	text := strings.Repeat("QUJD", 100_000)
	cut := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, (prologue + "<t:MimeContent>" + text + "</t:MimeContent>" + epilogue)[:n])
		}
	}
	whole := len(prologue+epilogue+"<t:MimeContent></t:MimeContent>") + len(text)
	for _, n := range []int{len(prologue) + 100_000, len(prologue) + len("<t:MimeContent>") + len(text), whole - 1} {
		c := serve(t, cut(n), nil)
		r, err := c.Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, r)
		if !errors.Is(err, ews.ErrUnavailable) || asError(t, err).Op != "GetItem" {
			t.Errorf("cut after %d of %d: %v", n, whole, err)
		}
		if _, again := r.Read(make([]byte, 10)); again != err {
			t.Errorf("the error changed to %v", again)
		}
		r.Close()
	}
	t.Run("bad base64", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, prologue+"<t:MimeContent>QUJD!!!!</t:MimeContent>"+epilogue)
		}, nil)
		r, err := c.Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, ews.ErrBadResponse) {
			t.Error(err)
		}
		r.Close()
	})
	stuck := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, prologue+"<t:MimeContent>"+text)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	t.Run("closed while reading", func(t *testing.T) {
		c := serve(t, stuck, nil)
		r, err := c.Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := io.Copy(io.Discard, r); err == nil {
				t.Error("a clean end")
			}
		})
		time.Sleep(10 * time.Millisecond)
		r.Close()
		wg.Wait()
		r.Close()
	})
	t.Run("cancelled while reading", func(t *testing.T) {
		c := serve(t, stuck, nil)
		ctx, cancel := context.WithCancel(t.Context())
		r, err := c.Own().StreamCall(ctx, mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		r.Close()
	})
	t.Run("open streams do not block calls", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Small") != "" {
				io.WriteString(w, messages(okMessage("")))
				return
			}
			stuck(w, r)
		}, func(c *ews.Config) {
			c.Concurrency = 1
			c.HTTPClient = &http.Client{Transport: small{http.DefaultTransport.(*http.Transport).Clone()}}
		})
		for range 3 {
			r, err := c.Own().StreamCall(t.Context(), mimeCall())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
		}
		if err := c.Own().DoCall(context.WithValue(t.Context(), small{}, true), getItem(nil)); err != nil {
			t.Fatal(err)
		}
	})
}

// small marks requests whose context asks for it.
type small struct{ *http.Transport }

func (s small) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Value(small{}) != nil {
		r = r.Clone(r.Context())
		r.Header.Set("X-Small", "1")
	}
	return s.Transport.RoundTrip(r)
}

// TestSlowCaller: the time that a caller takes between reads is its own; only waiting for the server counts as a stall.
func TestSlowCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("QUJD", 100_000)
		rt := &script{answers: []answer{func(r *http.Request) (*http.Response, error) {
			resp, _ := reply(200, "")(r)
			resp.Body = &dripper{ctx: r.Context(), rest: prologue + "<t:MimeContent>" + text + "</t:MimeContent>" + epilogue, piece: 10_000, every: time.Second}
			return resp, nil
		}}}
		r, err := newClient(t, rt, nil).Own().StreamCall(t.Context(), mimeCall())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		buf := make([]byte, 50_000)
		for {
			_, err := io.ReadFull(r, buf)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
}

// TestStall: an answer that comes too slowly ends after Limits.Stall, one that does not begin after FirstByte, a steady one
// not at all.
func TestStall(t *testing.T) {
	drip := func(piece string, every time.Duration) answer {
		return func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			resp, _ := reply(200, "")(r)
			resp.Body = &dripper{ctx: r.Context(), rest: messages(okMessage("<m:Items><t:Subject>" + strings.Repeat("x", 40_000) + "</t:Subject></m:Items>")), piece: len(piece), every: every}
			return resp, nil
		}
	}
	tests := []struct {
		name   string
		answer answer
		took   time.Duration
		says   string
	}{
		{"a byte a second", drip("x", time.Second), time.Minute, "stalled"},
		{"a byte a minute", drip("x", time.Minute), time.Minute, "stalled"},
		{"a kilobyte in ten seconds", drip(strings.Repeat("x", 1024), 10*time.Second), 400 * time.Second, ""},
		{"no answer", func(r *http.Request) (*http.Response, error) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 2 * time.Minute, "did not answer within 2m0s"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, took, err := bubble(t, getItem(nil), func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} }, tc.answer)
			if took < tc.took || took > tc.took+10*time.Second {
				t.Errorf("took %v, want %v", took, tc.took)
			}
			if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, ews.ErrUnavailable) || !strings.Contains(err.Error(), tc.says)) {
				t.Error(err)
			}
		})
	}
}

// dripper is a body that comes piece by piece.
type dripper struct {
	ctx   context.Context
	rest  string
	piece int
	every time.Duration
}

func (d *dripper) Read(p []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	select {
	case <-time.After(d.every):
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	n := copy(p[:min(len(p), d.piece)], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *dripper) Close() error { return nil }

// TestLog: one event per request, with the facts and without the secrets.
func TestLog(t *testing.T) {
	const secret = "canary-7f3a"
	var out bytes.Buffer
	rt := &script{answers: []answer{
		reply(401, "", "WWW-Authenticate", "Bearer"),
		reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "0"))),
		reply(200, messages(strings.ReplaceAll(errMessage("ErrorItemNotFound", ""), "text of", secret))),
	}}
	n := 0
	c := newClient(t, rt, func(c *ews.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Retry = &ews.RetryPolicy{BaseDelay: 1}
		c.Token = source(func() (*oauth2.Token, error) {
			n++
			return &oauth2.Token{AccessToken: fmt.Sprintf("%s-%d", secret, n)}, nil
		})
	})
	err := c.Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrNotFound) {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d events:\n%s", len(lines), out.String())
	}
	for i, want := range [][]string{
		{"level=INFO", "status=401", "attempt=1"},
		{"level=INFO", "status=500", "attempt=2", "code=ErrorServerBusy"},
		{"level=WARN", "status=200", "attempt=3", "code=ErrorItemNotFound", "operation=GetItem", "mailbox=help@example.com", "duration=", "bytes_out=", "bytes_in=", "client_request_id=", "request_id=11111111-2222"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("event %d lacks %s: %s", i, w, lines[i])
			}
		}
	}
	if strings.Contains(out.String(), secret) {
		t.Errorf("a secret was logged:\n%s", out.String())
	}
	if s := fmt.Sprintf("%v %+v %#v", c, c, err); strings.Contains(s, secret+"-") {
		t.Errorf("a secret shows: %s", s)
	}
}

// TestAdvice: a block tells the administrator what to run, with everything filled in.
func TestAdvice(t *testing.T) {
	rt := &script{answers: []answer{reply(403, "")}}
	c := newClient(t, rt, nil)
	err := c.Shared("team@example.com").DoCall(t.Context(), getItem(nil))
	var adviser interface{ Advice() string }
	if !errors.Is(err, ews.ErrEWSBlocked) || !errors.As(err, &adviser) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"11111111-aaaa-bbbb-cccc-000000000001", "team@example.com", `"ewsmail"`, "11111111-2222-3333-4444-555555555555",
		"Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy | fl EwsEnabled,EwsAllowedAppIDs\n",
		"Set-OrganizationConfig -EwsAllowedAppIDs \"<existing ids>,11111111-aaaa-bbbb-cccc-000000000001\"\n",
		"Set-OrganizationConfig -EwsEnabled $true\n", "Set-CASMailbox team@example.com -EwsEnabled $true\n",
		"1 October 2026", "1 April 2027", "EwsApplicationAccessPolicy",
	} {
		if !strings.Contains(adviser.Advice(), want) {
			t.Errorf("advice lacks %q:\n%s", want, adviser.Advice())
		}
	}
	if ews.MaybeApplied(err) || asError(t, err).Temporary() || asError(t, err).NeedsSignIn() {
		t.Error("a block is neither temporary nor the credentials' fault")
	}
	// A proxy's 403 is told apart where it can be.
	proxy := raw("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html><title>Corp Firewall</title></html>")
	err = newClient(t, &script{answers: []answer{proxy}}, nil).Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrEWSBlocked) || !strings.Contains(err.Error(), "Corp Firewall") || !strings.Contains(err.Error(), "proxy or firewall") {
		t.Error(err)
	}
	err = newClient(t, &script{answers: []answer{reply(403, "", "Restrict-Access-Confirm", "1")}}, nil).Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrEWSBlocked) || !strings.Contains(err.Error(), "tenant restrictions") {
		t.Error(err)
	}
	// A fault with 403 is no block.
	err = newClient(t, &script{answers: []answer{reply(403, fault("ErrorAccessDenied", ""))}}, nil).Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrDenied) || errors.Is(err, ews.ErrEWSBlocked) {
		t.Error(err)
	}
}

// TestTLS: a certificate nobody vouches for is told as such, and not tried again.
func TestTLS(t *testing.T) {
	var hits atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.StartTLS()
	defer srv.Close()
	c := newClient(t, nil, func(c *ews.Config) { c.Endpoint, c.HTTPClient = srv.URL, nil })
	defer c.Close()
	err := c.Own().DoCall(t.Context(), getItem(nil))
	if !errors.Is(err, ews.ErrEndpoint) || !strings.Contains(err.Error(), "certificate is not trusted") || asError(t, err).Attempts != 1 || hits.Load() != 0 {
		t.Error(err)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	c = newClient(t, nil, func(c *ews.Config) {
		c.Endpoint, c.HTTPClient = strings.Replace(plain.URL, "http:", "https:", 1), nil
	})
	defer c.Close()
	if err := c.Own().DoCall(t.Context(), getItem(nil)); !errors.Is(err, ews.ErrEndpoint) || !strings.Contains(err.Error(), "TLS") {
		t.Error(err)
	}
}

// TestCodes: every response code of the published table has the class it says.
func TestCodes(t *testing.T) {
	n := 0
	for l := range strings.Lines(readFile(t, shared(t, "facts", "response-codes.tsv"))) {
		col := strings.Split(l, "\t")
		if col[0] == "code" {
			continue
		}
		n++
		if got := ews.ClassOf(col[0]).String(); got != col[1] {
			t.Errorf("%s is %s, want %s", col[0], got, col[1])
		}
	}
	if n != 529 {
		t.Errorf("%d codes", n)
	}
	if c := ews.ClassOf("ErrorFromTheFuture"); c != ews.ClassNone {
		t.Errorf("an unknown code is %v", c)
	}
}

// FuzzAnswer: no answer of any status panics, hangs, or makes an error that is not one line; what is reported as a success was
// a complete envelope.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(messages(okMessage("<m:Items><t:Subject>Hi</t:Subject></m:Items>"), errMessage("ErrorServerBusy", value("BackOffMilliseconds", "5")))))
	f.Add(200, []byte(fault("ErrorServerBusy", value("BackOffMilliseconds", "1e3"))))
	f.Add(500, []byte(fault("ErrorSchemaValidation", "<m:MessageXml><t:LineNumber>2</t:LineNumber><t:Violation>x</t:Violation></m:MessageXml>")))
	f.Add(200, []byte(envelope(`<m:GetItemResponse ResponseClass="Error"><m:MessageText>x</m:MessageText><m:ResponseCode>ErrorItemNotFound</m:ResponseCode></m:GetItemResponse>`)))
	f.Add(401, []byte("The referenced account is currently locked out"))
	f.Add(302, []byte(""))
	f.Add(200, []byte("<!DOCTYPE html><html><title>Sign in</title>"))
	f.Add(200, []byte("<html\xff><title>\xff\xffA</title>"))
	var rt script
	c := newClient(f, &rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1, MaxWait: -1} })
	account := 0
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 999 {
			return
		}
		rt.answers = []answer{reply(status, string(body))}
		rt.reqs, rt.bodies = nil, nil
		account++
		m := c.Impersonate(fmt.Sprintf("a%d@example.com", account)) // a back-off would hold up the next round
		for _, call := range []*ews.Call{getItem(nil), {Op: "GetItem", Once: true, Read: func(s *wire.Scanner) error { return ews.ReadBatch(s, 3, nil) }}} {
			err := m.DoCall(t.Context(), call)
			if err == nil {
				if status != 200 || !bytes.Contains(body, []byte("Envelope")) {
					t.Fatalf("%d %q is a success", status, body)
				}
				continue
			}
			if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 4000 || !strings.HasPrefix(s, "ews: GetItem") {
				t.Fatalf("%q", s)
			}
			var b *ews.BatchError
			var e *ews.Error
			if !errors.As(err, &b) && !errors.As(err, &e) {
				t.Fatalf("%T", err)
			}
			if d, _ := ews.RetryAfter(err); d < 0 || d > time.Hour {
				t.Fatalf("RetryAfter %v", d)
			}
		}
	})
}
