package fetcher_test

import (
	"context"
	"errors"
	"slices"

	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// Stores with another idea of where a message is, or of what a listing says.

// firstPlace knows a message by the item that it first saw.
type firstPlace struct{ fetcher.Store }

func (s firstPlace) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	p.Seen = slices.DeleteFunc(slices.Clone(p.Seen), func(seen fetcher.Seen) bool {
		_, err := s.Get(ctx, source, seen.Key)
		return err == nil
	})
	return s.Store.Record(ctx, source, epoch, p)
}

// lastPlace knows it by the item that it last saw.
type lastPlace struct{ fetcher.Store }

func (s lastPlace) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	p.Gone = slices.Clone(p.Gone)
	for _, seen := range p.Seen {
		if e, err := s.Get(ctx, source, seen.Key); err == nil && e.Item != "" && e.Item != seen.Item {
			p.Gone = append(p.Gone, e.Item)
		}
	}
	return s.Store.Record(ctx, source, epoch, p)
}

// freshListing takes what a listing shows for news.
type freshListing struct{ fetcher.Store }

func (s freshListing) Known(_ context.Context, _ string, keys []string) ([]bool, error) {
	return make([]bool, len(keys)), nil
}

func (s freshListing) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	for _, seen := range p.Seen {
		if e, err := s.Get(ctx, source, seen.Key); err == nil && p.Listing && e.State == fetcher.Done {
			e.State = fetcher.Pending
			if err := s.Save(ctx, source, epoch, e); err != nil {
				return nil, err
			}
		}
	}
	return s.Store.Record(ctx, source, epoch, p)
}

// onlyNews does not hear of a listing's pages on which everything is known, but of the last.
type onlyNews struct{ fetcher.Store }

func (s onlyNews) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	news := p.Ends || !p.Listing
	for _, seen := range p.Seen {
		if _, err := s.Get(ctx, source, seen.Key); errors.Is(err, fetcher.ErrUnknown) {
			news = true
		}
	}
	if !news {
		p.Seen = nil
	}
	return s.Store.Record(ctx, source, epoch, p)
}
