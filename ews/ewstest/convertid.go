package ewstest

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// convertID EWS: ConvertId operation. Every format is another way to write the same id, and leads back to it.
func (c *call) convertID() *soapFault {
	format := c.env.op.attr("DestinationFormat")
	return c.respond("ConvertId", c.env.op.kid("m:SourceIds").all(), func(n *node) (func(), *opError) {
		if n.name != "t:AlternateId" {
			return nil, fail("ErrorInvalidIdMalformed")
		}
		id, ok := fromFormat(n.attr("Format"), n.attr("Id"))
		if !ok || !wellFormedID(itemIDPrefix, id) && !wellFormedID(folderIDPrefix, id) {
			return nil, fail("ErrorInvalidIdMalformed")
		}
		// An EWS id names its mailbox itself, and the answer tells which: DavMail asks with any address to learn its own.
		address := n.attr("Mailbox")
		if mb := c.s.owner(id); mb != nil && n.attr("Format") == "EwsId" && c.mayOpen(mb) {
			address = mb.address
		} else if c.s.byAddress[strings.ToLower(address)] == nil {
			return nil, fail("ErrorNonExistentMailbox")
		}
		attrs := []string{"xsi:type", "t:AlternateIdType", "Format", format, "Id", toFormat(format, id), "Mailbox", address}
		if c.a.style == StyleDefaultNS { // the type's name needs its prefix, and none is declared there
			attrs = append(attrs, "xmlns:t", wire.NSTypes, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
		}
		return func() { c.a.empty("m:AlternateId", attrs...) }, nil
	})
}

func toFormat(format, id string) string {
	switch format {
	case "OwaId":
		return url.QueryEscape(id)
	case "HexEntryId":
		return strings.ToUpper(hex.EncodeToString([]byte(id)))
	case "EntryId", "StoreId":
		return base64.StdEncoding.EncodeToString([]byte(id))
	}
	return id
}

func fromFormat(format, id string) (string, bool) {
	switch format {
	case "OwaId":
		out, err := url.QueryUnescape(id)
		return out, err == nil
	case "HexEntryId":
		out, err := hex.DecodeString(id)
		return string(out), err == nil
	case "EntryId", "StoreId":
		out, err := base64.StdEncoding.DecodeString(id)
		return string(out), err == nil
	}
	return id, true
}
