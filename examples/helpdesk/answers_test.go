package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/examples/internal/demo"
)

// once checks that exactly one mail left, and that its copy lies in Sent Items, if it is to be there.
func (w *world) once(copies int) ewstest.Outbound {
	w.t.Helper()
	out := w.tenant.Exchange.Outbound()
	if len(out) != 1 || len(w.tenant.Inbox.Items("sentitems")) != copies {
		w.t.Fatalf("%d mails left, %d copies in Sent Items", len(out), len(w.tenant.Inbox.Items("sentitems")))
	}
	w.tenant.Inbox.AssertEmpty(w.t, "drafts")
	return out[0]
}

// An answer goes out once, to whom the message came from and in its thread, however often the form is sent.
func TestAnswer(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(nil)
	ticket := v.ticket("Printer")
	w.deliver("2", "Re: Printer", "Now it burns.", "In-Reply-To: <1@example.com>", "References: <1@example.com>")
	v.until(ticket, "Now it burns.")
	f := v.answerForm(ticket, "Use <water>.\r\nOr\x01sand.")
	for range 2 { // a double click
		if _, page := v.post(ticket+"/answer", f); !strings.Contains(page, "Use <water>.") {
			t.Error(page)
		}
	}
	page := v.until(ticket, "Sent 20")
	if n := strings.Count(page, "Use <water>."); n != 1 {
		t.Errorf("the answer is shown %d times", n)
	}
	sent := w.once(1)
	sameText(t, strings.Join(sent.To, " "), "ann@example.com")
	item := w.tenant.Inbox.Items("sentitems")[0]
	sameText(t, item.InReplyTo, "<2@example.com>")
	sameText(t, item.Subject, "[#1] Printer")
	contains(t, item.Text, "Use <water>.", "Orsand.")
	sameText(t, v.counted(), "1 tickets, 2 messages, 0 attachments, 1 answers")

	// What the customer answers to it comes to the same ticket.
	w.deliver("3", "Re: [#1] Printer", "That helped.", "In-Reply-To: "+item.InternetMessageID, "References: <1@example.com> <2@example.com> "+item.InternetMessageID)
	v.until(ticket, "That helped.")

	for text, want := range map[string]int{" \n": 422, "x": 404} {
		f := v.answerForm(ticket, text)
		to := ticket
		if want == 404 {
			to = "/tickets/99"
		}
		if status, _ := v.post(to+"/answer", f); status != want {
			t.Errorf("%q to %s: %d", text, to, status)
		}
	}
	sameText(t, v.counted(), "1 tickets, 3 messages, 0 attachments, 1 answers")
}

// An answer longer than the form may be is refused as that, and not as an empty one.
func TestAnswerTooLong(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(nil)
	ticket := v.ticket("Printer")
	f := v.answerForm(ticket, strings.Repeat("water ", 20_000))
	r := httptest.NewRequest(http.MethodPost, v.app.base.String()+ticket+"/answer", strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	page := httptest.NewRecorder()
	v.app.routes().ServeHTTP(page, r)
	if page.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d", page.Code)
	}
	contains(t, page.Body.String(), "shorten it", "Nothing was sent")
	sameText(t, v.counted(), "1 tickets, 1 messages, 0 attachments, 0 answers")
}

// The answer to the sending request is lost after the mail went out: it is found, and not sent again.
func TestLostAnswerIsSentOnce(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(nil)
	ticket := v.ticket("Printer")
	lost := w.tenant.Exchange.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.CutAfter()})
	v.post(ticket+"/answer", v.answerForm(ticket, "Use water."))
	v.until(ticket, "Sent 20")
	w.once(1)
	if lost.Hits() != 1 {
		t.Errorf("%d answers were lost", lost.Hits())
	}
}

const nothingFound = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<m:FindItemResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
<m:RootFolder IndexedPagingOffset="0" TotalItemsInView="0" IncludesLastItemInRange="true"><t:Items/></m:RootFolder>
</m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>`

// Nobody can tell whether it went out: the page says so, and what to do. Nothing is sent until a person decides.
func TestUnknownWaitsForAPerson(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(func(o *options) { o.settle, o.retry.BaseDelay = 500*time.Millisecond, 20*time.Millisecond })
	ticket := v.ticket("Printer")
	w.tenant.Exchange.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.CutAfter()})
	// A rule has moved the sent copy, or a person.
	seen := make(chan struct{})
	hidden := w.tenant.Exchange.Fault(ewstest.Fault{Op: "FindItem", Times: -1, Do: ewstest.Raw(200, http.Header{"Content-Type": {"text/xml; charset=utf-8"}}, []byte(nothingFound)),
		Match: func(*ewstest.Request) bool { // it stays open until the page has been looked at
			select {
			case <-seen:
			case <-time.After(patience):
			}
			return true
		}})
	v.post(ticket+"/answer", v.answerForm(ticket, "Use water."))
	v.until(ticket, "Being sent.")
	close(seen)
	page := v.until(ticket, "Unknown: it may have gone out.")
	contains(t, page, "Ask the recipient", "Send again", "Settle")
	contains(t, v.until("/attention", "Ticket #1"), "Unknown: it may have gone out.")
	w.once(1)
	hidden.Remove()

	_, mail, _ := strings.Cut(page, `action="/answers/`)
	mail, _, _ = strings.Cut(mail, "/")
	_, page = v.post("/answers/"+mail+"/settle", nil)
	contains(t, page, "Settled by a person when it was unknown")
	if status, _ := v.post("/answers/"+mail+"/again", nil); status != 404 {
		t.Errorf("a settled answer is sent again: %d", status)
	}
	w.once(1)
}

// An answer that Exchange refuses waits for a person, and goes out when the cause is gone.
func TestFailedIsSentAgainByAPerson(t *testing.T) {
	w := newWorld(t)
	w.deliver("1", "Printer", "It smokes.")
	v, _ := w.connected(nil)
	ticket := v.ticket("Printer")
	w.tenant.Exchange.Fault(ewstest.Fault{Op: "SendItem", Do: ewstest.ResponseError("ErrorSendAsDenied", "")})
	v.post(ticket+"/answer", v.answerForm(ticket, "Use water."))
	page := v.until(ticket, "Not sent, and not tried any more")
	_, mail, _ := strings.Cut(page, `action="/answers/`)
	mail, _, _ = strings.Cut(mail, "/")
	v.post("/answers/"+mail+"/again", nil)
	v.until(ticket, "Sent 20")
	w.once(1)
	if status, _ := v.post("/answers/"+mail+"/again", nil); status != 422 {
		t.Errorf("what was sent is sent again: %d", status)
	}
	w.once(1)
	if strings.Contains(v.seen.String(), demo.ClientSecret) {
		t.Error("the secret stands in a page")
	}
}
