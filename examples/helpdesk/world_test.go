package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// world is what outlives the program: the tenant, and the folder with settings, tokens and tickets.
type world struct {
	t      *testing.T
	tenant *demo.Tenant
	data   string
	log    *logs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	tenant, err := demo.Start(&demo.Options{Interactive: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tenant.Close)
	return &world{t, tenant, t.TempDir() + "/data", &logs{}}
}

// start starts the program; end is Ctrl-C.
func (w *world) start(change func(*options)) (v *visitor, end func()) {
	w.t.Helper()
	o := options{listen: "127.0.0.1:0", data: w.data, key: strings.Repeat("0123456789abcdef", 4), tenant: w.tenant, log: slog.New(slog.NewTextHandler(w.log, nil))}
	if change != nil {
		change(&o)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan *app, 1), make(chan error, 1)
	go func() { done <- serve(ctx, o, func(a *app) { ready <- a }) }()
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("the program ended with %v", err)
		}
	}
	w.t.Cleanup(end)
	select {
	case a := <-ready:
		return visit(w.t, a), end
	case err := <-done:
		done <- nil
		w.t.Fatalf("the program did not start: %v\n%s", err, w.log)
	}
	return nil, nil
}

// connected starts the program and connects the mailbox.
func (w *world) connected(change func(*options)) (v *visitor, end func()) {
	w.t.Helper()
	v, end = w.start(change)
	if _, page := v.signIn("accept"); !strings.Contains(page, "Connected.") {
		w.t.Fatal(page)
	}
	return v, end
}

// deliver files a mail; headers are further header lines.
func (w *world) deliver(id, subject, body string, headers ...string) {
	w.t.Helper()
	head := append([]string{"From: Ann <ann@example.com>", "To: " + demo.Mailbox, "Subject: " + subject, "Message-ID: <" + id + "@example.com>"}, headers...)
	if _, err := w.tenant.Inbox.Deliver([]byte(strings.Join(head, "\r\n")+"\r\n\r\n"+body+"\r\n"), nil); err != nil {
		w.t.Fatal(err)
	}
}

// patience is long: a busy machine is no failure.
const patience = time.Minute

// until asks for a page until it has the text.
func (v *visitor) until(path, text string) string {
	v.t.Helper()
	var page string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, page = v.get(path); strings.Contains(page, text) {
			return page
		}
	}
	v.t.Fatalf("%s never says %q:\n%s", path, text, page)
	return ""
}

var ticketLink = regexp.MustCompile(`<a href="(/tickets/\d+)">([^<]*)</a>`)

// tickets are the addresses of the tickets in the list by subject. Two of one subject are an error.
func (v *visitor) tickets() map[string]string {
	v.t.Helper()
	_, page := v.get("/tickets")
	found := map[string]string{}
	for _, m := range ticketLink.FindAllStringSubmatch(page, -1) {
		if found[m[2]] != "" {
			v.t.Errorf("two tickets %q", m[2])
		}
		found[m[2]] = m[1]
	}
	return found
}

// ticket waits for the ticket of a subject, and returns its address.
func (v *visitor) ticket(subject string) string {
	v.t.Helper()
	v.until("/tickets", ">"+subject+"</a>")
	return v.tickets()[subject]
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)"`)

// form is the answer form of a ticket's page, filled in.
func (v *visitor) answerForm(ticket, text string) url.Values {
	v.t.Helper()
	_, page := v.get(ticket)
	f := url.Values{"text": {text}}
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		f.Set(m[1], m[2])
	}
	if len(f) != 3 {
		v.t.Fatalf("no form: %s", page)
	}
	return f
}

// counted is how many rows the database's tables have.
func (v *visitor) counted() string {
	v.t.Helper()
	var n [4]int
	if err := v.app.db.QueryRow(`SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM messages), (SELECT count(*) FROM attachments), (SELECT count(*) FROM answers)`).
		Scan(&n[0], &n[1], &n[2], &n[3]); err != nil {
		v.t.Fatal(err)
	}
	return fmt.Sprintf("%d tickets, %d messages, %d attachments, %d answers", n[0], n[1], n[2], n[3])
}
