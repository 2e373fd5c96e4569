package fetcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// operation is one line of a FileStore's journal: one of its fields is set.
type operation struct {
	Table   *table       `json:",omitempty"` // the first line: where the journal begins
	Take    *Take        `json:",omitempty"`
	Release bool         `json:",omitempty"`
	Page    *Page        `json:",omitempty"`
	Save    *Entry       `json:",omitempty"`
	Missing *missingItem `json:",omitempty"`
	Prune   *time.Time   `json:",omitempty"`

	open   *[]Entry // Record's result
	pruned *int
}

type missingItem struct {
	Key, Item string
	Now       time.Time
}

// apply does what the line says.
func (op *operation) apply(t *table) {
	switch {
	case op.Take != nil:
		k := *op.Take
		k.Over = t.Holder
		_, _ = t.take(k)
	case op.Release:
		t.Holder.Owner = ""
	case op.Page != nil:
		open := t.record(*op.Page)
		if op.open != nil {
			*op.open = open
		}
	case op.Save != nil:
		t.save(*op.Save)
	case op.Missing != nil:
		_, _ = t.missing(op.Missing.Key, op.Missing.Item, op.Missing.Now)
	case op.Prune != nil:
		n := t.prune(*op.Prune)
		if op.pruned != nil {
			*op.pruned = n
		}
	}
}

// line is the journal's form of an operation: a checksum, JSON, a line feed.
func (op *operation) line() ([]byte, error) {
	raw, err := json.Marshal(op)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(raw), raw), nil
}

var errJournal = errors.New("the journal does not begin with a whole table; restore the file, or remove it to have the whole folder handed out again")

// replay reads a journal. A line that was cut ends it: it was never acknowledged, and nothing was written after it.
func replay(raw []byte) (*table, error) {
	var t *table
	for len(raw) > 0 {
		line, rest, whole := bytes.Cut(raw, []byte("\n"))
		raw = rest
		sum, text, ok := bytes.Cut(line, []byte(" "))
		var op operation
		if !whole || !ok || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) || json.Unmarshal(text, &op) != nil {
			if whole && len(rest) > 0 {
				return nil, errors.New("the journal is damaged in the middle; restore the file, or remove it to have the whole folder handed out again")
			}
			break
		}
		switch {
		case op.Table != nil && t == nil:
			t = op.Table
			t.complete()
		case t == nil:
			return nil, errJournal
		default:
			op.apply(t)
		}
	}
	if t == nil {
		return nil, errJournal
	}
	return t, nil
}

// complete makes the maps that JSON leaves out when they are empty.
func (t *table) complete() {
	fresh := newTable()
	if t.Entries == nil {
		t.Entries = fresh.Entries
	}
	if t.Items == nil {
		t.Items = fresh.Items
	}
}

// write appends an operation to the journal of a source and syncs it. After a failure, and when the journal has grown to several times the
// table, it begins a new one.
func (s *FileStore) write(source string, o *opened, op operation) error {
	if o.broken || o.bytes > 4*o.base+1<<20 {
		if err := s.begins(source, o); err != nil {
			o.broken = true
			return fmt.Errorf("fetcher: file store: %w", err)
		}
	}
	line, err := op.line()
	if err == nil {
		o.broken = true // until it is known to be whole
		if _, err = o.file.Write(line); err == nil {
			err = o.file.Sync()
		}
	}
	if err != nil {
		return fmt.Errorf("fetcher: file store: %w", err)
	}
	o.broken = false
	o.bytes += len(line)
	return nil
}

// begins writes a new journal, which begins with the table, in the place of the old one.
func (s *FileStore) begins(source string, o *opened) error {
	line, err := (&operation{Table: o.table}).line()
	if err != nil {
		return err
	}
	if o.file != nil {
		_ = o.file.Close() // nothing in it is needed any more
		o.file = nil
	}
	name := fileName(source)
	f, err := s.dir.Create(name + ".new")
	if err != nil {
		return err
	}
	if _, err = f.Write(line); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = s.dir.Rename(name+".new", name+".journal")
	}
	if err == nil {
		err = s.dir.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	o.file, o.broken, o.bytes, o.base = f, false, len(line), len(line)
	return nil
}
