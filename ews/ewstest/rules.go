package ewstest

import (
	"slices"
	"strconv"
	"strings"
)

// rulesMailbox finds the mailbox whose rules are asked for.
func (c *call) rulesMailbox() (*Mailbox, *opError) {
	addr := c.env.op.leaf("m:MailboxSmtpAddress")
	if addr == "" {
		return c.user, nil
	}
	return c.mailbox(addr, "ErrorNonExistentMailbox")
}

// getInboxRules EWS: GetInboxRules operation.
func (c *call) getInboxRules() *soapFault {
	mb, err := c.rulesMailbox()
	if err != nil {
		c.a.whole("GetInboxRules", err)
		return nil
	}
	c.a.success("m:GetInboxRulesResponse")
	c.a.bool("m:OutlookRuleBlobExists", mb.outlookRules)
	c.a.start("m:InboxRules")
	for _, r := range mb.rules {
		c.a.node(r)
	}
	c.a.end()
	c.a.end()
	return nil
}

// node writes an element of a request back.
func (a *answer) node(n *node) {
	if len(n.kids) == 0 {
		a.leaf(n.name, n.text, n.attrs...)
		return
	}
	a.start(n.name, n.attrs...)
	for _, k := range n.kids {
		a.node(k)
	}
	a.end()
}

// updateInboxRules EWS: UpdateInboxRules operation: all of its operations, or none.
func (c *call) updateInboxRules() *soapFault {
	mb, err := c.rulesMailbox()
	if err == nil && mb.outlookRules && !c.env.op.kid("m:RemoveOutlookRuleBlob").isTrue() {
		err = fail("ErrorOutlookRuleBlobExists")
	}
	if err != nil {
		c.refuseRules(err, 0, nil)
		return nil
	}
	rules := slices.Clone(mb.rules)
	for i, op := range c.env.op.kid("m:Operations").kids {
		if wrong := mb.ruleErrors(rules, op); len(wrong) > 0 {
			c.refuseRules(fail("ErrorInboxRulesValidationError"), i, wrong)
			return nil
		}
		rules = c.changeRules(rules, op)
	}
	mb.outlookRules = false
	slices.SortStableFunc(rules, func(a, b *node) int { return priority(a) - priority(b) })
	mb.rules = rules
	c.a.success("m:UpdateInboxRulesResponse")
	c.a.end()
	return nil
}

func priority(rule *node) int {
	n, _ := parseInt(rule.leaf("t:Priority"))
	return n
}

// changeRules carries out an operation that was checked.
func (c *call) changeRules(rules []*node, op *node) []*node {
	find := func(id string) int {
		return slices.IndexFunc(rules, func(r *node) bool { return r.leaf("t:RuleId") == id })
	}
	rule := op.kid("t:Rule")
	switch op.name {
	case "t:CreateRuleOperation":
		id := &node{name: "t:RuleId", text: "AQAAA" + strconv.FormatUint(c.s.next(), 36) + "="}
		rule.kids = append([]*node{id}, rule.kids...)
		return append(rules, rule)
	case "t:SetRuleOperation":
		rules[find(rule.leaf("t:RuleId"))] = rule
		return rules
	}
	i := find(op.leaf("t:RuleId"))
	return slices.Delete(rules, i, i+1)
}

// applyRules does what the rules say to a message that arrives in f and returns where it goes, nil when it is deleted.
func (mb *Mailbox) applyRules(it *item, f *folder) *folder {
	v := &view{it: it, c: it.c, root: it}
	for _, r := range mb.rules {
		if !r.kid("t:IsEnabled").isTrue() || !v.satisfies(r.kid("t:Conditions"), true) || v.satisfies(r.kid("t:Exceptions"), false) {
			continue
		}
		for _, act := range r.kid("t:Actions").all() {
			switch act.name {
			case "t:MoveToFolder":
				if to := mb.ruleTarget(act); to != nil {
					f = to
				}
			case "t:CopyToFolder":
				if to := mb.ruleTarget(act); to != nil {
					dup := *it
					dup.id = mb.newItemID()
					mb.file(&dup, to)
				}
			case "t:Delete":
				f = mb.named["deleteditems"]
			case "t:PermanentDelete":
				return nil
			case "t:MarkAsRead":
				it.read = it.read || act.isTrue()
			case "t:MarkImportance":
				it.importance = act.value()
			case "t:AssignCategories":
				for _, s := range act.kids {
					it.categories = appendNew(it.categories, s.text)
				}
			}
		}
		if r.kid("t:Actions").kid("t:StopProcessingRules").isTrue() {
			break
		}
	}
	return f
}

func (mb *Mailbox) ruleTarget(act *node) *folder {
	if n := act.first(); n.name == "t:DistinguishedFolderId" {
		return mb.named[n.attr("Id")]
	}
	return mb.folders[act.first().attr("Id")]
}

// satisfies reports whether all predicates hold; none is what an absent or empty list counts as. One that the fake does not
// know never holds.
func (v *view) satisfies(preds *node, none bool) bool {
	if len(preds.all()) == 0 {
		return none
	}
	for _, p := range preds.kids {
		if !v.predicate(p) {
			return false
		}
	}
	return true
}

func (v *view) predicate(p *node) bool {
	anyIn := func(texts ...string) bool {
		return slices.ContainsFunc(p.kids, func(s *node) bool {
			return slices.ContainsFunc(texts, func(t string) bool {
				return strings.Contains(strings.ToLower(t), strings.ToLower(s.text))
			})
		})
	}
	anyAddress := func(list []address) bool {
		return slices.ContainsFunc(p.kids, func(n *node) bool {
			want := n.leaf("t:EmailAddress")
			return slices.ContainsFunc(list, func(a address) bool { return strings.EqualFold(a.email, want) })
		})
	}
	switch p.name {
	case "t:ContainsSubjectStrings":
		return anyIn(v.c.subject)
	case "t:ContainsBodyStrings":
		return anyIn(v.c.inside().asText())
	case "t:ContainsSubjectOrBodyStrings":
		return anyIn(v.c.subject, v.c.inside().asText())
	case "t:ContainsSenderStrings":
		return anyIn(addressText([]address{v.c.from}))
	case "t:ContainsRecipientStrings":
		return anyIn(addressText(v.c.to), addressText(v.c.cc))
	case "t:ContainsHeaderStrings":
		return anyIn(v.transportHeaders())
	case "t:FromAddresses":
		return anyAddress([]address{v.c.from})
	case "t:SentToAddresses":
		return anyAddress(append(slices.Clone(v.c.to), v.c.cc...))
	case "t:HasAttachments":
		return v.c.hasAttachments() == p.isTrue()
	case "t:Importance":
		return v.importance() == p.value()
	case "t:IsNDR":
		return (v.class() == classNDR) == p.isTrue()
	case "t:SentToMe":
		return slices.ContainsFunc(v.c.to, func(a address) bool { return v.it.mb.has(a.email) }) == p.isTrue()
	}
	return false
}
