package ewstest

import "strings"

// getMailTips EWS: GetMailTips operation, for automatic replies and unknown recipients.
func (c *call) getMailTips() *soapFault {
	c.a.root("m:GetMailTipsResponse", "ResponseClass", "Success")
	c.a.leaf("m:ResponseCode", "NoError")
	c.a.start("m:ResponseMessages")
	for _, n := range c.env.op.kid("m:Recipients").all() {
		ad := readAddress(n)
		mb := c.s.byAddress[strings.ToLower(strings.TrimSpace(ad.email))]
		c.a.message("MailTipsResponseMessageType", nil, func() {
			c.a.start("m:MailTips")
			c.a.start("t:RecipientAddress")
			c.a.leaf("t:Name", ad.name)
			c.a.leaf("t:EmailAddress", ad.email)
			c.a.leaf("t:RoutingType", "SMTP")
			c.a.end()
			c.a.leaf("t:PendingMailTips", "")
			if mb != nil {
				reply := ""
				if mb.oof.active(c.s.now()) {
					reply = mb.oof.Internal
				}
				c.a.start("t:OutOfOffice")
				c.a.start("t:ReplyBody")
				c.a.leaf("t:Message", reply)
				c.a.end()
				c.a.end()
			}
			c.a.bool("t:InvalidRecipient", !strings.Contains(ad.email, "@"))
			c.a.end()
		}, nil)
	}
	c.a.end()
	c.a.end()
	return nil
}
