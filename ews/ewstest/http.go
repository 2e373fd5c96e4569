package ewstest

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// call is one request being answered.
type call struct {
	s      *Server
	ctx    context.Context
	env    *envelope
	id     Identity
	anchor string
	user   *Mailbox // in whose name it runs
	a      *answer

	stopped *Effect // where a batch stops; nil: at its end
}

// ServeHTTP answers EWS requests: POSTs to any path that ends in /exchange.asmx.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(strings.ToLower(r.URL.Path), "/exchange.asmx") {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.base, cancel)()

	log := s.record(r)
	body := &bodyRecorder{r: r.Body}
	env, parseErr := readEnvelope(body)
	if _, err := io.Copy(io.Discard, body); err != nil && parseErr == nil {
		parseErr = err
	}
	s.update(func() {
		log.Body, log.Bytes = body.kept, body.n
		log.Operation, log.ServerVersion = env.opName, env.version
		log.Impersonated = env.imperson.value()
	})
	ex := &exchange{s: s, w: w, r: r, log: log}
	ex.commonHeaders()
	if !sleep(ctx, s.o.Latency) {
		return
	}
	id, refused := s.verify(ctx, r.Header)
	if refused != nil {
		ex.status(http.StatusUnauthorized)
		refused.write(w)
		return
	}
	s.update(func() { log.User, log.AppID = id.UPN, id.AppID })
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(strings.ToLower(ct), "text/xml") {
		ex.status(http.StatusUnsupportedMediaType)
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	who := strings.ToLower(orDefault(env.imperson.value(), id.UPN))
	if !s.enter(who) {
		full := ConnectionCount()
		full.instead(ctx, ex, env)
		return
	}
	defer s.leave(who)
	effect := s.matchFault(log)
	if effect != nil {
		s.update(func() { log.Faulted = true })
		if effect.instead(ctx, ex, env) {
			return
		}
	}
	c := &call{s: s, ctx: ctx, env: env, id: id, anchor: r.Header.Get("X-AnchorMailbox"), a: newAnswer(&s.o)}
	if env.opName == "GetStreamingEvents" && parseErr == nil {
		c.streamEvents(ex, effect)
		return
	}
	if effect != nil && effect.kind == effectBatchStopped {
		c.stopped = effect
	}
	status := c.run(parseErr)
	ex.send(ctx, status, c.a, effect)
}

// update changes log entries under the lock.
func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

// run answers a parsed request into c.a and returns the HTTP status.
func (c *call) run(parseErr error) int {
	fault := c.refuse(parseErr)
	if fault == nil {
		fault = c.dispatch()
	}
	if fault == nil {
		c.a.close()
		return http.StatusOK
	}
	c.a = newAnswer(&c.s.o)
	c.a.fault(fault)
	if fault.status != 0 {
		return fault.status
	}
	return http.StatusInternalServerError
}

// serverVersion is what RequestServerVersion may say (t:ExchangeVersionType).
var serverVersion = regexp.MustCompile(`^(Exchange20\d\d(_SP\d)?|V\d{4}_\d\d_\d\d|V\d+_\d+)$`)

func (c *call) refuse(parseErr error) *soapFault {
	var se *schemaError
	switch {
	case parseErr == nil && c.env.version != "" && !serverVersion.MatchString(c.env.version):
		return &soapFault{code: "ErrorInvalidServerVersion", text: "The specified server version is invalid."}
	case parseErr == nil:
		return nil
	case errors.As(parseErr, &se):
		return &soapFault{code: "ErrorSchemaValidation", text: se.Error(), violation: se.violation}
	}
	return &soapFault{code: "ErrorSchemaValidation", text: "The request failed schema validation: " + parseErr.Error(), violation: parseErr.Error()}
}

// dispatch runs the operation under the lock: an answer shows one moment of the store.
func (c *call) dispatch() (fault *soapFault) {
	op, ok := operations[c.env.op.name]
	if !ok {
		if strings.HasPrefix(c.env.op.name, "m:") {
			return &soapFault{code: "ErrorInvalidRequest", text: fmt.Sprintf("ewstest does not know the operation %s.", c.env.opName)}
		}
		return &soapFault{code: "ErrorSchemaValidation", violation: "The element 'Body' has invalid child element '" + c.env.opName + "'.",
			text: "The request failed schema validation: The element 'Body' has invalid child element '" + c.env.opName + "'."}
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.sendDue()
	if f := c.actAs(); f != nil {
		return f
	}
	c.a.open(c.s.o.Version)
	return op(c)
}

// exchange is the HTTP side of one request.
type exchange struct {
	s   *Server
	w   http.ResponseWriter
	r   *http.Request
	log *Request
}

func (ex *exchange) status(code int) { ex.s.update(func() { ex.log.Status = code }) }

func (ex *exchange) commonHeaders() {
	h := ex.w.Header()
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("Request-Id", uuid())
	h.Set("X-Feserver", "EWSTEST01")
	h.Set("X-Calculatedbetarget", "ewstest01.internal")
	if strings.EqualFold(ex.r.Header.Get("return-client-request-id"), "true") {
		if id := ex.r.Header.Get("client-request-id"); id != "" {
			h.Set("Client-Request-Id", id)
		}
	}
	if strings.EqualFold(ex.r.Header.Get("X-PreferServerAffinity"), "true") {
		http.SetCookie(ex.w, &http.Cookie{Name: "X-BackEndOverrideCookie", Value: "ewstest01.internal~1942064324", Path: "/", HttpOnly: true})
	}
}

// send writes the answer, altered by the effect if there is one.
func (ex *exchange) send(ctx context.Context, status int, a *answer, effect *Effect) {
	ex.s.update(func() { ex.log.Status, ex.log.Codes = status, a.codes })
	if effect != nil && effect.kind == effectCutAfter {
		ex.cut()
	}
	h := ex.w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Cache-Control", "private")
	zip := !ex.s.o.NoGzip && acceptsGzip(ex.r)
	if zip {
		h.Set("Content-Encoding", "gzip")
		h.Set("Vary", "Accept-Encoding")
	} else if ex.s.o.ContentLength {
		h.Set("Content-Length", strconv.FormatInt(a.w.Len(), 10))
	}
	var dst io.Writer = ex.w
	if effect != nil {
		dst = effect.wrap(ctx, ex)
	}
	ex.w.WriteHeader(status)
	if !zip {
		_, _ = a.w.WriteTo(flushing{dst, ex.w, !ex.s.o.ContentLength}) // a client that has gone away is no news
		return
	}
	z, _ := gzip.NewWriterLevel(dst, gzip.BestSpeed)
	_, _ = a.w.WriteTo(z)
	_ = z.Close()
}

// flushing makes net/http use chunked transfer even for an answer that would fit its buffer.
type flushing struct {
	io.Writer
	w  http.ResponseWriter
	on bool
}

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if fl, ok := f.w.(http.Flusher); ok && f.on && n > 0 {
		fl.Flush()
	}
	return n, err
}

// cut ends the connection at once.
func (ex *exchange) cut() { panic(http.ErrAbortHandler) }

func acceptsGzip(r *http.Request) bool {
	for v := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(v), ";")
		if strings.EqualFold(name, "gzip") && !strings.HasSuffix(strings.TrimSpace(q), "q=0") {
			return true
		}
	}
	return false
}

// sleep waits and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
