package azureoauth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// cookieFor is the cookie of a pending sign-in. Its name holds a hash of the state, so that several tabs do not disturb
// each other. Under https it is a __Host- cookie, which no other host of the domain can set.
func cookieFor(p *PendingSignIn, value string, lifetime time.Duration) *http.Cookie {
	secure := strings.HasPrefix(p.RedirectURL, "https://")
	ck := &http.Cookie{Name: cookieName(secure, string(p.State)), Value: value, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(lifetime / time.Second)}
	if p.Options.ResponseMode == "form_post" && secure {
		ck.SameSite = http.SameSiteNoneMode // Lax cookies are not sent with a cross-site POST
	}
	return ck
}

func cookieName(secure bool, state string) string {
	name := "ewsmail-signin-" + hashText(state)[:16]
	if secure {
		return "__Host-" + name
	}
	return name
}

// keep stores the pending sign-in and binds it to the browser.
func (h *Handler) keep(w http.ResponseWriter, r *http.Request, p *PendingSignIn) error {
	browser := string(randomText())
	name := hashText(string(p.State))
	if h.cookie {
		data, err := encodePending(p, "")
		if err != nil {
			return err
		}
		value := b64url(h.seal.seal(data, name))
		if len(value) > maxCookieValue {
			return errors.New("azureoauth: the pending sign-in does not fit a cookie: shorten ReturnTo or Claims, or use a SessionStore")
		}
		http.SetCookie(w, cookieFor(p, value, h.o.Lifetime))
		return nil
	}
	data, err := encodePending(p, hashText(browser))
	if err != nil {
		return err
	}
	if err := h.o.Sessions.Put(r.Context(), name, h.seal.seal(data, name), h.o.Lifetime); err != nil {
		return fmt.Errorf("azureoauth: pending sign-in not stored: %w", err)
	}
	http.SetCookie(w, cookieFor(p, browser, h.o.Lifetime))
	return nil
}

// take finds the pending sign-in of a state in this browser, and makes it unusable for anybody else.
func (h *Handler) take(w http.ResponseWriter, r *http.Request, state string) (*PendingSignIn, error) {
	if state == "" {
		return nil, ErrNoPendingSignIn
	}
	var ck *http.Cookie
	for _, secure := range []bool{true, false} {
		if c, err := r.Cookie(cookieName(secure, state)); err == nil {
			ck = c
			http.SetCookie(w, &http.Cookie{Name: ck.Name, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode, MaxAge: -1})
			break
		}
	}
	// Without the cookie nothing is taken from the store: who only knows the state cannot use up somebody's sign-in.
	if ck == nil || ck.Value == "" {
		return nil, ErrNoPendingSignIn
	}
	name := hashText(state)
	if h.cookie {
		raw, err := unb64url(ck.Value)
		if err != nil {
			return nil, ErrNoPendingSignIn
		}
		data, err := h.seal.open(raw, name)
		if err != nil {
			return nil, ErrNoPendingSignIn
		}
		p, _, err := decodePending(data)
		if err != nil {
			return nil, err
		}
		if !h.firstUse(name) {
			return nil, ErrNoPendingSignIn
		}
		return p, h.fresh(p)
	}
	data, err := h.o.Sessions.Take(r.Context(), name)
	if err != nil {
		if errors.Is(err, ErrNoPendingSignIn) {
			return nil, ErrNoPendingSignIn
		}
		return nil, fmt.Errorf("azureoauth: pending sign-ins cannot be read: %w", err)
	}
	data, err = h.seal.open(data, name)
	if err != nil {
		return nil, ErrNoPendingSignIn
	}
	p, browser, err := decodePending(data)
	if err != nil {
		return nil, err
	}
	if !sameSecret(browser, hashText(ck.Value)) {
		return nil, ErrNoPendingSignIn
	}
	return p, h.fresh(p)
}

func (h *Handler) fresh(p *PendingSignIn) error {
	if age := time.Since(p.CreatedAt); age > h.o.Lifetime || age < -5*time.Minute {
		return ErrNoPendingSignIn
	}
	return nil
}

// firstUse remembers states of cookie sessions: a cookie cannot be used up elsewhere. Between instances the server does it,
// since a code works once.
func (h *Handler) firstUse(name string) bool {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if until, ok := h.used[name]; ok && now.Before(until) {
		return false
	}
	if len(h.used) >= maxPending {
		for k, until := range h.used {
			if !now.Before(until) || len(h.used) >= maxPending {
				delete(h.used, k)
			}
		}
	}
	h.used[name] = now.Add(h.o.Lifetime)
	return true
}
