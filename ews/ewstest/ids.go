package ewstest

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// Ids look like Exchange's: long, opaque base64. They are handed out in pairs that differ only in the case of one letter, so
// that a client which compares or stores ids without regard to case fails its tests here rather than in production.
const (
	itemIDPrefix   = "AAMkA"
	folderIDPrefix = "AAMkF"
)

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func makeID(prefix string, guid [16]byte, n uint64) string {
	var b strings.Builder
	b.WriteString(prefix)
	b.WriteString(base64.RawStdEncoding.EncodeToString(guid[:]))
	b.WriteString("BGAAAAAADxN2")
	pair := n / 2
	for shift := 54; shift >= 0; shift -= 6 {
		b.WriteByte(base64Digits[pair>>shift&63])
	}
	b.WriteByte("Qq"[n%2])
	for b.Len()%4 != 3 {
		b.WriteByte('A')
	}
	b.WriteByte('=')
	return b.String()
}

// owner returns the mailbox that an item's or folder's id names, nil if it names none of this server.
func (s *Server) owner(id string) *Mailbox {
	for _, mb := range s.mailboxes {
		guid := base64.RawStdEncoding.EncodeToString(mb.guid[:])
		if strings.HasPrefix(id, itemIDPrefix+guid) || strings.HasPrefix(id, folderIDPrefix+guid) {
			return mb
		}
	}
	return nil
}

// wellFormedID tells a string that could be an id of the given kind from one that could not (ErrorInvalidIdMalformed).
func wellFormedID(prefix, id string) bool {
	if !strings.HasPrefix(id, prefix) {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(id)
	return err == nil
}

// makeChangeKey encodes the change number of an item or folder.
func makeChangeKey(kind byte, n uint64) string {
	b := make([]byte, 0, 24)
	b = append(b, kind, 0, 0, 0, 0x16, 0, 0, 0, 0xF2, 0x5A, 0xE3, 0x7E)
	b = binary.BigEndian.AppendUint64(b, n)
	return base64.StdEncoding.EncodeToString(append(b, 0))
}

func changeKeyNumber(key string) (uint64, bool) {
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(b) != 21 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[12:20]), true
}

// An AttachmentId holds the item's id and the path of attachment serials from the item inwards.
func makeAttachmentID(item string, path ...uint32) string {
	b := make([]byte, 0, len(item)+2+4*len(path))
	b = binary.BigEndian.AppendUint16(b, uint16(len(item)))
	b = append(b, item...)
	for _, p := range path {
		b = binary.BigEndian.AppendUint32(b, p)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func splitAttachmentID(id string) (item string, path []uint32, ok bool) {
	b, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(b) < 2 {
		return "", nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if n > len(b) || (len(b)-n)%4 != 0 || len(b) == n {
		return "", nil, false
	}
	item, b = string(b[:n]), b[n:]
	for ; len(b) > 0; b = b[4:] {
		path = append(path, binary.BigEndian.Uint32(b))
	}
	return item, path, true
}

func makeConversationID(guid [16]byte, thread []byte) string {
	b := append([]byte{0, 4, 0x24, 0}, guid[:]...)
	b = append(b, 0, 0x10, 0)
	return base64.StdEncoding.EncodeToString(append(b, thread...))
}
