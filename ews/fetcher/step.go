package fetcher

import (
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// The engine is a step function: next takes the state of one source and an event, and returns the effects to be had. It does no I/O,
// reads no clock and starts no goroutine. The shell (shell.go) has the effects, each of which ends in an event. So what a crash can
// leave behind, and what a lost answer does, are questions about a list of effects, which tests enumerate.

// event is something that happened, at a time.
type event struct {
	at   time.Time
	what any // one of the types below
}

// effect is something to be had by the shell, one of the types below.
type effect any

// Effects, and the events that end them.
type (
	lockEffect    struct{} // waits for Options.Lock
	lockedEvent   struct{ err error }
	observeEffect struct{} // Store.Observe
	observedEvent struct {
		holder Holder
		err    error
	}
	takeEffect struct{ over Holder } // Store.Take
	takenEvent struct {
		at  Position
		err error
	}
	beatEffect struct{ epoch int64 } // Store.Beat, and Lock.Check
	beatEvent  struct {
		sent time.Time
		err  error
	}
	releaseEffect struct{ epoch int64 } // Store.Release unless epoch is 0, and Unlock
	releasedEvent struct{ err error }
	unlockEffect  struct{} // Unlock, after the lease was lost
	unlockedEvent struct{}

	pullEffect struct { // starts to watch the folder
		cursor  ews.Cursor
		since   time.Time
		listing bool
	}
	pulledEvent struct { // a page has come; the next one comes after moreEffect
		page Page
		msgs map[string]*ews.Message // of new messages, by key
		last bool                    // nothing more for now
	}
	pullEndedEvent struct{ err error }
	moreEffect     struct{}
	stopPullEffect struct{} // ends in a pullEndedEvent

	recordEffect struct { // Store.Record
		epoch int64
		page  Page
	}
	recordedEvent struct {
		open []Entry
		err  error
	}

	readEffect struct{ key, item string } // Mailbox.Message
	readEvent  struct {
		key string
		msg *ews.Message
		err error
	}
	missingEffect struct { // Store.Missing
		epoch     int64
		key, item string
	}
	missingEvent struct {
		key, item string
		entry     Entry
		err       error
	}
	handleEffect struct { // the handler
		epoch int64
		entry Entry
		msg   *ews.Message
		then  State // with a TxHandler: what Delivery.Commit makes of the entry
	}
	handledEvent struct {
		key   string
		epoch int64 // of the handleEffect
		outcome
		err error
	}
	lookEffect struct{ key string } // Store.Get
	lookEvent  struct {
		key   string
		entry Entry
		err   error
	}
	saveEffect struct { // Store.Save
		epoch int64
		entry Entry
	}
	savedEvent struct {
		key string
		err error
	}
	actEffect  struct{ entry Entry } // Options.After, or the move into quarantine
	actedEvent struct {
		key string
		err error
	}
	pruneEffect struct { // Store.Prune
		epoch int64
		left  time.Time
	}
	prunedEvent struct {
		n   int
		err error
	}

	cancelEffect struct{}               // ends the contexts of reads, handlers and actions; no event
	wakeEffect   struct{ at time.Time } // a wakeEvent at that time, instead of one asked for before
	wakeEvent    struct{}
	endEffect    struct{ err error } // the engine has ended; no event
)

// Events from outside.
type (
	startEvent   struct{}
	drainEvent   struct{ err error } // Run's ctx has ended
	graceEvent   struct{}            // Options.Grace after that
	abandonEvent struct{}            // and a little later
)
