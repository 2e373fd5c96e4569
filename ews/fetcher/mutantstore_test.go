package fetcher_test

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// Stores with one of their rules broken.

// apart commits the ticket in one transaction and the note in another, and every third time dies in between.
func apart(s fetcher.Store) fetcher.Store { return &apartStore{TxStore: s.(fetcher.TxStore)} }

type apartStore struct {
	fetcher.TxStore
	commits int
}

func (s *apartStore) Commit(ctx context.Context, source string, epoch int64, e fetcher.Entry, write fetcher.WriteFunc) error {
	sqlStore := s.TxStore.(*fetcher.SQLStore)
	if err := fetcher.InTransaction(ctx, sqlStore, write); err != nil {
		return err
	}
	if s.commits++; s.commits%3 == 0 {
		return errors.New("the connection broke")
	}
	return s.TxStore.Commit(ctx, source, epoch, e, func(*sql.Tx) error { return nil })
}

// unfenced saves whatever the epoch is.
func unfenced(s fetcher.Store) fetcher.Store { return &unfencedStore{s.(fetcher.TxStore)} }

type unfencedStore struct{ fetcher.TxStore }

func (s *unfencedStore) Save(ctx context.Context, source string, _ int64, e fetcher.Entry) error {
	h, err := s.Observe(ctx, source)
	if err != nil {
		return err
	}
	return s.TxStore.Save(ctx, source, h.Epoch, e)
}

// unclaimed neither asks whether the message is still to be handled nor for the epoch when it commits.
func unclaimed(s fetcher.Store) fetcher.Store { return &unclaimedStore{s.(fetcher.TxStore)} }

type unclaimedStore struct{ fetcher.TxStore }

func (s *unclaimedStore) Commit(ctx context.Context, source string, _ int64, e fetcher.Entry, write fetcher.WriteFunc) error {
	h, err := s.Observe(ctx, source)
	if err != nil {
		return err
	}
	pending := e
	pending.State, pending.Next = fetcher.Pending, time.Time{}
	_ = s.Save(ctx, source, h.Epoch, pending)
	return s.TxStore.Commit(ctx, source, h.Epoch, e, write)
}
