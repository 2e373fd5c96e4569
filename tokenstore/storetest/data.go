package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// awkwardKeys are pairwise different, but not on every file system, in every collation, or after every normalisation.
func awkwardKeys() []string {
	keys := []string{
		"a", "A", "a ", " a", "a.", "a/b", "a\\b", "a:b", "..", ".", "/", "-", "%", "%41", "_", "*", "'", `"`, "`", ";--", "$1", "{a}",
		"CON", "con", "nul", "a\x00", "a\x00b", "\x00", "\n", "\r\n", "\xff", "\xc3\x28", "\u00e9", "e\u0301", "ß", "ss", "ÀÉ", "àé", "İ", "i",
		"user@example.com", "User@example.com", "日本語", "𝕏", strings.Repeat("k", tokenstore.MaxKeyLen),
		strings.Repeat("k", tokenstore.MaxKeyLen-1) + "K", strings.Repeat("\xff", tokenstore.MaxKeyLen), strings.Repeat("long/", 60),
	}
	for c := range 256 {
		keys = append(keys, "byte"+string([]byte{byte(c)}))
	}
	return keys
}

func keysOfAnyBytes(t *testing.T, s tokenstore.Store) {
	keys := awkwardKeys()
	vs := make(map[string]string)
	for _, k := range keys {
		vs[k] = put(t, s, k, "data of "+k, "")
	}
	for _, k := range keys {
		want(t, s, k, "data of "+k, vs[k])
	}
	if l, ok := s.(tokenstore.Lister); ok {
		slices.Sort(keys)
		if diff := cmp.Diff(keys, listed(t, l)); diff != "" {
			t.Fatalf("List (-want +got):\n%s", diff)
		}
	}
	for _, k := range keys[:40] {
		if err := s.Delete(t.Context(), k); err != nil {
			t.Fatalf("Delete(%q): %v", k, err)
		}
		wantAbsent(t, s, k)
	}
	for _, k := range keys[40:] {
		want(t, s, k, "data of "+k, vs[k])
	}
}

func invalidKeys(t *testing.T, s tokenstore.Store) {
	ctx := t.Context()
	for _, k := range []string{"", strings.Repeat("k", tokenstore.MaxKeyLen+1)} {
		_, err := s.Get(ctx, k)
		wantError(t, "Get", err, tokenstore.ErrInvalidKey)
		_, err = s.Put(ctx, k, tokenstore.Record{Data: []byte("x")})
		wantError(t, "Put", err, tokenstore.ErrInvalidKey)
		wantError(t, "Delete", s.Delete(ctx, k), tokenstore.ErrInvalidKey)
		if l, ok := s.(tokenstore.Locker); ok {
			_, err = l.Lock(ctx, k)
			wantError(t, "Lock", err, tokenstore.ErrInvalidKey)
		}
		if w, ok := s.(tokenstore.Watcher); ok {
			var last error
			for _, err := range w.Watch(ctx, k) {
				last = err
			}
			wantError(t, "Watch", last, tokenstore.ErrInvalidKey)
		}
	}
}

func dataOfAnyBytes(t *testing.T, s tokenstore.Store) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, data := range []string{"", "\x00", string(all), "\xff\xfe", "line\r\n", " blanks ", "{}", "\\x41", "'"} {
		k := fmt.Sprint("k", i)
		want(t, s, k, data, put(t, s, k, data, ""))
	}
}

// sizes asks for 8 KiB, which every token fits in. Beyond, a store may refuse, but not cut.
func sizes(t *testing.T, s tokenstore.Store) {
	for _, n := range []int{1, 255, 256, 4095, 8 << 10, 64 << 10, tokenstore.MaxData - 4096, tokenstore.MaxData, tokenstore.MaxData + 1} {
		k, data := fmt.Sprint("size", n), strings.Repeat("0123456789abcdef", n/16+1)[:n]
		v := put(t, s, k, "before", "")
		w, err := s.Put(t.Context(), k, tokenstore.Record{Data: []byte(data), Version: v})
		switch {
		case err == nil && n <= tokenstore.MaxData:
			want(t, s, k, data, w)
		case n <= 8<<10:
			t.Fatalf("Put of %d bytes: %v", n, err)
		default:
			wantError(t, fmt.Sprintf("Put of %d bytes", n), err, tokenstore.ErrTooLarge)
			want(t, s, k, "before", v)
		}
	}
}
