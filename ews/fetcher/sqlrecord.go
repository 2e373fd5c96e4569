package fetcher

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// partSize bounds the arguments of one statement: SQLite allows no more than 999 in some builds.
const partSize = 200

// inParts calls do for some of a list at a time.
func inParts[T any](list []T, do func(part []T) error) error {
	for len(list) > 0 {
		n := min(len(list), partSize)
		if err := do(list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Record implements Store.
func (s *SQLStore) Record(ctx context.Context, source string, epoch int64, p Page) (open []Entry, err error) {
	err = s.wrap("recording a page", s.d.Transact(ctx, s.db, func(tx *sql.Tx) error {
		open, err = s.record(ctx, tx, source, epoch, p)
		return err
	}))
	if err != nil {
		return nil, err
	}
	return open, nil
}

func (s *SQLStore) record(ctx context.Context, tx *sql.Tx, source string, epoch int64, p Page) (open []Entry, err error) {
	// The row is locked by a write at once: two pages are never recorded at the same time, and nobody takes over in between.
	id := sourceID(source)
	if _, err := s.exec(ctx, tx, "UPDATE "+s.sources.String()+" SET beat = beat + 1, cursor_text = ? WHERE id = ? AND epoch = ? AND owner <> ''", string(p.Cursor), id, epoch); err != nil {
		return nil, err
	}
	var now, listing, seq int64
	var owner string
	err = tx.QueryRowContext(ctx, s.d.Bind("SELECT epoch, owner, listing, seq FROM "+s.sources.String()+" WHERE id = ?"), id).Scan(&now, &owner, &listing, &seq)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (now != epoch || owner == "") {
		return nil, ErrLeaseLost
	}
	if err != nil {
		return nil, err
	}
	if p.Listing && (p.Begins || listing <= 0) {
		listing = max(listing, -listing) + 1
	}
	if err := s.remove(ctx, tx, source, p.Gone, nil, p.Now); err != nil {
		return nil, err
	}
	if seq, err = s.seen(ctx, tx, source, p, max(listing, -listing), seq); err != nil {
		return nil, err
	}
	if p.Listing && p.Ends {
		if err := s.unlisted(ctx, tx, source, listing, p.Now); err != nil {
			return nil, err
		}
		listing = -listing
	}
	if _, err := s.exec(ctx, tx, "UPDATE "+s.sources.String()+" SET listing = ?, seq = ? WHERE id = ?", listing, seq, id); err != nil {
		return nil, err
	}
	if !p.Since.IsZero() {
		if _, err := s.exec(ctx, tx, "UPDATE "+s.sources.String()+" SET since_ms = ? WHERE id = ?", millis(p.Since), id); err != nil {
			return nil, err
		}
	}
	ids := make([]any, len(p.Seen))
	for i, m := range p.Seen {
		ids[i] = messageID(source, m.Key)
	}
	err = inParts(ids, func(part []any) error {
		list, err := s.entries(ctx, tx, "m.id IN ("+marks(len(part))+") AND m.state IN ('pending', 'handled', 'failed') ORDER BY m.seq", part...)
		open = append(open, list...)
		return err
	})
	return open, err
}

// seen writes down what is in the folder.
func (s *SQLStore) seen(ctx context.Context, tx *sql.Tx, source string, p Page, listing, seq int64) (int64, error) {
	insertMessage := s.messages.Insert("id", "source", "message_key", "seq", "state", "conversation", "received_ms", "subject", "sender",
		"attempts", "crashes", "failed_ms", "next_ms", "reason", "changed_ms", "left_ms")
	insertItem := s.places.Insert("id", "message", "source", "item", "listing")
	for _, m := range p.Seen {
		id, item := messageID(source, m.Key), itemID(source, m.Item)
		n, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+` SET state = ?, attempts = 0, crashes = 0, failed_ms = 0, next_ms = 0, changed_ms = ?, left_ms = 0
			WHERE id = ? AND (state = ? OR state = ? AND left_ms <> 0)`, string(Pending), millis(p.Now), id, string(Gone), string(Quarantined))
		if err != nil {
			return 0, err
		}
		if n == 0 {
			if _, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+" SET left_ms = 0 WHERE id = ? AND left_ms <> 0", id); err != nil {
				return 0, err
			}
			res, err := tx.ExecContext(ctx, insertMessage, id, sourceID(source), m.Key, seq+1, string(Pending), m.Conversation, millis(m.Received),
				text(m.Subject), text(m.From), 0, 0, 0, 0, "", millis(p.Now), 0)
			if err != nil {
				return 0, err
			}
			if n, err := res.RowsAffected(); err == nil && n == 1 {
				seq++
			}
		}
		res, err := tx.ExecContext(ctx, insertItem, item, id, sourceID(source), m.Item, listing)
		if err != nil {
			return 0, err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if _, err := s.exec(ctx, tx, "UPDATE "+s.places.String()+" SET listing = ? WHERE id = ?", listing, item); err != nil {
				return 0, err
			}
		}
	}
	return seq, nil
}

// text makes a text fit for a database: PostgreSQL has no NUL in texts, and none wants broken UTF-8.
func text(s string) string { return clean(s) }

// remove notes that items left the folder; if of is not nil, those of that message only.
func (s *SQLStore) remove(ctx context.Context, tx *sql.Tx, source string, items []string, of []byte, now time.Time) error {
	for _, item := range items {
		id := itemID(source, item)
		var message []byte
		err := tx.QueryRowContext(ctx, s.d.Bind("SELECT message FROM "+s.places.String()+" WHERE id = ?"), id).Scan(&message)
		if errors.Is(err, sql.ErrNoRows) || err == nil && of != nil && !bytes.Equal(of, message) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := s.exec(ctx, tx, "DELETE FROM "+s.places.String()+" WHERE id = ?", id); err != nil {
			return err
		}
		if _, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+` SET left_ms = ?
			WHERE id = ? AND NOT EXISTS (SELECT 1 FROM `+s.places.String()+" i WHERE i.message = ?)", millis(now), message, message); err != nil {
			return err
		}
	}
	return nil
}

// unlisted removes what a complete listing of the folder did not show.
func (s *SQLStore) unlisted(ctx context.Context, tx *sql.Tx, source string, listing int64, now time.Time) error {
	id := sourceID(source)
	if _, err := s.exec(ctx, tx, "DELETE FROM "+s.places.String()+" WHERE source = ? AND listing <> ?", id, listing); err != nil {
		return err
	}
	_, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+` SET left_ms = ? WHERE source = ? AND left_ms = 0
		AND NOT EXISTS (SELECT 1 FROM `+s.places.String()+" i WHERE i.message = "+s.messages.String()+".id)", millis(now), id)
	return err
}

// Missing implements Store.
func (s *SQLStore) Missing(ctx context.Context, source string, epoch int64, key, item string, now time.Time) (e Entry, err error) {
	err = s.transact(ctx, "noting a vanished message", source, epoch, func(tx *sql.Tx) error {
		id := messageID(source, key)
		if err := s.remove(ctx, tx, source, []string{item}, id, now); err != nil {
			return err
		}
		if _, err := s.exec(ctx, tx, "UPDATE "+s.messages.String()+` SET state = ?, reason = '', changed_ms = ?, left_ms = CASE WHEN left_ms = 0 THEN ? ELSE left_ms END
			WHERE id = ? AND state = ? AND NOT EXISTS (SELECT 1 FROM `+s.places.String()+" i WHERE i.message = ?)",
			string(Gone), millis(now), millis(now), id, string(Pending), id); err != nil {
			return err
		}
		list, err := s.entries(ctx, tx, "m.id = ?", id)
		if err == nil && len(list) == 0 {
			err = ErrUnknown
		}
		if err != nil {
			return err
		}
		e = list[0]
		return nil
	})
	return e, err
}

// Prune implements Store.
func (s *SQLStore) Prune(ctx context.Context, source string, epoch int64, left time.Time) (n int, err error) {
	err = s.transact(ctx, "forgetting old messages", source, epoch, func(tx *sql.Tx) error {
		rows, err := s.exec(ctx, tx, "DELETE FROM "+s.messages.String()+` WHERE source = ? AND left_ms <> 0 AND left_ms < ?
			AND state NOT IN ('pending', 'handled', 'failed')`, sourceID(source), millis(left))
		n = int(rows)
		return err
	})
	return n, err
}

// Observe implements Store.
func (s *SQLStore) Observe(ctx context.Context, source string) (h Holder, err error) {
	err = s.db.QueryRowContext(ctx, s.d.Bind("SELECT owner, epoch, beat FROM "+s.sources.String()+" WHERE id = ?"), sourceID(source)).Scan(&h.Owner, &h.Epoch, &h.Beat)
	if errors.Is(err, sql.ErrNoRows) {
		return Holder{}, nil
	}
	return h, s.wrap("looking who fetches", err)
}

// Take implements Store.
func (s *SQLStore) Take(ctx context.Context, k Take) (at Position, err error) {
	id := sourceID(k.Source)
	insert := s.sources.Insert("id", "name", "epoch", "owner", "beat", "cursor_text", "since_ms", "listing", "seq")
	err = s.wrap("taking over", s.d.Transact(ctx, s.db, func(tx *sql.Tx) error {
		at = Position{}
		if k.Over.Epoch == 0 {
			if _, err := tx.ExecContext(ctx, insert, id, text(k.Source), 0, "", 0, "", millis(k.Since), 0, 0); err != nil {
				return err
			}
		}
		n, err := s.exec(ctx, tx, "UPDATE "+s.sources.String()+` SET owner = ?, epoch = epoch + 1, beat = 0
			WHERE id = ? AND owner = ? AND epoch = ? AND beat = ?`, text(k.Owner), id, k.Over.Owner, k.Over.Epoch, k.Over.Beat)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrHeld
		}
		var cursor string
		var since, listing int64
		if err := tx.QueryRowContext(ctx, s.d.Bind("SELECT epoch, cursor_text, since_ms, listing FROM "+s.sources.String()+" WHERE id = ?"), id).Scan(&at.Epoch, &cursor, &since, &listing); err != nil {
			return err
		}
		at.Crashed = k.Over.Owner != ""
		at.Cursor, at.Since, at.Listing = ews.Cursor(cursor), instant(since), listing > 0
		at.Open, err = s.entries(ctx, tx, "m.source = ? AND m.state IN ('pending', 'handled', 'failed') ORDER BY m.seq", id)
		return err
	}))
	return at, err
}

// Beat implements Store.
func (s *SQLStore) Beat(ctx context.Context, source string, epoch int64) error {
	n, err := s.exec(ctx, s.db, "UPDATE "+s.sources.String()+" SET beat = beat + 1 WHERE id = ? AND epoch = ? AND owner <> ''", sourceID(source), epoch)
	if err == nil && n == 0 {
		err = ErrLeaseLost
	}
	return s.wrap("showing a sign of life", err)
}

// Release implements Store.
func (s *SQLStore) Release(ctx context.Context, source string, epoch int64) error {
	n, err := s.exec(ctx, s.db, "UPDATE "+s.sources.String()+" SET owner = '' WHERE id = ? AND epoch = ? AND owner <> ''", sourceID(source), epoch)
	if err == nil && n == 0 {
		err = ErrLeaseLost
	}
	return s.wrap("releasing", err)
}
