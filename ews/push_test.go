package ews_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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

type pushCall struct {
	ID     string
	Events []ews.Event
}

// pushCase is a request, and what is to become of it.
type pushCase struct {
	handler *ews.PushHandler
	fail    error // of Notify
	method  string
	url     string
	body    string
	status  int
	answer  string
	calls   []pushCall
}

func pushCases() map[string]pushCase {
	event := pushed(`<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:PreviousWatermark>W1</t:PreviousWatermark><t:MoreEvents>false</t:MoreEvents>` +
		`<t:NewMailEvent><t:Watermark>W2</t:Watermark><t:TimeStamp>2026-11-23T08:00:00Z</t:TimeStamp><t:ItemId Id="I1" ChangeKey="K1"/><t:ParentFolderId Id="F1" ChangeKey="K2"/></t:NewMailEvent></m:Notification>`)
	status := pushed(`<m:Notification><t:SubscriptionId>S1</t:SubscriptionId><t:StatusEvent><t:Watermark>W2</t:Watermark></t:StatusEvent></m:Notification>`)
	theEvent := ews.Event{Type: ews.EventNewMail, Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), SubscriptionID: "S1", Watermark: "W2",
		Item: ews.ItemID{ID: "I1", ChangeKey: "K1"}, Parent: ews.FolderID{ID: "F1", ChangeKey: "K2"}}
	k := func() *ews.PushHandler { return &ews.PushHandler{Key: "k"} }
	called := []pushCall{{"S1", []ews.Event{theEvent}}}
	only := func(id string) *ews.PushHandler {
		return &ews.PushHandler{Key: "k", Accept: func(_ context.Context, asked string) bool { return asked == id }}
	}
	return map[string]pushCase{
		"event":           {k(), nil, "POST", "/?key=k", event, 200, "OK", called},
		"status":          {k(), nil, "POST", "/?key=k&x=1", status, 200, "OK", []pushCall{{"S1", []ews.Event{}}}},
		"wanted":          {only("S1"), nil, "POST", "/?key=k", event, 200, "OK", called},
		"unwanted":        {only("S2"), nil, "POST", "/?key=k", event, 200, "Unsubscribe", nil},
		"wrong key":       {k(), nil, "POST", "/?key=K", event, 404, "", nil},
		"no key":          {k(), nil, "POST", "/", event, 404, "", nil},
		"key not set":     {&ews.PushHandler{}, nil, "POST", "/?key=", event, 404, "", nil},
		"get":             {k(), nil, "GET", "/?key=k", event, 405, "", nil},
		"too large":       {&ews.PushHandler{Key: "k", MaxBytes: 100}, nil, "POST", "/?key=k", event, 400, "", nil},
		"cut":             {k(), nil, "POST", "/?key=k", event[:len(event)-5], 400, "", nil},
		"other operation": {k(), nil, "POST", "/?key=k", strings.ReplaceAll(event, "SendNotification", "GetEvents"), 400, "", nil},
		"no xml":          {k(), nil, "POST", "/?key=k", "{}", 400, "", nil},
		"dtd":             {k(), nil, "POST", "/?key=k", `<!DOCTYPE a [<!ENTITY b "c">]>` + event, 400, "", nil},
		"notify fails":    {k(), errors.New("secret"), "POST", "/?key=k", event, 503, "", called},
	}
}

// diff says how a handler deals with the request in another way.
func (tc *pushCase) diff(t *testing.T, mutant func(*ews.PushHandler) http.Handler) string {
	var calls []pushCall
	tc.handler.Notify = func(_ context.Context, id string, events []ews.Event) error {
		calls = append(calls, pushCall{id, events})
		return tc.fail
	}
	w := httptest.NewRecorder()
	mutant(tc.handler).ServeHTTP(w, httptest.NewRequest(tc.method, tc.url, strings.NewReader(tc.body)))
	require.NotContains(t, w.Body.String(), "secret")
	answer := ""
	if w.Code == http.StatusOK {
		answer = subscriptionStatus(t, w.Body.String())
	}
	return cmp.Diff([]any{tc.status, tc.answer, tc.calls}, []any{w.Code, answer, calls}, cmp.AllowUnexported(ews.Event{}),
		cmp.Comparer(func(a, b *ews.Mailbox) bool { return a == b }))
}

func TestPushHandler(t *testing.T) {
	for name, tc := range pushCases() {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, tc.diff(t, func(h *ews.PushHandler) http.Handler { return h }))
		})
	}
	t.Run("recorded answer", func(t *testing.T) { // reads as ours does
		recorded := readFile(t, shared(t, "fixtures", "recorded-py", "sync.push_message_responses-2.xml"))
		require.Equal(t, "Unsubscribe", subscriptionStatus(t, recorded))
	})
}

// TestPushHandlerMutants: a handler without one of its guards deals in another way with the request that the guard is for, and with no
// other.
func TestPushHandlerMutants(t *testing.T) {
	before := func(change func(h *ews.PushHandler, r *http.Request)) func(*ews.PushHandler) http.Handler {
		return func(h *ews.PushHandler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				change(h, r)
				h.ServeHTTP(w, r)
			})
		}
	}
	for name, m := range map[string]struct {
		mutant func(*ews.PushHandler) http.Handler
		seen   []string
	}{
		"does not ask Accept": {before(func(h *ews.PushHandler, _ *http.Request) { h.Accept = nil }), []string{"unwanted"}},
		"asks about no subscription": {before(func(h *ews.PushHandler, _ *http.Request) {
			if accept := h.Accept; accept != nil {
				h.Accept = func(ctx context.Context, _ string) bool { return accept(ctx, "") }
			}
		}), []string{"wanted"}},
		"does not compare the key": {before(func(h *ews.PushHandler, r *http.Request) { r.URL.RawQuery = "key=" + h.Key }), []string{"no key", "wrong key"}},
		"takes the empty key for a key": {before(func(h *ews.PushHandler, r *http.Request) {
			if h.Key == "" && r.URL.Query().Get("key") == "" {
				h.Key, r.URL.RawQuery = "any", "key=any"
			}
		}), []string{"key not set"}},
		"any method": {before(func(_ *ews.PushHandler, r *http.Request) { r.Method = "POST" }), []string{"get"}},
		"any size":   {before(func(h *ews.PushHandler, _ *http.Request) { h.MaxBytes = -1 }), []string{"too large"}},
		"takes the cut for whole": {before(func(_ *ews.PushHandler, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			if i := strings.LastIndex(string(raw), "</s:Env"); i >= 0 {
				raw = append(raw[:i], "</s:Envelope>"...)
			}
			r.Body = io.NopCloser(strings.NewReader(string(raw)))
		}), []string{"cut"}},
		"swallows Notify's error": {before(func(h *ews.PushHandler, _ *http.Request) {
			notify := h.Notify
			h.Notify = func(ctx context.Context, id string, events []ews.Event) error {
				_ = notify(ctx, id, events)
				return nil
			}
		}), []string{"notify fails"}},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			for name, tc := range pushCases() {
				if tc.diff(t, m.mutant) != "" {
					seen = append(seen, name)
				}
			}
			slices.Sort(seen)
			require.Equal(t, m.seen, seen)
		})
	}
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
