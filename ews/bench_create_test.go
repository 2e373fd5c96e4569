package ews_test

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

type xmlCreate struct {
	XMLName     xml.Name `xml:"m:CreateItem"`
	Disposition string   `xml:"MessageDisposition,attr"`
	Subject     string   `xml:"m:Items>t:Message>t:Subject"`
	Body        string   `xml:"m:Items>t:Message>t:Body"`
	To          string   `xml:"m:Items>t:Message>t:ToRecipients>t:Mailbox>t:EmailAddress"`
}

// requestKeeper keeps a request instead of sending it.
type requestKeeper struct {
	request string
	header  http.Header
}

func (r *requestKeeper) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	r.request, r.header = string(body), req.Header.Clone()
	if err == nil {
		err = io.ErrClosedPipe
	}
	return nil, err
}

// BenchmarkCreateItem1000 stores a thousand drafts, one request each. drain posts the very bytes that ews sends, with
// the same header: each of its fields costs time, also with a bare POST.
func BenchmarkCreateItem1000(b *testing.B) {
	const drafts = 1000
	endpoint := benchServer(b, "create")
	html := strings.Repeat("<p>Thank you for your message.</p>", 20)
	draft := ews.NewDraftForBench(html)

	var rec requestKeeper
	c, err := ews.NewClient(ews.Config{Endpoint: endpoint, AllowLoopbackHTTP: true, HTTPClient: &http.Client{Transport: &rec},
		Retry: &ews.RetryPolicy{MaxAttempts: 1}, Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: bearer}))})
	if err != nil {
		b.Fatal(err)
	}
	_ = c.Own().CreateForBench(context.Background(), draft)
	if !strings.Contains(rec.request, "CreateItem") {
		b.Fatal("no request was recorded")
	}

	p := newPlain(endpoint)
	p.header = rec.header
	m := benchClient(b, endpoint).Own()
	race(b, int64(len(rec.request))*drafts,
		contender{"drain", nil, func(b *testing.B) { p.drain(b, drafts, rec.request) }},
		contender{"ews", overDrain, func(b *testing.B) {
			for range drafts {
				if err := m.CreateForBench(context.Background(), draft); err != nil {
					b.Fatal(err)
				}
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			for range drafts {
				out, err := xml.Marshal(xmlCreate{Disposition: "SaveOnly", Subject: "RE: [Ticket #1]", Body: html, To: "ann@example.com"})
				if err != nil {
					b.Fatal(err)
				}
				var v xmlAnswer
				body := p.post(b, soapRequest(string(out)))
				if err := xml.NewDecoder(body).Decode(&v); err != nil {
					b.Fatal(err)
				}
				body.Close()
			}
		}})
}
