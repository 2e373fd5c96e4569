package wire

import "encoding/binary"

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

// cached remembers what a raw (prefixed) name means. Entries outlive a change of bindings: gen tells whether space is current.
type cached struct {
	raw   string
	local string
	gen   uint32
	space Space
}

const nameCacheSize = 512 // power of two

// nameSlot spreads raw names over the cache by their first and last eight bytes and their length.
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
	return h >> 32 & (nameCacheSize - 1)
}

// resolve returns the expanded name of a raw tag name. ok is false when raw is no XML name.
func (s *Scanner) resolve(raw []byte) (name Name, ok bool) {
	if len(raw) == 0 {
		return Name{}, false
	}
	c := &s.cache[nameSlot(raw)]
	if c.raw != string(raw) {
		if !validName(raw) {
			return Name{}, false
		}
		c.raw = string(raw)
		c.local = c.raw
		for i := range c.raw {
			if c.raw[i] == ':' {
				c.local = c.raw[i+1:]
				break
			}
		}
		c.gen = s.gen - 1
	}
	if c.gen != s.gen {
		prefix := ""
		if n := len(c.raw) - len(c.local); n > 0 {
			prefix = c.raw[:n-1]
		}
		c.space = s.lookup(prefix)
		c.gen = s.gen
	}
	return Name{c.space, c.local}, true
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
	if len(raw) == 0 || raw[0] == ':' || raw[len(raw)-1] == ':' {
		return false
	}
	colons := 0
	for _, b := range raw {
		if !nameByte[b] {
			return false
		}
		if b == ':' {
			colons++
		}
	}
	return colons <= 1
}
