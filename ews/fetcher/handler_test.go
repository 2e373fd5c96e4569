package fetcher_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"regexp"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestOddHandlers: what a handler should not do is a failure like any other, and the message is handed out again.
func TestOddHandlers(t *testing.T) {
	for name, odd := range map[string]func(ctx context.Context, d *fetcher.Delivery) error{
		"swallows the error of Commit": func(ctx context.Context, d *fetcher.Delivery) error {
			_ = d.Commit(ctx, func(*sql.Tx) error { return errors.New("a column is missing") })
			return nil
		},
		"no Commit":          func(context.Context, *fetcher.Delivery) error { return nil },
		"ends its goroutine": func(context.Context, *fetcher.Delivery) error { runtime.Goexit(); return nil },
		"ends it after the Commit's failure": func(ctx context.Context, d *fetcher.Delivery) error {
			_ = d.Commit(ctx, func(*sql.Tx) error { return errors.New("a column is missing") })
			runtime.Goexit()
			return nil
		},
		"panics with nil in Commit": func(ctx context.Context, d *fetcher.Delivery) error {
			return d.Commit(ctx, func(*sql.Tx) error { var none *fetcher.Delivery; none.Key = ""; return nil })
		},
		"a cancelled context of its own": func(context.Context, *fetcher.Delivery) error { return context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			playing(t, func(t *testing.T, p *play) {
				d, store := newSQLDesk(t)
				defer d.close()
				p.o.Store, p.o.Handler = store, nil
				d.serve(&p.o, nil)
				sound, calls := p.o.TxHandler, 0
				p.o.TxHandler = func(ctx context.Context, msg *ews.Message, delivery *fetcher.Delivery) error {
					if calls++; calls < 4 {
						return odd(ctx, delivery)
					}
					return sound(ctx, msg, delivery)
				}
				p.send("a")
				p.start()
				p.rest()
				p.rest()
				p.stop()
				require.Equal(t, map[string]int{"a": 1}, d.counts())
				require.Equal(t, 4, calls)
				require.EqualValues(t, 3, p.f.Stats().Failures)
			})
		})
	}
}

// TestGoexitAfterCommit: the ticket that was committed is found.
func TestGoexitAfterCommit(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		d, store := newSQLDesk(t)
		defer d.close()
		p.o.Store, p.o.Handler = store, nil
		d.serve(&p.o, nil)
		sound := p.o.TxHandler
		p.o.TxHandler = func(ctx context.Context, msg *ews.Message, delivery *fetcher.Delivery) error {
			_ = sound(ctx, msg, delivery)
			runtime.Goexit()
			return nil
		}
		p.send("a")
		p.start()
		p.rest()
		p.stop()
		require.Equal(t, map[string]int{"a": 1}, d.counts())
		require.Zero(t, p.f.Stats().Open)
	})
}

// TestCancelledToken: a token source that says "context canceled" by itself does not set off a storm of requests.
func TestCancelledToken(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		var broken atomic.Bool
		var asked atomic.Int64
		client, err := ews.NewClient(ews.Config{Endpoint: p.Endpoint(), AllowLoopbackHTTP: true, Mailbox: address,
			HTTPClient: p.httpClient(), Token: tokenFunc(func(context.Context) (*oauth2.Token, error) {
				asked.Add(1)
				if broken.Load() {
					return nil, context.Canceled
				}
				return &oauth2.Token{AccessToken: "token"}, nil
			})})
		require.NoError(t, err)
		defer client.Close()
		p.m = client.Own()
		p.refuses("a", true)
		p.send("a")
		p.start()
		broken.Store(true)
		asked.Store(0)
		p.refuses("a", false)
		time.Sleep(time.Hour)
		require.Less(t, asked.Load(), int64(5000), "requests in an hour")
		broken.Store(false)
		time.Sleep(time.Hour)
		p.stop()
		require.Equal(t, map[string]int{"a": 1}, p.calls)
	})
}

type tokenFunc func(context.Context) (*oauth2.Token, error)

func (f tokenFunc) Token(ctx context.Context) (*oauth2.Token, error) { return f(ctx) }

// TestKey: what is delivered is one message wherever it lies, and two deliveries are two.
func TestKey(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sk := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	one := ews.Message{ID: ews.ItemID{ID: "AAA"}, SearchKey: sk, Received: at, Subject: "s"}
	moved, again, other := one, one, one
	moved.ID.ID, moved.Subject = "aaa", "edited"
	again.Received = at.Add(time.Second) // sent again within the organisation
	other.SearchKey = base64.StdEncoding.EncodeToString([]byte("0123456789abcdeF"))
	long, undated, none := one, one, one
	long.SearchKey = base64.StdEncoding.EncodeToString(make([]byte, 300))
	undated.Received = time.Time{}
	none.SearchKey = ""
	require.Equal(t, "sk-69a42a40-30313233343536373839616263646566", fetcher.Key(&one), "stored keys must stay what they are")
	require.Equal(t, fetcher.Key(&one), fetcher.Key(&moved))
	keys := map[string]bool{}
	for _, msg := range []ews.Message{one, again, other, long, undated, none} {
		key := fetcher.Key(&msg)
		require.False(t, keys[key], key)
		keys[key] = true
		require.Regexp(t, regexp.MustCompile(`^[a-z0-9-]{1,64}$`), key)
	}
}

// TestNoTables: the program ends at once, and says what is to be called.
func TestNoTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		db, err := sql.Open("sqlite", "file::memory:")
		require.NoError(t, err)
		defer db.Close()
		db.SetMaxOpenConns(1)
		store, err := fetcher.NewSQLStore(t.Context(), db, nil)
		require.NoError(t, err)
		o := &fetcher.Options{Store: store, Handler: func(context.Context, *ews.Message) error { return nil }}
		err = fetcher.Run(t.Context(), w.m, ews.Inbox, o)
		require.ErrorIs(t, err, fetcher.ErrNoTables)
		require.ErrorContains(t, err, "SQLStore.Migrate")
		for range 2 {
			require.NoError(t, store.Migrate(t.Context()))
		}
		o.Once = true
		require.NoError(t, fetcher.Run(t.Context(), w.m, ews.Inbox, o))
	})
}

// TestEndWhileLocked: one that waits for a lock ends at once.
func TestEndWhileLocked(t *testing.T) {
	playing(t, func(t *testing.T, p *play) {
		p.o.Lock = func(ctx context.Context, _ string) (fetcher.Lock, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p.start()
		began := time.Now()
		p.stop()
		require.Zero(t, time.Since(began))
	})
}
