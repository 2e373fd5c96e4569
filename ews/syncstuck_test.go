package ews_test

import (
	"errors"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

// TestSyncStandsStill: a server that says there is more but whose sync state stays where it was would give the same page for ever.
func TestSyncStandsStill(t *testing.T) {
	page := func(op, last, changes string) answer {
		return reply(200, string(response(op, success(op, "<m:SyncState>S</m:SyncState><m:"+last+">false</m:"+last+"><m:Changes>"+changes+"</m:Changes>"))))
	}
	for name, changes := range map[string][2]string{
		"without changes": {},
		"with changes":    {`<t:Create><t:Message><t:ItemId Id="I1"/></t:Message></t:Create>`, `<t:Create><t:Folder><t:FolderId Id="F1"/></t:Folder></t:Create>`},
	} {
		t.Run(name, func(t *testing.T) {
			rt := &script{answers: []answer{page("SyncFolderItems", "IncludesLastItemInRange", changes[0])}}
			seen := 0
			var end error
			for _, err := range newClient(t, rt, nil).Own().Sync(t.Context(), ews.Inbox, "", &ews.SyncOptions{Detail: ews.Summary}) {
				if end = err; seen > 5 {
					break
				}
				seen++
			}
			if !errors.Is(end, ews.ErrBadResponse) || rt.count() != 2 {
				t.Errorf("Sync: %d requests, %v", rt.count(), end)
			}
			rt = &script{answers: []answer{page("SyncFolderHierarchy", "IncludesLastFolderInRange", changes[1])}}
			seen = 0
			for _, err := range newClient(t, rt, nil).Own().SyncFolders(t.Context(), ews.Inbox, "") {
				if end = err; seen > 5 {
					break
				}
				seen++
			}
			if !errors.Is(end, ews.ErrBadResponse) || rt.count() != 2 {
				t.Errorf("SyncFolders: %d requests, %v", rt.count(), end)
			}
		})
	}
}
