package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"
)

// loss is what becomes of a statement, or a COMMIT, whose answer is lost.
type loss int

const (
	answered loss = iota
	done          // it was carried out
	undone        // it was not
	delayed       // it is carried out when nobody expects it any more
)

var errLost = errors.New("server closed the connection unexpectedly")

// lossy is SQLite, some of whose answers are lost. What is lost is said for each database file.
type lossy struct{ driver.Driver }

var lossyFiles sync.Map // DSN to *losses

type losses struct {
	mu      sync.Mutex
	lose    func(query string) loss // nil: none
	waiting []func() error
}

func init() {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		panic(err)
	}
	db.Close()
	sql.Register("sqlite-lossy", lossy{db.Driver()})
}

// loseAnswers makes the world's database one whose answers can be lost, from now on.
func (w *world) loseAnswers(t testing.TB, lose func(query string) loss) *losses {
	l := &losses{lose: lose}
	lossyFiles.Store(w.where.DSN, l)
	t.Cleanup(func() { lossyFiles.Delete(w.where.DSN) })
	w.where.Driver = "sqlite-lossy"
	return l
}

// catchUp carries out what was delayed.
func (l *losses) catchUp() (n int, err error) {
	l.mu.Lock()
	list := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, late := range list {
		if err := late(); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

func (d lossy) Open(dsn string) (driver.Conn, error) {
	c, err := d.Driver.Open(dsn)
	l, _ := lossyFiles.Load(dsn)
	return &lossyConn{c, l.(*losses), func() (driver.Conn, error) { return d.Driver.Open(dsn) }}, err
}

type lossyConn struct {
	driver.Conn
	l     *losses
	again func() (driver.Conn, error)
}

// fate asks what becomes of a statement that changes something.
func (c *lossyConn) fate(query string) loss {
	if !strings.HasPrefix(query, "UPDATE") && query != "COMMIT" {
		return answered
	}
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	return c.l.lose(query)
}

func (c *lossyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	switch c.fate(query) {
	case undone:
		return nil, errLost
	case done:
		if _, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args); err != nil {
			return nil, err
		}
		return nil, errLost
	case delayed:
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		c.l.waiting = append(c.l.waiting, func() error {
			other, err := c.again()
			if err != nil {
				return err
			}
			defer other.Close()
			_, err = other.(driver.ExecerContext).ExecContext(context.WithoutCancel(ctx), query, args)
			return err
		})
		return nil, errLost
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *lossyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *lossyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return lossyTx{tx, c}, err
}

type lossyTx struct {
	driver.Tx
	c *lossyConn
}

func (t lossyTx) Commit() error {
	switch t.c.fate("COMMIT") {
	case undone:
		_ = t.Rollback()
		return errLost
	case done:
		if err := t.Tx.Commit(); err != nil {
			return err
		}
		return errLost
	}
	return t.Tx.Commit()
}
