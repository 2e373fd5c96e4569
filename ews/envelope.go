package ews

import (
	"errors"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// envelope writes the whole request of a call.
func (m *Mailbox) envelope(c *call) (*wire.Writer, error) {
	opening := m.c.opening
	if c.version != "" {
		opening = envelopeOpening(c.version)
	}
	w := wire.NewWriter()
	w.Strict = true // what the checks of single fields let through is told, too, and nothing arrives changed
	w.Raw(opening)
	if m.act.kind != "" {
		w.Start("t:ExchangeImpersonation")
		w.Start("t:ConnectingSID")
		w.Leaf("t:"+m.act.kind, m.act.id)
		w.End()
		w.End()
	}
	w.Raw("</soap:Header><soap:Body>")
	if err := c.body(w); err != nil {
		return nil, err
	}
	if err := w.Err(); err != nil {
		if bad := (*wire.TextError)(nil); errors.As(err, &bad) {
			err = fmt.Errorf("ews: %s: %w", c.op, err)
		}
		return nil, err
	}
	w.EndAll()
	w.Raw("</soap:Body></soap:Envelope>")
	return w, nil
}

// envelopeOpening is how every request of a version begins: up to what its SOAP header may hold besides.
func envelopeOpening(version string) string {
	var w wire.Writer
	w.StartEnvelope()
	w.Start("soap:Header")
	w.Empty("t:RequestServerVersion", "Version", version)
	return string(w.Bytes())
}
