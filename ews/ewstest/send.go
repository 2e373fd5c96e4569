package ewstest

import (
	"bytes"
	"strings"
	"time"
)

// sendItem EWS: SendItem operation. The draft leaves its folder; the copy in Sent Items has a new id.
func (c *call) sendItem() *soapFault {
	op := c.env.op
	save, saved := op.attr("SaveItemToFolder") == "true" || op.attr("SaveItemToFolder") == "1", op.kid("m:SavedItemFolderId")
	return c.respond("SendItem", op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n)
		if err != nil {
			return nil, err
		}
		if err := current(it, n); err != nil {
			return nil, err
		}
		if !save && saved != nil {
			return nil, fail("ErrorInvalidSendItemSaveSettings")
		}
		to := c.user.named["sentitems"]
		if saved != nil {
			if to, err = c.target(saved); err != nil {
				return nil, err
			}
		}
		return nil, c.send(it, to, save)
	})
}

// send submits an item, filed or not, delivers it to the recipients on this server and keeps the copy.
func (c *call) send(it *item, to *folder, save bool) *opError {
	rcpt := recipientsOf(it.c)
	if len(rcpt) == 0 {
		return fail("ErrorMissingRecipients")
	}
	for _, r := range rcpt {
		if !strings.Contains(r, "@") {
			return fail("ErrorInvalidRecipients")
		}
	}
	from, err := c.sendAs(it)
	if err != nil {
		return err
	}
	now := c.s.now()
	if at := it.deferredUntil(); at.After(now) {
		c.hold(it, at, to, save)
		return nil
	}
	raw := outbound(it.c, now)
	sent := newContent(raw)
	sent.class = deepClass(sent)
	sent = sent.withLinks(it.c)
	c.deliverLocally(from, sent, rcpt, raw, now)

	keep := *sent // the sender's copy still shows Bcc
	keep.bcc = it.c.bcc
	it.draft, it.fromMe, it.submitted = false, true, false
	if it.folder != nil && !save {
		it.remove()
	} else if save {
		it.c, it.received, it.modified = &keep, now, now
		if it.folder != nil {
			if !it.read {
				it.setRead(true)
			}
			it.move(to)
		} else {
			it.read, it.created = true, now
			to.mb.file(it, to)
			c.s.emit(event{kind: eventCreated, mailbox: to.mb, folder: to, item: it})
		}
		it.index = to.mb.threads.assign(&keep, now)
	}
	if it.reply != nil {
		c.answered(it.reply)
	}
	return nil
}

// recipientsOf lists the envelope recipients, each once.
func recipientsOf(c *content) []string {
	var out []string
	seen := map[string]bool{}
	for _, list := range [][]address{c.to, c.cc, c.bcc} {
		for _, a := range list {
			s := strings.TrimSpace(a.email)
			if s == "" {
				s = a.name
			}
			if key := strings.ToLower(s); s != "" && !seen[key] {
				seen[key] = true
				out = append(out, s)
			}
		}
	}
	return out
}

func (c *call) deliverLocally(from *Mailbox, sent *content, rcpt []string, raw []byte, now time.Time) {
	o := Outbound{From: from.address, To: rcpt, MIME: raw, At: now}
	delivered := map[*Mailbox]bool{}
	for _, r := range c.s.expand(rcpt) {
		mb := c.s.byAddress[strings.ToLower(r)]
		if mb == nil || delivered[mb] {
			continue
		}
		delivered[mb] = true
		o.Local = append(o.Local, r)
		mb.arrive(mb.newItem(sent), mb.named["inbox"], now)
	}
	c.s.outbound = append(c.s.outbound, o)
}

// outbound is the message as it leaves. One that came as MIME leaves as it came, but for Bcc and for fields that every
// message must have.
func outbound(c *content, now time.Time) []byte {
	if c.built != nil {
		n := *c
		n.sent = now
		return buildMIME(&n)
	}
	raw := c.raw
	if c.headers.get("Bcc") != "" {
		raw = withoutField(raw, c.bodyOffset, "bcc")
	}
	var add bytes.Buffer
	h := headerWriter{&add}
	if c.headers.get("From") == "" {
		h.line("From", c.from.header())
	}
	if c.headers.get("Date") == "" {
		h.line("Date", now.Format(time.RFC1123Z))
	}
	if c.headers.get("Message-ID") == "" {
		h.line("Message-ID", c.messageID)
	}
	if add.Len() == 0 {
		return raw
	}
	return append(add.Bytes(), raw...)
}

// withoutField returns a copy of raw without the header fields of that name.
func withoutField(raw []byte, bodyOffset int, name string) []byte {
	out := make([]byte, 0, len(raw))
	skipping := false
	for pos := 0; pos < bodyOffset; {
		line, next := nextLine(raw, pos)
		if len(line) > 0 && line[0] != ' ' && line[0] != '\t' {
			field, _, _ := bytes.Cut(line, []byte(":"))
			skipping = strings.EqualFold(string(bytes.TrimSpace(field)), name)
		} else if len(line) == 0 {
			skipping = false
		}
		if !skipping {
			out = append(out, raw[pos:next]...)
		}
		pos = next
	}
	return append(out, raw[bodyOffset:]...)
}

// withLinks adds the reference attachments of the message that c is the RFC 5322 form of, which has no place for them.
func (c *content) withLinks(from *content) *content {
	var links []*attachment
	for _, a := range from.inside().attachments {
		if a.url != "" {
			links = append(links, a)
		}
	}
	if len(links) == 0 {
		return c
	}
	c = c.edit()
	for _, a := range links {
		link := *a
		link.serial = uint32(len(c.built.attachments) + 1)
		c.built.attachments = append(c.built.attachments, &link)
	}
	return c
}
