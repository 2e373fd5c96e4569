package ews_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// TestPush: Exchange posts, the handler rings, and ends the subscription when it is no longer wanted.
func TestPush(t *testing.T) {
	var mu sync.Mutex
	var got []string
	wanted := true
	arrived := make(chan struct{}, 100)
	fail := 1
	h := &ews.PushHandler{Key: "s3cret",
		Accept: func(_ context.Context, id string) bool { mu.Lock(); defer mu.Unlock(); return wanted && id != "" },
		Notify: func(_ context.Context, _ string, events []ews.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if fail--; fail == 0 {
				return errors.New("not yet") // it must come again
			}
			for _, e := range events {
				got = append(got, e.Item.ID)
				arrived <- struct{}{}
			}
			return nil
		}}
	app := httptest.NewServer(h)
	defer app.Close()
	srv, box, m := newMailbox(t, &ewstest.Options{PushClient: app.Client()})
	sub, err := m.SubscribePush(t.Context(), &ews.PushOptions{URL: app.URL + "/ews?key=s3cret", StatusFrequency: time.Minute,
		SubscribeOptions: ews.SubscribeOptions{Folders: []ews.FolderRef{ews.Inbox}, Types: []ews.EventType{ews.EventNewMail}}})
	require.NoError(t, err)
	require.NotEmpty(t, sub.ID)
	a := deliver(t, box, "Subject: a\n\n", nil).ID
	<-arrived
	b := deliver(t, box, "Subject: b\n\n", nil).ID
	<-arrived
	mu.Lock()
	require.Equal(t, []string{a, b}, got)
	wanted = false
	mu.Unlock()
	deliver(t, box, "Subject: c\n\n", nil)
	require.Eventually(t, func() bool {
		var lost *ews.Error
		for _, err := range m.Pull(t.Context(), sub) { // any request about it tells whether it lives
			return errors.As(err, &lost) && lost.Code == "ErrorSubscriptionNotFound"
		}
		return false
	}, 20*time.Second, 10*time.Millisecond)
	_ = srv

	_, err = m.SubscribePush(t.Context(), &ews.PushOptions{URL: "app.example.com"})
	require.ErrorContains(t, err, "PushOptions.URL")
}

func pushed(content string) string {
	return envelope(`<m:SendNotification><m:ResponseMessages><m:SendNotificationResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
		content + `</m:SendNotificationResponseMessage></m:ResponseMessages></m:SendNotification>`)
}

func TestPushHandler(t *testing.T) {
	event := pushed(`<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:PreviousWatermark>W1</t:PreviousWatermark><t:MoreEvents>false</t:MoreEvents>` +
		`<t:NewMailEvent><t:Watermark>W2</t:Watermark><t:TimeStamp>2026-11-23T08:00:00Z</t:TimeStamp><t:ItemId Id="I1" ChangeKey="K1"/><t:ParentFolderId Id="F1" ChangeKey="K2"/></t:NewMailEvent></m:Notification>`)
	status := pushed(`<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:StatusEvent><t:Watermark>W2</t:Watermark></t:StatusEvent></m:Notification>`)
	type call struct {
		ID     string
		Events []ews.Event
	}
	theEvent := ews.Event{Type: ews.EventNewMail, Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), SubscriptionID: "S1", Watermark: "W2",
		Item: ews.ItemID{ID: "I1", ChangeKey: "K1"}, Parent: ews.FolderID{ID: "F1", ChangeKey: "K2"}}
	tests := map[string]struct {
		handler *ews.PushHandler
		method  string
		url     string
		body    string
		status  int
		answer  string
		calls   []call
	}{
		"event":           {&ews.PushHandler{Key: "k"}, "POST", "/?key=k", event, 200, "OK", []call{{"S1", []ews.Event{theEvent}}}},
		"status":          {&ews.PushHandler{Key: "k"}, "POST", "/?key=k&x=1", status, 200, "OK", []call{{"S1", []ews.Event{}}}},
		"unwanted":        {&ews.PushHandler{Key: "k", Accept: func(context.Context, string) bool { return false }}, "POST", "/?key=k", event, 200, "Unsubscribe", nil},
		"wrong key":       {&ews.PushHandler{Key: "k"}, "POST", "/?key=K", event, 404, "", nil},
		"no key":          {&ews.PushHandler{Key: "k"}, "POST", "/", event, 404, "", nil},
		"key not set":     {&ews.PushHandler{}, "POST", "/?key=", event, 404, "", nil},
		"get":             {&ews.PushHandler{Key: "k"}, "GET", "/?key=k", "", 405, "", nil},
		"too large":       {&ews.PushHandler{Key: "k", MaxBytes: 100}, "POST", "/?key=k", event, 400, "", nil},
		"cut":             {&ews.PushHandler{Key: "k"}, "POST", "/?key=k", event[:len(event)-5], 400, "", nil},
		"other operation": {&ews.PushHandler{Key: "k"}, "POST", "/?key=k", strings.ReplaceAll(event, "SendNotification", "GetEvents"), 400, "", nil},
		"no xml":          {&ews.PushHandler{Key: "k"}, "POST", "/?key=k", "{}", 400, "", nil},
		"dtd":             {&ews.PushHandler{Key: "k"}, "POST", "/?key=k", `<!DOCTYPE a [<!ENTITY b "c">]>` + event, 400, "", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var calls []call
			tc.handler.Notify = func(_ context.Context, id string, events []ews.Event) error {
				calls = append(calls, call{id, events})
				return nil
			}
			w := httptest.NewRecorder()
			tc.handler.ServeHTTP(w, httptest.NewRequest(tc.method, tc.url, strings.NewReader(tc.body)))
			require.Equal(t, tc.status, w.Code)
			if d := cmp.Diff(tc.calls, calls, cmp.AllowUnexported(ews.Event{}), cmp.Comparer(func(a, b *ews.Mailbox) bool { return a == b })); d != "" {
				t.Error(d)
			}
			if tc.status == http.StatusOK {
				require.Equal(t, tc.answer, subscriptionStatus(t, w.Body.String()))
			}
		})
	}
	t.Run("notify fails", func(t *testing.T) {
		h := &ews.PushHandler{Key: "k", Notify: func(context.Context, string, []ews.Event) error { return errors.New("secret") }}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/?key=k", strings.NewReader(event)))
		require.Equal(t, 503, w.Code)
		require.NotContains(t, w.Body.String(), "secret")
	})
	t.Run("recorded answer", func(t *testing.T) { // reads as ours does
		recorded := readFile(t, shared(t, "fixtures", "recorded-py", "sync.push_message_responses-2.xml"))
		require.Equal(t, "Unsubscribe", subscriptionStatus(t, recorded))
	})
}

func subscriptionStatus(t *testing.T, answer string) string {
	t.Helper()
	var v struct {
		XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
		Status  string   `xml:"Body>SendNotificationResult>SubscriptionStatus"`
	}
	require.NoError(t, xml.Unmarshal([]byte(answer), &v))
	return v.Status
}

func FuzzPush(f *testing.F) {
	f.Add(pushed(`<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:StatusEvent/></m:Notification>`))
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		n := 0
		h := &ews.PushHandler{Key: "k", Notify: func(_ context.Context, id string, _ []ews.Event) error {
			if n++; id == "" {
				return fmt.Errorf("no id")
			}
			return nil
		}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/?key=k", io.LimitReader(strings.NewReader(body), 1<<20)))
		if (w.Code == 200) != (n > 0) {
			t.Errorf("status %d after %d notifications", w.Code, n)
		}
	})
}
