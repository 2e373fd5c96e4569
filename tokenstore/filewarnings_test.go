//go:build unix

package tokenstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// somebody is another user, for tests that run as root.
const somebody = 65534

// TestWarnings: who else could exchange the token directory is named, and nobody else.
func TestWarnings(t *testing.T) {
	asRoot := os.Geteuid() == 0
	type row struct {
		above func(t *testing.T, above string) // what lies above is prepared; the directory is above/tokens
		want  []string                         // after the path
	}
	rows := map[string]row{
		"private":                {nil, nil},
		"read by all":            {chmod(0o755), nil},
		"written by all":         {chmod(0o777), []string{" has mode 0777: users who may write to it"}},
		"written by the group":   {chmod(0o775), []string{" has mode 0775: users who may write to it"}},
		"written by all, sticky": {chmod(0o777 | os.ModeSticky), nil},
	}
	if asRoot { // who alone can give a directory away
		rows["another user's"] = row{chown, []string{" belongs to user id 65534, who can"}}
		rows["another user's, sticky"] = row{func(t *testing.T, above string) { chmod(0o777|os.ModeSticky)(t, above); chown(t, above) }, []string{" belongs to user id 65534, who can"}}
	}
	for name, tc := range rows {
		t.Run(name, func(t *testing.T) {
			base := quietDir(t)
			above := filepath.Join(base, "above")
			require.NoError(t, os.Mkdir(above, 0o700))
			if tc.above != nil {
				tc.above(t, above)
			}
			s, err := tokenstore.NewFileStore(filepath.Join(above, "tokens"), nil)
			require.NoError(t, err)
			require.Equal(t, prefixed(above, tc.want), cut(base, s.Warnings()))

			// The same from below, and by way of a link: its target's directories count as well.
			s, err = tokenstore.NewFileStore(filepath.Join(above, "tokens", "deep", "deeper"), nil)
			require.NoError(t, err)
			require.Equal(t, prefixed(above, tc.want), cut(base, s.Warnings()))
			link := filepath.Join(base, "link")
			require.NoError(t, os.Symlink(above, link))
			s, err = tokenstore.NewFileStore(filepath.Join(link, "tokens"), nil)
			require.NoError(t, err, "links above the directory are common: /var/run, /tmp of macOS")
			require.Equal(t, prefixed(above, tc.want), cut(base, s.Warnings()))
			if asRoot {
				require.NoError(t, os.Lchown(link, somebody, somebody))
				require.Equal(t, append(prefixed(link, []string{" belongs to user id 65534, who can"}), prefixed(above, tc.want)...), cut(base, s.Warnings()))
			}
		})
	}
}

// TestExchangedDirectory: what a user who may write above can put in the directory's place is not used: neither his own directory, nor a link to
// one, nor one that others can read. After a power failure of that kind the tokens are where they were.
func TestExchangedDirectory(t *testing.T) {
	rows := map[string]func(t *testing.T, path string){
		"a readable one": func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o755)) },
		"a link":         func(t *testing.T, path string) { require.NoError(t, os.Symlink(t.TempDir(), path)) },
		"a file":         func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"nothing":        func(*testing.T, string) {},
	}
	if os.Geteuid() == 0 {
		rows["another user's"] = func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
			chown(t, path)
		}
	}
	for name, put := range rows {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(quietDir(t), "tokens")
			s, err := tokenstore.NewFileStore(path, nil)
			require.NoError(t, err)
			_, err = s.Put(t.Context(), mailbox, tokenstore.Record{Data: []byte("secret")})
			require.NoError(t, err)
			require.NoError(t, os.Rename(path, path+"-away"))
			put(t, path)
			_, err = s.Get(t.Context(), mailbox)
			require.Error(t, err)
			require.NotErrorIs(t, err, tokenstore.ErrNotFound, "that would be a mailbox that nobody is signed in to")
			_, err = s.Put(t.Context(), "another", tokenstore.Record{Data: []byte("secret")})
			require.Error(t, err)
			left, _ := filepath.Glob(path + "/*")
			require.Empty(t, left, "nothing is written there")
			require.NoError(t, os.RemoveAll(path))
			require.NoError(t, os.Rename(path+"-away", path))
			r, err := s.Get(t.Context(), mailbox)
			require.NoError(t, err)
			require.Equal(t, "secret", string(r.Data))
		})
	}
}

func chmod(mode os.FileMode) func(t *testing.T, path string) {
	return func(t *testing.T, path string) { require.NoError(t, os.Chmod(path, mode)) }
}

func chown(t *testing.T, path string) { require.NoError(t, os.Chown(path, somebody, somebody)) }

// quietDir is a private directory, by its real name.
func quietDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

func prefixed(path string, list []string) (all []string) {
	for _, text := range list {
		all = append(all, path+text)
	}
	return all
}

// cut leaves of each warning what a test expects, and only those about what the test has made: what lies above is the machine's.
func cut(base string, list []string) (all []string) {
	for _, text := range list {
		if !strings.HasPrefix(text, base+string(filepath.Separator)) {
			continue
		}
		for _, end := range []string{"users who may write to it", ", who can"} {
			if at := strings.Index(text, end); at >= 0 {
				all = append(all, text[:at+len(end)])
			}
		}
	}
	return all
}
