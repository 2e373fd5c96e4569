package ews

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Raw is an EWS operation in the caller's own words, for Mailbox.Do.
type Raw struct {
	// Op is the operation's name, "GetUserAvailability". The answer must be the element Op+"Response", in whatever form.
	Op string

	// XML is the operation's element, which goes into the SOAP body as it is. The prefixes m, t and soap are declared; any other it
	// must declare itself. It must be well-formed and of Exchange's schema; put values into it with xml.EscapeText.
	XML string

	// Version is the RequestServerVersion, if the operation needs a later one than Config.ServerVersion.
	Version string

	// Once says that the operation must not happen twice: it is repeated only where Exchange cannot have acted, and the error says
	// MaybeApplied where that is open.
	Once bool
}

// Do sends any EWS operation, with the authentication, impersonation, limits, retries and errors of all others. resp is filled from
// the response element by encoding/xml, whatever its namespaces; nil only checks for success. It is left alone unless the whole answer
// was read; where response messages report errors, it is filled, and the error is *BatchError if there are several messages.
// Everything is held in memory, up to Limits.ResponseBytes.
func (m *Mailbox) Do(ctx context.Context, req Raw, resp any) error {
	if req.Op == "" || strings.ContainsAny(req.Op, "<>&: \t\r\n") {
		return fmt.Errorf("ews: Raw.Op: %.40q is no operation's name", req.Op)
	}
	if err := checkRaw(req); err != nil {
		return err
	}
	if wrong := badVersion("Raw.Version", req.Version); len(wrong) > 0 {
		return errors.New("ews: " + wrong[0])
	}
	v := reflect.ValueOf(resp)
	if resp != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return fmt.Errorf("ews: Do: resp is %T: pass a pointer to a struct", resp)
	}
	var fresh reflect.Value
	err := m.do(ctx, &call{
		op:      req.Op,
		version: req.Version,
		once:    req.Once,
		body:    func(w *wire.Writer) error { w.Raw(req.XML); return nil },
		read: func(s *wire.Scanner) error {
			watch := &watcher{tokens: s.Tokens()}
			d := xml.NewTokenDecoder(watch)
			if resp != nil {
				fresh = reflect.New(v.Type().Elem())
				if err := d.Decode(fresh.Interface()); err != nil && s.Err() == nil {
					return &Error{kind: ErrBadResponse, what: "the answer does not fit into " + v.Type().Elem().String(), cause: err}
				}
			}
			for {
				if _, err := watch.Token(); err != nil {
					break
				}
			}
			if s.Err() != nil {
				return s.Err()
			}
			return watch.err(req.Op)
		},
	})
	var b *BatchError
	var e *Error
	answered := err == nil || errors.As(err, &b) || errors.As(err, &e) && e.Code != "" && !e.fault
	if answered && fresh.IsValid() {
		v.Elem().Set(fresh.Elem())
	}
	return err
}

// checkRaw refuses a request that is not one well-formed element of the operation's name: a slip there gives misleading errors.
func checkRaw(req Raw) error {
	if bad := badText(req.XML); bad != "" { // comments included
		return errors.New("ews: Raw.XML: " + bad)
	}
	d := xml.NewDecoder(strings.NewReader(req.XML))
	depth, elements := 0, 0
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("ews: Raw.XML: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth == 0 {
				elements++
				if tok.Name.Local != req.Op {
					return fmt.Errorf("ews: Raw.XML: starts with %.40q, not with %q", tok.Name.Local, req.Op)
				}
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive, xml.ProcInst:
			return errors.New("ews: Raw.XML: must be an element only: no declaration in front")
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 || elements != 1 {
		return fmt.Errorf("ews: Raw.XML: must be one %s element, opened and closed", req.Op)
	}
	return nil
}

// watcher passes tokens on and notes what the response messages among them report.
type watcher struct {
	tokens   xml.TokenReader
	path     []string
	message  *responseMessage // the one being read
	depth    int              // len(path) at its start
	text     strings.Builder
	value    string // Name of the MessageXml value being read
	messages []responseMessage
}

// Token implements xml.TokenReader.
func (w *watcher) Token() (xml.Token, error) {
	tok, err := w.tokens.Token()
	switch tok := tok.(type) {
	case xml.StartElement:
		w.path = append(w.path, tok.Name.Local)
		w.text.Reset()
		for _, a := range tok.Attr {
			switch {
			case a.Name.Local == "ResponseClass" && w.message == nil:
				w.message = &responseMessage{class: a.Value}
				w.depth = len(w.path)
			case a.Name.Local == "Name" && tok.Name.Local == "Value":
				w.value = a.Value
			}
		}
	case xml.CharData:
		if w.message != nil && w.text.Len() < maxText {
			w.text.Write(tok)
		}
	case xml.EndElement:
		w.end()
	}
	return tok, err
}

// maxMessages bounds the response messages that are remembered; a request about so many things would long have timed out.
const maxMessages = 10_000

func (w *watcher) end() {
	if m := w.message; m != nil {
		switch name := w.path[len(w.path)-1]; {
		case len(w.path) == w.depth:
			if len(w.messages) < maxMessages {
				w.messages = append(w.messages, *m)
			}
			w.message = nil
		case len(w.path) == w.depth+1 && name == "ResponseCode":
			m.code = strings.TrimSpace(w.text.String())
		case len(w.path) == w.depth+1 && name == "MessageText":
			m.text = line(w.text.String())
		case len(w.path) == w.depth+2 && name == "Value" && w.path[len(w.path)-2] == "MessageXml":
			if m.xml.values == nil {
				m.xml.values = map[string]string{}
			}
			if len(m.xml.values) < maxValues {
				m.xml.values[line(w.value)] = line(w.text.String())
			}
		}
	}
	w.text.Reset()
	w.path = w.path[:len(w.path)-1]
}

func (w *watcher) err(op string) error {
	b := &BatchError{Op: op, Total: len(w.messages)}
	for i := range w.messages {
		if e := w.messages[i].err(); e != nil {
			b.Items = append(b.Items, &ItemError{Index: i, Err: e})
		}
	}
	switch {
	case len(b.Items) == 0:
		return nil
	case b.Total == 1:
		return b.Items[0].Err
	}
	return b
}
