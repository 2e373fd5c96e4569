package ews

import (
	"errors"
	"fmt"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// envelope writes the whole request of a call.
func (m *Mailbox) envelope(c *call) (*wire.Writer, error) {
	version := c.version
	if version == "" {
		version = m.c.version
	}
	w := wire.NewWriter()
	w.Strict = true // what the checks of single fields let through is told, too, and nothing arrives changed
	w.StartEnvelope()
	w.Start("soap:Header")
	w.Empty("t:RequestServerVersion", "Version", version)
	if m.act.kind != "" {
		w.Start("t:ExchangeImpersonation")
		w.Start("t:ConnectingSID")
		w.Leaf("t:"+m.act.kind, m.act.id)
		w.End()
		w.End()
	}
	w.End()
	w.Start("soap:Body")
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
	return w, nil
}
