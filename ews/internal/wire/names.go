package wire

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Namespace URIs on the wire. Microsoft's documentation prints some of them with https; Space accepts both.
const (
	NSSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	NSTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	NSMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	NSErrors   = "http://schemas.microsoft.com/exchange/services/2006/errors"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
	nsXML      = "http://www.w3.org/XML/1998/namespace"
)

// Space is a namespace the decoders care about. Prefixes vary between servers, so decoders compare spaces, never prefixes.
type Space uint8

const (
	SpaceNone     Space = iota // no namespace
	SpaceSOAP                  // NSSOAP
	SpaceTypes                 // NSTypes
	SpaceMessages              // NSMessages
	SpaceErrors                // NSErrors
	SpaceXSI                   // XML Schema instance: xsi:nil, xsi:type
	SpaceXML                   // the xml: prefix
	SpaceOther                 // any other namespace, or a prefix nobody declared
)

// Name is an element's expanded name.
type Name struct {
	Space Space
	Local string
}

func spaceOf(uri []byte) Space {
	const https, http = "https", "http"
	if len(uri) > len(https) && string(uri[:len(https)]) == https {
		rest := uri[len(https):]
		switch string(rest) {
		case NSTypes[len(http):]:
			return SpaceTypes
		case NSMessages[len(http):]:
			return SpaceMessages
		case NSErrors[len(http):]:
			return SpaceErrors
		}
		return SpaceOther
	}
	switch string(uri) {
	case "":
		return SpaceNone
	case NSSOAP:
		return SpaceSOAP
	case NSTypes:
		return SpaceTypes
	case NSMessages:
		return SpaceMessages
	case NSErrors:
		return SpaceErrors
	case nsXSI:
		return SpaceXSI
	case nsXML:
		return SpaceXML
	}
	return SpaceOther
}

// binding is one xmlns declaration in force.
type binding struct {
	prefix string
	space  Space
	other  string // the URI, if space is SpaceOther
}

// entry is a tag name as written, prefix and all, and what it means. Entries are kept for the whole answer, so that open elements
// are numbers and the same name is never resolved or allocated twice.
type entry struct {
	tag    string // the start tag as it is expected, up to the first attribute's value
	values []value
	end    string // the end tag as it is expected
	local  string // the name's part behind the prefix
	space  Space  // while gen is the Scanner's
	gen    uint32
}

// raw returns the name as written.
func (e *entry) raw() string {
	if e.end == "" {
		return ""
	}
	return e.end[len("</") : len(e.end)-len(">")]
}

const (
	maxNames     = 4096 // different names in one answer; the schema has about 2,000
	maxNameBytes = 512
	nameSlots    = 2 * maxNames // a power of two
)

// nameTable finds entries by their raw names. Entry 0 is nobody's.
type nameTable struct {
	entries []entry
	slots   [nameSlots]uint16

	// What came next the last time, since answers repeat themselves: the first child of the entry n at 2n, its next sibling at 2n+1.
	after [2 * maxNames]uint16
}

// reset forgets names when few more would fit.
func (t *nameTable) reset() {
	if len(t.entries) > maxNames/4 {
		clear(t.entries)
		t.entries = t.entries[:1]
		clear(t.slots[:])
		clear(t.after[:])
	}
}

// nameSlot spreads raw names over the table by their first and last eight bytes and their length.
func nameSlot(raw []byte) uint64 {
	var a, b uint64
	if n := len(raw); n >= 8 {
		a, b = binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[n-8:])
	} else {
		for _, c := range raw {
			a = a<<8 | uint64(c)
		}
	}
	h := (a ^ b*0x9E3779B97F4A7C15 ^ uint64(len(raw))) * 0xD6E8FEB86659FD93
	return h >> 32 % nameSlots
}

// entry returns the number of the entry for a raw name, or 0 after failing the scanner.
func (s *Scanner) entry(raw []byte) uint16 {
	if len(raw) > maxNameBytes {
		s.Fail(&LimitError{"bytes of a name", maxNameBytes})
		return 0
	}
	if len(raw) == 0 {
		s.syntax("malformed tag name")
		return 0
	}
	t := &s.table
	slot := nameSlot(raw)
	for ; t.slots[slot] != 0; slot = (slot + 1) % nameSlots {
		if n := t.slots[slot]; t.entries[n].raw() == string(raw) {
			return n
		}
	}
	if !validName(raw) {
		s.syntax("malformed tag name")
		return 0
	}
	if len(t.entries) == maxNames {
		s.Fail(&LimitError{"different element names", maxNames})
		return 0
	}
	both := "<" + string(raw) + "></" + string(raw) + ">"
	e := entry{tag: both[:len(raw)+2], end: both[len(raw)+2:], gen: s.gen - 1}
	e.local = e.raw()[bytes.IndexByte(raw, ':')+1:]
	t.entries = append(t.entries, e)
	t.slots[slot] = uint16(len(t.entries) - 1)
	return t.slots[slot]
}

// foreign tells that the current element is of a namespace that no decoder cares about.
func (s *Scanner) foreign() bool {
	e := &s.table.entries[s.cur]
	if e.gen != s.gen {
		s.name(s.cur) // finds out e.space
	}
	return e.space == SpaceOther
}

// name returns the expanded name of an entry, by the declarations in force.
func (s *Scanner) name(n uint16) Name {
	e := &s.table.entries[n]
	if e.gen != s.gen {
		prefix, _, ok := strings.Cut(e.raw(), ":")
		if !ok {
			prefix = ""
		}
		e.space, e.gen = s.lookup(prefix), s.gen
	}
	return Name{e.space, e.local}
}

// uri returns the namespace URI that a prefix stands for; an undeclared prefix stands for itself, as with encoding/xml.
func (s *Scanner) uri(prefix string) string {
	for i := len(s.binds) - 1; i >= 0; i-- {
		if b := s.binds[i]; b.prefix == prefix {
			switch b.space {
			case SpaceNone:
				return ""
			case SpaceSOAP:
				return NSSOAP
			case SpaceTypes:
				return NSTypes
			case SpaceMessages:
				return NSMessages
			case SpaceErrors:
				return NSErrors
			case SpaceXSI:
				return nsXSI
			case SpaceXML:
				return nsXML
			}
			return b.other
		}
	}
	if prefix == "xml" {
		return nsXML
	}
	return prefix
}

func (s *Scanner) lookup(prefix string) Space {
	for i := len(s.binds) - 1; i >= 0; i-- {
		if s.binds[i].prefix == prefix {
			return s.binds[i].space
		}
	}
	switch prefix {
	case "":
		return SpaceNone
	case "xml":
		return SpaceXML
	}
	return SpaceOther
}

// validName refuses what cannot be part of a tag or attribute name; it does not distinguish the first character, which no
// decision here depends on.
func validName(raw []byte) bool {
	for _, b := range raw {
		if !nameByte[b] {
			return false
		}
	}
	return validColon(raw)
}

// validColon is validName for what consists of name bytes: a colon, if there is one, stands between a prefix and a name.
func validColon(raw []byte) bool {
	if len(raw) == 0 {
		return false
	}
	i := bytes.IndexByte(raw, ':')
	return i < 0 || i > 0 && i < len(raw)-1 && bytes.IndexByte(raw[i+1:], ':') < 0
}
