//go:build unix

// Package processes_test has processes of their own share the stores.
package processes_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/internal/leaktest"
	"github.com/ewsmail/ewsmail/internal/servers"
	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/redisstore"
	"github.com/ewsmail/ewsmail/tokenstore/sqlstore"
)

const (
	mailbox    = "helpdesk@example.com"
	goroutines = 100
	processes  = 8
)

// spec tells a child process where everything is.
type spec struct {
	Kind, DSN, IdP string
	NoLock         bool // negative control: hides the store's lock
	NoIntent       bool // negative control: hides the intents of other instances
	Attempt        time.Duration
	Lease          time.Duration // Redis; 0: the default, which no busy machine loses
}

func TestMain(m *testing.M) {
	if text := os.Getenv("TOKENSTORE_TEST_CHILD"); text != "" {
		var s spec
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
		}
		child(s)
		return
	}
	leaktest.Main(m)
}

func (s spec) open() (store tokenstore.Store, closer io.Closer, err error) {
	switch s.Kind {
	case "file":
		store, err = tokenstore.NewFileStore(s.DSN, nil)
		return store, io.NopCloser(nil), err
	case "redis":
		client := redis.NewClient(&redis.Options{Addr: s.DSN})
		store, err = redisstore.New(client, &redisstore.Options{Lease: s.Lease})
		return store, client, err
	}
	driver := map[string]string{"sqlite": "sqlite", "postgres": "pgx", "mariadb": "mysql"}[s.Kind]
	dialect := map[string]*sqlstore.Dialect{"sqlite": sqlstore.SQLite, "postgres": sqlstore.PostgreSQL, "mariadb": sqlstore.MySQL}[s.Kind]
	db, err := sql.Open(driver, s.DSN)
	if err != nil {
		return nil, nil, err
	}
	store, err = sqlstore.New(db, dialect, nil)
	return store, db, err
}

// result is what a child reports of a round.
type result struct {
	Tokens    map[string]int
	Errors    []string
	Refreshes int64
}

// child runs a round, with a new Source, for each line on standard input.
func child(s spec) {
	store, _, err := s.open()
	if err != nil {
		panic(err)
	}
	if s.NoIntent {
		store = struct {
			tokenstore.Store
			tokenstore.Locker
		}{noIntent{store}, store.(tokenstore.Locker)}
	}
	if s.NoLock {
		store = struct{ tokenstore.Store }{store}
	}
	refresher := config(s.IdP)
	refresher.HTTPClient = &http.Client{Transport: sayWho{}}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		src := tokenstore.NewSource(store, mailbox, refresher, &tokenstore.SourceOptions{RefreshTimeout: s.Attempt})
		r := result{Tokens: map[string]int{}}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				tok, err := src.Token(context.Background())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					r.Errors = append(r.Errors, err.Error())
				} else {
					r.Tokens[tok.AccessToken]++
				}
			})
		}
		wg.Wait()
		r.Refreshes = src.Counters().Refreshes
		_ = src.Close(context.Background())
		_ = json.NewEncoder(os.Stdout).Encode(r)
	}
}

// noIntent hides that another instance may be refreshing.
type noIntent struct{ tokenstore.Store }

func (n noIntent) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	r, err := n.Store.Get(ctx, key)
	if err == nil {
		var m map[string]any
		if err := json.Unmarshal(r.Data, &m); err == nil {
			delete(m, "intent")
			r.Data, _ = json.Marshal(m)
		}
	}
	return r, err
}

// fleet is a number of child processes.
type fleet struct {
	in  []io.WriteCloser
	out []*json.Decoder
}

func newFleet(t *testing.T, n int, s spec) *fleet {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	f := &fleet{}
	for range n {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "TOKENSTORE_TEST_CHILD="+string(text), "GOMAXPROCS=2")
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			in.Close()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		f.in, f.out = append(f.in, in), append(f.out, json.NewDecoder(out))
	}
	return f
}

func (f *fleet) round(t *testing.T) (all result) {
	t.Helper()
	for _, in := range f.in {
		_, err := io.WriteString(in, "go\n")
		require.NoError(t, err)
	}
	all.Tokens = map[string]int{}
	for _, out := range f.out {
		var r result
		require.NoError(t, out.Decode(&r))
		for k, n := range r.Tokens {
			all.Tokens[k] += n
		}
		all.Errors = append(all.Errors, r.Errors...)
		all.Refreshes += r.Refreshes
	}
	return all
}

// expire puts the access token's expiry into the past.
func expire(t *testing.T, s tokenstore.Store) {
	t.Helper()
	r, err := s.Get(t.Context(), mailbox)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(r.Data, &m))
	m["expiry"] = time.Now().Add(-time.Minute).UTC()
	r.Data, err = json.Marshal(m)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), mailbox, r)
	require.NoError(t, err)
}

func startAll(t *testing.T) map[string]func(*testing.T) spec {
	return map[string]func(*testing.T) spec{
		"file": func(t *testing.T) spec { return spec{Kind: "file", DSN: t.TempDir() + "/tokens"} },
		"sqlite": func(t *testing.T) spec {
			return spec{Kind: "sqlite", DSN: "file:" + t.TempDir() + "/tokens.db?_pragma=journal_mode(WAL)"}
		},
		"postgres": func(t *testing.T) spec {
			s := servers.PostgreSQL(t)
			s.Start(t, sqlPing(t, "pgx", s.DSN))
			return spec{Kind: "postgres", DSN: s.DSN}
		},
		"mariadb": func(t *testing.T) spec {
			s := servers.MariaDB(t)
			s.Start(t, sqlPing(t, "mysql", s.DSN))
			return spec{Kind: "mariadb", DSN: s.DSN}
		},
		"redis": func(t *testing.T) spec {
			s := servers.Redis(t)
			c := redis.NewClient(&redis.Options{Addr: s.Addr})
			t.Cleanup(func() { c.Close() })
			s.Start(t, func(ctx context.Context) error { return c.Ping(ctx).Err() })
			return spec{Kind: "redis", DSN: s.Addr}
		},
	}
}

func sqlPing(t *testing.T, driver, dsn string) func(context.Context) error {
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db.PingContext
}

// prepare opens the store in this process and signs in.
func prepare(t *testing.T, s spec, p *strictIdP) tokenstore.Store {
	t.Helper()
	store, closer, err := s.open()
	require.NoError(t, err)
	t.Cleanup(func() { closer.Close() })
	if m, ok := store.(interface{ Migrate(context.Context) error }); ok {
		require.NoError(t, m.Migrate(t.Context()))
	}
	src := tokenstore.NewSource(store, mailbox, config(s.IdP), nil)
	require.NoError(t, src.SignIn(t.Context(), p.signIn(t), tokenstore.Account{}))
	require.NoError(t, src.Close(t.Context()))
	return store
}

// TestProcesses lets 8 processes of 100 goroutines each find the token expired at the same moment, again and again, against
// azuretest, which revokes the whole grant when a spent refresh token comes back.
//
// Case 52: processes that refresh at the same time make one request.
func TestProcesses(t *testing.T) {
	const rounds = 50
	for name, start := range startAll(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Attempt = 30 * time.Second
			p := newIdP(t)
			s.IdP = p.URL
			store := prepare(t, s, p)
			f := newFleet(t, processes, s)
			began := time.Now()
			for round := range rounds {
				require.NoError(t, oneRound(t, p, store, f), "round %d", round)
			}
			t.Logf("%d rounds, %d requests, 0 refused, %v a round", rounds, rounds, (time.Since(began) / rounds).Round(time.Millisecond))
			if s.Kind == "redis" {
				s.Lease = shortLease
				f = newFleet(t, processes, s)
			}
			p.stopHolder(t)
			began = time.Now()
			require.NoError(t, oneRound(t, p, store, f), "with the refreshing process stopped")
			require.GreaterOrEqual(t, time.Since(began), stopped, "the process was stopped")

			// The negative control, on each store: without lock and intent the same rounds find what is missing.
			s.NoLock, s.NoIntent = true, true
			violation(t, "neither lock nor intent", p, store, newFleet(t, processes, s), rounds, false)
		})
	}
}

// violation wants one within so many rounds.
func violation(t *testing.T, mutant string, p *strictIdP, store tokenstore.Store, f *fleet, rounds int, stop bool) {
	t.Helper()
	for round := range rounds {
		if stop { // the refreshing process, for longer than the lease
			p.stopHolder(t)
		}
		if err := oneRound(t, p, store, f); err != nil {
			t.Logf("%s, round %d: %v", mutant, round, err)
			return
		}
	}
	t.Fatalf("%s: survives", mutant)
}

// oneRound returns the violation.
func oneRound(t *testing.T, p *strictIdP, store tokenstore.Store, f *fleet) error {
	t.Helper()
	expire(t, store)
	got := f.round(t)
	requests, refused, newest := p.take()
	switch {
	case refused > 0:
		return fmt.Errorf("%d of %d requests were refused: the grant is dead", refused, requests)
	case requests != 1 || got.Refreshes != 1:
		return fmt.Errorf("%d requests for one expiry", requests)
	case len(got.Errors) > 0:
		return fmt.Errorf("%d callers got no token, the first: %s", len(got.Errors), got.Errors[0])
	case len(got.Tokens) != 1 || got.Tokens[newest] != processes*goroutines:
		return fmt.Errorf("%d callers got the newest token, others %d different ones", got.Tokens[newest], len(got.Tokens))
	}
	r, err := store.Get(t.Context(), mailbox)
	if err != nil {
		return err
	}
	if !strings.Contains(string(r.Data), newest) || !strings.Contains(string(r.Data), `"refresh_token"`) {
		return errors.New("the record does not hold the newest tokens")
	}
	return nil
}

// TestLeaseMutant is the negative control of the intent: a store that can only lease, and a holder that is stopped for longer than that.
func TestLeaseMutant(t *testing.T) {
	t.Parallel()
	s := startAll(t)["redis"](t)
	s.NoIntent, s.Attempt, s.Lease = true, 30*time.Second, shortLease
	p := newIdP(t)
	s.IdP = p.URL
	store := prepare(t, s, p)
	violation(t, "a lease without intent, holder stopped", p, store, newFleet(t, processes, s), 10, true)
}
