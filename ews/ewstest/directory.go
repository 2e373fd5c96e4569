package ewstest

import (
	"strings"
	"time"
)

// AddRoomList creates or replaces a list of meeting rooms, which GetRoomLists and GetRooms show; rooms are addresses, and become mailboxes where
// they are none.
func (s *Server) AddRoomList(addr, name string, rooms ...string) {
	for _, r := range rooms {
		s.AddMailbox(r)
	}
	s.AddGroup(addr, name, rooms...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.roomLists {
		if strings.EqualFold(g, addr) {
			return
		}
	}
	s.roomLists = append(s.roomLists, addr)
}

// SetPhoto sets the picture that GetUserPhoto returns; nil removes it. It is not copied and must not be changed afterwards.
func (mb *Mailbox) SetPhoto(jpeg []byte) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.photo = jpeg
}

// bare starts an answer that is one response message itself, and reports whether its content is to be written.
func (c *call) bare(op string, err *opError, body func()) *soapFault {
	if err != nil {
		c.a.whole(op, err)
		return nil
	}
	c.a.success("m:" + op + "Response")
	body()
	c.a.end()
	return nil
}

// entry writes what an element of EmailAddressType holds.
func (c *call) entry(element, name, addr, kind string) {
	c.a.start(element)
	c.a.leaf("t:Name", name)
	c.a.leaf("t:EmailAddress", addr)
	c.a.leaf("t:RoutingType", "SMTP")
	c.a.leaf("t:MailboxType", kind)
	c.a.end()
}

// getRoomLists EWS: GetRoomLists operation.
func (c *call) getRoomLists() *soapFault {
	return c.bare("GetRoomLists", nil, func() {
		c.a.start("m:RoomLists")
		for _, addr := range c.s.roomLists {
			c.entry("t:Address", c.s.groups[strings.ToLower(addr)].name, addr, "PublicDL")
		}
		c.a.end()
	})
}

// getRooms EWS: GetRooms operation.
func (c *call) getRooms() *soapFault {
	addr := c.env.op.kid("m:RoomList").leaf("t:EmailAddress")
	if !containsFold(c.s.roomLists, addr) {
		return c.bare("GetRooms", fail("ErrorNameResolutionNoResults"), nil)
	}
	return c.bare("GetRooms", nil, func() {
		c.a.start("m:Rooms")
		for _, r := range c.s.groups[strings.ToLower(addr)].members {
			c.a.start("t:Room")
			c.entry("t:Id", c.s.byAddress[strings.ToLower(r)].name, r, "Mailbox")
			c.a.end()
		}
		c.a.end()
	})
}

// getUserPhoto EWS: GetUserPhoto operation.
func (c *call) getUserPhoto() *soapFault {
	mb := c.s.byAddress[strings.ToLower(c.env.op.leaf("m:Email"))]
	if mb == nil || mb.photo == nil {
		err := fail("ErrorItemNotFound")
		c.a.root("m:GetUserPhotoResponse", "ResponseClass", "Error")
		c.a.leaf("m:MessageText", err.text)
		c.a.leaf("m:ResponseCode", err.code)
		c.a.leaf("m:DescriptiveLinkKey", "0")
		c.a.codes = append(c.a.codes, err.code)
		c.a.bool("m:HasChanged", false) // which the schema demands of errors too
		c.a.end()
		return nil
	}
	return c.bare("GetUserPhoto", nil, func() {
		c.a.bool("m:HasChanged", true)
		c.a.content("m:PictureData", mb.photo)
	})
}

// retentionTags are those of every mailbox, as a new tenant has them.
var retentionTags = [][]string{ // name, GUID, days, type, action
	{"Default 2 year move to archive", "d5bd2a0c-37b7-4c4a-9c4f-0b0f8b0e4e01", "730", "All", "MoveToArchive"},
	{"Deleted Items", "d5bd2a0c-37b7-4c4a-9c4f-0b0f8b0e4e02", "30", "DeletedItems", "DeleteAndAllowRecovery"},
	{"1 Week Delete", "d5bd2a0c-37b7-4c4a-9c4f-0b0f8b0e4e03", "7", "Personal", "DeleteAndAllowRecovery"},
	{"Never Delete", "d5bd2a0c-37b7-4c4a-9c4f-0b0f8b0e4e04", "0", "Personal", "DeleteAndAllowRecovery"},
}

// getUserRetentionPolicyTags EWS: GetUserRetentionPolicyTags operation.
func (c *call) getUserRetentionPolicyTags() *soapFault {
	return c.bare("GetUserRetentionPolicyTags", nil, func() {
		c.a.start("m:RetentionPolicyTags")
		for _, t := range retentionTags {
			c.a.start("t:RetentionPolicyTag")
			c.a.leaf("t:DisplayName", t[0])
			c.a.leaf("t:RetentionId", t[1])
			c.a.leaf("t:RetentionPeriod", t[2])
			c.a.leaf("t:Type", t[3])
			c.a.leaf("t:RetentionAction", t[4])
			c.a.bool("t:IsVisible", true)
			c.a.bool("t:OptedInto", false)
			c.a.bool("t:IsArchive", t[4] == "MoveToArchive")
			c.a.end()
		}
		c.a.end()
	})
}

// getServiceConfiguration EWS: GetServiceConfiguration operation, for mail tips and unified messaging.
func (c *call) getServiceConfiguration() *soapFault {
	return c.bare("GetServiceConfiguration", nil, func() {
		c.a.start("m:ResponseMessages")
		for _, n := range c.env.op.kid("m:RequestedConfiguration").all() {
			for name := range strings.FieldsSeq(n.value()) {
				c.a.message("ServiceConfigurationResponseMessageType", nil, func() { c.serviceConfiguration(name) }, nil)
			}
		}
		c.a.end()
	})
}

func (c *call) serviceConfiguration(name string) {
	switch name {
	case "MailTips":
		c.a.start("m:MailTipsConfiguration")
		c.a.bool("t:MailTipsEnabled", true)
		c.a.int("t:MaxRecipientsPerGetMailTipsRequest", 50)
		c.a.int("t:MaxMessageSize", 36<<20)
		c.a.int("t:LargeAudienceThreshold", 25)
		c.a.bool("t:ShowExternalRecipientCount", true)
		c.a.start("t:InternalDomains")
		_, domain, _ := strings.Cut(c.user.address, "@")
		c.a.empty("t:Domain", "Name", domain, "IncludeSubdomains", "false")
		c.a.end()
		c.a.bool("t:PolicyTipsEnabled", false)
		c.a.int("t:LargeAudienceCap", 1000)
		c.a.end()
	case "UnifiedMessagingConfiguration":
		c.a.start("m:UnifiedMessagingConfiguration")
		c.a.bool("t:UmEnabled", false)
		c.a.leaf("t:PlayOnPhoneDialString", "")
		c.a.bool("t:PlayOnPhoneEnabled", false)
		c.a.end()
	}
}

// personCreated is what the directory's entries show as theirs.
var personCreated = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
