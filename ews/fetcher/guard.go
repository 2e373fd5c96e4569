package fetcher

import (
	"fmt"

	"github.com/ewsmail/ewsmail/ews"
)

// Guard decides that a message makes no ticket: it returns why, in a few words, or "". See Options.Skip.
type Guard func(msg *ews.Message) (reason string)

// Automatic is a Guard against messages that programs sent, of any of the kinds: it keeps two helpdesks from answering each other
// for ever. own are the helpdesk's addresses, for ews.OwnMail. Most want
//
//	fetcher.Automatic(ews.AutoReply|ews.Bounce|ews.Receipt|ews.OwnMail, "help@example.com")
//
// See ews.Message.Automatic for how they are recognised.
func Automatic(kinds ews.AutomaticKind, own ...string) Guard {
	return func(msg *ews.Message) string {
		a := msg.Automatic(own...)
		if !a.Is(kinds) {
			return ""
		}
		return a.String()
	}
}

// Larger is a Guard against messages of more than so many bytes, attachments included, as the server counts them.
func Larger(bytes int64) Guard {
	return func(msg *ews.Message) string {
		if msg.Size <= bytes {
			return ""
		}
		return fmt.Sprintf("its %d bytes are more than %d", msg.Size, bytes)
	}
}
