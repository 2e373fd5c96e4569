package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth"
	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/tokenstore"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.New("").ParseFS(files, "pages/*.html"))

type settingsView struct {
	Health   *healthView
	Fields   []field
	Redirect string
	Shared   bool
	Problems int
}

type homeView struct {
	Mailbox    string
	Configured bool
	Demo       bool
	Consented  bool
	Warnings   []string
	Status     tokenstore.Status
	Health     *healthView
	Scopes     string
	Folders    []ews.Folder
	Subjects   []subject
	Problem    string // what went wrong
	Advice     string // and what to do about it
}

type subject struct{ From, Subject, Received string }

type failureView struct{ Text, Detail, Advice string }

// home shows the state of the connection, and the proof that it works.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	c := a.current()
	v := homeView{Mailbox: c.settings.Mailbox, Configured: c.config != nil, Demo: c.settings.Demo, Consented: r.URL.Query().Has("consented")}
	if c.config == nil {
		a.render(w, http.StatusOK, "home", v)
		return
	}
	v.Warnings = c.config.Warnings()
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	status, err := c.tokens.Status(ctx)
	if err == nil && status.SignedIn && status.NeedsSignInSince.IsZero() {
		if err = v.prove(ctx, c.mailbox()); err != nil {
			// The proof itself may have found that somebody must sign in: the banner shows what is true now.
			var again error
			if status, again = c.tokens.Status(ctx); again != nil {
				err = again
			}
		}
	}
	if err != nil {
		a.log.WarnContext(ctx, "the mailbox cannot be shown", "error", err)
		v.Problem, v.Advice = err.Error(), advice(err)
	}
	v.Status = status
	v.Scopes = strings.Join(status.Account.Granted, " ")
	if !status.NeedsSignInSince.IsZero() {
		v.Health = a.health(ctx, c)
	}
	a.render(w, http.StatusOK, "home", v)
}

// prove reads what shows an administrator that it is the right mailbox.
func (v *homeView) prove(ctx context.Context, m *ews.Mailbox) error {
	for _, name := range []ews.FolderName{ews.Inbox, ews.SentItems, ews.Drafts} {
		f, err := m.Folder(ctx, name)
		if err != nil {
			return err
		}
		v.Folders = append(v.Folders, *f)
	}
	for msg, err := range m.Messages(ctx, ews.Inbox, &ews.Query{Limit: 5, Detail: ews.Summary}) {
		if err != nil {
			return err
		}
		from := msg.From.Name
		if from == "" {
			from = msg.From.Email
		}
		v.Subjects = append(v.Subjects, subject{from, msg.Subject, msg.Received.Format("2006-01-02 15:04")})
	}
	return nil
}

// advice asks whichever package the error came from.
func advice(err error) string {
	var x interface{ Advice() string }
	if errors.As(err, &x) {
		return x.Advice()
	}
	return ""
}

func (a *app) signInFailed(w http.ResponseWriter, _ *http.Request, status int, _ string, err error) {
	text := "The sign-in did not succeed."
	switch {
	case errors.Is(err, errSettingsChanged):
		status, text = http.StatusConflict, "The settings were changed meanwhile. Nothing was stored; connect again."
	case errors.Is(err, azureoauth.ErrNoPendingSignIn):
		text = "No sign-in of this browser is waiting for this answer. Start it again."
	case errors.Is(err, azureoauth.ErrAccountMismatch):
		text = "Another account signed in. Nothing was stored."
	}
	a.fail(w, status, text, err)
}

// fail shows an error. Its text was made by packages that put no secret and none of a server's text into it.
func (a *app) fail(w http.ResponseWriter, status int, text string, err error) {
	a.log.Warn(text, "error", err)
	a.render(w, status, "failure", failureView{text, err.Error(), advice(err)})
}

// render executes the template before the status is written, so that a broken page is not half a page.
func (a *app) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		a.log.Error("page", "name", name, "error", err)
		http.Error(w, "the page could not be made; see the log", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// Also where the sign-in handler has set its own, stricter one: these pages have a style sheet.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "pages/style.css") }
