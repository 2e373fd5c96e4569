package ewstest

import (
	"encoding/base64"
	"strings"
	"time"
)

// persona is what FindPeople and GetPersona show: an entry of the directory, or a contact.
type persona struct {
	id, kind, name, given, surname, title, company, im string
	created                                            time.Time
	emails                                             []address
	phones                                             [][2]string // number, kind
}

const personIDPrefix = "AAUQA"

func personID(key string) string {
	return personIDPrefix + base64.RawURLEncoding.EncodeToString([]byte(key)) + "="
}

func (mb *Mailbox) person() persona {
	return persona{id: personID(mb.address), kind: "Person", name: mb.name, created: personCreated, emails: []address{mb.self()}}
}

// person of a contact.
func (it *item) person() persona {
	p := persona{id: personID(it.id), kind: "Person", name: it.ownText("t:DisplayName"), given: it.ownText("t:GivenName"), surname: it.ownText("t:Surname"),
		title: it.ownText("t:JobTitle"), company: it.ownText("t:CompanyName"), created: it.created}
	if p.name == "" {
		p.name = strings.TrimSpace(p.given + " " + p.surname)
	}
	if it.class == classDistList {
		p.kind = "DistributionList"
	}
	for _, e := range it.own["t:EmailAddresses"].all() {
		p.emails = append(p.emails, address{p.name, e.value()})
	}
	for _, e := range it.own["t:PhoneNumbers"].all() {
		p.phones = append(p.phones, [2]string{e.value(), strings.TrimSuffix(e.attr("Key"), "Phone")})
	}
	for _, e := range it.own["t:ImAddresses"].all() {
		p.im = e.value()
	}
	return p
}

// people lists those a request looks among.
func (c *call) people(parent *node) ([]persona, *opError) {
	var out []persona
	directory := func() {
		for _, mb := range c.s.mailboxes {
			out = append(out, mb.person())
		}
	}
	if n := parent.first(); n.attr("Id") == "directory" && n.name == "t:DistinguishedFolderId" {
		directory()
		return out, nil
	}
	f := c.user.named["contacts"]
	if parent != nil {
		var err *opError
		if f, err = c.folder(parent.first()); err != nil {
			return nil, err
		}
	}
	for _, it := range f.live() {
		out = append(out, it.person())
	}
	if parent == nil {
		directory()
	}
	return out, nil
}

// mentions reports whether a word of the person's names or an address begins with each word of the text.
func (p *persona) mentions(text string) bool {
	words := strings.Fields(strings.ToLower(p.name + " " + p.given + " " + p.surname))
	for _, e := range p.emails {
		words = append(words, strings.ToLower(e.email))
	}
	for want := range strings.FieldsSeq(strings.ToLower(text)) {
		found := false
		for _, w := range words {
			found = found || strings.HasPrefix(w, want)
		}
		if !found {
			return false
		}
	}
	return true
}

// findPeople EWS: FindPeople operation.
func (c *call) findPeople() *soapFault {
	op := c.env.op
	text := op.leaf("m:QueryString")
	all, err := c.people(op.kid("m:ParentFolderId"))
	if err != nil {
		return c.bare("FindPeople", err, nil)
	}
	var found []persona
	for _, p := range all {
		if p.mentions(text) {
			found = append(found, p)
		}
	}
	view := op.kid("m:IndexedPageItemView")
	from := min(view.int("Offset"), len(found))
	to := min(from+max(view.int("MaxEntriesReturned"), 1), len(found))
	return c.bare("FindPeople", nil, func() {
		c.a.start("m:People")
		for _, p := range found[from:to] {
			c.writePersona("t:Persona", &p, op.kid("m:PersonaShape"))
		}
		c.a.end()
		c.a.int("m:TotalNumberOfPeopleInView", int64(len(found)))
		c.a.int("m:FirstMatchingRowIndex", 0)
		c.a.int("m:FirstLoadedRowIndex", int64(from))
	})
}

// getPersona EWS: GetPersona operation, whose answer has a name of its own.
func (c *call) getPersona() *soapFault {
	want := c.env.op.kid("m:PersonaId").attr("Id")
	for _, folder := range []*node{{kids: []*node{{name: "t:DistinguishedFolderId", attrs: []string{"Id", "directory"}}}}, nil} {
		all, _ := c.people(folder)
		for _, p := range all {
			if p.id == want {
				c.a.success("m:GetPersonaResponseMessage")
				c.writePersona("m:Persona", &p, nil)
				c.a.end()
				return nil
			}
		}
	}
	return &soapFault{code: "ErrorItemNotFound", text: textOf("ErrorItemNotFound")} // its answer cannot be without a person
}

// writePersona writes a person; shape nil is everything.
func (c *call) writePersona(element string, p *persona, shape *node) {
	wanted := map[string]bool{}
	for _, f := range shape.kid("t:AdditionalProperties").all() {
		wanted[f.attr("FieldURI")] = true
	}
	wants := func(field string) bool {
		return shape == nil || shape.leaf("t:BaseShape") != "IdOnly" || wanted["persona:"+field]
	}
	text := func(field, value string) {
		if wants(field) {
			c.a.optional("t:"+field, value)
		}
	}
	email := func(element string, a address) {
		c.entry(element, a.name, a.email, "Mailbox")
	}
	c.a.start(element)
	c.a.empty("t:PersonaId", "Id", p.id)
	text("PersonaType", p.kind)
	if wants("CreationTime") {
		c.a.time("t:CreationTime", p.created)
	}
	text("DisplayName", p.name)
	text("GivenName", p.given)
	text("Surname", p.surname)
	text("Title", p.title)
	text("CompanyName", p.company)
	if len(p.emails) > 0 && wants("EmailAddress") {
		email("t:EmailAddress", p.emails[0])
	}
	if len(p.emails) > 0 && wants("EmailAddresses") {
		c.a.start("t:EmailAddresses")
		for _, e := range p.emails {
			email("t:Address", e)
		}
		c.a.end()
	}
	if len(p.phones) > 0 && wants("PhoneNumber") {
		c.a.start("t:PhoneNumber")
		c.a.leaf("t:Number", p.phones[0][0])
		c.a.leaf("t:Type", p.phones[0][1])
		c.a.end()
	}
	text("ImAddress", p.im)
	if shape == nil && len(p.phones) > 0 {
		c.a.start("t:BusinessPhoneNumbers")
		for _, n := range p.phones {
			c.a.start("t:PhoneNumberAttributedValue")
			c.a.start("t:Value")
			c.a.leaf("t:Number", n[0])
			c.a.leaf("t:Type", n[1])
			c.a.end()
			c.a.start("t:Attributions")
			c.a.leaf("t:Attribution", "0")
			c.a.end()
			c.a.end()
		}
		c.a.end()
	}
	c.a.end()
}
