package ews_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func sampleAnswer(t *testing.T, name string) *ews.Mailbox {
	t.Helper()
	rt := &script{answers: []answer{reply(200, readFile(t, filepath.Join(shared(t, "samples"), name)))}}
	return newClient(t, rt, nil).Own()
}

func conversations(t *testing.T, m *ews.Mailbox, q *ews.ConversationQuery) []*ews.Conversation {
	t.Helper()
	var list []*ews.Conversation
	for c, err := range m.Conversations(t.Context(), ews.Inbox, q) {
		require.NoError(t, err)
		list = append(list, c)
	}
	return list
}

func TestConversationSamples(t *testing.T) {
	at := time.Date(2014, 2, 18, 20, 42, 26, 0, time.UTC)
	items := []ews.ItemID{{ID: "sVCyAAA=", ChangeKey: "CQAAAA=="}}
	want := []*ews.Conversation{{ID: "aO2NM+Q=", Topic: "Today's top news headlines", Messages: 1, Unread: 1, Size: 9330, Items: items,
		Recipients: []string{"Sadie Daniels"}, Senders: []string{"Ronnie Sturgis"}, UnreadSenders: []string{"Ronnie Sturgis"}, LastDelivery: at,
		Classes: []string{"IPM.Note"}, AllMessages: 1, AllUnread: 1, AllItems: items, AllLastDelivery: at, Modified: at, InstanceKey: "AQAAAAAAAQABAAAACbFYggAAAAA="}}
	if d := cmp.Diff(want, conversations(t, sampleAnswer(t, "FindConversation-1.response.xml"), nil)); d != "" {
		t.Error(d)
	}

	nodes, err := sampleAnswer(t, "GetConversationItems-1.response.xml").ConversationItems(t.Context(), "LUQFH6Q=", nil)
	require.NoError(t, err)
	require.Len(t, nodes, 6)
	require.Contains(t, nodes[0].InternetMessageID, "994051d7c1a346efbfce8dec2cbad509")
	require.Equal(t, nodes[0].Parent, nodes[1].InternetMessageID)
	require.Equal(t, &ews.Message{Kind: "Message", ID: ews.ItemID{ID: "AYB1NAAA=", ChangeKey: "CQAAABYAAAD/oydcA+SPQZGbKWNyvNIZAAAAYCHq"},
		Subject: "RE: Review Proposal for Tailspin Toys", Received: time.Date(2014, 1, 2, 13, 15, 0, 0, time.UTC)}, nodes[0].Copies[0])

	require.NoError(t, sampleAnswer(t, "ApplyConversationAction-2.response.xml").ApplyToConversations(t.Context(), ews.ReadConversation{Read: true}, nil, "C1"))
	for _, err := range sampleAnswer(t, "FindConversation-3.response.xml").Conversations(t.Context(), ews.Inbox, nil) {
		require.ErrorIs(t, err, ews.ErrInvalidRequest)
	}
}

// talk delivers conversations of two messages each: a question, and an answer to it.
func talk(t *testing.T, box *ewstest.Mailbox, n int) {
	t.Helper()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 2 * n {
		reply := ""
		if i >= n {
			reply = fmt.Sprintf("In-Reply-To: <%d@x>\nImportance: high\n", i-n)
		}
		deliver(t, box, fmt.Sprintf("From: User %d <u%d@example.org>\nTo: Help <support@example.com>\nMessage-ID: <%d@x>\nSubject: %sTopic %d\n%s\ntext\n", i, i, i, strings.Repeat("Re: ", i/n), i%n, reply),
			&ewstest.DeliverOptions{Received: at.Add(time.Duration(i) * time.Hour), Read: i%2 == 0})
	}
}

func TestConversations(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	box.AddFolder("done")
	talk(t, box, 3)
	first := box.Items("inbox")[0]
	_, err := box.MoveTo(first.ID, "done")
	require.NoError(t, err)

	list := conversations(t, m, nil)
	topics := func(list []*ews.Conversation) (out string) {
		for _, c := range list {
			out += c.Topic[len(c.Topic)-1:]
		}
		return out
	}
	require.Equal(t, "210", topics(list))
	at := func(hour int) time.Time { return time.Date(2026, 11, 1, hour, 0, 0, 0, time.UTC) }
	want := &ews.Conversation{ID: list[2].ID, Topic: "Topic 0", Messages: 1, Unread: 1, Recipients: []string{"Help"}, Senders: []string{"User 3"}, UnreadSenders: []string{"User 3"},
		LastDelivery: at(3), Classes: []string{"IPM.Note"}, Importance: ews.HighImportance, AllMessages: 2, AllUnread: 1, AllLastDelivery: at(3)}
	if d := cmp.Diff(want, list[2], cmpopts.IgnoreFields(ews.Conversation{}, "Items", "AllItems", "Size", "Modified", "InstanceKey")); d != "" {
		t.Error(d)
	}
	require.Len(t, list[2].Items, 1)
	require.Len(t, list[2].AllItems, 2)
	require.Positive(t, list[2].Size)

	require.Equal(t, "012", topics(conversations(t, m, &ews.ConversationQuery{OldestFirst: true, PageSize: 2})))
	require.Equal(t, "2", topics(conversations(t, m, &ews.ConversationQuery{Limit: 1})))
	require.Equal(t, "1", topics(conversations(t, m, &ews.ConversationQuery{Search: `subject:"topic 1"`})))
	require.NoError(t, m.SetRead(t.Context(), true, list[0].Items...))
	require.Equal(t, "10", topics(conversations(t, m, &ews.ConversationQuery{Filter: ews.UnreadConversations})))
	require.Equal(t, "210", topics(conversations(t, m, &ews.ConversationQuery{Filter: ews.ConversationsToMe})))
	require.Empty(t, conversations(t, m, &ews.ConversationQuery{Filter: ews.FlaggedConversations}))
	for _, q := range []*ews.ConversationQuery{{Filter: "x"}, {Search: "\x01"}} {
		for _, err := range m.Conversations(t.Context(), ews.Inbox, q) {
			require.ErrorIs(t, err, ews.ErrInvalidRequest)
		}
	}

	nodes, err := m.ConversationItems(t.Context(), list[2].ID, nil)
	require.NoError(t, err)
	require.Len(t, nodes, 2)
	require.Equal(t, "<0@x>", nodes[0].InternetMessageID)
	require.Equal(t, "<0@x>", nodes[1].Parent)
	require.Equal(t, "text\r\n", nodes[1].Copies[0].Body.Text)
	nodes, err = m.ConversationItems(t.Context(), list[2].ID, &ews.ThreadOptions{NewestFirst: true, Limit: 1, Query: &ews.Query{Detail: ews.WithoutBody}})
	require.NoError(t, err)
	require.Equal(t, []string{"<3@x>", ""}, []string{nodes[0].InternetMessageID, nodes[0].Copies[0].Body.Text})
	done, _ := box.Folder("done")
	nodes, err = m.ConversationItems(t.Context(), list[2].ID, &ews.ThreadOptions{Ignore: []ews.FolderRef{ews.FolderID{ID: done.ID}}})
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	_, err = m.ConversationItems(t.Context(), "", nil)
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	_, err = m.ConversationItems(t.Context(), "AAAA", nil)
	require.ErrorIs(t, err, ews.ErrNotFound)
}

// TestConversationsWhileTheyChange: all that are there all the time come exactly once.
func TestConversationsWhileTheyChange(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	talk(t, box, 40)
	seen := map[string]int{}
	k := 0
	for c, err := range m.Conversations(t.Context(), ews.Inbox, &ews.ConversationQuery{PageSize: 7}) {
		require.NoError(t, err)
		seen[c.Topic]++
		if k++; k%3 == 0 {
			for _, id := range c.Items {
				_, err := box.MoveTo(id.ID, "deleteditems")
				require.NoError(t, err)
			}
		}
		if k%4 == 0 && k < 40 {
			deliver(t, box, fmt.Sprintf("Subject: New %d\n\n", k), nil)
		}
	}
	for i := range 40 {
		require.Equal(t, 1, seen[fmt.Sprintf("Topic %d", i)], i)
	}
	for topic, n := range seen {
		require.Equal(t, 1, n, topic)
	}
}

func TestConversationActions(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	ctx := t.Context()
	done := ews.FolderID{ID: box.AddFolder("done").ID}
	talk(t, box, 2)
	id := conversations(t, m, &ews.ConversationQuery{Search: `subject:"topic 0"`})[0].ID
	subjects := func(folder string) (out []string) {
		for _, it := range box.Items(folder) {
			out = append(out, it.Subject)
		}
		slices.Sort(out)
		return out
	}
	require.NoError(t, m.ApplyToConversations(ctx, ews.ReadConversation{Read: true}, nil, id))
	for _, it := range box.Items("inbox") {
		require.Equal(t, it.ConversationID == id || it.Subject == "Topic 0", it.Read && it.ConversationID == id)
	}
	due := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, m.ApplyToConversations(ctx, ews.FlagConversation{Flag: ews.Flag{Status: ews.Flagged, Start: due, Due: due}}, nil, id))
	require.Equal(t, ews.Flagged, conversations(t, m, &ews.ConversationQuery{Filter: ews.FlaggedConversations})[0].Flag)

	require.NoError(t, m.ApplyToConversations(ctx, ews.CopyConversation{To: done}, nil, id))
	require.Equal(t, []string{"Re: Topic 0", "Topic 0"}, subjects("done"))
	require.Len(t, subjects("inbox"), 4)

	scope := &ews.ConversationScope{Folder: ews.Inbox, Before: time.Date(2026, 11, 1, 1, 30, 0, 0, time.UTC)}
	require.NoError(t, m.ApplyToConversations(ctx, ews.MoveConversation{To: done}, scope, id))
	require.Equal(t, []string{"Re: Topic 0", "Topic 0", "Topic 0"}, subjects("done"), "what came later stays")
	require.NoError(t, m.ApplyToConversations(ctx, ews.DeleteConversation{Mode: ews.HardDelete}, &ews.ConversationScope{Folder: done}, id))
	require.Empty(t, subjects("done"))
	require.Equal(t, []string{"Re: Topic 0", "Re: Topic 1", "Topic 1"}, subjects("inbox"))

	require.NoError(t, m.ApplyToConversations(ctx, ews.CategorizeConversation{Categories: []string{"VIP"}}, nil, id))
	require.NoError(t, m.ApplyToConversations(ctx, ews.MoveConversation{To: done, Always: true}, nil, id))
	deliver(t, box, "Subject: Re: Topic 0\nIn-Reply-To: <2@x>\n\n", nil)
	require.Equal(t, []string{"Re: Topic 0", "Re: Topic 0"}, subjects("done"), "those that come are moved too")
	for _, it := range box.Items("done") {
		require.Equal(t, []string{"VIP"}, it.Categories)
	}
	require.NoError(t, m.ApplyToConversations(ctx, ews.DeleteConversation{Always: true}, nil, id))
	require.Len(t, subjects("deleteditems"), 2)
	require.NoError(t, m.ApplyToConversations(ctx, ews.RetainConversation{Tag: "c11ff724-aa03-4555-9952-8fa248a11c3e"}, nil, id))

	err := m.ApplyToConversations(ctx, ews.ReadConversation{}, nil, id, "AAAA")
	var b *ews.BatchError
	require.ErrorAs(t, err, &b)
	require.Equal(t, []int{1, 2}, []int{b.Items[0].Index, b.Total})
	require.ErrorIs(t, err, ews.ErrNotFound)

	for _, a := range []ews.ConversationAction{nil, ews.MoveConversation{}, ews.CopyConversation{To: ews.FolderID{}}, ews.DeleteConversation{Mode: 9}, ews.DeleteConversation{Mode: ews.HardDelete, Always: true},
		ews.FlagConversation{Flag: ews.Flag{Due: due}}, ews.RetainConversation{Tag: "x"}} {
		require.ErrorIs(t, m.ApplyToConversations(ctx, a, nil, id), ews.ErrInvalidRequest, "%#v", a)
	}
}
