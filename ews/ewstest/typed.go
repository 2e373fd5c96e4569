package ewstest

import (
	"strings"
	"time"
)

// Item classes of items that are no messages ([MS-OXOCAL], [MS-OXOCNTC], [MS-OXOTASK]).
const (
	classAppointment = "IPM.Appointment"
	classContact     = "IPM.Contact"
	classDistList    = "IPM.DistList"
	classTask        = "IPM.Task"
)

// typedKind is a kind of item that is no message.
type typedKind struct {
	element, class, folder string
	uris                   string // where its fields belong
}

var typedKinds = []typedKind{
	{"t:CalendarItem", classAppointment, "calendar", "calendar:"},
	{"t:Contact", classContact, "contacts", "contacts:"},
	{"t:DistributionList", classDistList, "contacts", "distributionlist:"},
	{"t:Task", classTask, "tasks", "task:"},
}

func typedByElement(element string) *typedKind {
	for i := range typedKinds {
		if typedKinds[i].element == element {
			return &typedKinds[i]
		}
	}
	return nil
}

// typedByClass finds the kind of an item class or of one derived from it.
func typedByClass(class string) *typedKind {
	for i := range typedKinds {
		if k := &typedKinds[i]; class == k.class || strings.HasPrefix(class, k.class+".") {
			return k
		}
	}
	return nil
}

// newTyped makes an unfiled appointment, contact, list or task.
func (c *call) newTyped(n *node, k *typedKind, mb *Mailbox) (*item, *opError) {
	content, set, err := c.buildMessage(n)
	if err != nil {
		return nil, err
	}
	if content.class == "" || content.class == classNote {
		content.class = k.class
	}
	content.from, content.sender = mb.self(), mb.self()
	it := mb.newItem(content)
	it.read, it.fromMe = true, true
	if k.class == classAppointment {
		if it.appt, err = c.newAppointment(mb, n); err != nil {
			return nil, err
		}
	} else {
		it.own = map[string]*node{}
		for _, kid := range n.kids {
			if ownField(k, kid.name) != nil {
				it.own[kid.name] = kid
			}
		}
		it.derive()
	}
	if err := set(it); err != nil {
		return nil, err
	}
	return it, nil
}

func (it *item) ownText(element string) string { return it.own[element].value() }

// derive fills in what servers make of other properties.
func (it *item) derive() {
	leaf := func(name, text string) {
		if it.own[name] == nil && text != "" {
			it.own[name] = &node{name: name, text: text}
		}
	}
	switch {
	case typedByClass(it.class).class == classTask:
		leaf("t:Status", "NotStarted")
		leaf("t:PercentComplete", "0")
		complete := it.ownText("t:Status") == "Completed"
		it.own["t:IsComplete"] = &node{name: "t:IsComplete", text: map[bool]string{true: "true", false: "false"}[complete]}
		if complete {
			it.own["t:PercentComplete"] = &node{name: "t:PercentComplete", text: "100"}
			leaf("t:CompleteDate", formatTime(it.mb.s.now().Truncate(24*time.Hour)))
		}
		leaf("t:IsRecurring", map[bool]string{true: "true", false: "false"}[it.own["t:Recurrence"] != nil])
		leaf("t:Owner", it.mb.name)
	default:
		name := strings.TrimSpace(it.ownText("t:GivenName") + " " + it.ownText("t:Surname"))
		leaf("t:DisplayName", orDefault(name, it.c.subject))
		if it.c.subject == "" {
			it.edit()
			it.c.subject = it.ownText("t:DisplayName")
		}
	}
}

// setOwn changes one property of an appointment, contact or task; v is nil for a deletion.
func (it *item) setOwn(uri string, v *node) *opError {
	if uri == "item:Culture" {
		return nil // clients send it along; it has no effect here
	}
	k := typedByClass(it.class)
	if k == nil || !strings.HasPrefix(uri, k.uris) && (k.class != classDistList || !strings.HasPrefix(uri, "contacts:")) {
		return fail("ErrorInvalidPropertySet")
	}
	if it.appt != nil {
		a := it.appt.clone()
		if err := a.set(element(uri), v); err != nil {
			return err
		}
		if a.end.Before(a.start) {
			return fail("ErrorCalendarEndDateIsEarlierThanStartDate")
		}
		it.appt = a
		return nil
	}
	if ownField(k, element(uri)) == nil {
		return fail("ErrorInvalidPropertySet")
	}
	it.ownSet(element(uri), v)
	return nil
}

// ownSet replaces one property; a copy of the item may hold the same ones.
func (it *item) ownSet(element string, v *node) {
	own := map[string]*node{}
	for name, n := range it.own {
		own[name] = n
	}
	delete(own, element)
	if v != nil {
		own[element] = v
	}
	if element == "t:Status" && v != nil && v.value() != "Completed" {
		delete(own, "t:CompleteDate")
	}
	it.own = own
	it.derive()
}

// dictionaries are the properties that are entries of one, by the field of an IndexedFieldURI.
var dictionaries = map[string]string{"contacts:EmailAddress": "t:EmailAddresses", "contacts:PhoneNumber": "t:PhoneNumbers",
	"contacts:ImAddress": "t:ImAddresses"}

// setEntry changes one entry of a dictionary; n is the Contact element with the new one, nil for a deletion.
func (it *item) setEntry(path, n *node) *opError {
	name := dictionaries[path.attr("FieldURI")]
	if name == "" || it.own == nil {
		return fail("ErrorInvalidPropertySet")
	}
	list := &node{name: name}
	for _, e := range it.own[name].all() {
		if e.attr("Key") != path.attr("FieldIndex") {
			list.kids = append(list.kids, e)
		}
	}
	if n != nil {
		list.kids = append(list.kids, n.kid(name).all()...)
	}
	if len(list.kids) == 0 {
		list = nil
	}
	it.ownSet(name, list)
	return nil
}
