package ews_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
)

// The envelopes of a stream are read into the same memory. What one says does not show in a later one that says less, or about another
// subscription, and events that were handed out stay as they were.
func TestStreamEnvelopesAreApart(t *testing.T) {
	note := func(sub string, events ...string) string {
		if sub != "" {
			sub = "<t:SubscriptionId>" + sub + "</t:SubscriptionId>"
		}
		return "<m:Notification>" + sub + strings.Join(events, "") + "</m:Notification>"
	}
	moved := func(id string) string {
		return `<t:MovedEvent><t:Watermark>W</t:Watermark><t:TimeStamp>2026-01-16T04:31:29Z</t:TimeStamp><t:ItemId Id="` + id + `" ChangeKey="K"/>` +
			`<t:ParentFolderId Id="F" ChangeKey="K"/><t:OldItemId Id="O"/><t:OldParentFolderId Id="P"/></t:MovedEvent>`
	}
	bare := func(id string) string { return `<t:DeletedEvent><t:ItemId Id="` + id + `"/></t:DeletedEvent>` }
	many := func(n int) (all string) {
		for i := range n {
			all += note("S1", bare(fmt.Sprint("m", i)))
		}
		return all
	}
	var stream strings.Builder
	for _, notes := range []string{
		note("S1", moved("a"), moved("b"), moved("c")) + note("S2", moved("d")),
		note("S2", bare("e")), // less, and about the other one
		note("", bare("f")),   // about none
		note("S1") + note("S2", bare("g")) + note("S1", bare("h"), bare("i")), // empty, then more of them
		many(200), // more than is kept
		note("S2", bare("j")),
	} {
		stream.WriteString(streamEnvelope("OK", "<m:Notifications>"+notes+"</m:Notifications>"))
	}
	server := &streamServer{streams: []func(context.Context) io.Reader{text(stream.String()), open}}
	c, err := ews.NewClient(ews.Config{Endpoint: "https://mail.example.com/EWS/Exchange.asmx", Token: &tokens{}, HTTPClient: &http.Client{Transport: server}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, b := c.Shared("a@example.com"), c.Shared("b@example.com")
	want := []string{"a S1 a F O", "b S1 a F O", "c S1 a F O", "d S2 b F O", "e S2 b  ", "f  -  ", "g S2 b  ", "h S1 a  ", "i S1 a  "}
	for i := range 200 {
		want = append(want, fmt.Sprintf("m%d S1 a  ", i))
	}
	want = append(want, "j S2 b  ")
	var all []ews.Event
	for e, err := range c.Events(t.Context(), []*ews.Mailbox{a, b}, &ews.EventsOptions{SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox}}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Item.ID == "" {
			continue
		}
		if all = append(all, e); len(all) == len(want) {
			break
		}
	}
	var got []string
	for _, e := range all {
		box := "-"
		if e.Mailbox != nil {
			box = e.Mailbox.Address()[:1]
		}
		got = append(got, strings.Join([]string{e.Item.ID, e.SubscriptionID, box, e.Parent.ID, e.OldItem.ID}, " "))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
