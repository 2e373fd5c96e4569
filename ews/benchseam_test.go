package ews

import (
	"context"
	"net/http"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// NewDraftForBench is a draft with an HTML body.
func NewDraftForBench(html string) *Draft {
	return &Draft{Subject: "RE: [Ticket #1]", Body: Body{HTML: true, Text: html}, To: []Address{{Email: "ann@example.com"}}}
}

// CreateForBench is the CreateItem of Send, without the steps that follow.
func (m *Mailbox) CreateForBench(ctx context.Context, d *Draft) error {
	_, err := m.create(ctx, func(w *wire.Writer) { d.writeTo(w, "marker", Address{}) })
	return err
}

// SetTransportForBench puts t in place of the Client's own transport.
func (c *Client) SetTransportForBench(t http.RoundTripper) { c.http.Transport = t }
