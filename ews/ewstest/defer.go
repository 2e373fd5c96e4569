package ewstest

import "time"

// held is a message that waits for its time.
type held struct {
	at   time.Time
	it   *item
	send func() *opError
}

// deferredUntil is the time that PidTagDeferredSendTime names; zero: none.
func (it *item) deferredUntil() time.Time {
	p, ok := it.props["0x3fef"]
	if !ok {
		return time.Time{}
	}
	t, _ := parseTime(first(p.values))
	return t
}

// hold keeps a message that was sent, but not yet: in Drafts, or where it lay, until its time has come. Deleting it calls it off.
func (c *call) hold(it *item, at time.Time, to *folder, save bool) {
	if it.folder == nil {
		c.save(it, it.mb.named["drafts"])
	}
	it.submitted = true
	it.touch()
	send := func() *opError { return c.send(it, to, save) }
	for i := range c.s.held {
		if c.s.held[i].it == it {
			c.s.held[i].at, c.s.held[i].send = at, send
			return
		}
	}
	c.s.held = append(c.s.held, held{at, it, send})
}

// sendDue sends what has been held back and is due. The caller holds the lock.
func (s *Server) sendDue() {
	if len(s.held) == 0 {
		return
	}
	now := s.now()
	var due []held
	kept := s.held[:0]
	for _, h := range s.held {
		switch {
		case h.it.folder == nil || h.it.folder.distinguished == "deleteditems": // called off
		case h.at.After(now):
			kept = append(kept, h)
		default:
			due = append(due, h)
		}
	}
	s.held = kept
	for _, h := range due {
		_ = h.send() // it was accepted when it was submitted
	}
}
