package fetcher_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestScenariosMutants: with another idea of what a message is, or of what becomes of it, scenarios go wrong.
func TestScenariosMutants(t *testing.T) {
	by := func(key func(*ews.Message) string) func(*play) { return func(p *play) { p.key = key } }
	id := by(func(msg *ews.Message) string { return msg.ID.ID })
	messageID := by(func(msg *ews.Message) string { return msg.InternetMessageID })
	with := func(change func(*fetcher.Fetcher)) func(*play) { return func(p *play) { p.change = change } }
	store := func(wrap func(fetcher.Store) fetcher.Store) func(*play) {
		return func(p *play) { p.store.Store = wrap(p.store.Store) }
	}
	final := store(func(s fetcher.Store) fetcher.Store { return finalStore{s} })
	caught := map[string]bool{}
	for name, m := range map[string]struct {
		change    func(*play)
		scenarios []string
	}{
		"by id":                          {id, []string{"moved away and back", "a copy", "mailbox moved"}},
		"by id without its case":         {by(func(msg *ews.Message) string { return strings.ToLower(msg.ID.ID) }), []string{"ids that differ in case"}},
		"by Message-ID":                  {messageID, []string{"two with one Message-ID", "two without a Message-ID", "the same mail delivered twice"}},
		"by text":                        {by(func(msg *ews.Message) string { return msg.Subject + msg.Body.Text }), []string{"the same mail delivered twice"}},
		"the cursor is all that is kept": {func(p *play) { p.store.bare = true }, []string{"cursor lost", "cursor torn"}},
		"gone is gone":                   {final, []string{"back from quarantine"}},
		"the first place is the place":   {store(func(s fetcher.Store) fetcher.Store { return firstPlace{s} }), []string{"moved away and back before its turn", "a copy whose original vanishes before its turn"}},
		"the last place is the place":    {store(func(s fetcher.Store) fetcher.Store { return lastPlace{s} }), []string{"a copy that vanishes before its turn"}},
		"only news is noted":             {store(func(s fetcher.Store) fetcher.Store { return onlyNews{s} }), []string{"cursor lost in front of pages that wait"}},
		"a listing is news":              {store(func(s fetcher.Store) fetcher.Store { return freshListing{s} }), []string{"cursor lost", "cursor torn", "cursor refused while it runs"}},
		"the folder is looked for once":  {with(fetcher.LookOnce), []string{"folder deleted and made again"}},
		"a path is trusted for ever":     {with(fetcher.LookBlindly), []string{"folder thrown away and made again", "targets thrown away"}},
		"vanished is a failure":          {with(fetcher.Stubborn), []string{"vanished"}},
		"gullible":                       {with(fetcher.Gullible), []string{"rights withdrawn for a while"}},
	} {
		for _, scenario := range m.scenarios {
			caught[scenario] = true
			t.Run(name+": "+scenario, func(t *testing.T) {
				require.NotEmpty(t, act(t, scenario, m.change), "nobody noticed")
			})
		}
	}
	for name := range scenarios {
		require.True(t, caught[name], "%s: no mutant is known that it catches", name)
	}
}

// finalStore never hands out again what it knows.
type finalStore struct{ fetcher.Store }

func (s finalStore) Record(ctx context.Context, source string, epoch int64, p fetcher.Page) ([]fetcher.Entry, error) {
	var fresh []fetcher.Seen
	for _, seen := range p.Seen {
		if e, err := s.Get(ctx, source, seen.Key); errors.Is(err, fetcher.ErrUnknown) || err == nil && e.State.Open() && e.Item != "" {
			fresh = append(fresh, seen)
		}
	}
	p.Seen = fresh
	return s.Store.Record(ctx, source, epoch, p)
}
