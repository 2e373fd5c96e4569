package azuretest

import (
	"crypto/rand"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// device is one device authorization, RFC 8628.
type device struct {
	app, scope, resource, userCode string
	begun, polled                  time.Time
	interval                       time.Duration
	upn                            string // "" while pending
	declined, used                 bool
}

const deviceInterval = 5 * time.Second

func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.counts.Device++
	s.mu.Unlock()
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		s.writeError(w, failure(900561, ""))
		return
	}
	a := s.app(r.PostForm.Get("client_id"))
	if a == nil {
		s.writeError(w, failure(700016, ""))
		return
	}
	if r.PostForm.Get("scope") == "" {
		s.writeError(w, failure(900144, "The request body must contain the following parameter: 'scope'."))
		return
	}
	if _, e := s.parseScope(r.PostForm.Get("scope"), r.PostForm.Get("resource")); e != nil {
		s.writeError(w, *e)
		return
	}
	d := &device{app: a.ID, scope: r.PostForm.Get("scope"), resource: r.PostForm.Get("resource"), userCode: userCode(), begun: s.now(), interval: deviceInterval}
	code := "DAQ" + strings.ReplaceAll(randomID()+randomID(), "-", "")
	s.mu.Lock()
	s.devices[code] = d
	s.mu.Unlock()
	writeJSON(w, map[string]any{
		"user_code": d.userCode, "device_code": code, "verification_uri": s.base() + "deviceauth",
		"expires_in": seconds(s.o.CodeLifetime), "interval": seconds(deviceInterval),
		"message": "To sign in, use a web browser to open the page " + s.base() + "deviceauth and enter the code " + d.userCode + " to authenticate.",
	})
}

func userCode() string {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, 9)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// ApproveDevice signs a person in for a user code, as if on the page; "" is the first user. Unknown codes are an error.
func (s *Server) ApproveDevice(userCode, upn string) error {
	return s.answerDevice(userCode, upn, true)
}

// DeclineDevice refuses a user code.
func (s *Server) DeclineDevice(userCode string) error { return s.answerDevice(userCode, "", false) }

func (s *Server) answerDevice(code, upn string, ok bool) error {
	if upn == "" {
		upn = s.o.Users[0].UPN
	}
	if s.user(upn) == nil {
		return fmt.Errorf("azuretest: no user %q", upn)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if strings.EqualFold(d.userCode, code) {
			if ok {
				d.upn = upn
			} else {
				d.declined = true
			}
			return nil
		}
	}
	return fmt.Errorf("azuretest: no device code is pending for user code %q", code)
}

var deviceTemplate = template.Must(template.New("device").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Enter code (azuretest)</title></head><body><h1>Enter code</h1>{{if .}}<p>{{.}}</p>{{end}}<form method="POST"><p><label>Code <input name="otc" autofocus></label> <button>Next</button></p></form></body></html>`))

// deviceAuth is the page on which the person enters the user code.
func (s *Server) deviceAuth(w http.ResponseWriter, r *http.Request) {
	note := ""
	if r.Method == http.MethodPost && r.ParseForm() == nil {
		note = "You have signed in. You may now close this window."
		if err := s.ApproveDevice(strings.TrimSpace(r.PostForm.Get("otc")), ""); err != nil {
			note = "That code didn't work. Check the code and try again."
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = deviceTemplate.Execute(w, note)
}

func (s *Server) redeemDevice(w http.ResponseWriter, a *App, form url.Values) {
	now := s.now()
	s.mu.Lock()
	d := s.devices[form.Get("device_code")]
	var number int
	slow := false
	switch {
	case d == nil || !strings.EqualFold(d.app, a.ID):
		number = 70018
	case d.used:
		number = 90120
	case now.Sub(d.begun) > s.o.CodeLifetime:
		number = 70019
	case d.declined:
		number = -1
	case d.upn == "":
		number = 70016
		// RFC 8628 section 3.5; half a second of grace for timers.
		slow = !d.polled.IsZero() && now.Sub(d.polled) < d.interval-500*time.Millisecond
		if slow {
			d.interval += 5 * time.Second
		}
		d.polled = now
	default:
		d.used = true
	}
	s.mu.Unlock()
	switch {
	case number == -1:
		s.writeError(w, oauthError{error: "authorization_declined", text: "The end user declined the authorization request.", status: http.StatusBadRequest})
	case slow:
		s.writeError(w, oauthError{error: "slow_down", text: "Polling too fast.", status: http.StatusBadRequest})
	case number != 0:
		s.writeError(w, failure(number, ""))
	default:
		s.issue(w, a, grantData{ID: randomID(), App: a.ID, UPN: d.upn, Scopes: strings.Fields(d.scope), Resource: d.resource, Issued: now.UnixNano()}, "", form.Get("resource"), true)
	}
}
