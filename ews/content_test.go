package ews_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// contents are the same bytes from every kind of source.
func contents(t *testing.T, text string) map[string]ews.Content {
	t.Helper()
	name := filepath.Join(t.TempDir(), "content")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	file, err := ews.File(name)
	require.NoError(t, err)
	return map[string]ews.Content{
		"Bytes":    ews.Bytes([]byte(text)),
		"String":   ews.String(text),
		"ReaderAt": ews.ReaderAt(strings.NewReader(text+" and what comes behind it"), int64(len(text))),
		"File":     file,
	}
}

// A request that has to be sent again reads its content from the start.
func TestContentIsSentAgain(t *testing.T) {
	const text = "0123456789 and the rest"
	for name, content := range contents(t, text) {
		t.Run(name, func(t *testing.T) {
			srv, _, m := newMailbox(t, nil)
			draft, err := m.CreateDraft(t.Context(), &ews.Draft{Subject: "s"})
			require.NoError(t, err)
			refused := srv.Fault(ewstest.Fault{Op: "CreateAttachment", Do: ewstest.BusyMessage(time.Millisecond)})
			_, ids, err := m.Attach(t.Context(), draft, ews.Upload{Name: "a", Content: content})
			require.NoError(t, err)
			require.Equal(t, 1, refused.Hits())
			require.Equal(t, text, contentOf(t, m, ids[0]))
		})
	}
}

func TestContentThatIsNotItsSize(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	file := func(change func(name string) error) ews.Content {
		name := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(name, []byte("content"), 0o600))
		c, err := ews.File(name)
		require.NoError(t, err)
		require.NoError(t, change(name))
		return c
	}
	becomes := func(text string) func(string) error {
		return func(name string) error { return os.WriteFile(name, []byte(text), 0o600) }
	}
	for what, content := range map[string]ews.Content{
		"a file that has become longer":  file(becomes("content and more")),
		"a file that has become shorter": file(becomes("cont")),
		"a file that is gone":            file(os.Remove),
		"a reader that ends before":      ews.ReaderAt(strings.NewReader("four"), 5),
		"a negative size":                ews.ReaderAt(strings.NewReader("four"), -1),
	} {
		draft, err := m.CreateDraft(t.Context(), &ews.Draft{Subject: "s"})
		require.NoError(t, err)
		_, _, err = m.Attach(t.Context(), draft, ews.Upload{Name: "a", Content: content})
		require.Error(t, err, what)
		require.False(t, ews.MaybeApplied(err), "%s: %v", what, err)
		stored, ok := box.Item(draft.ID)
		require.True(t, ok)
		require.Empty(t, stored.Attachments, "%s: nothing half is stored", what)
	}
}

func TestFileThatIsNone(t *testing.T) {
	_, err := ews.File(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ews.File(t.TempDir())
	require.ErrorContains(t, err, "not a regular file")
}
