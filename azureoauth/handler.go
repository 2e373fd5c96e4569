package azureoauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Handler is web sign-in for an application: Start sends the browser to the sign-in page, Callback receives the answer,
// checks it and hands the token to OnSignIn.
//
//	h, err := azureoauth.NewHandler(cfg, &azureoauth.HandlerOptions{OnSignIn: save})
//	mux.HandleFunc("POST /connect", h.Start)
//	mux.HandleFunc("/oauth/callback", h.Callback) // the path of cfg.RedirectURL
//
// A sign-in belongs to the browser that began it (a cookie), works once and for ten minutes. Protect Start as any other
// action: whoever may call it may connect a mailbox.
//
// Errors are shown to the browser without the server's own text, escaped, with headers that keep the page out of caches, frames
// and referrers. A Handler is safe for concurrent use; it starts no goroutines.
type Handler struct {
	o      HandlerOptions
	cfg    *Config
	seal   sealer
	cookie bool // pending sign-ins live in cookies

	mu   sync.Mutex
	used map[string]time.Time // states of cookie sessions that were answered here
}

// Format prints the type alone: fmt shows unexported fields without asking them.
func (h *Handler) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "azureoauth.Handler") }

// HandlerOptions shape a Handler.
type HandlerOptions struct {
	// OnSignIn gets every finished sign-in: store s.Token before returning. An error shows the failure page, and the token
	// is dropped. Required. ctx ends with the request, or after 60 seconds.
	OnSignIn func(ctx context.Context, s *SignIn) error
	// Begin reads from the Start request what is to be signed in, and may refuse. nil: a form or query value return_to
	// becomes ReturnTo.
	Begin func(r *http.Request) (*SignInOptions, error)
	// Lookup finds the Config of SignInOptions.Registration, for several registrations on one callback, or settings that
	// change while the program runs. nil: the Config given to NewHandler. The Logger of the Config it returns is told of
	// failures; one of its own, and those before it, only Failure is told of, unless NewHandler got a Config too.
	Lookup func(ctx context.Context, registration string) (*Config, error)

	// Sessions keeps pending sign-ins. nil: in memory, or in cookies if CookieKeys is set.
	Sessions SessionStore
	// CookieKeys, at least 32 random bytes each, the same in all instances: pending sign-ins are encrypted and authenticated
	// with the first, and read with any. With Sessions nil they travel in a cookie, and several instances need nothing shared.
	CookieKeys [][]byte
	// Lifetime of a pending sign-in. Zero: 10 minutes.
	Lifetime time.Duration

	// ResponseMode is "" (query) or "form_post". form_post is a cross-site POST, so its cookie must be SameSite=None, which
	// browsers send along more freely: prefer query.
	ResponseMode string
	// RequireIssuer refuses responses without iss (RFC 9207). Entra sends none today.
	RequireIssuer bool

	// Success answers a finished sign-in. nil: a redirect (303) to ReturnTo, or a page when there is none.
	Success func(w http.ResponseWriter, r *http.Request, s *SignIn)
	// Failure answers a failed one, with the HTTP status that fits; ReturnTo is "" when the sign-in is not known. nil: a page with Advice. Escape
	// what you show of err.
	Failure func(w http.ResponseWriter, r *http.Request, status int, returnTo string, err error)
}

const (
	pendingLifetime = 10 * time.Minute
	callbackTimeout = 60 * time.Second
	maxCookieValue  = 3800 // browsers keep 4096 bytes with name and attributes
)

// NewHandler checks options and registration; cfg may be nil with Lookup. Errors: *ConfigError, and options that are wrong.
func NewHandler(cfg *Config, o *HandlerOptions) (*Handler, error) {
	h := &Handler{cfg: cfg, used: map[string]time.Time{}}
	if o != nil {
		h.o = *o
	}
	if h.o.OnSignIn == nil {
		return nil, errors.New("azureoauth: HandlerOptions.OnSignIn is required: it stores the token")
	}
	if h.o.Lookup == nil {
		if err := cfg.needRedirect(); err != nil {
			return nil, err
		}
	}
	if m := h.o.ResponseMode; m != "" && m != "query" && m != "form_post" {
		return nil, fmt.Errorf("azureoauth: HandlerOptions.ResponseMode %.20q: use query or form_post", m)
	}
	if h.o.Lifetime <= 0 {
		h.o.Lifetime = pendingLifetime
	}
	var err error
	if h.seal, err = newSealer(h.o.CookieKeys); err != nil {
		return nil, err
	}
	switch {
	case h.o.Sessions != nil:
	case len(h.seal) > 0:
		h.cookie = true
	default:
		h.o.Sessions = NewMemorySessions()
	}
	return h, nil
}

func (h *Handler) config(ctx context.Context, registration string) (*Config, error) {
	if h.o.Lookup == nil {
		return h.cfg, nil
	}
	c, err := h.o.Lookup(ctx, registration)
	if err != nil {
		return nil, err
	}
	return c, c.needRedirect()
}

// Start begins a sign-in and sends the browser away with 303. GET and POST; a POST with the application's CSRF protection is
// better, since a link scanner or a foreign page cannot begin it.
func (h *Handler) Start(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		writePage(w, http.StatusMethodNotAllowed, page404)
		return
	}
	o, err := h.begin(r)
	if err != nil {
		h.fail(w, r, nil, http.StatusBadRequest, "", err)
		return
	}
	o.ReturnTo = localPath(o.ReturnTo)
	if o.ResponseMode == "" {
		o.ResponseMode = h.o.ResponseMode
	}
	c, err := h.config(r.Context(), o.Registration)
	if err != nil {
		h.fail(w, r, nil, http.StatusInternalServerError, o.ReturnTo, err)
		return
	}
	page, p, err := c.AuthCodeURL(o)
	if err != nil {
		h.fail(w, r, c, http.StatusInternalServerError, o.ReturnTo, err)
		return
	}
	if err := h.keep(w, r, p); err != nil {
		h.fail(w, r, c, http.StatusServiceUnavailable, o.ReturnTo, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", page)
	w.WriteHeader(http.StatusSeeOther)
}

func (h *Handler) begin(r *http.Request) (*SignInOptions, error) {
	if h.o.Begin == nil {
		return &SignInOptions{ReturnTo: r.FormValue("return_to")}, nil
	}
	o, err := h.o.Begin(r)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return &SignInOptions{}, nil
	}
	c := *o
	return &c, nil
}

// Callback receives the authorization response. Mount it at the path of the redirect URL, for all methods: it answers those
// it does not take. Statuses: 303 or 200 for success, 400 for a response that belongs to no pending sign-in, 403 for the
// server's or person's refusal and for the wrong account, 405, 413, 415, 502 when the server failed, 500 when OnSignIn did.
func (h *Handler) Callback(w http.ResponseWriter, r *http.Request) {
	response, status := callbackValues(w, r, r.URL.Path)
	if status != 0 {
		writePage(w, status, page404)
		return
	}
	if len(response["state"]) > 1 || len(response.Get("state")) > maxParam {
		h.fail(w, r, nil, http.StatusBadRequest, "", ErrWrongState)
		return
	}
	p, err := h.take(w, r, response.Get("state"))
	if err != nil {
		status := http.StatusBadRequest
		if !errors.Is(err, ErrNoPendingSignIn) {
			status = http.StatusServiceUnavailable
		}
		h.fail(w, r, nil, status, "", err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callbackTimeout)
	defer cancel()
	c, err := h.config(ctx, p.Options.Registration)
	if err != nil {
		h.fail(w, r, nil, http.StatusInternalServerError, p.Options.ReturnTo, err)
		return
	}
	s, status, err := h.finish(ctx, c, p, response)
	if err != nil {
		h.fail(w, r, c, status, p.Options.ReturnTo, err)
		return
	}
	if h.o.Success != nil {
		pageHeaders(w.Header())
		h.o.Success(w, r, s)
		return
	}
	if p.Options.ReturnTo != "" {
		// The code leaves the address bar, the history and the referrer.
		pageHeaders(w.Header())
		w.Header().Set("Location", p.Options.ReturnTo)
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	writePage(w, http.StatusOK, successPage(s.Account, "You can close this window."))
}

func (h *Handler) finish(ctx context.Context, c *Config, p *PendingSignIn, response url.Values) (*SignIn, int, error) {
	if h.o.RequireIssuer && response.Get("iss") == "" {
		return nil, http.StatusBadRequest, ErrWrongIssuer
	}
	s, err := c.FinishSignIn(ctx, p, response)
	if err != nil {
		return nil, statusOf(err), err
	}
	if err := h.o.OnSignIn(ctx, s); err != nil {
		return nil, http.StatusInternalServerError, err
	}
	return s, 0, nil
}

// statusOf is the HTTP status that fits a failed sign-in.
func statusOf(err error) int {
	var e *Error
	switch {
	case errors.Is(err, ErrWrongState), errors.Is(err, ErrWrongIssuer), errors.Is(err, ErrNoPendingSignIn):
		return http.StatusBadRequest
	case errors.Is(err, ErrTemporary), errors.Is(err, context.DeadlineExceeded):
		return http.StatusBadGateway
	case errors.As(err, &e) && e.kind == ErrResponse && e.Op == "sign-in":
		return http.StatusBadRequest
	case errors.As(err, &e) && e.kind == ErrResponse:
		return http.StatusBadGateway
	}
	return http.StatusForbidden
}

// fail answers, and logs with the Logger of the registration, as far as that is known.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, c *Config, status int, returnTo string, err error) {
	if c == nil {
		c = h.cfg
	}
	if c != nil {
		c.logger().WarnContext(r.Context(), "sign-in failed", "status", status, "error", err)
	}
	if h.o.Failure != nil {
		pageHeaders(w.Header())
		h.o.Failure(w, r, status, returnTo, err)
		return
	}
	d := failurePage(err, "")
	if errors.Is(err, ErrNoPendingSignIn) || errors.Is(err, ErrWrongState) || errors.Is(err, ErrWrongIssuer) {
		d = pageStranger
	} else if !known(err) {
		// An error of the application may say anything; the page says only that there was one.
		d = pageData{Title: "Sign-in failed", Text: "The sign-in could not be completed. Look into the application's log."}
	}
	if returnTo != "" {
		d.Link, d.LinkText = returnTo, "Back"
	}
	writePage(w, status, d)
}

// known tells errors whose text this package made.
func known(err error) bool {
	var e *Error
	var ce *ConfigError
	return errors.As(err, &e) || errors.As(err, &ce)
}

// localPath keeps a path of the same site and nothing that a browser could take for another one: no scheme, no //, no
// backslash (browsers read it as a slash), encoded or not; "" for everything else.
func localPath(s string) string {
	if s == "" || s[0] != '/' || len(s) > 2000 || strings.ContainsFunc(s, unprintable) || strings.ContainsAny(s, " \\") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	// Decoded once more: some proxies do that before they redirect.
	if strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\") || strings.ContainsFunc(u.Path, unprintable) || strings.HasPrefix(s, "//") {
		return ""
	}
	return u.RequestURI() + fragment(u)
}

func fragment(u *url.URL) string {
	if u.Fragment == "" {
		return ""
	}
	return "#" + u.EscapedFragment()
}
