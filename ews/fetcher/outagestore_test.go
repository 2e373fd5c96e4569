package fetcher_test

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// power is a database's, as several programs and their stores see it.
type power struct{ off, cut atomic.Bool }

var errOff = errors.New("connect: connection refused")

// call is a call of the database: it fails when that is off.
func (p *power) call(do func() error) error {
	if p.off.Load() {
		return errOff
	}
	return do()
}

// commit is a call that may be the one during which the database goes off: it was done, and its answer is lost.
func (p *power) commit(do func() error) error {
	if p.cut.CompareAndSwap(true, false) {
		_ = do()
		p.off.Store(true)
		return errors.New("unexpected EOF")
	}
	return p.call(do)
}

// outageStore is a store in a database that can be off.
type outageStore struct {
	fetcher.TxStore
	*power
}

func ask[T any](s *outageStore, do func() (T, error)) (v T, err error) {
	if err = s.call(func() error { v, err = do(); return err }); err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

func (s *outageStore) Observe(ctx context.Context, source string) (fetcher.Holder, error) {
	return ask(s, func() (fetcher.Holder, error) { return s.TxStore.Observe(ctx, source) })
}

func (s *outageStore) Take(ctx context.Context, k fetcher.Take) (fetcher.Position, error) {
	return ask(s, func() (fetcher.Position, error) { return s.TxStore.Take(ctx, k) })
}

func (s *outageStore) Beat(ctx context.Context, source string, epoch int64) error {
	return s.call(func() error { return s.TxStore.Beat(ctx, source, epoch) })
}

func (s *outageStore) Release(ctx context.Context, source string, epoch int64) error {
	return s.call(func() error { return s.TxStore.Release(ctx, source, epoch) })
}

func (s *outageStore) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	return ask(s, func() ([]fetcher.Entry, error) { return s.TxStore.Record(ctx, source, epoch, p) })
}

func (s *outageStore) Known(ctx context.Context, source string, keys []string) ([]bool, error) {
	return ask(s, func() ([]bool, error) { return s.TxStore.Known(ctx, source, keys) })
}

func (s *outageStore) Get(ctx context.Context, source, key string) (fetcher.Entry, error) {
	return ask(s, func() (fetcher.Entry, error) { return s.TxStore.Get(ctx, source, key) })
}

func (s *outageStore) Save(ctx context.Context, source string, epoch int64, e fetcher.Entry) error {
	return s.call(func() error { return s.TxStore.Save(ctx, source, epoch, e) })
}

func (s *outageStore) Missing(ctx context.Context, source string, epoch int64, key, item string, now time.Time) (fetcher.Entry, error) {
	return ask(s, func() (fetcher.Entry, error) { return s.TxStore.Missing(ctx, source, epoch, key, item, now) })
}

func (s *outageStore) Prune(ctx context.Context, source string, epoch int64, left time.Time) (int, error) {
	return ask(s, func() (int, error) { return s.TxStore.Prune(ctx, source, epoch, left) })
}

func (s *outageStore) Commit(ctx context.Context, source string, epoch int64, e fetcher.Entry, write fetcher.WriteFunc) error {
	return s.commit(func() error { return s.TxStore.Commit(ctx, source, epoch, e, write) })
}

func (s *outageStore) Entries(ctx context.Context, source string, in fetcher.State) iter.Seq2[fetcher.Entry, error] {
	if s.off.Load() {
		return func(yield func(fetcher.Entry, error) bool) { yield(fetcher.Entry{}, errOff) }
	}
	return s.TxStore.Entries(ctx, source, in)
}

// ticketsOf counts the tickets of a database by subject.
func ticketsOf(ctx context.Context, db *sql.DB) (map[string]int, error) {
	rows, err := db.QueryContext(ctx, "SELECT subject, count(*) FROM tickets GROUP BY subject")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var subject string
		var n int
		if err := rows.Scan(&subject, &n); err != nil {
			return nil, err
		}
		all[subject] = n
	}
	return all, rows.Err()
}
