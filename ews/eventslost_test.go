package ews_test

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestStreamNamesTheDead: of a group's subscriptions only those are replaced that Exchange says it has lost, or all when it does not say
// which; on opening the stream as in the middle of it.
func TestStreamNamesTheDead(t *testing.T) {
	lost := func(ids string) string {
		return strings.ReplaceAll(messages(errMessage("ErrorSubscriptionNotFound", ids)), "GetItem", "GetStreamingEvents")
	}
	one := `<m:ErrorSubscriptionIds><m:SubscriptionId>S2</m:SubscriptionId></m:ErrorSubscriptionIds>`
	tests := map[string]struct {
		stream string
		again  []string // mailboxes that are subscribed anew
		ids    string   // of the second stream
	}{
		"one, at once":     {lost(one), []string{"two@"}, "S1 S4 S3"},
		"one, later":       {streamEnvelope("OK", "") + lost(one), []string{"two@"}, "S1 S4 S3"},
		"without a name":   {lost(""), []string{"one@", "two@", "three@"}, "S4 S5 S6"},
		"one that we lack": {lost(strings.ReplaceAll(one, "S2", "S9")), []string{"one@", "two@", "three@"}, "S4 S5 S6"},
		"later, no name":   {streamEnvelope("OK", "") + lost(""), []string{"one@", "two@", "three@"}, "S4 S5 S6"},
		"one, as success":  {streamEnvelope("OK", one), []string{"two@"}, "S1 S4 S3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			again, second := resubscribed(t, tc.stream, "")
			require.Equal(t, tc.again, again)
			require.Equal(t, strings.Fields(tc.ids), second)
		})
	}
	for guard, names := range map[string][]string{
		"names of the lost":     {"one, at once", "one, later", "one, as success"},
		"loss of subscriptions": {"one, at once", "one, later", "one, as success", "without a name", "later, no name"},
	} {
		for _, name := range names {
			t.Run("without "+guard+": "+name, func(t *testing.T) {
				again, second := resubscribed(t, tests[name].stream, guard)
				require.NotEqual(t, tests[name].again, again, "nobody noticed")
				require.NotEqual(t, strings.Fields(tests[name].ids), second, "nobody noticed")
			})
		}
	}
}

var subscriptionIDs = regexp.MustCompile(`<t:SubscriptionId>(.*?)</t:SubscriptionId>`)

// resubscribed tells which of three mailboxes are subscribed anew after a stream, and the subscriptions of the next one.
func resubscribed(t *testing.T, stream, guard string) (again, second []string) {
	synctest.Test(t, func(t *testing.T) {
		srv := &streamServer{streams: []func(context.Context) io.Reader{text(stream), open}}
		c := newClient(t, srv, nil)
		boxes := []*ews.Mailbox{c.Impersonate("one@example.com"), c.Impersonate("two@example.com"), c.Impersonate("three@example.com")}
		told := false
		for e, err := range c.BrokenEvents(t.Context(), boxes, *inboxOnly, guard) {
			require.NoError(t, err)
			if e.Type == ews.EventDisconnected {
				require.ErrorIs(t, e.Err, ews.ErrSubscriptionLost)
				told = true
			}
			if e.Type == ews.EventConnected && srv.count("GetStreamingEvents") == 2 {
				break
			}
		}
		require.True(t, told)
		for i, op := range srv.ops {
			switch {
			case op == "Subscribe" && i >= 3:
				for _, m := range []string{"one@", "two@", "three@"} {
					if strings.Contains(srv.bodies[i], m) {
						again = append(again, m)
					}
				}
			case op == "GetStreamingEvents":
				second = nil
				for _, id := range subscriptionIDs.FindAllStringSubmatch(srv.bodies[i], -1) {
					second = append(second, id[1])
				}
			}
		}
	})
	return again, second
}
