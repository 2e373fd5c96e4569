//go:build unix

package servers_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	_ "modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/internal/servers"
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
	Attempt        time.Duration
	Lease          time.Duration // Redis
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
	goleak.VerifyTestMain(m)
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
	if s.NoLock {
		store = struct{ tokenstore.Store }{noIntent{store}}
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		src := tokenstore.NewSource(store, mailbox, httpRefresher(s.IdP), &tokenstore.SourceOptions{RefreshTimeout: s.Attempt})
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

// noIntent also hides the intents from the other instances, so that nothing but compare-and-swap is left.
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

// httpRefresher asks the test's authorization server, and says who asks.
type httpRefresher string

func (u httpRefresher) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	body := url.Values{"refresh_token": {old.RefreshToken}, "pid": {strconv.Itoa(os.Getpid())}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(u), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &oauth2.RetrieveError{Response: resp, ErrorCode: "invalid_grant"}
	}
	var tok oauth2.Token
	err = json.NewDecoder(resp.Body).Decode(&tok)
	tok.Expiry = time.Now().Add(time.Hour)
	return &tok, err
}

// strictIdP revokes the grant when a spent refresh token comes back.
type strictIdP struct {
	*httptest.Server
	mu       sync.Mutex
	serial   int
	dead     bool
	requests []string // pids
	refused  int
	held     func(pid int) // called with the answer ready, before it is sent
}

func newIdP(t *testing.T) *strictIdP {
	p := &strictIdP{serial: 1}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *strictIdP) token() oauth2.Token {
	return oauth2.Token{AccessToken: fmt.Sprint("access-", p.serial), RefreshToken: fmt.Sprint("refresh-", p.serial), TokenType: "Bearer"}
}

func (p *strictIdP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.PostFormValue("pid"))
	ok := !p.dead && r.PostFormValue("refresh_token") == p.token().RefreshToken
	if ok {
		p.serial++
	} else {
		p.dead = true
		p.refused++
	}
	tok, held := p.token(), p.held
	p.held = nil
	p.mu.Unlock()
	if held != nil {
		pid, _ := strconv.Atoi(r.PostFormValue("pid"))
		held(pid)
	}
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(tok)
}

func (p *strictIdP) take() (requests, refused int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests, refused = len(p.requests), p.refused
	p.requests = nil
	return requests, refused
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
			return spec{Kind: "redis", DSN: s.Addr, Lease: time.Second}
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
	tok := p.token()
	tok.Expiry = time.Now().Add(time.Hour)
	src := tokenstore.NewSource(store, mailbox, httpRefresher(p.URL), nil)
	require.NoError(t, src.SignIn(t.Context(), &tok, tokenstore.Account{}))
	require.NoError(t, src.Close(t.Context()))
	return store
}

// TestProcesses lets 8 processes of 100 goroutines each find the token expired at the same moment, again and again.
//
// Case 52: processes that refresh at the same time make one request.
func TestProcesses(t *testing.T) {
	const rounds = 50
	for name, start := range startAll(t) {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Attempt = 30 * time.Second
			p := newIdP(t)
			s.IdP = p.URL
			store := prepare(t, s, p)
			f := newFleet(t, processes, s)
			began := time.Now()
			for round := range rounds {
				expire(t, store)
				got := f.round(t)
				requests, refused := p.take()
				require.Empty(t, got.Errors[:min(3, len(got.Errors))], "round %d", round)
				require.Equal(t, map[string]int{p.token().AccessToken: processes * goroutines}, got.Tokens, "round %d", round)
				require.Equal(t, 1, requests, "round %d: requests", round)
				require.Zero(t, refused)
				require.EqualValues(t, 1, got.Refreshes)
			}
			t.Logf("%d rounds, %d requests, 0 refused, %v a round", rounds, rounds, (time.Since(began) / rounds).Round(time.Millisecond))
			stopped(t, s, p, store, f)
		})
	}
}

// stopped stops the refreshing process by SIGSTOP while its answer is under way, for longer than Redis' lease.
func stopped(t *testing.T, s spec, p *strictIdP, store tokenstore.Store, f *fleet) {
	expire(t, store)
	p.mu.Lock()
	p.held = func(pid int) {
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		time.AfterFunc(2500*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	}
	p.mu.Unlock()
	began := time.Now()
	got := f.round(t)
	requests, refused := p.take()
	require.Empty(t, got.Errors[:min(3, len(got.Errors))])
	require.Equal(t, map[string]int{p.token().AccessToken: processes * goroutines}, got.Tokens)
	require.Equal(t, 1, requests)
	require.Zero(t, refused)
	require.GreaterOrEqual(t, time.Since(began), 2*time.Second, "the process was stopped")
}

// TestProcessesMutant is the negative control: without lock and intent the grant dies.
func TestProcessesMutant(t *testing.T) {
	s := spec{Kind: "file", DSN: t.TempDir() + "/tokens", NoLock: true, Attempt: 30 * time.Second}
	p := newIdP(t)
	s.IdP = p.URL
	store := prepare(t, s, p)
	f := newFleet(t, processes, s)
	for range 50 {
		expire(t, store)
		f.round(t)
		if _, refused := p.take(); refused > 0 {
			return
		}
	}
	t.Fatal("eight processes without a lock did not get into each other's way")
}
