package ews

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// readResponses walks the response messages of an answer to a request about one thing (the scanner stands on the response
// element). For every content element of a message that succeeded (m:Items, m:RootFolder, m:Changes, m:SyncState ...),
// each is called with the scanner on its start tag and the message's index; MessageText, ResponseCode and their like are
// read here. The first message that failed ends the walk as *Error.
//
// each may return errHold to leave the scanner standing; that is then what readResponses returns. Any other error of
// each ends the walk.
func readResponses(s *wire.Scanner, each func(i int, s *wire.Scanner) error) error {
	return walkResponses(s, each, func(_ int, e *Error) error {
		if e == nil {
			return nil // not a nil *Error in an error
		}
		return e
	})
}

// readBatch is readResponses for a request about several things, n of them: messages that failed do not end the walk, they
// are gathered in the *BatchError that is returned at the end. Things without a response message (a server that stopped
// early) count as failed with ErrNotAttempted.
func readBatch(s *wire.Scanner, n int, each func(i int, s *wire.Scanner) error) error {
	b := &BatchError{Total: n}
	seen := 0
	err := walkResponses(s, func(i int, s *wire.Scanner) error {
		if each == nil {
			return nil
		}
		return each(i, s)
	}, func(i int, e *Error) error {
		if i >= n {
			return &Error{kind: ErrBadResponse, what: "the answer has more response messages than there were items"}
		}
		seen = i + 1
		if e != nil {
			b.Items = append(b.Items, &ItemError{Index: i, Err: e})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := seen; i < n; i++ {
		b.Items = append(b.Items, &ItemError{Index: i, Err: &Error{
			kind: ErrNotAttempted, what: "the answer says nothing about this item", verdict: verdictRetry}})
	}
	if len(b.Items) > 0 {
		return b
	}
	return nil
}

// walkResponses calls each for content elements and done at the end of each message, with its error or nil.
func walkResponses(s *wire.Scanner, each func(i int, s *wire.Scanner) error, done func(i int, e *Error) error) error {
	d := s.Depth()
	// Operations without ResponseMessages (GetUserOofSettings, FindConversation ...) have the fields of a single
	// response message on the response element itself, or in a ResponseMessage child.
	own := responseMessage{class: classAttr(s)}
	bare := own.class != ""
	i, told := 0, bare
	for s.Child(d) {
		switch s.Local() {
		case "ResponseMessages", "Responses": // the latter: gromox
			for d := s.Depth(); s.Child(d); i++ {
				told = true
				e, err := readResponseMessage(s, i, each)
				if err != nil {
					return err
				}
				if err := done(i, e); err != nil {
					return err
				}
			}
		case "ResponseMessage":
			told = true
			e, err := readResponseMessage(s, i, each)
			if err != nil {
				return err
			}
			if e != nil {
				return e
			}
		default:
			if own.field(s) {
				bare = true
				continue
			}
			if own.failed() || each == nil {
				continue
			}
			told = true
			if err := each(i, s); err != nil {
				return err
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if bare {
		return done(i, own.err())
	}
	if !told {
		return &Error{kind: ErrBadResponse, what: "the answer is empty: it neither confirms nor refuses"}
	}
	return nil
}

// readResponseMessage reads one response message; err is what ends everything, e what this message says went wrong.
func readResponseMessage(s *wire.Scanner, i int, each func(i int, s *wire.Scanner) error) (e *Error, err error) {
	m := responseMessage{class: classAttr(s)}
	for d := s.Depth(); s.Child(d); {
		if m.field(s) || m.failed() || each == nil {
			continue
		}
		if err := each(i, s); err != nil {
			return nil, err
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return m.err(), nil
}

// responseMessage is the head that all response messages share. EWS: ResponseMessageType.
type responseMessage struct {
	class, code, text string
	xml               messageXML
}

func classAttr(s *wire.Scanner) string {
	class, _ := s.AttrBytes("ResponseClass")
	if string(class) == "Success" {
		return "Success"
	}
	return string(class)
}

// field reads the current element if it belongs to the head.
func (m *responseMessage) field(s *wire.Scanner) bool {
	switch s.Local() {
	case "MessageText":
		m.text = line(s.Text())
	case "ResponseCode":
		if code := bytes.TrimSpace(s.TextBytes()); string(code) == "NoError" {
			m.code = "NoError"
		} else {
			m.code = line(string(code))
		}
	case "DescriptiveLinkKey":
		// a number that led to a help page that is gone
	case "MessageXml":
		m.xml.read(s)
	default:
		return false
	}
	return true
}

// failed reports whether the message carries no usable content.
func (m *responseMessage) failed() bool {
	switch m.class {
	case "Error":
		return true
	case "Warning":
		return m.code == "ErrorBatchProcessingStopped"
	case "":
		return m.code != "" && m.code != "NoError"
	}
	return false
}

// err returns the message's error, or nil if it is an answer. ErrorNameResolutionNoResults and its kin come with
// ResponseClass Error, but "nobody of that name" is what was asked for.
func (m *responseMessage) err() *Error {
	if !m.failed() || strings.HasPrefix(m.code, "ErrorNameResolution") {
		return nil
	}
	e := &Error{Code: m.code, Message: m.text}
	m.xml.fill(e)
	e.classify()
	return e
}

// messageXML is the detail of an error: named values (BackOffMilliseconds, InnerErrorResponseCode ...) or the place where a
// request breaks the schema. It lies in t:MessageXml of a fault's detail and in m:MessageXml of a response message.
type messageXML struct {
	values       map[string]string
	line, column int
	violation    string
}

// maxValues bounds what is kept of a MessageXml; real ones hold up to six values.
const maxValues = 32

func (x *messageXML) read(s *wire.Scanner) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Value":
			name, _ := s.Attr("Name")
			text := line(s.Text())
			if x.values == nil {
				x.values = map[string]string{}
			}
			if len(x.values) < maxValues {
				x.values[line(name)] = text
			}
		case "LineNumber", "Line":
			x.line = number(s.Text())
		case "LinePosition", "Position":
			x.column = number(s.Text())
		case "Violation":
			x.violation = line(s.Text())
		}
	}
}

func (x *messageXML) fill(e *Error) {
	e.Values = x.values
	e.Violation, e.Line, e.Column = x.violation, x.line, x.column
	if inner := x.values["InnerErrorResponseCode"]; inner != "NoError" {
		e.InnerCode = inner
	}
	if d, ok := backOff(x.values["BackOffMilliseconds"]); ok {
		e.RetryAfter = d
	} else if d, ok := suggested(e.Message); ok {
		e.RetryAfter = d
	}
}

func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// maxText bounds a server's text kept in an error.
const maxText = 500

// line makes one printable line of a server's text.
func line(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 }), " ")
	s = noTokens(s)
	if len(s) > maxText {
		cut := maxText
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		s = s[:cut] + "..."
	}
	return s
}
