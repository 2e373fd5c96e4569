package ews_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// lastOf returns the error that a loop ends with.
func lastOf[T any](seq iter.Seq2[T, error]) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

// TestNothingNamed: a folder, id, subscription or mailbox that was forgotten is told of in words, before anything is sent; it never panics,
// least of all on a goroutine of the package's own, where nobody could recover from it.
func TestNothingNamed(t *testing.T) {
	srv, box, m := newMailbox(t, nil)
	id := deliver(t, box, "Subject: a\n\nb", nil)
	c := openClient(t, srv, nil)
	ctx := t.Context()
	folders := func(f ews.FolderRef) map[string]func() error {
		return map[string]func() error{
			"Sync":                  func() error { return lastOf(m.Sync(ctx, f, "", nil)) },
			"SyncFolders":           func() error { return lastOf(m.SyncFolders(ctx, f, "")) },
			"Watch":                 func() error { return lastOf(m.Watch(ctx, f, "", nil)) },
			"Messages":              func() error { return lastOf(m.Messages(ctx, f, nil)) },
			"Folders":               func() error { return lastOf(m.Folders(ctx, f, true)) },
			"Folder":                func() error { _, err := m.Folder(ctx, f); return err },
			"SearchFolder":          func() error { _, err := m.SearchFolder(ctx, f); return err },
			"FindFolder":            func() error { _, err := m.FindFolder(ctx, f, "a"); return err },
			"EnsureFolder":          func() error { _, err := m.EnsureFolder(ctx, f, "a"); return err },
			"Move":                  func() error { _, err := m.Move(ctx, f, id); return err },
			"Copy":                  func() error { _, err := m.Copy(ctx, f, id); return err },
			"MoveToArchive":         func() error { _, err := m.MoveToArchive(ctx, f, id); return err },
			"MarkAllRead":           func() error { return m.MarkAllRead(ctx, nil, f) },
			"Events":                func() error { return lastOf(m.Events(ctx, &ews.EventsOptions{SubscribeOptions: in(f)})) },
			"SubscribePull":         func() error { _, err := m.SubscribePull(ctx, &ews.PullOptions{SubscribeOptions: in(f)}); return err },
			"MoveConversation":      func() error { return m.ApplyToConversations(ctx, ews.MoveConversation{To: f}, nil, "x") },
			"CreateFolder":          func() error { _, err := m.CreateFolder(ctx, f, "a", ""); return err },
			"DeleteFolder":          func() error { return m.DeleteFolder(ctx, ews.SoftDelete, f) },
			"EmptyFolder":           func() error { return m.EmptyFolder(ctx, ews.SoftDelete, f, false) },
			"Permissions":           func() error { _, err := m.Permissions(ctx, f); return err },
			"UserConfiguration":     func() error { _, err := m.UserConfiguration(ctx, f, "a"); return err },
			"CreateSearchFolder.In": func() error { return searchIn(ctx, m, f) },
		}
	}
	for kind, f := range map[string]ews.FolderRef{"nil": nil, "FolderID": ews.FolderID{}, "FolderName": ews.FolderName("")} {
		for verb, call := range folders(f) {
			t.Run(verb+" "+kind, func(t *testing.T) {
				sent := srv.Count("")
				require.ErrorContains(t, call(), "the folder")
				require.Equal(t, sent, srv.Count(""), "nothing is asked of the server")
			})
		}
	}
	for verb, call := range map[string]func() error{
		"Message":           func() error { _, err := m.Message(ctx, ews.ItemID{}, nil); return err },
		"MIME":              func() error { _, err := m.MIME(ctx, ews.ItemID{}); return err },
		"Attachment":        func() error { _, err := m.Attachment(ctx, ews.AttachmentID{}); return err },
		"AttachedMessage":   func() error { _, err := m.AttachedMessage(ctx, ews.AttachmentID{}, nil); return err },
		"Pull":              func() error { return lastOf(m.Pull(ctx, new(ews.Subscription))) },
		"Pull nil":          func() error { return lastOf(m.Pull(ctx, nil)) },
		"Unsubscribe":       func() error { return m.Unsubscribe(ctx, nil) },
		"Client.Events":     func() error { return lastOf(c.Events(ctx, []*ews.Mailbox{c.Own(), nil}, nil)) },
		"FindSent":          func() error { _, err := m.FindSent(ctx, nil, ""); return err },
		"FindByKey":         func() error { _, err := m.FindByKey(ctx, ""); return err },
		"FindByKey, no key": func() error { _, err := m.FindByKey(ctx, id.ID+"!"); return err },
	} {
		t.Run(verb, func(t *testing.T) {
			sent := srv.Count("")
			require.Error(t, call())
			require.Equal(t, sent, srv.Count(""), "nothing is asked of the server")
		})
	}
}

// TestFindByKeyNil: nil stands for the Inbox in the list of folders, too, as Go takes a lone nil for a list of one.
func TestFindByKeyNil(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, "Subject: a\n\nb", nil)
	msg, err := m.Message(t.Context(), id, nil)
	require.NoError(t, err)
	found, err := m.FindByKey(t.Context(), msg.SearchKey, nil)
	require.NoError(t, err)
	require.Equal(t, id.ID, found.ID)
}

// TestOnlyAskedProperties: the properties that the package reads for its own fields are not among those the caller asked for, unless they are.
func TestOnlyAskedProperties(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	id := deliver(t, box, "From: ann@example.org\nSubject: a\n\nb", nil)
	ticket := ews.Property{Set: ews.PublicStrings, Name: "Ticket", Type: ews.MAPIInteger}
	_, err := m.Update(t.Context(), &ews.Update{Set: []ews.PropertyValue{{Property: ticket, Value: 7}}}, id)
	require.NoError(t, err)
	for _, ask := range [][]ews.Property{{ticket}, {ticket, ews.PropertySearchKey}, {ews.PropertySearchKey}} {
		for _, detail := range []ews.Detail{ews.Full, ews.Summary} {
			for msg, err := range m.Messages(t.Context(), ews.Inbox, &ews.Query{Properties: ask, Detail: detail, Extra: ews.WithLoopMarks}) {
				require.NoError(t, err)
				require.NotEmpty(t, msg.SearchKey)
				var got []ews.Property
				for _, v := range msg.Properties {
					got = append(got, v.Property)
				}
				require.ElementsMatch(t, ask, got)
			}
		}
	}
}

func in(f ews.FolderRef) ews.SubscribeOptions {
	return ews.SubscribeOptions{Folders: []ews.FolderRef{f}}
}

func searchIn(ctx context.Context, m *ews.Mailbox, f ews.FolderRef) error {
	_, err := m.CreateSearchFolder(ctx, ews.SearchFolders, &ews.SearchFolder{Name: "a", Where: ews.FieldRead.Is(true), In: []ews.FolderRef{f}})
	return err
}
