package ewstest

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sort"
)

// A sync state is opaque to clients: the folder's id and the number of the last change seen, with a checksum.
func makeSyncState(id string, seq uint64) string {
	b := binary.BigEndian.AppendUint64([]byte("H4sI"), seq)
	b = append(b, id...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.StdEncoding.EncodeToString(b)
}

func parseSyncState(s, id string) (uint64, *opError) {
	if s == "" {
		return 0, nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < 16 {
		return 0, fail("ErrorInvalidSyncStateData")
	}
	body := b[:len(b)-4]
	if binary.BigEndian.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(body) || string(body[12:]) != id {
		return 0, fail("ErrorInvalidSyncStateData")
	}
	return binary.BigEndian.Uint64(body[4:12]), nil
}

// syncFolderItems EWS: SyncFolderItems operation.
func (c *call) syncFolderItems() *soapFault {
	op := c.env.op
	sh, shapeErr := parseShape(op.kid("m:ItemShape"), true, true)
	return c.respond("SyncFolderItems", []*node{op}, func(*node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		f, err := c.folder(op.kid("m:SyncFolderId").first())
		if err != nil {
			if err.code == "ErrorFolderNotFound" {
				err = fail("ErrorSyncFolderNotFound")
			}
			return nil, err
		}
		from, err := parseSyncState(op.leaf("m:SyncState"), f.id)
		if err == nil && op.leaf("m:SyncState") != "" && from < f.oldestState {
			err = fail("ErrorInvalidSyncStateData")
		}
		if err != nil {
			return nil, err
		}
		most, _ := parseInt(op.leaf("m:MaxChangesReturned"))
		if c.s.o.ShortPages > 0 {
			most = min(most, c.s.o.ShortPages)
		}
		var ignore []string
		for _, n := range op.kid("m:Ignore").all() {
			ignore = append(ignore, n.attr("Id"))
		}
		changes, seq, last := f.changesAfter(from, most, op.leaf("m:SyncScope") == "NormalAndAssociatedItems", ignore)
		return func() {
			c.a.leaf("m:SyncState", makeSyncState(f.id, seq))
			c.a.bool("m:IncludesLastItemInRange", last)
			c.a.start("m:Changes")
			for _, ch := range changes {
				c.writeChange(ch, sh)
			}
			c.a.end()
		}, nil
	})
}

// changesAfter reads the folder's log: one change per item and page, the items as they are now.
func (f *folder) changesAfter(from uint64, most int, associated bool, ignore []string) (out []change, seq uint64, last bool) {
	i := sort.Search(len(f.log), func(i int) bool { return f.log[i].seq > from })
	seen := map[string]int{}
	seq = from
	for ; i < len(f.log); i++ {
		ch := f.log[i]
		gone := ch.it == nil || ch.it.id != ch.id || ch.it.folder != f
		skip := slices.Contains(ignore, ch.id) || !gone && ch.it.associated != associated && !associated
		at, again := seen[ch.id]
		switch {
		case skip:
		case ch.kind == changeDelete:
			if ch.created > from && ch.created > 0 { // came and went since: the client never knew it
				break
			}
			if !again && len(out) == most {
				return out, seq, false
			}
			if again {
				out[at] = ch
			} else {
				seen[ch.id] = len(out)
				out = append(out, ch)
			}
		case gone: // its deletion follows in the log
		case again:
			if ch.kind == changeUpdate && out[at].kind == changeRead {
				out[at].kind = changeUpdate
			}
		default:
			if len(out) == most {
				return out, seq, false
			}
			seen[ch.id] = len(out)
			out = append(out, ch)
		}
		seq = ch.seq
	}
	return out, seq, true
}

func (c *call) writeChange(ch change, sh *shape) {
	switch ch.kind {
	case changeDelete:
		c.a.start("t:Delete")
		c.a.empty("t:ItemId", "Id", ch.id, "ChangeKey", makeChangeKey(9, ch.seq))
		c.a.end()
	case changeRead:
		c.a.start("t:ReadFlagChange")
		c.a.itemID(ch.it)
		c.a.bool("t:IsRead", ch.it.read)
		c.a.end()
	default:
		name := "t:Create"
		if ch.kind == changeUpdate {
			name = "t:Update"
		}
		c.a.start(name)
		c.writeView(viewOf(ch.it), sh)
		c.a.end()
	}
}

// InvalidateSyncStates makes every sync state handed out so far for the folder invalid (ErrorInvalidSyncStateData), as a server does
// after a mailbox move. False when there is no such folder.
func (mb *Mailbox) InvalidateSyncStates(path string) bool {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	f := mb.lookup(path)
	if f == nil {
		return false
	}
	f.oldestState = mb.s.next()
	// The log starts again with what is in the folder.
	f.log = nil
	for _, it := range f.items {
		if it != nil {
			f.record(changeCreate, it)
		}
	}
	return true
}

// syncFolderHierarchy EWS: SyncFolderHierarchy operation. Its state is the whole set of folders with their change numbers.
func (c *call) syncFolderHierarchy() *soapFault {
	op := c.env.op
	sh, shapeErr := parseFolderShape(op.kid("m:FolderShape"))
	return c.respond("SyncFolderHierarchy", []*node{op}, func(*node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		top := c.user.named["msgfolderroot"]
		if n := op.kid("m:SyncFolderId"); n != nil {
			var err *opError
			if top, err = c.target(n); err != nil {
				return nil, err
			}
		}
		known, err := parseHierarchyState(op.leaf("m:SyncState"))
		if err != nil {
			return nil, err
		}
		now := map[string]string{}
		var created, updated []*folder
		top.descend(func(f *folder) bool {
			sig := f.signature()
			now[f.id] = sig
			if old, ok := known[f.id]; !ok {
				created = append(created, f)
			} else if old != sig {
				updated = append(updated, f)
			}
			return true
		})
		var deleted []string
		for id := range known {
			if now[id] == "" {
				deleted = append(deleted, id)
			}
		}
		sort.Strings(deleted)
		return func() {
			c.a.leaf("m:SyncState", makeHierarchyState(now))
			c.a.bool("m:IncludesLastFolderInRange", true)
			c.a.start("m:Changes")
			c.folderChanges("t:Create", created, sh)
			c.folderChanges("t:Update", updated, sh)
			for _, id := range deleted {
				c.a.start("t:Delete")
				c.a.empty("t:FolderId", "Id", id, "ChangeKey", makeChangeKey(1, 0))
				c.a.end()
			}
			c.a.end()
		}, nil
	})
}

func (c *call) folderChanges(name string, list []*folder, sh *folderShape) {
	for _, f := range list {
		c.a.start(name)
		c.writeFolder(f, sh)
		c.a.end()
	}
}
