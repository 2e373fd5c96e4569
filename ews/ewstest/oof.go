package ewstest

import (
	"time"
)

// Oof is a mailbox's automatic reply. The fake keeps it and shows it in MailTips; it does not answer mail by itself.
type Oof struct {
	State      string // "Disabled", "Enabled", "Scheduled"; "" is Disabled
	Audience   string // "None", "Known", "All"
	Start, End time.Time
	Internal   string
	External   string
}

// Oof returns the mailbox's automatic reply settings.
func (mb *Mailbox) Oof() Oof {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	return mb.oof
}

// SetOof changes the mailbox's automatic reply settings.
func (mb *Mailbox) SetOof(o Oof) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.oof = o
}

// active reports whether the automatic reply is on at t.
func (o *Oof) active(t time.Time) bool {
	return o.State == "Enabled" || o.State == "Scheduled" && !t.Before(o.Start) && t.Before(o.End)
}

// oofMailbox finds the mailbox that an availability request names.
func (c *call) oofMailbox() (*Mailbox, *opError) {
	n := c.env.op.kid("t:Mailbox")
	addr := n.leaf("t:Address")
	if addr == "" {
		addr = n.leaf("t:EmailAddress")
	}
	return c.mailbox(addr, "ErrorMailRecipientNotFound")
}

// getOof EWS: GetUserOofSettings operation.
func (c *call) getOof() *soapFault {
	mb, err := c.oofMailbox()
	c.a.root("m:GetUserOofSettingsResponse")
	c.a.message("ResponseMessage", err, nil, nil)
	if err == nil {
		o := mb.oof
		c.a.start("t:OofSettings")
		c.a.leaf("t:OofState", orDefault(o.State, "Disabled"))
		c.a.leaf("t:ExternalAudience", orDefault(o.Audience, "All"))
		if !o.Start.IsZero() || !o.End.IsZero() {
			c.a.start("t:Duration")
			c.a.leaf("t:StartTime", formatTime(o.Start))
			c.a.leaf("t:EndTime", formatTime(o.End))
			c.a.end()
		}
		for _, r := range []struct{ name, text string }{{"t:InternalReply", o.Internal}, {"t:ExternalReply", o.External}} {
			c.a.start(r.name)
			c.a.leaf("t:Message", r.text)
			c.a.end()
		}
		c.a.end()
		c.a.leaf("m:AllowExternalOof", "All")
	}
	c.a.end()
	return nil
}

// setOof EWS: SetUserOofSettings operation.
func (c *call) setOof() *soapFault {
	mb, err := c.oofMailbox()
	n := c.env.op.kid("t:UserOofSettings")
	o := Oof{
		State: n.leaf("t:OofState"), Audience: n.leaf("t:ExternalAudience"),
		Internal: n.kid("t:InternalReply").leaf("t:Message"), External: n.kid("t:ExternalReply").leaf("t:Message"),
	}
	if d := n.kid("t:Duration"); d != nil {
		var err1, err2 error
		o.Start, err1 = parseTime(d.leaf("t:StartTime"))
		o.End, err2 = parseTime(d.leaf("t:EndTime"))
		if err == nil && (err1 != nil || err2 != nil || o.State == "Scheduled" && !o.Start.Before(o.End)) {
			err = fail("ErrorInvalidScheduledOofDuration")
		}
	}
	if err == nil {
		mb.oof = o
	}
	c.a.root("m:SetUserOofSettingsResponse")
	c.a.message("ResponseMessage", err, nil, nil)
	c.a.end()
	return nil
}
