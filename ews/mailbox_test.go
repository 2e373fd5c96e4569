package ews_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

const support = "support@example.com"

// newMailbox starts a server with one mailbox, and a client of it.
func newMailbox(t testing.TB, o *ewstest.Options) (*ewstest.Server, *ewstest.Mailbox, *ews.Mailbox) {
	t.Helper()
	srv := ewstest.NewServer(o)
	t.Cleanup(srv.Close)
	return srv, srv.AddMailbox(support), clientOf(t, srv, nil)
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// clientOf returns the own mailbox of a client that does not wait long. transport may be nil.
func clientOf(t testing.TB, srv *ewstest.Server, transport http.RoundTripper) *ews.Mailbox {
	t.Helper()
	return openClient(t, srv, transport).Own()
}

// sharedOf is clientOf for somebody else's mailbox.
func sharedOf(t testing.TB, srv *ewstest.Server, address string) *ews.Mailbox {
	t.Helper()
	return openClient(t, srv, nil).Shared(address)
}

func openClient(t testing.TB, srv *ewstest.Server, transport http.RoundTripper) *ews.Client {
	t.Helper()
	var hc *http.Client
	if transport != nil {
		hc = &http.Client{Transport: transport}
	}
	c, err := ews.NewClient(ews.Config{Endpoint: srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, HTTPClient: hc,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(time.Hour)})),
		Retry: &ews.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond}})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func deliver(t testing.TB, box *ewstest.Mailbox, raw string, o *ewstest.DeliverOptions) ews.ItemID {
	t.Helper()
	id, err := box.Deliver([]byte(strings.ReplaceAll(raw, "\n", "\r\n")), o)
	require.NoError(t, err)
	return ews.ItemID{ID: id.ID, ChangeKey: id.ChangeKey}
}

const question = `From: "Jörg Müller" <joerg@customer.example>
To: Support <support@example.com>, second@example.com
Cc: Boss <boss@customer.example>
Reply-To: Help <help@customer.example>
Subject: =?utf-8?q?Drucker_antwortet_nicht_=E2=9C=93?=
Date: Mon, 23 Nov 2026 08:00:00 +0100
Message-ID: <q1@customer.example>
In-Reply-To: <q0@customer.example>
References: <q00@customer.example> <q0@customer.example>
Importance: high
X-Ticket: 42
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Guten Tag, er antwortet nicht.
--b
Content-Type: application/pdf; name="Protokoll.pdf"
Content-Disposition: attachment; filename="Protokoll.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--b
Content-Type: message/rfc822

From: other@customer.example
Subject: inner
Message-ID: <inner@customer.example>

inner text
--b--
`
