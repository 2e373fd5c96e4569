package ewstest

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"time"
)

// maxLoggedBody is how much of a request's body the log keeps.
const maxLoggedBody = 64 << 10

// Request is one entry of the server's log.
type Request struct {
	N               int // from 1
	Time            time.Time
	Operation       string // "GetItem"; "" when the body could not be understood
	User            string // UPN of a delegated token
	AppID           string
	Impersonated    string
	AnchorMailbox   string
	UserAgent       string
	ClientRequestID string
	ServerVersion   string      // RequestServerVersion
	Header          http.Header // Authorization redacted
	Body            []byte      // the first 64 KiB
	Bytes           int64       // length of the whole body
	Status          int         // of the answer; 0 when the connection was cut before one
	Codes           []string    // response codes of the answer, a fault's included
	Faulted         bool        // a scripted fault answered
}

// Requests returns the log: every request to the EWS endpoint, refused ones included, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.requests))
	for i, r := range s.requests {
		out[i] = *r
		out[i].Codes = append([]string(nil), r.Codes...)
	}
	return out
}

// ResetRequests empties the log.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Count returns how often an operation was asked for; "" counts all requests.
func (s *Server) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if operation == "" || r.Operation == operation {
			n++
		}
	}
	return n
}

func (s *Server) record(r *http.Request) *Request {
	h := r.Header.Clone()
	if h.Get("Authorization") != "" {
		h.Set("Authorization", "REDACTED")
	}
	h.Del("Cookie")
	e := &Request{
		Time: s.now(), Header: h, UserAgent: r.UserAgent(),
		AnchorMailbox: h.Get("X-AnchorMailbox"), ClientRequestID: h.Get("client-request-id"),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, e)
	e.N = len(s.requests)
	return e
}

// bodyRecorder copies the beginning of what is read through it.
type bodyRecorder struct {
	r    io.Reader
	kept []byte
	n    int64
}

func (b *bodyRecorder) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if room := maxLoggedBody - len(b.kept); room > 0 && n > 0 {
		b.kept = append(b.kept, p[:min(n, room)]...)
	}
	b.n += int64(n)
	return n, err
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

func encodeClaims(json string) string { return base64.StdEncoding.EncodeToString([]byte(json)) }
