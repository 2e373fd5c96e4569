package ews

import (
	"sync/atomic"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// habit is how a server writes the answers to calls of one kind.
type habit struct {
	last   atomic.Pointer[wire.Pattern]
	misses atomic.Int32 // in a row
}

// maxMisses is after how many different answers in a row the next one is expected to differ, too.
const maxMisses = 16

// fits reads the answer if it is written like the last one. If not, it is to be read, and learn called.
func (h *habit) fits(s *wire.Scanner) bool {
	if h == nil || h.misses.Load() >= maxMisses {
		return false
	}
	if s.Fits(h.last.Load()) {
		if h.misses.Load() > 0 {
			h.misses.Store(0)
		}
		return true
	}
	s.Note()
	return false
}

// learn remembers an answer that did not fit, and was good.
func (h *habit) learn(s *wire.Scanner) {
	if h == nil {
		return
	}
	if p := s.Pattern(); p != nil {
		h.last.Store(p)
		h.misses.Add(1)
	}
}
