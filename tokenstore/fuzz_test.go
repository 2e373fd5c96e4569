package tokenstore_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// FuzzEnvelope opens arbitrary bytes as an encrypted record: a typed error or the sealed data, nothing else.
func FuzzEnvelope(f *testing.F) {
	ring := newRing(f, 1)
	_, good := sealed(f, ring)
	f.Add(good.Data)
	f.Add([]byte("tke"))
	f.Add([]byte("tke\x01\x00\x01k\x00\x00"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := tokenstore.NewMemoryStore()
		if _, err := m.Put(t.Context(), mailbox, tokenstore.Record{Data: data}); err != nil {
			t.Skip("larger than any record")
		}
		r, err := tokenstore.Encrypt(m, ring).Get(t.Context(), mailbox)
		if err == nil && string(r.Data) != "CANARY-refresh" { // a worker's seed has another nonce than its own record
			t.Fatalf("opened as %d bytes", len(r.Data))
		}
		if err != nil && !isOpenError(err) {
			t.Fatalf("error %v is none of the documented ones", err)
		}
	})
}

// FuzzRecord gives arbitrary bytes to a source as its record. It may report, serve or ask for a sign-in; it must not crash, quote
// the record, or write over what it cannot read.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"format":1,"grant":"g","generation":1,"access_token":"a","expiry":"2999-01-01T00:00:00Z","refresh_token":"CANARY"}`))
	f.Add([]byte(`{"format":1,"grant":"g","generation":9223372036854775807,"refresh_token":"CANARY","expiry":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"format":1,"grant":"g","failure":{"attempt":"x","hold_ns":-9223372036854775808,"count":-5},"intent":{"within_ns":9223372036854775807}}`))
	f.Add([]byte(`{"format":1,"grant":"g","refresh_token":"CANARY`)) // torn
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := tokenstore.NewMemoryStore()
		if _, err := m.Put(t.Context(), mailbox, tokenstore.Record{Data: data}); err != nil {
			t.Skip("larger than any record")
		}
		src := tokenstore.NewSource(m, mailbox, &idp{}, nil)
		defer src.Close(context.Background())
		_, statusErr := src.Status(t.Context())
		tok, err := src.Token(t.Context())
		if err == nil && tok.AccessToken == "" {
			t.Fatal("an empty token was handed out")
		}
		if errors.Is(statusErr, tokenstore.ErrCorrupt) {
			r, gerr := m.Get(t.Context(), mailbox)
			if gerr != nil || !bytes.Equal(r.Data, data) {
				t.Fatal("written over")
			}
			if bytes.Contains([]byte(statusErr.Error()), []byte("CANARY")) {
				t.Fatalf("the error quotes the record: %v", statusErr)
			}
		}
	})
}

// FuzzFile puts arbitrary bytes where a record's file is.
func FuzzFile(f *testing.F) {
	d := newMemDir()
	s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: d})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.Put(context.Background(), "a", tokenstore.Record{Data: []byte("data")}); err != nil {
		f.Fatal(err)
	}
	good := d.entries["k-a.token"].data
	f.Add(good)
	f.Add([]byte("tokenstore-file 1\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newMemDir()
		d.entries["k-a.token"] = &inode{data: data}
		s, err := tokenstore.NewFileStore("", &tokenstore.FileOptions{Dir: d})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Get(t.Context(), "a")
		if err != nil && !errors.Is(err, tokenstore.ErrCorrupt) {
			t.Fatal(err)
		}
		_, perr := s.Put(t.Context(), "a", tokenstore.Record{Data: []byte("x"), Version: r.Version})
		if (err == nil) != (perr == nil) {
			t.Fatalf("Get: %v, Put over it: %v", err, perr)
		}
	})
}
