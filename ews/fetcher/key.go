package fetcher

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/ewsmail/ewsmail/ews"
)

// Key returns what a message is known by, at most 64 lower-case letters, digits and hyphens: fit for a unique column of any
// database, whatever its collation.
//
// It is the message's PidTagSearchKey with the second it was received in. Both stay the same however often the message is moved, while
// its id changes with each move. It is not the Message-ID: two different mails can have the same, and some have none.
//
// A copy has the key of its original. So a copy of a message that was handed out, made by a user or a rule, makes no second ticket,
// and neither does a message that is moved away and back. Two deliveries have different keys, also of the same text, and also of one
// message that is sent twice within an organisation, where the search key may travel with it; only within the same second that
// would count as one.
//
// An item without a search key (no server is known that leaves it out) goes by its id: moved away and back it would count as a new one.
func Key(msg *ews.Message) string {
	raw, err := base64.StdEncoding.DecodeString(msg.SearchKey)
	if msg.SearchKey == "" {
		return "id-" + digest(msg.ID.ID)
	}
	key := digest(msg.SearchKey)
	if err == nil && len(raw) <= 24 {
		key = hex.EncodeToString(raw)
	}
	var received int64
	if msg.Received.Unix() > 0 {
		received = msg.Received.Unix()
	}
	return fmt.Sprintf("sk-%x-%s", received, key)
}

// digest is exact about the case of letters, which ids need.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:20])
}
