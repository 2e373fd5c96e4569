package fetcher

import (
	"errors"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// watch keeps the folder watched, and has a page recorded before the next one comes. What is recorded will be handled, whatever
// happens, so the cursor goes with it: no message that takes its time, or fails, holds it back.
func (s *state) watch() {
	switch {
	case s.pull == pullOff && !s.caught && !s.now.Before(s.pullAt):
		s.pull, s.pullAt = pullWait, time.Time{}
		s.emit(pullEffect{s.cursor, s.backfill, s.listing})
	case s.pull == pullHeld && s.page != nil:
		if !s.pageBusy && !s.now.Before(s.pageAt) {
			s.pageBusy = true
			p := s.page.page
			p.Now = s.now
			s.emit(recordEffect{s.epoch, p})
		}
	case s.pull == pullHeld && s.room():
		s.pull = pullWait
		s.emit(moreEffect{})
	}
}

// room reports whether another page may come: nearly everything of the last one has been begun, and not too much is open.
func (s *state) room() bool {
	if len(s.work) >= maxOpen {
		return false
	}
	fresh := 0
	for _, w := range s.queue {
		if w.msg != nil && !w.busy && w.open() {
			if fresh++; fresh > s.parallel {
				return false
			}
		}
	}
	return true
}

func (s *state) pulled(e pulledEvent) {
	s.lastRead, s.pullBad = s.now, 0
	s.stats.worked("sync", "known")
	s.stats.LastPage = s.now
	if s.pull == pullStop || s.phase != working {
		return
	}
	s.pull, s.page, s.pageAt = pullHeld, &e, time.Time{}
}

func (s *state) recorded(e recordedEvent) {
	s.pageBusy = false
	if s.lostIf(e.err) || s.page == nil || s.phase != working {
		return
	}
	if e.err != nil {
		s.pageBad++
		s.stats.failed("record", e.err, s.now)
		s.pageAt = s.now.Add(min(s.delay(s.pageBad), s.ttl))
		return
	}
	p := s.page
	s.page, s.pageBad = nil, 0
	s.cursor, s.listing = p.page.Cursor, p.page.Listing && !p.page.Ends
	if !p.page.Since.IsZero() {
		s.backfill = p.page.Since
	}
	s.stats.Pages++
	s.stats.worked("record")
	for _, entry := range e.open {
		w := s.add(entry)
		if msg := p.msgs[entry.Key]; msg != nil && !w.busy && w.State == Pending && w.due.IsZero() {
			w.msg = msg
		}
	}
}

func (s *state) stopPull() {
	if s.pull != pullOff && s.pull != pullStop {
		s.pull = pullStop
		s.emit(stopPullEffect{})
	}
	s.page = nil
}

func (s *state) pullEnded(e pullEndedEvent) {
	stopped := s.pull == pullStop
	s.pull, s.page, s.stats.StreamOpen = pullOff, nil, false
	if stopped || s.phase != working {
		return
	}
	if e.err == nil {
		s.caught = true
		return
	}
	s.pullBad++
	what := "sync"
	if failure := new(unknowable); errors.As(e.err, &failure) {
		s.stats.worked("sync") // it is the store that was asked what Exchange's answer means
		what = "known"
	}
	s.stats.failed(what, e.err, s.now)
	if wrong := new(sameFolderError); s.once || errors.As(e.err, &wrong) { // ews has tried again what is worth it
		s.leave(e.err)
		return
	}
	s.pullAt = s.now.Add(pullDelay(e.err, s.pullBad))
}

// pullDelay is the pause after the watching ended. ews has waited out what passes by itself; the rest is for people to repair, and asked
// for now and then, so that nobody needs to restart the program afterwards.
func pullDelay(err error, failures int) time.Duration {
	d := time.Second << min(failures, 6)
	if errors.Is(err, ews.ErrEWSBlocked) {
		d = 15 * time.Minute
	}
	if wait, ok := ews.RetryAfter(err); ok {
		d = max(d, wait)
	}
	return min(d, 15*time.Minute)
}

// temporary reports whether an error passes by itself.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// reported takes what the watching says about itself.
func (s *state) reported(r ews.WatchReport) {
	switch r.Kind {
	case ews.StreamOpened:
		s.stats.StreamOpen = true
	case ews.StreamLost:
		s.stats.StreamOpen = false
	case ews.SyncFailed:
		s.stats.failed("sync", r.Err, s.now)
	case ews.SyncRecovered:
		s.stats.worked("sync")
	}
}
