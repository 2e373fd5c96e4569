package ews_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// script is a RoundTripper that answers from memory and remembers what it was asked.
type script struct {
	mu      sync.Mutex
	answers []func(*http.Request) (*http.Response, error) // one per request; the last one repeats
	reqs    []*http.Request
	bodies  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	n := len(s.reqs)
	s.reqs = append(s.reqs, r)
	s.bodies = append(s.bodies, string(body))
	answer := s.answers[min(n, len(s.answers)-1)]
	s.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return answer(r)
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.reqs)
}

type answer = func(*http.Request) (*http.Response, error)

func raw(text string) answer {
	return func(r *http.Request) (*http.Response, error) {
		return http.ReadResponse(bufio.NewReader(strings.NewReader(text)), r)
	}
}

func reply(status int, body string, header ...string) answer {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Request-Id": {"11111111-2222-3333-4444-555555555555"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r,
			ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1}, nil
	}
}

func failing(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func envelope(body string) string {
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="` + wire.NSSOAP + `" xmlns:m="` + wire.NSMessages + `" xmlns:t="` + wire.NSTypes +
		`"><s:Header><t:ServerVersionInfo MajorVersion="15"/></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

// messages is a GetItemResponse of the given response messages.
func messages(msgs ...string) string {
	return envelope("<m:GetItemResponse><m:ResponseMessages>" + strings.Join(msgs, "") + "</m:ResponseMessages></m:GetItemResponse>")
}

func okMessage(content string) string {
	return `<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + content + `</m:GetItemResponseMessage>`
}

func errMessage(code, xml string) string {
	return `<m:GetItemResponseMessage ResponseClass="Error"><m:MessageText>text of ` + code + `</m:MessageText><m:ResponseCode>` + code +
		`</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>` + xml + `<m:Items/></m:GetItemResponseMessage>`
}

func value(name, v string) string {
	return fmt.Sprintf(`<m:MessageXml><t:Value Name=%q>%s</t:Value></m:MessageXml>`, name, v)
}

func fault(code, xml string) string {
	return envelope(`<s:Fault><faultcode xmlns:a="` + wire.NSTypes + `">a:` + code + `</faultcode><faultstring>fault text</faultstring><detail>` +
		`<e:ResponseCode xmlns:e="` + wire.NSErrors + `">` + code + `</e:ResponseCode><e:Message xmlns:e="` + wire.NSErrors + `">fault text</e:Message>` +
		strings.ReplaceAll(xml, "m:MessageXml", "t:MessageXml") + `</detail></s:Fault>`)
}

// tokens is a TokenSource that hands out token-1, token-2 ... and moves on when one is rejected.
type tokens struct {
	mu       sync.Mutex
	n        int
	asked    int
	rejected []string
	claims   []string
}

func (t *tokens) Token(context.Context) (*oauth2.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	return &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", t.n+1), TokenType: "Bearer"}, nil
}

func (t *tokens) Reject(_ context.Context, bad *oauth2.Token, claims string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rejected = append(t.rejected, bad.AccessToken)
	t.claims = append(t.claims, claims)
	if bad.AccessToken == fmt.Sprintf("token-%d", t.n+1) {
		t.n++
	}
}

const testEndpoint = "https://exchange.test/EWS/Exchange.asmx"

func newClient(t testing.TB, rt http.RoundTripper, change func(*ews.Config)) *ews.Client {
	t.Helper()
	cfg := ews.Config{Endpoint: testEndpoint, Token: &tokens{}, HTTPClient: &http.Client{Transport: rt},
		Mailbox: "help@example.com", ClientID: "11111111-aaaa-bbbb-cccc-000000000001"}
	if change != nil {
		change(&cfg)
	}
	c, err := ews.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// getItem is the call most tests make; it gathers the text of the t:Subject elements it is given.
func getItem(subjects *[]string) *ews.Call {
	return &ews.Call{Op: "GetItem", Read: func(s *wire.Scanner) error {
		if subjects != nil {
			*subjects = nil
		}
		return ews.ReadResponses(s, func(i int, s *wire.Scanner) error {
			for d := s.Depth(); s.Child(d); {
				if s.Local() == "Subject" && subjects != nil {
					*subjects = append(*subjects, s.Text())
				}
			}
			return s.Err()
		})
	}}
}

func asError(t testing.TB, err error) *ews.Error {
	t.Helper()
	var e *ews.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *ews.Error", err, err)
	}
	return e
}

func TestRequest(t *testing.T) {
	rt := &script{answers: []answer{reply(200, messages(okMessage("<m:Items><t:Subject>Hi</t:Subject></m:Items>")))}}
	c := newClient(t, rt, nil)
	var got []string
	if err := c.Impersonate("App@example.com").DoCall(t.Context(), getItem(&got)); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != "Hi" {
		t.Fatalf("subjects %q", got)
	}
	r := rt.reqs[0]
	for name, want := range map[string]string{
		"Authorization": "Bearer token-1", "Content-Type": "text/xml; charset=utf-8", "X-AnchorMailbox": "App@example.com",
		"User-Agent": ews.DefaultUserAgent, "return-client-request-id": "true", "Accept-Encoding": "gzip",
	} {
		if g := r.Header.Get(name); g != want {
			t.Errorf("%s: %q, want %q", name, g, want)
		}
	}
	if r.URL.String() != testEndpoint || r.Method != "POST" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	if r.ContentLength != int64(len(rt.bodies[0])) {
		t.Errorf("Content-Length %d of %d bytes", r.ContentLength, len(rt.bodies[0]))
	}
	want := `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<soap:Envelope xmlns:soap="` + wire.NSSOAP + `" xmlns:t="` + wire.NSTypes + `" xmlns:m="` + wire.NSMessages +
		`"><soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>App@example.com</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></soap:Header>` +
		`<soap:Body><m:GetItem/></soap:Body></soap:Envelope>`
	if rt.bodies[0] != want {
		t.Errorf("body\n%s\nwant\n%s", rt.bodies[0], want)
	}
}

func TestStream(t *testing.T) {
	text := strings.Repeat("QUJD", 100_000)
	rt := &script{answers: []answer{reply(200, messages(okMessage("<m:Items><t:Message><t:MimeContent>"+text+"</t:MimeContent></t:Message></m:Items>")))}}
	c := newClient(t, rt, nil)
	r, err := c.Own().StreamCall(t.Context(), &ews.Call{Op: "GetItem", Read: func(s *wire.Scanner) error {
		return ews.ReadResponses(s, func(i int, s *wire.Scanner) error {
			for d := s.Depth(); s.Child(d); {
				for d := s.Depth(); s.Child(d); {
					return ews.ErrHold
				}
			}
			return s.Err()
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(b, bytes.Repeat([]byte("ABC"), 100_000)) {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}
