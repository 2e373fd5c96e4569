package ews

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Property names a MAPI property of an item, one of the thousands that EWS has no field for: either Tag, or Set with Name or ID;
// and its Type. It is comparable.
//
//	ews.Property{Tag: 0x1035, Type: ews.MAPIString}                                  // PidTagInternetMessageId
//	ews.Property{Set: ews.PublicStrings, Name: "TicketNumber", Type: ews.MAPIInteger} // one of one's own
//	ews.Property{Set: ews.CommonProperties, ID: 0x8506, Type: ews.MAPIBoolean}       // PidLidPrivate
//
// EWS: ExtendedFieldURI. The tags, sets and ids are those of [MS-OXPROPS].
type Property struct {
	Tag  uint16      // the property's id, without its type
	Set  PropertySet // what Name or ID belongs to
	Name string      // case matters, but for InternetHeaders, whose names are in lower case
	ID   int32
	Type PropertyType
}

// PropertySet is the name space of a named property: one of the constants, or the GUID of another one, such as
// "00062002-0000-0000-c000-000000000046". Make a GUID for the properties of an application, or use PublicStrings.
type PropertySet string

// The property sets that EWS knows by name.
const (
	PublicStrings         PropertySet = "PublicStrings"   // named properties that everybody sees
	InternetHeaders       PropertySet = "InternetHeaders" // internet header fields: one set on a draft is sent
	CommonProperties      PropertySet = "Common"
	AddressProperties     PropertySet = "Address"
	AppointmentProperties PropertySet = "Appointment"
	MeetingProperties     PropertySet = "Meeting"
	TaskProperties        PropertySet = "Task"
	SharingProperties     PropertySet = "Sharing"
	CalendarAssistant     PropertySet = "CalendarAssistant"
	UnifiedMessaging      PropertySet = "UnifiedMessaging"
)

// propertySets are the GUIDs of the sets with names ([MS-OXPROPS] 1.3.2).
var propertySets = map[PropertySet]PropertySet{
	PublicStrings:         "00020329-0000-0000-c000-000000000046",
	InternetHeaders:       "00020386-0000-0000-c000-000000000046",
	CommonProperties:      "00062008-0000-0000-c000-000000000046",
	AddressProperties:     "00062004-0000-0000-c000-000000000046",
	AppointmentProperties: "00062002-0000-0000-c000-000000000046",
	MeetingProperties:     "6ed8da90-450b-101b-98da-00aa003f1305",
	TaskProperties:        "00062003-0000-0000-c000-000000000046",
	SharingProperties:     "00062040-0000-0000-c000-000000000046",
	CalendarAssistant:     "11000e07-b51b-40d6-af21-caa85edab1d0",
	UnifiedMessaging:      "4442858e-a9e3-4e80-b900-317a210cc15b",
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// canonical is the same for every way to write a property: sets by name where they have one, GUIDs in lower case.
func (p Property) canonical() Property {
	if propertySets[p.Set] == "" { // in other letters, or by its id
		set := PropertySet(strings.ToLower(string(p.Set)))
		for name, id := range propertySets {
			if set == id || strings.EqualFold(string(p.Set), string(name)) {
				set = name
				break
			}
		}
		p.Set = set
	}
	if p.Set == InternetHeaders {
		p.Name = strings.ToLower(p.Name)
	}
	return p
}

// String names the property and its type, on one line: the tag, or the set with the name or number in it.
func (p Property) String() string {
	switch {
	case p.Set == "":
		return fmt.Sprintf("0x%04X %s", p.Tag, p.Type)
	case p.Name != "":
		return fmt.Sprintf("%s/%s %s", p.Set, p.Name, p.Type)
	}
	return fmt.Sprintf("%s/0x%04X %s", p.Set, p.ID, p.Type)
}

// bad says what is wrong with the property; "": nothing.
func (p Property) bad() string {
	switch {
	case p.Tag != 0 && (p.Set != "" || p.Name != "" || p.ID != 0):
		return fmt.Sprintf("%s: give either a Tag, or a Set with a Name or an ID", p)
	case p.Tag == 0 && p.Set == "":
		return "a property needs a Tag, or a Set with a Name or an ID"
	case p.Tag >= 0x8000:
		return fmt.Sprintf("%s: tags from 0x8000 mean something else in every mailbox: give the Set with its Name or ID", p)
	case p.Tag == 0 && (p.Name == "") == (p.ID == 0):
		return fmt.Sprintf("%s: a Set needs either a Name or an ID", p)
	case p.Tag == 0 && propertySets[p.canonical().Set] == "" && !guid.MatchString(string(p.Set)):
		return fmt.Sprintf("%.80q is neither a property set's name nor a GUID", p.Set)
	}
	if _, ok := propertyKinds[p.Type.element()]; !ok {
		return fmt.Sprintf("%s: %.40q is no type of a value: use one of the MAPI constants", line(p.String()), p.Type)
	}
	if bad := badText(p.Name); bad != "" {
		return fmt.Sprintf("%.80q: the Name: %s", p.Name, bad)
	}
	return ""
}

// writeTo writes the path that names the property in requests.
func (p Property) writeTo(w *wire.Writer) {
	if p.Set == "" {
		w.Empty("t:ExtendedFieldURI", "PropertyTag", fmt.Sprintf("0x%04X", p.Tag), "PropertyType", string(p.Type))
		return
	}
	p = p.canonical()
	set := "PropertySetId"
	if propertySets[p.Set] != "" {
		set = "DistinguishedPropertySetId"
	}
	if p.Name != "" {
		w.Empty("t:ExtendedFieldURI", set, string(p.Set), "PropertyName", p.Name, "PropertyType", string(p.Type))
		return
	}
	w.Empty("t:ExtendedFieldURI", set, string(p.Set), "PropertyId", strconv.Itoa(int(p.ID)), "PropertyType", string(p.Type))
}

// readProperty reads the ExtendedProperty that the scanner stands on. Its Property is canonical.
func readProperty(s *wire.Scanner) PropertyValue {
	var v PropertyValue
	var texts []string
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ExtendedFieldURI":
			v.Property = readPropertyName(s)
		case "Value":
			texts = []string{s.Text()}
		case "Values":
			texts = nil
			for d := s.Depth(); s.Child(d) && len(texts) < maxEntries; {
				texts = append(texts, s.Text())
			}
		}
	}
	v.Value, _ = v.Property.Type.parse(texts)
	return v
}

func readPropertyName(s *wire.Scanner) Property {
	var p Property
	if tag, ok := s.AttrBytes("PropertyTag"); ok {
		if n := propertyTag(tag); n > 0 {
			p.Tag = uint16(n)
		}
	}
	for _, name := range [...]string{"PropertySetId", "DistinguishedPropertySetId"} {
		if set, ok := s.Attr(name); ok {
			p.Set = PropertySet(set)
		}
	}
	p.Name, _ = s.Attr("PropertyName")
	if id, ok := s.AttrBytes("PropertyId"); ok {
		p.ID = int32(integer(id))
	}
	kind, _ := s.Attr("PropertyType")
	p.Type = PropertyType(kind)
	return p.canonical()
}
