package ews

//go:generate go run ./internal/gencodes -in $EWS_RESPONSE_CODES -out codes_table.go

// Class groups Exchange's response codes (EWS: ResponseCodeType, 529 values) by what a client should do about them.
type Class uint8

// The classes.
const (
	ClassNone              Class = iota // no code, or one that this package does not know
	ClassOK                             // NoError
	ClassThrottle                       // stop sending for this mailbox, wait, lower the concurrency, send again
	ClassTransient                      // send again with growing delay, a bounded number of times
	ClassMove                           // the mailbox is elsewhere: find the endpoint again, then send again
	ClassAuth                           // permission or credentials: somebody must change something
	ClassNotFound                       // drop the local reference
	ClassSyncReset                      // drop the sync state and synchronise from the start
	ClassSubscriptionReset              // subscribe anew, then synchronise
	ClassConflict                       // fetch a fresh change key and repeat
	ClassQuota                          // a limit: never send again unchanged
	ClassExists                         // maybe our own earlier try succeeded: look it up
	ClassVersion                        // lower the schema version asked for
	ClassPartial                        // the answer is usable, or the rest is to be sent again
	ClassItem                           // only this item is broken: skip and record it
	ClassPermanent                      // the request is wrong
)

var classNames = [...]string{"none", "ok", "throttle", "transient", "move", "auth", "not-found", "sync-reset", "subscription-reset",
	"conflict", "quota", "exists", "version", "partial", "item", "permanent"}

// String is the class in one word: "throttle", say.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "invalid"
}

// ClassOf returns the class of a response code, ClassNone for one that is in no published schema.
func ClassOf(code string) Class { return classOf(code) }

// kind is the sentinel of errors of a class. Unknown codes count as a wrong request: repeating what nobody understands helps
// nobody.
func (c Class) kind() error {
	switch c {
	case ClassThrottle:
		return ErrThrottled
	case ClassTransient:
		return ErrUnavailable
	case ClassMove:
		return ErrMailboxMoved
	case ClassAuth:
		return ErrDenied
	case ClassNotFound:
		return ErrNotFound
	case ClassSyncReset:
		return ErrCursorInvalid
	case ClassSubscriptionReset:
		return ErrSubscriptionLost
	case ClassConflict:
		return ErrConflict
	case ClassQuota:
		return ErrQuota
	case ClassExists:
		return ErrExists
	case ClassVersion:
		return ErrVersion
	case ClassPartial:
		return ErrNotAttempted
	case ClassItem:
		return ErrBadItem
	}
	return ErrInvalidRequest
}
