package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// A shared mailbox that another account opens: its mail becomes tickets, and answers come from its address.
func TestSharedMailbox(t *testing.T) {
	w := newWorld(t)
	const address = "desk@harbour-it.example"
	desk := w.tenant.Exchange.AddMailbox(address)
	desk.Grant(w.tenant.Inbox.Address())
	if _, err := desk.Deliver([]byte("From: ann@example.com\r\nTo: "+address+"\r\nSubject: Printer\r\nMessage-ID: <1@example.com>\r\n\r\nIt smokes.\r\n"), nil); err != nil {
		t.Fatal(err)
	}
	w.deliver("2", "Not for the desk", "Private.")
	v, _ := w.start(nil)
	f := v.form()
	f.Set("mailbox", address)
	f.Set("shared", "1")
	v.post("/settings", f)
	if _, page := v.signIn("accept"); !strings.Contains(page, "Connected.") {
		t.Fatal(page)
	}
	ticket := v.ticket("Printer")
	v.post(ticket+"/answer", v.answerForm(ticket, "Use water."))
	v.until(ticket, "Sent 20")
	if out := w.tenant.Exchange.Outbound(); len(out) != 1 || len(desk.Items("sentitems")) != 1 {
		t.Fatalf("%d mails left, %d copies", len(out), len(desk.Items("sentitems")))
	}
	item := desk.Items("sentitems")[0]
	sameText(t, item.From, address)
	sameText(t, item.InReplyTo, "<1@example.com>")
	sameText(t, v.counted(), "1 tickets, 1 messages, 0 attachments, 1 answers")
}

// Ctrl-C while a message is being fetched, and an answer that was given while nothing was connected: both are there after a restart, once.
func TestStoppedInTheMiddle(t *testing.T) {
	w := newWorld(t)
	_, end := w.connected(nil)
	slow := w.tenant.Exchange.Fault(ewstest.Fault{Op: "GetAttachment", Do: ewstest.Delay(300 * time.Millisecond)})
	w.deliver("1", "Log", withFile, "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="b"`)
	for deadline := time.Now().Add(patience); slow.Hits() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	end()
	v, end := w.start(nil)
	ticket := v.ticket("Log")
	v.post("/disconnect", nil)
	v.post(ticket+"/answer", v.answerForm(ticket, "Use water."))
	v.until(ticket, "it goes out when the mailbox is connected")
	end()
	v, _ = w.start(nil)
	v.until(ticket, "it goes out when the mailbox is connected")
	if n := len(w.tenant.Exchange.Outbound()); n != 0 {
		t.Errorf("%d mails left without a connection", n)
	}
	v.signIn("accept")
	v.until(ticket, "Sent 20")
	w.once(1)
	sameText(t, v.counted(), "1 tickets, 1 messages, 1 attachments, 1 answers")
}
