package fetcher_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// sameFolder are ways to name the folder that is fetched a second time, or nearly so.
var sameFolder = map[string]struct {
	folder ews.FolderRef // nil: by its id
	path   []string
	to     fetcher.Place // Parent nil: by its id
	other  bool          // it is another folder
}{
	"by its path":                    {folder: ews.Inbox, to: fetcher.Place{Parent: ews.MsgFolderRoot, Path: []string{"Inbox"}}},
	"by its path, in other letters":  {folder: ews.Inbox, to: fetcher.Place{Parent: ews.MsgFolderRoot, Path: []string{"INBOX"}}},
	"two paths":                      {folder: ews.Inbox, path: []string{"Support"}, to: fetcher.Place{Parent: ews.MsgFolderRoot, Path: []string{"inbox", "support"}}},
	"other letters":                  {folder: ews.Inbox, path: []string{"Support"}, to: fetcher.Place{Parent: ews.Inbox, Path: []string{"SUPPORT"}}},
	"an id":                          {folder: ews.Inbox, path: []string{"Support"}, to: fetcher.Place{}},
	"the other way round":            {folder: nil, to: fetcher.Place{Parent: ews.Inbox, Path: []string{"support"}}},
	"a distinguished one by its id":  {folder: ews.MsgFolderRoot, path: []string{"inbox"}, to: fetcher.Place{Parent: ews.Inbox}},
	"with the mailbox":               {folder: ews.Inbox, to: fetcher.Place{Parent: ews.Inbox.In(address)}},
	"the name elsewhere":             {folder: ews.Inbox, path: []string{"Support"}, to: fetcher.Place{Parent: ews.MsgFolderRoot, Path: []string{"Support"}}, other: true},
	"the name elsewhere, not there":  {folder: ews.Inbox, path: []string{"Support"}, to: fetcher.Place{Parent: ews.SentItems, Path: []string{"Support"}}, other: true},
	"a folder below":                 {folder: ews.Inbox, to: fetcher.Place{Parent: ews.Inbox, Path: []string{"Inbox"}}, other: true},
	"two distinguished ones":         {folder: ews.Inbox, to: fetcher.Place{Parent: ews.DeletedItems}, other: true},
	"another one's folder by its id": {folder: ews.Inbox, to: fetcher.Place{}, other: true},
}

// fetchInto runs a fetcher whose messages, all of them bad, go where they come from. It returns what Run said; nil: it was still running after 20 minutes.
func fetchInto(t *testing.T, name string, after bool, change func(*fetcher.Fetcher)) (calls int, err error) {
	tc := sameFolder[name]
	playing(t, func(t *testing.T, p *play) {
		support := ews.FolderID{ID: p.box.AddFolder("inbox/Support").ID}
		p.box.AddFolder("msgfolderroot/Support")
		if tc.folder == nil {
			tc.folder = support
		}
		if tc.to.Parent == nil {
			tc.to.Parent = support
		}
		p.o.Path, p.o.Quarantine, p.o.MaxAttempts = tc.path, &tc.to, 1
		if after {
			p.o.Quarantine, p.o.After.Move = nil, tc.to
		}
		p.o.Handler = func(context.Context, *ews.Message) error {
			calls++
			return fetcher.Permanent(errors.New("cannot be read"))
		}
		p.mail(t, mail("a"), &ewstest.DeliverOptions{Folder: "inbox"})
		p.mail(t, mail("a"), &ewstest.DeliverOptions{Folder: "inbox/Support"})
		f := must(fetcher.New(p.m, tc.folder, &p.o))
		if change != nil {
			change(f)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		if err = f.Run(ctx); errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
	})
	return calls, err
}

// TestApart: what is moved goes to another folder than it is fetched from, however the two are named, or Run says so at once.
func TestApart(t *testing.T) {
	for name, tc := range sameFolder {
		t.Run(name, func(t *testing.T) {
			for what, after := range map[string]bool{"Options.Quarantine": false, "Options.After.Move": true} {
				calls, err := fetchInto(t, name, after, nil)
				if tc.other {
					require.NoError(t, err, what)
					require.Equal(t, 1, calls)
					continue
				}
				require.ErrorContains(t, err, what+": it is the folder that is fetched")
				require.Zero(t, calls)
			}
			if !tc.other {
				calls, err := fetchInto(t, name, false, fetcher.Trusting)
				require.NoError(t, err)
				require.Greater(t, calls, 10, "the mutant that compares names only tries the message again for ever: nobody noticed")
			}
		})
	}
}

// TestApartCannotBeAsked: a target that cannot be seen holds nothing up, and that Exchange could not be asked is no verdict.
func TestApartCannotBeAsked(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.o.Quarantine = &fetcher.Place{Parent: ews.MsgFolderRoot, Path: []string{"Inbox"}}
		p.Fault(ewstest.Fault{Op: "GetFolder", Times: 1, Do: ewstest.ResponseError("ErrorAccessDenied", "")})
		denied := p.Fault(ewstest.Fault{Op: "FindFolder", Times: -1, Do: ewstest.ResponseError("ErrorAccessDenied", "")})
		p.send("a")
		p.start()
		require.Equal(t, map[string]int{"a": 1}, p.calls)
		require.NotZero(t, denied.Hits())
		denied.Remove()
		p.Fault(ewstest.Fault{Op: "SyncFolderItems", Times: 1, Do: ewstest.ResponseError("ErrorAccessDenied", "")})
		p.send("b")
		time.Sleep(30 * time.Minute)
		require.ErrorContains(t, <-p.done, "Options.Quarantine: it is the folder that is fetched")
	})
}
