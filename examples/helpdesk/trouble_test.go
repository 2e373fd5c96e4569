package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// A dead refresh token: every page says who must do what, and afterwards everything goes on.
func TestDeadRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(nil)
	ticket := v.ticket("Printer")
	w.tenant.Entra.RevokeSessions(demo.Mailbox)
	w.tenant.Entra.Advance(2 * time.Hour)
	w.deliver("2", "Meanwhile", "Hello?")
	v.until("/settings", "needs a new sign-in")
	for _, path := range []string{"/", "/tickets", ticket, "/attention", "/settings"} {
		_, page := v.get(path)
		contains(t, page, "whoever knows the password of "+demo.Mailbox, `href="/connect">Reconnect`, "Nothing is lost")
		if strings.Contains(page, "is well") {
			t.Errorf("%s says that it is well", path)
		}
	}
	v.signIn("accept")
	v.ticket("Meanwhile")
	v.until("/settings", "is well")
}

// EWS is switched off for the tenant: the administrator's commands stand on the page.
func TestBlocked(t *testing.T) {
	w := newWorld(t)
	v, _ := w.connected(nil)
	v.until("/settings", "is well")
	w.tenant.Exchange.Fault(ewstest.Fault{Times: -1, Do: ewstest.Blocked()})
	v.signIn("accept")
	page := v.until("/settings", "cannot be fetched at the moment")
	contains(t, page, "Set-OrganizationConfig -EwsAllowedAppIDs", demo.ClientID)
	contains(t, v.until("/tickets", "cannot be fetched at the moment"), "Set-OrganizationConfig")
	w.tenant.Exchange.ClearFaults()
	v.signIn("accept") // Reconnect does not wait for the next try
	w.deliver("1", "Printer", "It smokes.")
	v.ticket("Printer")
	v.until("/settings", "is well")
}

// What was given up can be seen, and is tried again when it is moved back.
func TestQuarantine(t *testing.T) {
	w := newWorld(t)
	v, _ := w.connected(nil)
	d := v.app.current().desk
	d.stop()
	w.deliver("1", "Bad one", "It smokes.")
	if err := fetcher.Run(t.Context(), d.mailbox, ews.Inbox, &fetcher.Options{Name: d.name, Store: v.app.db.fetched, Once: true,
		Handler: func(context.Context, *ews.Message) error {
			return fetcher.Permanent(errors.New("the disk is full of bugs"))
		}}); err != nil {
		t.Fatal(err)
	}
	d.start()
	contains(t, v.until("/attention", "the disk is full of bugs"), "Bad one", "folder Quarantine", "move them back into the inbox")
	for _, item := range w.tenant.Inbox.Items("Quarantine") {
		if _, err := w.tenant.Inbox.MoveTo(item.ID, "inbox"); err != nil {
			t.Fatal(err)
		}
	}
	v.ticket("Bad one")
	if _, page := v.get("/attention"); strings.Contains(page, "Bad one") {
		t.Error(page)
	}
}

var posting = regexp.MustCompile(`method="post" action="([^"]*)"`)

// Every form of every page is refused when another site sends it.
func TestEveryFormIsProtected(t *testing.T) {
	v, _ := start(t)
	entries, err := files.ReadDir("pages")
	if err != nil {
		t.Fatal(err)
	}
	forms := 0
	for _, e := range entries {
		text, err := files.ReadFile("pages/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range posting.FindAllStringSubmatch(string(text), -1) {
			forms++
			path := regexp.MustCompile(`{{[^}]*}}`).ReplaceAllString(m[1], "1")
			for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
				r, _ := http.NewRequest(http.MethodPost, v.app.base.String()+path, strings.NewReader("text=x"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set(header[0], header[1])
				if status, _ := v.page(v.client.Do(r)); status != http.StatusForbidden {
					t.Errorf("%s with %s: %d", path, header, status)
				}
			}
			if status, page := v.post(path, nil); status == http.StatusMethodNotAllowed || strings.Contains(page, "404 page not found") {
				t.Errorf("%s: %d: the form leads nowhere", path, status)
			}
		}
	}
	if forms != 5 {
		t.Errorf("%d forms", forms)
	}
}
