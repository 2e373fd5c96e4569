package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// transient recognises a connection that broke, by the errors drivers have for that: statements that are safe to repeat are then
// repeated on another one. PostgreSQL: class 57P, operator intervention; MySQL's driver has a text only.
func transient(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return strings.HasPrefix(state.SQLState(), "57P")
	}
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "invalid connection") || strings.Contains(err.Error(), "conn closed")
}

// again runs do up to four times while connections break, which takes as many as broken ones lie in the pool.
func again(ctx context.Context, do func() error) error {
	for wait := 5 * time.Millisecond; ; wait *= 4 {
		err := do()
		if err == nil || ctx.Err() != nil || wait > time.Second/2 || !transient(err) {
			return err
		}
		if werr := pause(ctx, wait); werr != nil {
			return err
		}
	}
}

// retryBusy waits for other writers of an SQLite database, whose driver does not by itself. Nothing was done when it is busy.
func (s *Store) retryBusy(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(10 * time.Second)
	for wait := time.Millisecond; ; wait = min(wait*2, 50*time.Millisecond) {
		err := do()
		if err == nil || !s.dialect.busy(err) || time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
