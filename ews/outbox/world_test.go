package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"modernc.org/sqlite"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
	"github.com/ewsmail/ewsmail/ews/outbox"
)

var rowID = regexp.MustCompile(`(reply|vanishes)-\d{5}`)

// bubble is in the name of a database that keeps the time of a testing/synctest bubble.
const bubble = "&bubble=1"

// bubbleSQLite is a database in a bubble. While a worker sleeps in a transaction, others must not wait for it inside of SQLite, where they would
// keep the bubble's time from advancing: they are told at once that it is busy.
func bubbleSQLite(t testing.TB) sqltest.Database {
	d := patientSQLite(t)
	d.DSN = strings.Replace(d.DSN, "busy_timeout(10000)", "busy_timeout(1)", 1)
	require.Contains(t, d.DSN, "busy_timeout(1)")
	return d
}

// patientSQLite is the same where nobody sleeps in a transaction.
func patientSQLite(t testing.TB) sqltest.Database {
	d := sqltest.SQLite(t)
	d.DSN += bubble
	return d
}

func init() {
	sqlite.MustRegisterScalarFunction("bubble_now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return time.Now().UnixMilli(), nil
	})
}

const support = "support@example.com"

// world is an Exchange, a database and what worker processes, which come and go, make of them.
type world struct {
	t       testing.TB
	srv     *ewstest.Server
	box     *ewstest.Mailbox
	mail    ews.ItemID
	db      *sql.DB // the test's own
	where   sqltest.Database
	without string
	timeout time.Duration
	answer  time.Duration // how long a client waits for one
	late    sync.Map      // ids of rows for which a draft was made after its maker had given up
	clock   string        // the database's; "": its own
	want    []string      // the ids of all rows
}

func newWorld(t testing.TB, where sqltest.Database, without string) *world {
	clock := ""
	if strings.Contains(where.DSN, bubble) {
		clock = "bubble_now()"
	}
	w := &world{t: t, clock: clock, srv: ewstest.New(&ewstest.Options{NoGzip: true}), where: where, db: where.Open(t), without: without, timeout: 20 * time.Second, answer: 10 * time.Second}
	if clock != "" { // where nothing takes time but what waits
		w.hasty()
	}
	t.Cleanup(w.srv.Close)
	w.box = w.srv.AddMailbox(support)
	id, err := w.box.Deliver([]byte("From: ann@customer.example\r\nTo: support@example.com\r\nSubject: Printer\r\nMessage-ID: <q@customer.example>\r\n\r\nIt smokes.\r\n"), nil)
	require.NoError(t, err)
	w.mail = ews.ItemID{ID: id.ID}
	// The sent copies of these are moved out of sight by a rule: whether they went out cannot be found out.
	w.srv.Fault(ewstest.Fault{Op: "FindItem", Times: -1, Do: ewstest.Raw(200, http.Header{"Content-Type": {"text/xml; charset=utf-8"}}, []byte(nothingFound)),
		Match: func(r *ewstest.Request) bool {
			return bytes.Contains(r.Body, []byte(`"vanishes-`)) && bytes.Contains(r.Body, []byte("sentitems"))
		}})
	o := w.outbox(nil, nil)
	require.NoError(t, o.Migrate(t.Context()))
	_, err = w.db.ExecContext(t.Context(), "CREATE TABLE told (id varchar(200) PRIMARY KEY, state varchar(20))")
	require.NoError(t, err)
	return w
}

const nothingFound = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<m:FindItemResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
<m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
<m:RootFolder TotalItemsInView="0" IncludesLastItemInRange="true"><t:Items/></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>`

// hasty makes the workers wait for nothing long: for servers that are silent on purpose.
func (w *world) hasty() { w.timeout, w.answer = 100*time.Millisecond, 25*time.Millisecond }

// patient makes the workers wait long enough for a busy machine: only what a test does goes wrong.
func (w *world) patient() { w.timeout, w.answer = 600*time.Millisecond, 200*time.Millisecond }

// client makes a mailbox whose requests go through rt.
func (w *world) client(rt http.RoundTripper) *ews.Mailbox { return w.dial(rt).Own() }

func (w *world) dial(rt http.RoundTripper) *ews.Client {
	c, err := ews.NewClient(ews.Config{Endpoint: w.srv.Endpoint(), AllowLoopbackHTTP: true, Mailbox: support, HTTPClient: &http.Client{Transport: rt},
		Token:  ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)})),
		Retry:  &ews.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: 4 * time.Millisecond},
		Limits: &ews.Limits{FirstByte: w.answer}, Concurrency: -1})
	require.NoError(w.t, err)
	return c
}

// outbox opens the outbox as a worker process does.
func (w *world) outbox(m *ews.Mailbox, change func(*outbox.Options)) *outbox.Outbox {
	db := w.where.Open(w.t)
	db.SetMaxOpenConns(4)
	if w.clock == "" {
		db.SetMaxIdleConns(0) // of worker processes that were ended: a server has so many connections
	}
	told := "INSERT INTO told (id, state) VALUES (?, ?)"
	if w.where.Driver == "pgx" {
		told = "INSERT INTO told (id, state) VALUES ($1, $2)"
	}
	opt := outbox.Options{Mailbox: support, Workers: 4, Poll: 10 * time.Millisecond, Timeout: w.timeout, Settle: 60 * time.Millisecond,
		RetryDelay: time.Millisecond, MaxRetryDelay: 20 * time.Millisecond, Drain: time.Second,
		Done: func(ctx context.Context, tx *sql.Tx, r *outbox.Row) error {
			_, err := tx.ExecContext(ctx, told, r.ID, string(r.State))
			return err
		}}
	if change != nil {
		change(&opt)
	}
	o, err := outbox.New(w.t.Context(), db, m, &opt)
	require.NoError(w.t, err)
	o.Without(w.without)
	o.Clock(w.clock)
	return o
}

// add queues n replies, every vanish-th of which cannot be found once it is sent; 0: none.
func (w *world) add(n, vanish int) {
	o := w.outbox(nil, nil)
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	require.NoError(w.t, err)
	for range n {
		i := len(w.want)
		id := fmt.Sprintf("reply-%05d", i)
		if vanish > 0 && i%vanish == 0 {
			id = fmt.Sprintf("vanishes-%05d", i)
		}
		m := &outbox.Message{ID: id, Kind: outbox.Reply, About: w.mail, Subject: "[" + id + "]", Body: ews.Body{Text: "Unplug it."}}
		if i%7 == 0 {
			m.Attachments = []outbox.Attachment{{Name: "manual.txt", Data: []byte("page 1")}}
		}
		got, err := o.Add(w.t.Context(), tx, m)
		require.NoError(w.t, err)
		require.Equal(w.t, id, got)
		w.want = append(w.want, id)
	}
	require.NoError(w.t, tx.Commit())
}

// open counts the rows that are not settled.
func (w *world) open() (n int) {
	require.NoError(w.t, w.db.QueryRowContext(w.t.Context(), "SELECT count(*) FROM ews_outbox WHERE state IN ('queued', 'sending')").Scan(&n))
	return n
}

// life is one worker process, with what happens to it. Each of its effects is a step, before and after which it can end.
type life struct {
	w     *world
	mu    sync.Mutex
	n     int
	dead  atomic.Bool
	noted atomic.Bool                                              // it was written down that the message may go out
	fate  func(n int, what string) (end bool, stall time.Duration) // nil: nothing happens
	cut   func(n int) (cut, float64)                               // of a request; nil: nowhere
	trace func(n int, what string)
	ops   bool // name the operations in the steps
}

func (l *life) step(what string) int {
	l.mu.Lock()
	l.n++
	n := l.n
	if l.trace != nil {
		l.trace(n, what)
	}
	l.mu.Unlock()
	if what == "after: sending" {
		l.noted.Store(true)
	}
	if l.fate != nil && !l.dead.Load() {
		end, stall := l.fate(n, what)
		time.Sleep(stall)
		if end {
			l.dead.Store(true)
		}
	}
	if l.dead.Load() {
		runtime.Goexit() // nothing that would follow happens, no cleaning up either
	}
	return n
}

// RoundTrip sends one request over a connection of its own.
func (l *life) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	n := l.step("request")
	if time.Since(began) > l.w.timeout {
		// The delay is the network's: it is too late to call the request back.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), l.w.timeout)
		defer cancel()
		req = req.WithContext(ctx)
		if body, err := io.ReadAll(req.Body); err == nil {
			req.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte("<m:CreateItem ")) {
				l.w.late.Store(string(rowID.Find(body)), true)
			}
		}
	}
	at, part := cutNowhere, 0.0
	if l.cut != nil {
		at, part = l.cut(n)
	}
	t := l.w.srv.Transport()
	t.DisableKeepAlives = true
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &cutConn{Conn: c, at: at, part: part, closed: make(chan struct{})}, nil
	}
	defer t.CloseIdleConnections()
	resp, err := t.RoundTrip(req)
	if err == nil {
		body, rerr := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{rerr}))
	}
	what := "answer"
	if l.ops {
		if all := l.w.srv.Requests(); len(all) > 0 {
			what += " " + all[len(all)-1].Operation
		}
	}
	l.step(what)
	return resp, err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// start runs the worker; the function returned ends it, gracefully unless it is dead.
func (l *life) start() (end func()) {
	o := l.w.outbox(l.w.client(l), nil)
	o.Step(func(what string) { l.step(what) })
	ctx, cancel := context.WithCancel(l.w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.Run(ctx); err != nil {
			l.w.t.Errorf("Run: %v", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// outcome is what is wrong in the end, and how much was undecided.
type outcome struct {
	Duplicates, Lost, Untold, Failed, Drafts int
	Unknown                                  int // reported so
	UnknownFound                             int // of them, those whose copy could have been found
}

func (o outcome) bad() bool { return o.Duplicates+o.Lost+o.Untold+o.Failed+o.Drafts > 0 }

// judge compares what the customers got with what the application was told.
func (w *world) judge() (o outcome) {
	got := map[string]int{}
	for _, out := range w.srv.Outbound() {
		_, after, _ := strings.Cut(string(out.MIME), "Subject: [")
		id, _, _ := strings.Cut(after, "]")
		got[id]++
	}
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT ews_outbox.id, ews_outbox.state, told.state FROM ews_outbox LEFT JOIN told ON "+
		map[string]string{"pgx": "convert_from(ews_outbox.id, 'UTF8') = told.id", "mysql": "ews_outbox.id = told.id", "sqlite": "CAST(ews_outbox.id AS TEXT) = told.id"}[strings.TrimSuffix(w.where.Driver, "-lossy")])
	require.NoError(w.t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
		var id []byte
		var state outbox.State
		var told sql.NullString
		require.NoError(w.t, rows.Scan(&id, &state, &told))
		times := got[string(id)]
		o.Duplicates += max(0, times-1)
		if told.String != string(state) {
			o.Untold++
		}
		switch state {
		case outbox.Sent:
			if times == 0 {
				o.Lost++
			}
		case outbox.Unknown:
			o.Unknown++
			if !strings.HasPrefix(string(id), "vanishes") {
				o.UnknownFound++
			}
		default:
			o.Failed++
		}
	}
	require.NoError(w.t, rows.Err())
	require.Equal(w.t, len(w.want), n, "rows")
	for _, it := range append(w.box.Items("drafts"), w.box.Items("deleteditems")...) {
		if _, late := w.late.Load(rowID.FindString(it.Subject)); !late { // nobody is left to remove what arrives too late
			o.Drafts++
		}
	}
	return o
}

// chance is a seeded die that several goroutines may throw.
type chance struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newChance(seed uint64) *chance { return &chance{r: rand.New(rand.NewPCG(seed, 6))} }

func (c *chance) intn(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.r.IntN(n)
}
