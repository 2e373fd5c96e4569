package azuretest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is a scripted failure of the token endpoint. Give Case or AADSTS for an error as Entra words it, or the raw fields.
type Fault struct {
	AADSTS int    // a number of Cases, as 7000222
	Case   string // a name of Cases, as "ClientSecretExpired"

	Error, SubError string // replace those of the case, or stand alone
	Description     string // replaces the case's text
	Claims          string // a claims challenge, as JSON
	Status          int    // replaces the case's HTTP status
	RetryAfter      string // the header's value, in any form
	Redirect        string // Location; Status is 307 unless set

	ContentType, Body string        // a raw answer; Status is 200 unless set
	Delay             time.Duration // before the answer; ends early when the client leaves
	Cut               bool          // the connection is cut instead of an answer
	LoseReply         bool          // the request is carried out, then the connection is cut

	Grant string // only requests of this grant_type; "" all
	Times int    // how many requests; 0 is one, negative all until ClearFaults
}

// Fail scripts a failure; several are used up in order. It panics on an unknown Case or AADSTS, which is a slip in a test.
func (s *Server) Fail(f Fault) {
	if f.Case != "" || f.AADSTS != 0 {
		c, ok := findCase(f.Case, f.AADSTS)
		if !ok {
			panic(fmt.Sprintf("azuretest: no case %q %d", f.Case, f.AADSTS))
		}
		f.AADSTS = c.AADSTS
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults forgets what is scripted.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault uses up the next fault for a grant.
func (s *Server) takeFault(grant string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Grant != "" && f.Grant != grant {
			continue
		}
		c := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return &c
	}
	return nil
}

// play gives a fault's answer; true means that the request is still to be carried out.
func (s *Server) play(w http.ResponseWriter, r *http.Request, f *Fault) bool {
	if f.Delay > 0 {
		wait(r.Context(), f.Delay)
	}
	switch {
	case f.LoseReply:
		return true
	case f.Cut:
		cut()
	case f.Redirect != "":
		w.Header().Set("Location", f.Redirect)
		w.WriteHeader(or(f.Status, http.StatusTemporaryRedirect))
		return false
	case f.Body != "" || f.ContentType != "":
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		if f.ContentType != "" {
			w.Header().Set("Content-Type", f.ContentType)
		} else {
			w.Header()["Content-Type"] = nil
		}
		w.WriteHeader(or(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
		return false
	case f.AADSTS == 0 && f.Error == "" && (f.Status != 0 || f.RetryAfter != ""):
		// Throttling and outages come without JSON.
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		w.Header().Set("Content-Type", "text/plain")
		status := or(f.Status, http.StatusTooManyRequests)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(http.StatusText(status)))
		return false
	case f.AADSTS == 0 && f.Error == "":
		return true // a delay alone
	}
	e := failure(f.AADSTS, "")
	e.error, e.suberror = orText(f.Error, e.error), orText(f.SubError, e.suberror)
	e.text, e.status, e.claims, e.retryAfter = orText(f.Description, e.text), or(f.Status, e.status), f.Claims, f.RetryAfter
	s.writeError(w, e)
	return false
}

func or(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// cut ends the connection without an answer.
func cut() { panic(http.ErrAbortHandler) }

// oauthError is an error answer to be written.
type oauthError struct {
	aadsts                   int
	error, suberror, text    string
	claims, retryAfter, msis string
	status                   int
}

// failure is a case's error; text replaces its wording.
func failure(aadsts int, text string) oauthError {
	e := oauthError{aadsts: aadsts, error: "invalid_request", text: text, status: http.StatusBadRequest}
	if c, ok := findCase("", aadsts); ok {
		e.error, e.suberror, e.status = c.Error, c.SubError, c.Status
		if text == "" {
			e.text = c.Text
		}
	}
	return e
}

// writeError writes the JSON that Entra (or AD FS) writes.
func (s *Server) writeError(w http.ResponseWriter, e oauthError) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
	if e.retryAfter != "" {
		w.Header().Set("Retry-After", e.retryAfter)
	}
	m := map[string]any{"error": e.error}
	if s.o.ADFS {
		m["error_description"] = orText(e.msis, "MSIS9612") + ": " + e.text
	} else {
		trace, correlation := randomID(), randomID()
		stamp := s.now().UTC().Format("2006-01-02 15:04:05Z")
		m["error_description"] = s.describe(e, trace, correlation, stamp)
		m["error_codes"] = []int{e.aadsts}
		m["timestamp"], m["trace_id"], m["correlation_id"] = stamp, trace, correlation
		m["error_uri"] = s.URL + "/error?code=" + strconv.Itoa(e.aadsts)
		w.Header().Set("x-ms-request-id", trace)
		if e.aadsts == 0 {
			delete(m, "error_codes")
		}
		if e.suberror != "" {
			m["suberror"] = e.suberror
		}
		if e.claims != "" {
			m["claims"] = e.claims
		}
	}
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(m)
}

func (s *Server) describe(e oauthError, trace, correlation, stamp string) string {
	var b strings.Builder
	if e.aadsts != 0 {
		fmt.Fprintf(&b, "AADSTS%d: ", e.aadsts)
	}
	fmt.Fprintf(&b, "%s Trace ID: %s Correlation ID: %s Timestamp: %s", e.text, trace, correlation, stamp)
	return b.String()
}
