package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

// until runs the worker until no row is open, or for the time given.
func until(t *testing.T, w *world, o *outbox.Outbox, most time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	for end := time.Now().Add(most); w.open() > 0 && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
	cancel()
	require.NoError(t, <-done)
}

func plain(w *world) *ews.Mailbox { return w.client(w.srv.Transport()) }

var ann = []ews.Address{{Email: "ann@customer.example"}}

// TestKinds sends one message of each kind, with attachments in the row and elsewhere.
func TestKinds(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	m := plain(w)
	o := w.outbox(m, func(o *outbox.Options) {
		o.Open = func(_ context.Context, ref string) (ews.Content, error) { return ews.String("content of " + ref), nil }
		o.Folders = []ews.FolderRef{ews.Inbox, ews.JunkEmail}
	})
	msg, err := m.Message(t.Context(), w.mail, nil)
	require.NoError(t, err)
	moved, err := m.Move(t.Context(), ews.JunkEmail, w.mail) // the id in the ticket is out of date from now on
	require.NoError(t, err)
	require.NotEqual(t, w.mail.ID, moved[0].ID)
	for _, mail := range []outbox.Message{
		{ID: "new", Kind: outbox.NewMail, Subject: "new", Body: ews.Body{HTML: true, Text: "<p>Hi</p>"}, To: ann, Cc: ann, ReplyTo: ann, Importance: ews.HighImportance,
			InReplyTo: "<a@b>", References: "<a@b>", Attachments: []outbox.Attachment{{Name: "a.txt", Data: []byte("inside")}, {Name: "b.txt", Ref: "b"}}},
		{ID: "reply", Kind: outbox.Reply, Subject: "reply", About: w.mail, AboutKey: msg.SearchKey, Body: ews.Body{Text: "Hi"}},
		{ID: "all", Kind: outbox.ReplyAll, Subject: "all", AboutKey: msg.SearchKey, Body: ews.Body{Text: "Hi"}},
		{ID: "forward", Kind: outbox.Forward, Subject: "forward", About: moved[0], To: []ews.Address{{Email: "expert@example.org"}}},
	} {
		_, err := o.Add(t.Context(), w.db, &mail)
		require.NoError(t, err)
		w.want = append(w.want, mail.ID)
	}
	o.Wake()
	until(t, w, o, time.Minute)
	for _, id := range w.want {
		row, err := o.Row(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, outbox.Sent, row.State, "%+v", row)
		require.False(t, row.Since.IsZero())
	}
	sent := map[string]ewstest.Outbound{}
	for _, out := range w.srv.Outbound() {
		_, after, _ := strings.Cut(string(out.MIME), "Subject: ")
		subject, _, _ := strings.Cut(after, "\r\n")
		sent[subject] = out
	}
	require.Len(t, sent, 4)
	require.Contains(t, string(sent["reply"].MIME), "In-Reply-To: <q@customer.example>")
	require.Equal(t, []string{"expert@example.org"}, sent["forward"].To)
	require.Contains(t, string(sent["new"].MIME), "b.txt")
	require.EqualValues(t, 4, o.Stats().Sent)
}

// TestVerdicts: what becomes of a message whose sending fails in such a way, over and over.
func TestVerdicts(t *testing.T) {
	side := newAside(t)
	defer side.wait()
	for name, tc := range map[string]struct {
		op     string
		effect ewstest.Effect
		state  outbox.State
		reason string
	}{
		"bad recipient":   {"SendItem", ewstest.ResponseError("ErrorInvalidRecipients", ""), outbox.Failed, "ErrorInvalidRecipients"},
		"no right":        {"SendItem", ewstest.ResponseError("ErrorSendAsDenied", ""), outbox.Failed, "ErrorSendAsDenied"},
		"too large":       {"CreateItem", ewstest.ResponseError("ErrorMessageSizeExceeded", ""), outbox.Failed, "ErrorMessageSizeExceeded"},
		"blocked":         {"", ewstest.Blocked(), outbox.Queued, "EWS"},
		"token refused":   {"", ewstest.Unauthorized(ewstest.ErrInvalidAudience), outbox.Queued, "nvalid_resource"},
		"busy":            {"", ewstest.BusyMessage(time.Hour), outbox.Queued, "wait"},
		"outage":          {"CreateItem", ewstest.HTML(500, "oops"), outbox.Queued, "500"},
		"send in trouble": {"SendItem", ewstest.ResponseError("ErrorInternalServerError", ""), outbox.Queued, "ErrorInternalServerError"},
	} {
		side.run(name, func(t *testing.T) {
			w := newWorld(t, sqltest.SQLite(t), "")
			o := w.outbox(plain(w), nil)
			w.add(1, 0)
			w.srv.Fault(ewstest.Fault{Op: tc.op, Times: -1, Do: tc.effect})
			var row *outbox.Row
			// One run: another one would ask for an account in trouble anew.
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- o.Run(ctx) }()
			for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
				r, err := o.Row(t.Context(), w.want[0])
				require.NoError(t, err)
				row = r
				waited := time.Since(began)
				if row.State == outbox.Failed || waited > time.Second && strings.Contains(row.Reason, tc.reason) || waited > time.Minute {
					break
				}
			}
			cancel()
			require.NoError(t, <-ended)
			if tc.state == outbox.Queued {
				require.Contains(t, []outbox.State{outbox.Queued, outbox.Sending}, row.State)
			} else {
				require.Equal(t, tc.state, row.State)
			}
			require.Contains(t, row.Reason, tc.reason)
			require.Empty(t, w.srv.Outbound())
			if name == "blocked" || name == "token refused" || name == "busy" {
				require.LessOrEqual(t, len(w.srv.Requests()), 4, "an account in trouble is left alone")
			}
			if tc.state == outbox.Failed {
				require.False(t, w.judge().Untold > 0)
				failed, err := o.Rows(t.Context(), outbox.Failed, 10)
				require.NoError(t, err)
				require.Len(t, failed, 1)
				w.srv.ClearFaults()
				_, err = w.db.ExecContext(t.Context(), "DELETE FROM told")
				require.NoError(t, err)
				require.NoError(t, o.Retry(t.Context(), w.want[0]))
				until(t, w, o, time.Minute)
				require.Len(t, w.srv.Outbound(), 1, "sent once somebody decided so")
			}
		})
	}
}

// TestGone: an answer to a message that is no more fails; that somebody removes the draft is no reason to.
func TestGone(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	o := w.outbox(plain(w), nil)
	removed := w.srv.Fault(ewstest.Fault{Op: "SendItem", Times: 2, Do: ewstest.ResponseError("ErrorItemNotFound", "")})
	w.add(1, 0)
	until(t, w, o, time.Minute)
	require.Equal(t, 2, removed.Hits())
	require.Len(t, w.srv.Outbound(), 1)
	w.box.Remove(w.mail.ID)
	w.add(1, 0)
	until(t, w, o, time.Minute)
	row, err := o.Row(t.Context(), w.want[1])
	require.NoError(t, err)
	require.Equal(t, outbox.Failed, row.State)
	require.Contains(t, row.Reason, "is gone")
}

func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, bubbleSQLite(t), "")
		o := w.outbox(plain(w), func(o *outbox.Options) { o.GiveUp = 3 * time.Second })
		w.add(1, 0)
		w.srv.Fault(ewstest.Fault{Op: "CreateItem", Times: -1, Do: ewstest.HTML(500, "oops")})
		until(t, w, o, time.Minute)
		row, err := o.Row(t.Context(), w.want[0])
		require.NoError(t, err)
		require.Equal(t, outbox.Failed, row.State)
		require.Contains(t, row.Reason, "given up: ")
		require.Greater(t, row.Tries, 1)
		require.Empty(t, w.box.Items("drafts"))
	})
}

// TestTransaction: a row is there if, and only if, the application's transaction is committed; the outcome is told in one, too.
func TestTransaction(t *testing.T) {
	for kind, start := range sqltest.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t), "")
			refuse := 3
			told := 0
			o := w.outbox(plain(w), func(o *outbox.Options) {
				record := o.Done
				o.Done = func(ctx context.Context, tx *sql.Tx, r *outbox.Row) error {
					told++
					if err := record(ctx, tx, r); err != nil || refuse == 0 {
						return err
					}
					refuse--
					return errors.New("the application's database is read-only")
				}
			})
			m := &outbox.Message{Kind: outbox.NewMail, To: ann, Subject: "[x]", Tag: "ticket 42"}
			tx, err := w.db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			lost, err := o.Add(t.Context(), tx, m)
			require.NoError(t, err)
			require.NoError(t, tx.Rollback())
			_, err = o.Row(t.Context(), lost)
			require.ErrorIs(t, err, outbox.ErrNoRow)

			id, err := o.Add(t.Context(), w.db, m)
			require.NoError(t, err)
			require.NotEqual(t, lost, id)
			m.ID = id
			again, err := o.Add(t.Context(), w.db, m) // a message with an ID is added once
			require.NoError(t, err)
			require.Equal(t, id, again)
			w.want = []string{id}
			n, oldest, err := o.Backlog(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			require.Less(t, oldest, time.Hour)
			require.ErrorIs(t, o.Retry(t.Context(), id), outbox.ErrNoRow)

			until(t, w, o, time.Minute)
			require.Len(t, w.srv.Outbound(), 1)
			require.GreaterOrEqual(t, told, 4)
			row, err := o.Row(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, "ticket 42", row.Tag)
			require.Equal(t, support, row.Mailbox)
			pruned, err := o.Prune(t.Context(), time.Hour)
			require.NoError(t, err)
			require.Zero(t, pruned)
			time.Sleep(5 * time.Millisecond)
			pruned, err = o.Prune(t.Context(), 0)
			require.NoError(t, err)
			require.EqualValues(t, 1, pruned)

			m.ID = "unwanted"
			_, err = o.Add(t.Context(), w.db, m)
			require.NoError(t, err)
			require.NoError(t, o.Remove(t.Context(), "unwanted"))
			require.ErrorIs(t, o.Remove(t.Context(), "unwanted"), outbox.ErrNoRow)
		})
	}
}

// TestStops: a worker that is told to stop ends soon, whatever the server does, and leaves its rows to the next one.
func TestStops(t *testing.T) {
	w := newWorld(t, sqltest.SQLite(t), "")
	w.add(20, 0)
	o := w.outbox(plain(w), func(o *outbox.Options) { o.Drain = 50 * time.Millisecond })
	hang := w.srv.Fault(ewstest.Fault{Op: "CreateAttachment", Times: -1, Do: ewstest.Delay(20 * time.Millisecond)})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	require.NoError(t, o.Run(ctx))
	require.Less(t, time.Since(began), 30*time.Second)
	hang.Remove()
	until(t, w, o, time.Minute)
	require.False(t, w.judge().bad())
}

func TestWrongUse(t *testing.T) {
	where := sqltest.SQLite(t)
	db := where.Open(t)
	_, err := outbox.New(t.Context(), nil, nil, nil)
	require.ErrorContains(t, err, "needs a database")
	_, err = outbox.New(t.Context(), db, nil, &outbox.Options{Table: "a\x00b"})
	require.ErrorContains(t, err, "cannot be used")
	_, err = outbox.New(t.Context(), db, nil, &outbox.Options{Settle: -1})
	require.ErrorContains(t, err, "Options.Settle")
	o, err := outbox.New(t.Context(), db, nil, &outbox.Options{Mailbox: support})
	require.NoError(t, err)
	require.ErrorContains(t, o.Run(t.Context()), "needs a mailbox")
	_, err = o.Add(t.Context(), db, &outbox.Message{Kind: outbox.NewMail, To: ann})
	require.ErrorContains(t, err, "adding a row", "no table is created unasked")
	c, err := ews.NewClient(ews.Config{Endpoint: "https://ews.example.com", Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{}))})
	require.NoError(t, err)
	o, err = outbox.New(t.Context(), db, c.Own(), nil)
	require.NoError(t, err)
	require.ErrorContains(t, o.Run(t.Context()), "Migrate")
	for want, m := range map[string]outbox.Message{
		"Kind: ":                   {},
		"nobody to send it to":     {Kind: outbox.NewMail},
		"About: empty":             {Kind: outbox.Reply},
		"cannot have them":         {Kind: outbox.Reply, AboutKey: "k", InReplyTo: "<a@b>"},
		"ID: ":                     {ID: "é", Kind: outbox.NewMail, To: ann},
		"Attachments[0].Name":      {Kind: outbox.NewMail, To: ann, Attachments: []outbox.Attachment{{}}},
		"there is no Options.Open": {Kind: outbox.NewMail, To: ann, Attachments: []outbox.Attachment{{Name: "a", Ref: "r"}}},
		"go elsewhere":             {Kind: outbox.NewMail, To: ann, Attachments: []outbox.Attachment{{Name: "a", Data: make([]byte, outbox.MaxInline+1)}}},
	} {
		_, err := o.Add(t.Context(), db, &m)
		require.ErrorContains(t, err, want)
	}
}

func TestJudge(t *testing.T) {
	for want, errs := range map[string][]error{
		"passing":     {errors.New("database is gone"), context.DeadlineExceeded, fmt.Errorf("opening: %w", fs.ErrPermission)},
		"permanent":   {errors.New("ews: Draft: To[0]: is no address"), errors.New("ews: Answer: x")},
		"interrupted": {fmt.Errorf("x: %w", context.Canceled)},
		"blocked":     {signIn{}},
	} {
		for _, err := range errs {
			require.Equal(t, want, outbox.Judge(err), "%v", err)
		}
	}
}

type signIn struct{}

func (signIn) Error() string     { return "sign in again" }
func (signIn) NeedsSignIn() bool { return true }
