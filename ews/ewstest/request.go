package ewstest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// node is one element of a request, checked against the schema (schema.go). Names carry the prefixes t, m and soap whatever
// the client wrote.
type node struct {
	name  string
	attrs []string // name, value pairs, declared ones only
	text  string
	data  []byte // decoded content of MimeContent and Content
	bad   bool   // MimeContent that is no base64
	kids  []*node
}

// The methods of a nil node answer as for an absent element, so that paths need no checks on the way.

func (n *node) kid(name string) *node {
	if n != nil {
		for _, k := range n.kids {
			if k.name == name {
				return k
			}
		}
	}
	return nil
}

func (n *node) first() *node {
	if n == nil || len(n.kids) == 0 {
		return nil
	}
	return n.kids[0]
}

func (n *node) all() []*node {
	if n == nil {
		return nil
	}
	return n.kids
}

func (n *node) attr(name string) string {
	if n != nil {
		for i := 0; i < len(n.attrs); i += 2 {
			if n.attrs[i] == name {
				return n.attrs[i+1]
			}
		}
	}
	return ""
}

func (n *node) value() string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.text)
}

func (n *node) leaf(name string) string { return n.kid(name).value() }

func (n *node) isTrue() bool {
	v := n.value()
	return v == "true" || v == "1"
}

func (n *node) int(name string) int {
	v, _ := strconv.Atoi(n.attr(name))
	return v
}

// envelope is a parsed request.
type envelope struct {
	version   string // RequestServerVersion
	imperson  *node  // ExchangeImpersonation/ConnectingSID's child
	hasHeader bool
	timeZone  string
	op        *node
	opName    string
}

// maxRequestText bounds a text of a request that is no content (bodies included).
const maxRequestText = 64 << 20

// schemaError is a request that Exchange would not have read further (ErrorSchemaValidation).
type schemaError struct{ violation string }

func (e *schemaError) Error() string { return "The request failed schema validation: " + e.violation }

func violation(format string, args ...any) error {
	return &schemaError{fmt.Sprintf(format, args...)}
}

var errNotXML = errors.New("not a SOAP request")

// readEnvelope parses a request. A *schemaError names what is wrong with it; any other error means that it is no XML or could
// not be read. What was understood until then is returned as well.
func readEnvelope(r io.Reader) (*envelope, error) {
	s := wire.NewScanner(r, &wire.Limits{TextBytes: maxRequestText, Depth: 300})
	defer s.Release()
	env := &envelope{}
	if !s.Root() {
		return env, orElse(s.Err(), errNotXML)
	}
	if s.Space() != wire.SpaceSOAP || s.Local() != "Envelope" {
		return env, errNotXML
	}
	var fail error
	for d := s.Depth(); fail == nil && s.Child(d); {
		switch {
		case s.Is(wire.SpaceSOAP, "Header"):
			env.hasHeader = true
			fail = env.readHeader(s)
		case s.Is(wire.SpaceSOAP, "Body"):
			fail = env.readBody(s)
		}
	}
	if fail == nil {
		fail = s.Err()
	}
	if fail == nil && s.Repaired() > 0 {
		fail = errors.New("the request holds characters that XML 1.0 does not allow")
	}
	if fail == nil && env.op == nil {
		fail = violation("The SOAP body is empty.")
	}
	return env, fail
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (env *envelope) readHeader(s *wire.Scanner) error {
	for d := s.Depth(); s.Child(d); {
		if s.Space() != wire.SpaceTypes {
			continue // WS-Addressing and the like
		}
		switch s.Local() {
		case "RequestServerVersion":
			env.version, _ = s.Attr("Version")
		case "ExchangeImpersonation", "TimeZoneContext":
			n, err := readNode(s, "")
			if err != nil {
				return err
			}
			if n.name == "t:ExchangeImpersonation" {
				env.imperson = n.kid("t:ConnectingSID").first()
			} else {
				env.timeZone = n.kid("t:TimeZoneDefinition").attr("Id")
			}
		}
	}
	return s.Err()
}

func (env *envelope) readBody(s *wire.Scanner) error {
	for d := s.Depth(); s.Child(d); {
		if env.op != nil {
			return violation("The SOAP body holds more than one element.")
		}
		env.opName = s.Local()
		n, err := readNode(s, "")
		env.op = n
		if err != nil {
			return err
		}
	}
	return s.Err()
}

func prefixed(n wire.Name) string {
	switch n.Space {
	case wire.SpaceTypes:
		return "t:" + n.Local
	case wire.SpaceMessages:
		return "m:" + n.Local
	}
	return "?:" + n.Local
}

// readNode reads the current element and what is in it, and checks both against the schema table. parent is the key of the
// element around it there.
func readNode(s *wire.Scanner, parent string) (*node, error) {
	n := &node{name: prefixed(s.Name())}
	el := schemaOf(parent, n.name)
	for _, a := range el.attrs {
		v, ok := s.Attr(a.name)
		switch {
		case ok && !a.allows(v):
			return n, violation("The '%s' attribute is invalid - The value '%.80s' is invalid according to its datatype.", a.name, v)
		case ok:
			n.attrs = append(n.attrs, a.name, v)
		case a.required:
			return n, violation("The required attribute '%s' is missing on element '%s'.", a.name, local(n.name))
		}
	}
	switch {
	case n.name == "t:MimeContent": // a string to the schema: bad base64 is the item's error, not the request's
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, &noSpace{s.TextReader()}))
		n.data, n.bad = data, err != nil && s.Err() == nil
		return n, s.Err()
	case el.base64:
		data, err := io.ReadAll(s.Base64Reader())
		n.data = data
		if err != nil && s.Depth() > 0 {
			return n, violation("The '%s' element is invalid - its value is no base64Binary.", local(n.name))
		}
		return n, err
	case el.model == nil:
		n.text = s.Text()
		if s.Err() == nil && !el.value.allows(strings.TrimSpace(n.text)) {
			return n, violation("The '%s' element is invalid - The value '%.80s' is invalid according to its datatype.", local(n.name), n.text)
		}
		return n, s.Err()
	}
	var names strings.Builder
	for d := s.Depth(); s.Child(d); {
		k, err := readNode(s, el.key)
		n.kids = append(n.kids, k)
		if err != nil {
			return n, err
		}
		names.WriteString(k.name)
		names.WriteByte(';')
	}
	if s.Err() != nil {
		return n, s.Err()
	}
	if !el.model.MatchString(names.String()) {
		return n, violation("The element '%s' has invalid or incomplete content: %.200s", local(n.name), names.String())
	}
	return n, nil
}

func local(name string) string {
	_, l, _ := strings.Cut(name, ":")
	return l
}

// noSpace drops white space, which pretty-printed requests put around base64.
type noSpace struct{ r io.Reader }

func (f *noSpace) Read(p []byte) (int, error) {
	for {
		n, err := f.r.Read(p)
		kept := 0
		for _, c := range p[:n] {
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				p[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}
