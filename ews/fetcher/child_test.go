//go:build unix

package fetcher_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

// TestMain is also the program that gets killed.
func TestMain(m *testing.M) {
	if setup := os.Getenv("FETCHER_TEST_CHILD"); setup != "" {
		var c child
		if err := json.Unmarshal([]byte(setup), &c); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stderr, c.run())
		os.Exit(1)
	}
	leaktest.Main(m)
}

// child is a helpdesk's program.
type child struct {
	Endpoint    string
	Driver, DSN string // Driver is empty for pgx
	Tx          bool   // the form
	Mutant      string // what is broken
	TTL         time.Duration
	Advisory    bool // a lock of PostgreSQL's instead of the lease
	Attempts    int  // MaxAttempts; 0: 6
}

func (c child) run() error {
	ctx := context.Background()
	ticket := "INSERT INTO tickets (subject, contents) VALUES ($1, $2)"
	if c.Driver == "mysql" {
		ticket = "INSERT INTO tickets (subject, contents) VALUES (?, ?)"
	}
	db, err := sql.Open(cmp.Or(c.Driver, "pgx"), c.DSN)
	if err != nil {
		return err
	}
	store, err := fetcher.NewSQLStore(ctx, db, nil)
	if err != nil {
		return err
	}
	client, err := ews.NewClient(ews.Config{Endpoint: c.Endpoint, AllowLoopbackHTTP: true, Mailbox: address,
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})),
		Retry: &ews.RetryPolicy{BaseDelay: 10 * time.Millisecond, MaxDelay: 200 * time.Millisecond}})
	if err != nil {
		return err
	}
	m := client.Own()
	o := &fetcher.Options{Store: store, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), MaxAttempts: 6, Backoff: 50 * time.Millisecond, MaxBackoff: 500 * time.Millisecond,
		LeaseTTL: c.TTL, PageSize: 20, After: fetcher.Action{Move: processed},
		Watch: &ews.WatchOptions{PollInterval: 300 * time.Millisecond, CheckInterval: time.Second, MinInterval: 20 * time.Millisecond}}
	if c.Attempts > 0 { // soon over, however many
		o.MaxAttempts, o.MaxBackoff = c.Attempts, 100*time.Millisecond
	}
	if c.Advisory {
		o.Lock = func(ctx context.Context, name string) (fetcher.Lock, error) {
			conn, err := db.Conn(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return &advisory{conn}, nil
		}
	}
	switch {
	case c.Tx:
		o.TxHandler = func(ctx context.Context, msg *ews.Message, d *fetcher.Delivery) error {
			digest, err := contents(ctx, m, msg)
			if err != nil {
				return err
			}
			return d.Commit(ctx, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, ticket, msg.Subject, digest)
				return err
			})
		}
	case c.Mutant == "ticket first, without a key":
		o.Handler = func(ctx context.Context, msg *ews.Message) error {
			digest, err := contents(ctx, m, msg)
			if err != nil {
				return err
			}
			_, err = db.ExecContext(ctx, ticket, msg.Subject, digest)
			time.Sleep(200 * time.Millisecond) // so that few kills are enough
			return err
		}
	default:
		o.Handler = func(ctx context.Context, msg *ews.Message) error {
			digest, err := contents(ctx, m, msg)
			if err != nil {
				return err
			}
			_, err = db.ExecContext(ctx, "INSERT INTO tickets (key, subject, contents) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING", fetcher.Key(msg), msg.Subject, digest)
			return err
		}
	}
	return fetcher.Run(ctx, m, ews.Inbox, o)
}

// advisory is a lock that ends with its connection.
type advisory struct{ conn *sql.Conn }

func (a *advisory) Check(ctx context.Context) error { return a.conn.PingContext(ctx) }
func (a *advisory) Unlock() error                   { return a.conn.Close() }

// leaseTTL is short, so that many kills fit into a test.
const leaseTTL = 400 * time.Millisecond

// bombed is how a program ends that a message has ended.
const bombed = 3

// contents is the hash of a message's attachments. Poisoned ones fail.
func contents(ctx context.Context, m *ews.Mailbox, msg *ews.Message) (string, error) {
	if msg.Subject == "bomb" {
		os.Exit(bombed)
	}
	var i int
	if _, err := fmt.Sscanf(msg.Subject, "m%d", &i); err != nil || poisoned(i) {
		return "", errNever
	}
	if len(msg.Attachments) != 1 || !strings.HasSuffix(msg.Attachments[0].Name, ".bin") {
		return "", errors.New("the attachment is missing")
	}
	r, err := m.Attachment(ctx, msg.Attachments[0].ID)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
