package ewstest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// normalizedSubject is the conversation topic: the subject without its reply and forward prefixes ([MS-OXCMSG] 3.2.4.4
// takes one to three letters before a colon and a space).
func normalizedSubject(s string) string {
	for {
		i := strings.IndexByte(s, ':')
		if i < 1 || i > 4 {
			return s
		}
		prefix := []rune(strings.TrimSpace(s[:i]))
		if len(prefix) == 0 || len(prefix) > 3 || !allLetters(prefix) || (i+1 < len(s) && s[i+1] != ' ') {
			return s
		}
		s = strings.TrimSpace(s[i+1:])
	}
}

func allLetters(rs []rune) bool {
	for _, r := range rs {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r < 0x80 {
			return false
		}
	}
	return true
}

// parseThreadIndex decodes a Thread-Index field (PidTagConversationIndex, [MS-OXOMSG] 2.2.1.3); nil when it is no such thing.
func parseThreadIndex(v string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v), ""))
	if err != nil || len(b) < 22 || (len(b)-22)%5 != 0 || b[0] != 1 {
		return nil
	}
	return b
}

// rootIndex makes the 22 byte header block of a new conversation: a reserved byte, the upper five bytes of the FILETIME, and
// an identifier. It is derived from the message that starts the thread, so that the same input gives the same ids.
func rootIndex(at time.Time, seed string) []byte {
	var b [22]byte
	var ft [8]byte
	binary.BigEndian.PutUint64(ft[:], filetime(at))
	copy(b[:6], ft[:6])
	b[0] = 1
	sum := sha256.Sum256([]byte(seed))
	copy(b[6:], sum[:16])
	return b[:]
}

// childIndex appends the five byte block of a reply.
func childIndex(parent []byte, at time.Time, n uint32) []byte {
	out := make([]byte, 0, len(parent)+5)
	out = append(out, parent...)
	var block [5]byte
	binary.BigEndian.PutUint32(block[:4], uint32(filetime(at)>>25)&0x7fffffff)
	block[4] = byte(n)
	return append(out, block[:]...)
}

func filetime(t time.Time) uint64 {
	return uint64(t.Unix()+11644473600)*10_000_000 + uint64(t.Nanosecond()/100)
}

// messageIDs takes the ids out of References or In-Reply-To.
func messageIDs(v string) []string {
	var out []string
	for {
		i := strings.IndexByte(v, '<')
		if i < 0 {
			return out
		}
		j := strings.IndexByte(v[i:], '>')
		if j < 0 {
			return out
		}
		out = append(out, v[i:i+j+1])
		v = v[i+j+1:]
	}
}

// threads finds the conversation of an arriving message as Exchange does: by Thread-Index, by the messages it refers to, and
// else by its topic when it is a reply. One lives in each mailbox.
type threads struct {
	byID    map[string][]byte // Message-ID -> conversation index
	byTopic map[string][]byte // conversation topic -> index of its root
}

// assign returns the conversation index of c in this mailbox and remembers it.
func (t *threads) assign(c *content, received time.Time) []byte {
	if t.byID == nil {
		t.byID, t.byTopic = map[string][]byte{}, map[string][]byte{}
	}
	index := c.index
	if index == nil {
		index = t.find(c, received)
	}
	if c.messageID != "" {
		t.byID[c.messageID] = index
	}
	if key := strings.ToLower(c.topic); key != "" {
		if _, ok := t.byTopic[key]; !ok {
			t.byTopic[key] = index[:22]
		}
	}
	return index
}

func (t *threads) find(c *content, received time.Time) []byte {
	refs := messageIDs(c.references)
	for i := len(refs) - 1; i >= 0; i-- {
		if parent, ok := t.byID[refs[i]]; ok {
			return childIndex(parent, received, uint32(len(t.byID)))
		}
	}
	irt := messageIDs(c.inReplyTo)
	for _, id := range irt {
		if parent, ok := t.byID[id]; ok {
			return childIndex(parent, received, uint32(len(t.byID)))
		}
	}
	isReply := len(refs) > 0 || len(irt) > 0 || c.topic != c.subject
	if isReply {
		if root, ok := t.byTopic[strings.ToLower(c.topic)]; ok && c.topic != "" {
			return childIndex(root, received, uint32(len(t.byID)))
		}
	}
	seed := c.messageID
	switch {
	case len(refs) > 0:
		seed = refs[0] // the root arrived elsewhere: siblings still meet
	case len(irt) > 0:
		seed = irt[0]
	}
	if seed == "" {
		seed = c.topic + received.UTC().String()
	}
	return rootIndex(received, seed)
}
