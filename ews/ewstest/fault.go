package ewstest

import (
	"strings"
)

// Fault is one line of a script: which requests it hits, and what happens to them instead of, or on the way of, the answer.
type Fault struct {
	Op      string              // operation, "GetItem"; "" is any
	Mailbox string              // address the request acts as, or is anchored at; "" is any
	Match   func(*Request) bool // a further condition, on the body for example; called with the lock held: it must not call the Server

	After int // so many matching requests pass first; those that an earlier fault of the script hits are not counted
	Times int // so many are hit then; 0 is one, -1 all

	Do Effect
}

// FaultCounter is a scripted fault and what it has done so far.
type FaultCounter struct {
	s       *Server
	fault   Fault
	matched int
	hits    int
}

// Hits returns how many requests the fault has hit.
func (f *FaultCounter) Hits() int {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return f.hits
}

// Remove takes the fault out of the script.
func (f *FaultCounter) Remove() {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	for i, other := range f.s.faults {
		if other == f {
			f.s.faults = append(f.s.faults[:i:i], f.s.faults[i+1:]...)
			return
		}
	}
}

// Fault appends f to the script. Of several that match a request the first one that is not used up hits it. Only requests with
// an accepted token are looked at: what Options.Verify refuses is refused before.
func (s *Server) Fault(f Fault) *FaultCounter {
	s.mu.Lock()
	defer s.mu.Unlock()
	fc := &FaultCounter{s: s, fault: f}
	s.faults = append(s.faults, fc)
	return fc
}

// ClearFaults empties the script.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// matchFault returns the effect of the fault that hits the request, nil if none does.
func (s *Server) matchFault(r *Request) *Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !f.fault.matches(r) {
			continue
		}
		times := f.fault.Times
		if times == 0 {
			times = 1
		}
		if times > 0 && f.hits >= times {
			continue
		}
		f.matched++
		if f.matched <= f.fault.After {
			continue
		}
		f.hits++
		return &f.fault.Do
	}
	return nil
}

func (f *Fault) matches(r *Request) bool {
	if f.Op != "" && f.Op != r.Operation {
		return false
	}
	if f.Mailbox != "" && !strings.EqualFold(f.Mailbox, r.User) && !strings.EqualFold(f.Mailbox, r.Impersonated) &&
		!strings.EqualFold(f.Mailbox, r.AnchorMailbox) {
		return false
	}
	return f.Match == nil || f.Match(r)
}
