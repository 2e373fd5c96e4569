package ewstest_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// python finds an interpreter that has exchangelib, "" if there is none.
func python() string {
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import exchangelib").Run() == nil {
			return p
		}
	}
	return ""
}

// TestExchangelib runs a session of a client that was not written here.
func TestExchangelib(t *testing.T) {
	py := python()
	if py == "" {
		t.Skip("python3-exchangelib is not installed")
	}
	for name, style := range map[string]ewstest.Style{"s": ewstest.StyleS, "default": ewstest.StyleDefaultNS} {
		t.Run(name, func(t *testing.T) {
			f := start(t, &ewstest.Options{Style: style})
			bob := f.AddMailbox("bob@example.com")
			f.deliver(t, "From: Ann <ann@example.org>\nTo: support@example.com\nSubject: first\nX-Queue: 7\nDate: Mon, 2 Mar 2026 10:00:00 +0100\n\nHello.\n")
			f.deliver(t, "From: Ann <ann@example.org>\nSubject: =?utf-8?q?s=C3=A9cond?=\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nSee.\n--B\nContent-Type: application/octet-stream; name=data.bin\nContent-Transfer-Encoding: base64\n\nAAECaGVsbG8=\n--B\nContent-Type: message/rfc822\n\nFrom: x@y.z\nSubject: inner\n\ninside\n--B--\n")
			f.deliver(t, "From: Ann <ann@example.org>\nSubject: third\n\n")
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, py, "testdata/session.py", f.Endpoint(), us).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, "ok", lastLine(string(out)))
			wasAsked(t, f, "FindItem", "GetItem", "CreateItem", "SendItem", "MoveItem", "SyncFolderItems", "GetAttachment", "CreateAttachment", "UpdateItem", "DeleteItem")
			in := bob.Items("inbox")
			require.Len(t, in, 1)
			require.Equal(t, "From Python", in[0].Subject)
			require.Len(t, in[0].Attachments, 2)
		})
	}
}

// wasAsked: a session made each of these requests, and was answered.
func wasAsked(t *testing.T, f *fixture, operations ...string) {
	t.Helper()
	done := map[string]bool{}
	for _, r := range f.Requests() {
		if r.Status == 200 && slices.Contains(r.Codes, "NoError") {
			done[r.Operation] = true
		}
	}
	for _, op := range operations {
		require.True(t, done[op], "%s was not answered", op)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// TestExchangelibOffice is TestExchangelib for calendars, contacts and tasks.
func TestExchangelibOffice(t *testing.T) {
	py := python()
	if py == "" {
		t.Skip("python3-exchangelib is not installed")
	}
	f := start(t, nil)
	bob := f.AddMailbox("bob@example.com")
	f.AddRoomList("rooms@example.com", "Rooms", "room1@example.com")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, py, "testdata/office.py", f.Endpoint(), us).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "ok", lastLine(string(out)))
	in := bob.Items("inbox")
	require.Len(t, in, 1)
	require.Equal(t, "IPM.Schedule.Meeting.Request", in[0].Class)
	require.Len(t, bob.Items("calendar"), 1)
}
