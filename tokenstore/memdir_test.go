package tokenstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/ewsmail/ewsmail/tokenstore"
)

// memDir is a directory that forgets, at a power loss, all that was not synced: bytes written to a file since its last Sync, torn
// anywhere; each directory change since the last directory Sync, in any combination. It counts its operations and can fail at any.
type memDir struct {
	mu      sync.Mutex
	entries map[string]*inode // as the running system sees them
	durable map[string]*inode
	pending []change // directory changes not synced yet
	locks   map[string]bool

	ops    int
	kinds  []string                     // of the operations so far
	before func(n int, op string) error // its error is the operation's
	after  func(n int)
}

type inode struct {
	data   []byte
	synced int // so many bytes survive
}

type change struct {
	name string
	node *inode // nil: removed
	also string // removed in the same step (a rename's old name), or empty
}

func newMemDir() *memDir {
	return &memDir{entries: map[string]*inode{}, durable: map[string]*inode{}, locks: map[string]bool{}}
}

func (d *memDir) op(kind string, do func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops++
	d.kinds = append(d.kinds, kind)
	if d.before != nil {
		if err := d.before(d.ops, kind); err != nil {
			return err
		}
	}
	err := do()
	if d.after != nil {
		d.after(d.ops)
	}
	return err
}

func (d *memDir) Names() (names []string, err error) {
	err = d.op("names", func() error { names = slices.Collect(maps.Keys(d.entries)); return nil })
	return names, err
}

func (d *memDir) Open(name string) (f io.ReadCloser, err error) {
	err = d.op("open", func() error {
		n := d.entries[name]
		if n == nil {
			return fs.ErrNotExist
		}
		f = &memReader{d, bytes.NewReader(bytes.Clone(n.data))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

type memReader struct {
	d *memDir
	r *bytes.Reader
}

func (f *memReader) Read(p []byte) (n int, err error) {
	err = f.d.op("read", func() error { n, err = f.r.Read(p); return err })
	return n, err
}
func (f *memReader) Close() error { return f.d.op("close read", func() error { return nil }) }

func (d *memDir) Create(name string) (f tokenstore.DirFile, err error) {
	err = d.op("create", func() error {
		if d.entries[name] != nil {
			return fs.ErrExist
		}
		n := &inode{}
		d.apply(change{name: name, node: n})
		f = &memWriter{d, n}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

type memWriter struct {
	d *memDir
	n *inode
}

var errShort = errors.New("short write")

func (f *memWriter) Write(p []byte) (n int, err error) {
	err = f.d.op("write", func() error { f.n.data = append(f.n.data, p...); n = len(p); return nil })
	if errors.Is(err, errShort) {
		n, err = len(p)/2, nil
		f.n.data = append(f.n.data, p[:n]...)
	}
	return n, err
}
func (f *memWriter) Sync() error {
	return f.d.op("sync", func() error { f.n.synced = len(f.n.data); return nil })
}
func (f *memWriter) Close() error { return f.d.op("close", func() error { return nil }) }

func (d *memDir) Rename(oldname, newname string) error {
	return d.op("rename", func() error {
		n := d.entries[oldname]
		if n == nil {
			return fs.ErrNotExist
		}
		d.apply(change{name: newname, node: n, also: oldname})
		return nil
	})
}

func (d *memDir) Remove(name string) error {
	return d.op("remove", func() error {
		if d.entries[name] == nil {
			return fs.ErrNotExist
		}
		d.apply(change{name: name})
		return nil
	})
}

func (d *memDir) apply(c change) {
	c.on(d.entries)
	d.pending = append(d.pending, c)
}

func (c change) on(m map[string]*inode) {
	if c.also != "" {
		delete(m, c.also)
	}
	if c.node == nil {
		delete(m, c.name)
	} else {
		m[c.name] = c.node
	}
}

func (d *memDir) Sync() error {
	return d.op("sync dir", func() error {
		d.durable, d.pending = maps.Clone(d.entries), nil
		return nil
	})
}

func (d *memDir) Lock(ctx context.Context, name string) (tokenstore.Lock, error) {
	err := d.op("lock", func() error {
		if d.locks[name] {
			return errors.New("locked twice by one caller")
		}
		d.locks[name] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &memDirLock{d, name}, nil
}

type memDirLock struct {
	d    *memDir
	name string
}

func (l *memDirLock) Check(context.Context) error { return nil }
func (l *memDirLock) Tenure() tokenstore.Tenure   { return tokenstore.WhileProcess }
func (l *memDirLock) Unlock() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	delete(l.d.locks, l.name)
	return nil
}

// outcomes yields every directory a power loss now could leave behind.
func (d *memDir) outcomes(yield func(*memDir)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for subset := range 1 << len(d.pending) {
		names := maps.Clone(d.durable)
		for i, c := range d.pending {
			if subset>>i&1 == 1 {
				c.on(names)
			}
		}
		d.torn(names, slices.Sorted(maps.Keys(names)), yield)
	}
}

// torn yields names with each file cut at each place its unsynced bytes allow.
func (d *memDir) torn(names map[string]*inode, left []string, yield func(*memDir)) {
	if len(left) == 0 {
		out := newMemDir()
		for name, n := range names {
			out.entries[name] = &inode{data: bytes.Clone(n.data), synced: len(n.data)}
		}
		out.durable = maps.Clone(out.entries)
		yield(out)
		return
	}
	n := names[left[0]]
	for keep := n.synced; keep <= len(n.data); keep++ {
		cut := maps.Clone(names)
		cut[left[0]] = &inode{data: n.data[:keep]}
		d.torn(cut, left[1:], yield)
	}
}
