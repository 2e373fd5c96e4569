package fetcher

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

func (w *work) open() bool { return w.State.Open() }

// add makes an entry known, or better known.
func (s *state) add(e Entry) *work {
	w := s.work[e.Key]
	if w == nil {
		w = &work{Entry: e, known: s.now, due: s.pause(e.Next, e.Changed)}
		w.FirstFailure = s.past(e.FirstFailure)
		s.work[e.Key] = w
		at, _ := slices.BinarySearchFunc(s.queue, e.Seq, func(w *work, seq int64) int { return int(w.Seq - seq) })
		s.queue = slices.Insert(s.queue, at, w)
		return w
	}
	w.Item = e.Item // the rest we know better
	return w
}

// drop forgets a message that is dealt with.
func (s *state) drop(w *work) {
	delete(s.work, w.Key)
	if at := slices.Index(s.queue, w); at >= 0 {
		s.queue = slices.Delete(s.queue, at, at+1)
	}
}

// dispatch begins work on messages that are due, in order of arrival.
func (s *state) dispatch() {
	sole, running := s.sole()
	var taken map[string]bool // conversations with an earlier message that waits for its outcome
	if s.ordered {
		taken = map[string]bool{}
	}
	for _, w := range s.queue {
		if s.busy >= s.parallel || s.phase != working {
			return
		}
		if s.ordered && w.Conversation != "" && w.State == Pending { // what the mailbox is to do with the others nobody has to wait for
			if taken[w.Conversation] {
				continue
			}
			taken[w.Conversation] = true
		}
		if w.busy || s.now.Before(w.due) || sole != nil && w.State == Pending && (w != sole || running) {
			continue
		}
		s.begin(w)
	}
}

// unsaved saves what is known, before the end.
func (s *state) unsaved() {
	for _, w := range s.queue {
		if !w.busy && (w.unsaved != nil || w.look) && !s.now.Before(w.due) {
			s.begin(w)
		}
	}
}

// begin takes the next step with a message.
func (s *state) begin(w *work) {
	w.due = time.Time{}
	switch {
	case w.unsaved != nil:
		s.do(w, saveEffect{s.epoch, *w.unsaved})
	case w.look:
		s.do(w, lookEffect{w.Key})
	case w.State == Pending:
		s.handle(w)
	case w.State == Handled && s.after && w.Item != "", w.State == Failed && s.quarantine && w.Item != "":
		s.do(w, actEffect{w.Entry})
	default:
		s.settle(w)
	}
}

func (s *state) do(w *work, e effect) {
	if !w.busy {
		w.busy = true
		s.busy++
	}
	s.emit(e)
}

func (s *state) idle(w *work) {
	w.busy = false
	s.busy--
}

// handle hands a message out, once it is read and if nothing speaks against it.
func (s *state) handle(w *work) {
	if w.Item == "" {
		s.do(w, missingEffect{s.epoch, w.Key, ""})
		return
	}
	if w.careful && !w.marked {
		s.mark(w)
		return
	}
	if w.msg == nil {
		s.do(w, readEffect{w.Key, w.Item})
		return
	}
	for _, guard := range s.skip {
		if reason := guard(w.msg); reason != "" {
			s.save(w, Done, "skipped: "+reason)
			return
		}
	}
	msg := w.msg
	w.msg = nil
	then := Done
	if s.after {
		then = Handled
	}
	e := w.Entry
	if w.marked {
		e.Crashes--
	}
	s.handlers++
	s.do(w, handleEffect{s.epoch, e, msg, then})
}

// settle finishes a message whose last action is done.
func (s *state) settle(w *work) {
	if w.State == Failed {
		s.save(w, Quarantined, w.Reason)
		return
	}
	s.save(w, Done, w.Reason)
}

// save makes a change to an entry, which counts when the store has it.
func (s *state) save(w *work, to State, reason string) {
	e := w.Entry
	if e.State != to {
		e.Next = time.Time{}
	}
	e.State, e.Reason, e.Changed = to, clean(reason), s.now
	s.keep(w, e)
}

// keep saves an entry after there was an outcome: the message did not end the program.
func (s *state) keep(w *work, e Entry) {
	if w.marked {
		w.marked = false
		e.Crashes--
	}
	w.unsaved = &e
	s.do(w, saveEffect{s.epoch, e})
}

// clean makes a line of a text, and bounds it.
func clean(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "")
	}
	return text
}

// worked takes the outcome of a step with a message.
func (s *state) worked(e any) {
	var w *work
	find := func(key string) bool {
		w = s.work[key]
		if w != nil {
			s.idle(w)
		}
		return w != nil && (s.phase == working || s.phase == leaving)
	}
	switch e := e.(type) {
	case readEvent:
		if find(e.key) {
			s.read(w, e)
		}
	case missingEvent:
		if find(e.key) && !s.lostIf(e.err) {
			s.missing(w, e)
		}
	case handledEvent:
		if find(e.key) && !s.lostIf(e.err) {
			s.handled(w, e)
		}
	case lookEvent:
		if find(e.key) {
			s.looked(w, e)
		}
	case savedEvent:
		if find(e.key) && !s.lostIf(e.err) {
			s.saved(w, e)
		}
	case actedEvent:
		if find(e.key) {
			s.acted(w, e)
		}
	}
}

func (s *state) read(w *work, e readEvent) {
	switch {
	case e.err == nil:
		s.lastRead = s.now
		w.msg = e.msg
		if s.phase == working {
			s.handle(w)
		} else {
			s.undo(w)
		}
	case errors.Is(e.err, ews.ErrNotFound):
		s.do(w, missingEffect{s.epoch, w.Key, w.Item})
	case interrupted(e.err) && s.phase != working:
		s.undo(w)
	default:
		s.failed(w, e.err, s.blames(w, e.err))
	}
}

// blames reports whether a failure to read a message is the message's own: others could be read since it failed first, or Exchange says so.
func (s *state) blames(w *work, err error) bool {
	switch {
	case errors.Is(err, ews.ErrBadItem), errors.Is(err, ews.ErrTooLarge), errors.Is(err, ews.ErrQuota), errors.Is(err, ews.ErrInvalidRequest):
		return true
	case errors.Is(err, ews.ErrUnavailable), errors.Is(err, ews.ErrBadResponse), errors.Is(err, ews.ErrDenied):
		return !w.FirstFailure.IsZero() && s.lastRead.After(w.FirstFailure)
	}
	return false
}

func (s *state) missing(w *work, e missingEvent) {
	if e.err == nil {
		s.stats.worked("missing")
	}
	switch {
	case e.err != nil:
		s.postpone(w, "missing", e.err)
	case w.Item != e.item && w.Item != "": // seen again meanwhile, under another id
		w.tries = 0
	case !e.entry.State.Open():
		s.stats.Gone++
		s.drop(w)
	case e.entry.State == Pending && e.entry.Item == e.item:
		s.postpone(w, "missing", errors.New("the store keeps an item that is gone"))
	default:
		w.Entry, w.tries = e.entry, 0
		w.FirstFailure = s.past(e.entry.FirstFailure)
	}
}

func (s *state) handled(w *work, e handledEvent) {
	switch {
	case e.committed: // whatever the handler said afterwards
		w.State, w.FirstFailure = Done, time.Time{}
		if w.marked {
			w.marked = false
			w.Crashes--
		}
		if s.after {
			w.State = Handled
		}
		s.stats.Handled++
		s.lastHandled = s.now
		if !w.open() {
			s.closed(w)
		}
	case e.tried:
		w.look, w.failed = true, e.err
		if e.err == nil {
			w.failed = errors.New("the TxHandler returned nil although its Commit failed")
		}
	case e.err == nil && s.tx:
		s.failed(w, errors.New("the TxHandler returned nil without a Commit"), true)
	case e.err == nil:
		s.stats.Handled++
		s.lastHandled = s.now
		to := Done
		if s.after {
			to = Handled
		}
		s.save(w, to, "")
	case interrupted(e.err) && s.phase != working:
		s.undo(w)
	default:
		s.failed(w, e.err, true)
	}
}

// looked learns whether a commit happened whose answer was lost.
func (s *state) looked(w *work, e lookEvent) {
	if e.err != nil {
		s.postpone(w, "look", e.err)
		return
	}
	s.stats.worked("look")
	w.look, w.tries = false, 0
	if e.entry.State == Pending {
		s.failed(w, w.failed, true)
		return
	}
	w.Entry, w.marked = e.entry, false
	s.stats.Handled++
	if !w.open() {
		s.closed(w)
	}
}

// failed notes a failure, and gives the message up when patience has run out.
func (s *state) failed(w *work, err error, counts bool) {
	s.stats.Failures++
	s.stats.failed("message", err, s.now)
	s.stats.LastErrorKey = w.Key
	e := w.Entry
	e.Reason, e.Changed = clean(err.Error()), s.now
	if e.FirstFailure.IsZero() {
		e.FirstFailure = s.now
	}
	if counts {
		e.Attempts++
	}
	wait := s.delay(max(1, e.Attempts))
	if d, ok := ews.RetryAfter(err); ok { // a server's wish, or that of the handler's own
		wait = max(wait, d)
	}
	e.Next = s.now.Add(wait)
	var p *permanent
	patience := s.maxAttempts
	if !s.lastHandled.After(e.FirstFailure) {
		patience *= 3
	}
	if errors.As(err, &p) || counts && e.Attempts >= patience {
		e.State, e.Next = Failed, time.Time{}
		s.stats.GivenUp++
	}
	s.keep(w, e)
}

func (s *state) saved(w *work, e savedEvent) {
	if e.err != nil {
		s.postpone(w, "save", e.err)
		return
	}
	s.stats.worked("save")
	item := w.Item
	w.Entry, w.unsaved, w.tries = *w.unsaved, nil, 0
	w.Item, w.due = item, w.Next
	switch {
	case !w.open():
		s.closed(w)
	case w.marked && s.phase == working:
		s.handle(w)
	default:
		s.undo(w)
	}
}

func (s *state) closed(w *work) {
	switch {
	case w.State == Quarantined:
		s.stats.Quarantined++
	case strings.HasPrefix(w.Reason, "skipped: "):
		s.stats.Skipped++
	}
	s.drop(w)
}

func (s *state) acted(w *work, e actedEvent) {
	switch {
	case e.err == nil:
		w.tries = 0
		s.settle(w)
	case interrupted(e.err) && s.phase != working:
	case !temporary(e.err) && w.tries >= s.maxAttempts:
		// The ticket is there, or the record of the failure: the mailbox's tidiness is not worth more.
		s.stats.Refused++
		s.stats.failed("action", e.err, s.now)
		s.stats.LastErrorKey = w.Key
		w.Reason = clean(strings.TrimPrefix(w.Reason+"; the mailbox refuses the action: "+e.err.Error(), "; "))
		s.settle(w)
	default:
		s.postpone(w, "action", e.err)
	}
}
