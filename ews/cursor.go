package ews

import (
	"fmt"
	"hash/crc32"
	"strings"
)

// Cursor is how far a synchronisation got: text to be stored as it is, and given back to go on from there. The empty Cursor is the
// beginning. It is Exchange's sync state with a checksum, usually some hundred bytes but without a fixed bound: use a text column
// without a length limit. It belongs to one folder of one mailbox.
type Cursor string

// position is what a Cursor says.
type position struct {
	state string // Exchange's SyncState; "" = the beginning

	// again: this pass started over, and what it lists may have been handed out before its cursor was lost. It is part of the Cursor so
	// that a program that stops in the middle of the pass does not take the rest of the listing for news.
	again bool
}

// Marks at the start of a Cursor: what it is of. A folder's cursor given to SyncFolders, or the other way round, would be refused by
// Exchange at best.
const (
	cursorItems      = "ewsi"
	cursorItemsAgain = "ewsr"
	cursorFolders    = "ewsf"
)

func makeCursor(mark, state string) Cursor {
	return Cursor(fmt.Sprintf("%s.%08x.%s", mark, crc32.ChecksumIEEE([]byte(state)), state))
}

// parse takes a Cursor apart. Some servers take any text for the beginning without saying so, and would have everything
// handed out again: a Cursor that did not survive its storage must be found out here.
func (c Cursor) parse(marks ...string) (mark, state string, err *Error) {
	if c == "" {
		return "", "", nil
	}
	mark, rest, ok := strings.Cut(string(c), ".")
	sum, state, ok2 := strings.Cut(rest, ".")
	bad := func(what string) *Error {
		return &Error{kind: ErrCursorInvalid, untouched: true, what: what, hint: "synchronise from the start, or set SyncOptions.Known"}
	}
	known := false
	for _, m := range marks {
		known = known || m == mark
	}
	switch {
	case !ok || !ok2 || !strings.HasPrefix(mark, "ews"):
		return "", "", bad("this is no cursor")
	case !known:
		return "", "", bad("the cursor belongs to the other kind of synchronisation (folders, or items of a folder)")
	case sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(state))) || state == "":
		return "", "", bad("the cursor was cut or changed while it was stored (a column that is too short?)")
	}
	return mark, state, nil
}

// lists reports whether what comes next is a part of a listing that may show again what was handed out before.
func (c Cursor) lists() bool { return c == "" || strings.HasPrefix(string(c), cursorItemsAgain+".") }

// cursor returns the text form.
func (p position) cursor() Cursor {
	if p.again {
		return makeCursor(cursorItemsAgain, p.state)
	}
	return makeCursor(cursorItems, p.state)
}
