package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func sameText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

const withFile = "--b\r\nContent-Type: text/html\r\n\r\n<p>See the <b>log</b><script>alert(1)</script></p>\r\n" +
	"--b\r\nContent-Type: text/html; name=\"log <1>.html\"\r\nContent-Disposition: attachment; filename=\"log <1>.html\"\r\n\r\n<script>alert(2)</script>\r\n--b--"

// The main story: mail becomes tickets, its thread stays on one, programs' mail makes none; a restart goes on without a second one.
func TestMailBecomesTickets(t *testing.T) {
	w := newWorld(t)
	if _, err := w.tenant.Inbox.Deliver([]byte("From: ann@example.com\r\nSubject: Years ago\r\n\r\nHello.\r\n"), &ewstest.DeliverOptions{Received: time.Now().Add(-30 * 24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	w.deliver("1", "Printer", "It smokes.")
	v, end := w.connected(nil)
	printer := v.ticket("Printer")
	w.deliver("2", "Re: Printer", "Now it burns.", "In-Reply-To: <1@example.com>", "References: <1@example.com>")
	w.deliver("3", "Out of office", "I am away.", "Auto-Submitted: auto-replied")
	w.deliver("4", "Log", withFile, "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="b"`)
	log := v.ticket("Log")
	contains(t, v.until(printer, "Now it burns."), "It smokes.", "Ann <ann@example.com>")

	// What strangers wrote is text, and what they attached a download.
	resp, err := v.client.Get(v.app.base.String() + log)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if strings.Contains(string(raw), "<script") || strings.Contains(string(raw), "b&gt;log") || !strings.Contains(string(raw), "See the") {
		t.Errorf("%s", raw)
	}
	_, path, _ := strings.Cut(string(raw), `<a href="/attachments/`)
	path, _, _ = strings.Cut(path, `"`)
	if resp, err = v.client.Get(v.app.base.String() + "/attachments/" + path); err != nil {
		t.Fatal(err)
	}
	file, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	sameText(t, strings.TrimSpace(string(file)), "<script>alert(2)</script>")
	sameText(t, resp.Header.Get("Content-Type"), "application/octet-stream")
	sameText(t, resp.Header.Get("Content-Disposition"), `attachment; filename="log <1>.html"`)
	contains(t, resp.Header.Get("Content-Security-Policy"), "sandbox")

	contains(t, v.until("/settings", "1 automatic"), "is well", "3 in tickets")
	end()

	// What arrives meanwhile is there afterwards, and nothing twice.
	w.deliver("5", "Re: Printer", "Water helped.", "In-Reply-To: <2@example.com>", "References: <1@example.com> <2@example.com>")
	v, _ = w.start(nil)
	v.until(printer, "Water helped.")
	w.deliver("6", "Thanks", "Bye.")
	v.ticket("Thanks")
	if got := v.tickets(); len(got) != 3 || got["Printer"] != printer {
		t.Errorf("%v", got)
	}
	sameText(t, v.counted(), "3 tickets, 5 messages, 1 attachments, 0 answers")
	if n := w.tenant.Entra.Counts().Authorize; n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

// Two instances on one folder: one fetches, the other takes over, and each message is one ticket.
func TestTwoInstances(t *testing.T) {
	w := newWorld(t)
	a, end := w.connected(nil)
	b, _ := w.start(nil)
	for i := range 10 {
		w.deliver(fmt.Sprint("a", i), fmt.Sprint("Before ", i), "Help.")
	}
	for i := range 10 {
		a.ticket(fmt.Sprint("Before ", i))
	}
	b.until("/settings", "by another instance")
	end()
	for i := range 10 {
		w.deliver(fmt.Sprint("b", i), fmt.Sprint("After ", i), "Help.")
	}
	for i := range 10 {
		b.ticket(fmt.Sprint("After ", i))
	}
	sameText(t, b.counted(), "20 tickets, 20 messages, 0 attachments, 0 answers")
}

// Disconnect: nothing is asked of Exchange any more, and the token is gone; Connect goes on where it was.
func TestDisconnectStopsTheFetcher(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(nil)
	v.ticket("Printer")
	_, page := v.post("/disconnect", nil)
	contains(t, page, "is not connected")
	before := w.tenant.Exchange.Count("")
	w.deliver("2", "Meanwhile", "Hello?")
	_, page = v.get("/tickets")
	contains(t, page, "no mail is fetched", "Printer")
	if n := w.tenant.Exchange.Count(""); n != before || strings.Contains(page, "Meanwhile") || v.app.current().desk.running() {
		t.Errorf("%d requests after it; %s", n-before, page)
	}
	if status, err := v.app.current().tokens.Status(t.Context()); err != nil || status.SignedIn {
		t.Errorf("the tokens are there: %v", err)
	}
	v.signIn("accept")
	v.ticket("Meanwhile")
	sameText(t, v.counted(), "2 tickets, 2 messages, 0 attachments, 0 answers")
}

// What is one mailbox's is no other's, once the settings name another.
func TestAnotherMailbox(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Log", withFile, "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="b"`)
	v, _ := w.connected(nil)
	ticket := v.ticket("Log")
	answer := v.answerForm(ticket, "x")
	if status, _ := v.get("/attachments/1"); status != 200 {
		t.Fatal(status)
	}
	f := v.form()
	f.Set("mailbox", "other@harbour-it.example")
	if status, page := v.post("/settings", f); status != 200 || !strings.Contains(page, "other@harbour-it.example is not connected") {
		t.Fatal(page)
	}
	if found := v.tickets(); len(found) != 0 {
		t.Errorf("%v", found)
	}
	for _, path := range []string{ticket, "/attachments/1"} {
		if status, _ := v.get(path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := v.post(ticket+"/answer", answer); status != 404 {
		t.Errorf("an answer: %d", status)
	}
	sameText(t, v.counted(), "1 tickets, 1 messages, 1 attachments, 0 answers")
}
