package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// lostAcknowledgement is a program that dies between a write and its acknowledgement: the next one finds what was written, and
// repeating the write does not do it twice.
func lostAcknowledgement(t *testing.T, s tokenstore.Store) {
	ctx := t.Context()
	v1 := put(t, s, "a", "one", "")
	for _, w := range []tokenstore.Record{{Data: []byte("two"), Version: v1}, {Data: []byte("new")}} {
		key := map[bool]string{true: "created", false: "a"}[w.Version == ""]
		put(t, s, key, string(w.Data), w.Version) // whoever was to hear of it is gone
		_, err := s.Put(ctx, key, w)
		wantError(t, "the same Put again", err, tokenstore.ErrConflict)
		r, err := s.Get(ctx, key)
		if err != nil || r.Version == w.Version {
			t.Fatalf("Get after a lost acknowledgement: version %q, error %v", r.Version, err)
		}
		want(t, s, key, string(w.Data), r.Version)
		put(t, s, key, "after", r.Version)
		if err := s.Delete(ctx, key); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Fatalf("the same Delete again: %v", err)
		}
	}
}

// interrupted ends the context of writes at any time within them. Each is done or not, as a whole, now or a little later; a version
// names one state; what was acknowledged is there.
func interrupted(t *testing.T, s tokenstore.Store) {
	data := func(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%03d ", i), 2000) }
	v := put(t, s, "a", string(data(0)), "")
	states := map[string][]byte{v: data(0)}
	for i := 1; i <= 40; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*2*time.Microsecond)
		w, err := s.Put(ctx, "a", tokenstore.Record{Data: data(i), Version: v})
		cancel()
		if err == nil {
			want(t, s, "a", string(data(i)), w)
			v, states[w] = w, data(i)
			continue
		}
		if errors.Is(err, tokenstore.ErrNotFound) || errors.Is(err, tokenstore.ErrCorrupt) {
			t.Fatalf("an interrupted Put: %v", err)
		}
		r, err := s.Get(t.Context(), "a")
		if err != nil {
			t.Fatalf("Get after an interrupted Put: %v", err)
		}
		n, err := strconv.Atoi(string(r.Data[:min(3, len(r.Data))]))
		if err != nil || n > i || !bytes.Equal(r.Data, data(n)) {
			t.Fatalf("an interrupted Put left %d bytes that nobody wrote", len(r.Data))
		}
		if known, ok := states[r.Version]; ok && !bytes.Equal(known, r.Data) {
			t.Fatalf("version %q names two states", r.Version)
		}
		v, states[r.Version] = r.Version, r.Data
	}
}
