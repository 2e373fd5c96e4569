package fetcher

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/ewsmail/ewsmail/ews"
)

// Key returns what a message is known by, at most 64 lower-case letters, digits and hyphens: fit for a unique column of any
// database, whatever its collation.
//
// It is the message's PidTagSearchKey, which stays the same however often the message is moved, while its id changes with each move. It
// is not the Message-ID: two different mails can have the same, and some have none.
//
// A copy has the key of its original. So a copy of a message that was handed out, made by a user or a rule, makes no second ticket,
// and neither does a message that is moved away and back. Two deliveries have different keys, also of the same text.
//
// An item without a search key (no server is known that leaves it out) goes by its id: moved away and back it would count as a new one.
func Key(msg *ews.Message) string {
	raw, err := base64.StdEncoding.DecodeString(msg.SearchKey)
	switch {
	case msg.SearchKey == "":
		return "id-" + digest(msg.ID.ID)
	case err == nil && len(raw) <= 28:
		return "sk-" + hex.EncodeToString(raw)
	}
	return "sk-" + digest(msg.SearchKey)
}

// digest is exact about the case of letters, which ids need.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:20])
}
