package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// What is done in one instance, another one on the same store follows: a sign-in, a disconnect, a new sign-in, other settings.
func TestInstancesFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, endFirst := w.start(nil)
	second, _ := w.start(nil)
	for _, v := range []*visitor{first, second} {
		if _, page := v.get("/tickets"); !strings.Contains(page, "is not connected") {
			t.Fatal(page)
		}
	}
	first.signIn("accept")
	second.until("/", "Connected.")
	second.until("/settings", "<dt>Mail is fetched</dt><dd>by another instance")
	second.post("/disconnect", nil)
	first.until("/tickets", "is not connected: no mail is fetched or sent")
	w.deliver("1", "Printer", "It smokes.")
	if n := w.tenant.Exchange.Count("GetItem"); n != 0 {
		t.Errorf("%d messages were read without a sign-in", n)
	}
	second.signIn("accept")
	ticket := first.ticket("Printer")

	// The second one goes on alone: it has the work, whoever was signed in at.
	endFirst()
	w.deliver("2", "Scanner", "It hums.")
	second.ticket("Scanner")
	second.post(ticket+"/answer", second.answerForm(ticket, "Use water."))
	second.until(ticket, "Sent 20")
	w.once(1)
	sameText(t, second.counted(), "2 tickets, 2 messages, 0 attachments, 1 answers")
}

// Settings that are saved in one instance count in the other, for those who sign in there and for those who save next.
func TestInstancesFollowSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tenant.Exchange.AddMailbox("desk@harbour-it.example").Grant(demo.Mailbox)
	first, _ := w.start(nil)
	second, _ := w.start(nil)
	first.signIn("accept")
	second.until("/", "Connected.")
	save := func(v *visitor, change func(url.Values)) (int, string) {
		f := v.form()
		change(f)
		return v.post("/settings", f)
	}
	save(first, func(f url.Values) { f.Set("mailbox", "desk@harbour-it.example"); f.Set("shared", "1") })
	second.until("/", "desk@harbour-it.example is not connected")
	if status, page := save(second, func(f url.Values) { f.Set("mailbox", demo.Mailbox) }); status != 200 || !strings.Contains(page, "Connected.") {
		t.Errorf("the second one cannot save: %d %s", status, page)
	}
	first.until("/", "Connected.")
}
