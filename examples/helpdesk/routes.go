package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// routes are the pages. Everything that changes something is a POST that must come from this site.
func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /settings", a.settingsPage)
	mux.HandleFunc("POST /settings", a.saveSettings)
	mux.HandleFunc("GET /connect", a.fromHere(a.signIn.Start))
	mux.HandleFunc(callbackPath, a.callback)
	mux.HandleFunc("POST /disconnect", a.disconnect)
	mux.HandleFunc("GET /admin-consent", a.fromHere(a.adminConsent))
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /tickets", a.desked(a.ticketsPage))
	mux.HandleFunc("GET /tickets/{ticket}", a.desked(a.ticketPage))
	mux.HandleFunc("POST /tickets/{ticket}/answer", a.desked(a.answer))
	mux.HandleFunc("GET /attachments/{attachment}", a.desked(a.attachment))
	mux.HandleFunc("GET /attention", a.desked(a.attentionPage))
	mux.HandleFunc("POST /answers/{mail}/again", a.desked(a.sendAgain))
	mux.HandleFunc("POST /answers/{mail}/settle", a.desked(a.settleAnswer))
	return a.guard(named(http.NewCrossOriginProtection().Handler(mux)))
}

// named refuses what changes something and does not say which site it comes from. http.CrossOriginProtection refuses what comes from another site,
// by Sec-Fetch-Site or Origin, and lets pass what has neither, as programs do. Nothing but a browser has business here, and every browser
// since 2020 sends Origin with a form: what has neither is an older one, which may be on an errand of another site. With that no token in
// the forms could add anything: they are protected wherever a browser is maintained, and refused where none is. The callback is for the
// sign-in page to call, and has its own protection: state, and a cookie.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !safe && r.URL.Path != callbackPath && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
			http.Error(w, "this browser is too old: it does not say which site a form belongs to", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guard sets the headers of every page, and refuses names other than the application's: a foreign name that resolves to this
// machine would make a foreign page this site (DNS rebinding).
func (a *app) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: with that, browsers send "Origin: null" with this site's own forms, which those that do not send Sec-Fetch-Site (Safari
		// before 16.4, and all of them where there is no TLS) could not be told from foreign ones by.
		h.Set("Referrer-Policy", "same-origin")
		if r.URL.Path == callbackPath { // a code stands in it
			h.Set("Referrer-Policy", "no-referrer")
		}
		h.Set("Cache-Control", "no-store")
		if r.Host != a.base.Host {
			http.Error(w, "open "+a.base.String(), http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

// fromHere is for links that begin a sign-in. They are links and no forms because form-action would have to name every host that
// the sign-in passes through. Browsers that do not say which site a link stands on name the page it stands on; whoever
// names nothing, by typing the address say, begins at the page.
func (a *app) fromHere(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		site, page := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Referer")
		here := site == "same-origin" || site == "none" || site == "" && strings.HasPrefix(page, a.base.String()+"/")
		if !here {
			http.Error(w, "open this from the application's own page", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func (a *app) settingsPage(w http.ResponseWriter, r *http.Request) {
	c := a.current()
	var wrong problems
	if c.version != "" {
		_, wrong = a.config(c.settings)
	}
	a.render(w, http.StatusOK, "settings", settingsView{Health: a.health(r.Context(), c), Fields: c.settings.fields(a.redirectURL(), wrong), Redirect: a.redirectURL(), Shared: c.settings.Shared, Problems: len(wrong)})
}

// saveSettings checks every field before anything is stored or sent.
func (a *app) saveSettings(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form is too large or malformed", http.StatusBadRequest)
		return
	}
	done, err := a.take(r.Context())
	if err != nil {
		return // the browser has gone
	}
	defer done()
	c := a.current()
	s := c.settings.fromForm(r)
	if _, wrong := a.config(s); len(wrong) > 0 {
		if r.PostFormValue("client_secret") != "" && len(wrong["client_secret"]) == 0 {
			wrong.add("client_secret", "not saved, since other fields are wrong; enter it again (it is never shown)")
		}
		a.render(w, http.StatusUnprocessableEntity, "settings", settingsView{Health: a.health(r.Context(), c), Fields: s.fields(a.redirectURL(), wrong), Redirect: a.redirectURL(), Shared: s.Shared, Problems: len(wrong)})
		return
	}
	version, err := save(r.Context(), a.store, s, c.version)
	if errors.Is(err, tokenstore.ErrConflict) {
		a.fail(w, http.StatusConflict, "Somebody else has just saved other settings. Reload the page.", err)
		return
	}
	if err != nil {
		a.fail(w, http.StatusInternalServerError, "The settings could not be saved.", err)
		return
	}
	n, err := a.connect(r.Context(), s, version)
	if err != nil {
		a.fail(w, http.StatusInternalServerError, "The settings were saved, but cannot be used.", err)
		return
	}
	a.replace(n)
	if err := a.resume(r.Context(), n); err != nil {
		a.log.Warn("whether the mailbox is signed in cannot be told", "error", err) // the page tells it too
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// disconnect ends the work and forgets the tokens. Entra has no way to revoke a single one.
func (a *app) disconnect(w http.ResponseWriter, r *http.Request) {
	done, err := a.take(r.Context())
	if err != nil {
		return // the browser has gone
	}
	defer done()
	c := a.current()
	if c.config != nil {
		c.desk.stop()
		if err := c.tokens.SignOut(r.Context()); err != nil {
			a.fail(w, http.StatusInternalServerError, "The tokens could not be deleted.", err)
			return
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// adminConsent sends an administrator to the consent page of the tenant.
func (a *app) adminConsent(w http.ResponseWriter, r *http.Request) {
	c := a.current()
	if c.config == nil {
		http.Redirect(w, r, "/settings", http.StatusSeeOther)
		return
	}
	state := rand.Text() // 130 bits
	page, err := c.config.AdminConsentURL(state)
	if err != nil {
		a.fail(w, http.StatusUnprocessableEntity, "There is no admin consent page for these settings.", err)
		return
	}
	http.SetCookie(w, a.consentCookie(state, 10*time.Minute))
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// consentCookie ties the answer of the consent page to the browser that opened it.
func (a *app) consentCookie(state string, life time.Duration) *http.Cookie {
	return &http.Cookie{Name: "helpdesk-consent", Value: state, Path: callbackPath, MaxAge: int(life / time.Second), HttpOnly: true,
		Secure: a.base.Scheme == "https", SameSite: http.SameSiteLaxMode}
}

// callback is the redirect URL of both: sign-in, and admin consent, which is told by its state.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	ck, err := r.Cookie("helpdesk-consent")
	if r.Method != http.MethodGet || err != nil || ck.Value == "" || r.URL.Query().Get("state") != ck.Value {
		a.signIn.Callback(w, r)
		return
	}
	http.SetCookie(w, a.consentCookie("", -time.Second)) // it counts once
	c := a.current()
	if c.config == nil {
		a.fail(w, http.StatusConflict, "The settings were changed meanwhile. Start again.", errNotConfigured)
		return
	}
	if _, err := c.config.AdminConsent(ck.Value, r); err != nil {
		a.fail(w, http.StatusForbidden, "The administrator did not consent.", err)
		return
	}
	http.Redirect(w, r, "/?consented", http.StatusSeeOther)
}
