package ews

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Call lets the tests of the exchange run operations of their own.
type Call struct {
	Op, Version    string
	Once, Affinity bool
	Body           func(w *wire.Writer) error
	Read           func(s *wire.Scanner) error
}

func (c *Call) call() *call {
	body := c.Body
	if body == nil {
		body = func(w *wire.Writer) error { w.Empty("m:" + c.Op); return nil }
	}
	return &call{op: c.Op, version: c.Version, once: c.Once, affinity: c.Affinity, body: body, read: c.Read}
}

func (m *Mailbox) DoCall(ctx context.Context, c *Call) error { return m.do(ctx, c.call()) }

func (m *Mailbox) StreamCall(ctx context.Context, c *Call) (io.ReadCloser, error) {
	st, err := m.stream(ctx, c.call())
	if err != nil {
		return nil, err
	}
	return st.Base64(), nil
}

// CodesWithHints are the response codes that have words of their own.
func CodesWithHints() []string { return slices.Collect(maps.Keys(hintsByCode)) }

var (
	ErrHold       = errHold
	ReadResponses = readResponses
	ReadBatch     = readBatch
)
