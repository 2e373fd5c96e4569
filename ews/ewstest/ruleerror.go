package ewstest

import "strconv"

// ruleError is what is wrong with one field of a rule.
type ruleError struct{ field, code, text, value string }

// SetOutlookRules says whether Outlook keeps rules of its own in the mailbox, which GetInboxRules reports, and which UpdateInboxRules refuses to
// touch unless it is told to remove them.
func (mb *Mailbox) SetOutlookRules(there bool) {
	mb.s.mu.Lock()
	defer mb.s.mu.Unlock()
	mb.outlookRules = there
}

// ruleErrors checks one operation the way Exchange does, as far as the fake knows how.
func (mb *Mailbox) ruleErrors(rules []*node, op *node) []ruleError {
	rule := op.kid("t:Rule")
	known := false
	id := rule.leaf("t:RuleId")
	if op.name == "t:DeleteRuleOperation" {
		id = op.leaf("t:RuleId")
	}
	for _, r := range rules {
		known = known || r.leaf("t:RuleId") == id
	}
	switch {
	case op.name == "t:CreateRuleOperation" && rule.kid("t:RuleId") != nil:
		return []ruleError{{"RuleId", "CreateWithRuleId", "A rule that is created cannot have an id.", id}}
	case op.name != "t:CreateRuleOperation" && !known:
		return []ruleError{{"RuleId", "RuleNotFound", "The rule does not exist.", id}}
	case op.name == "t:DeleteRuleOperation":
		return nil
	}
	var wrong []ruleError
	if len(rule.kid("t:Actions").all()) == 0 {
		wrong = append(wrong, ruleError{"Actions", "MissingAction", "A rule needs at least one action.", ""})
	}
	if n, _ := parseInt(rule.leaf("t:Priority")); n < 1 {
		wrong = append(wrong, ruleError{"Priority", "InvalidValue", "The priority must be at least 1.", strconv.Itoa(n)})
	}
	for _, action := range rule.kid("t:Actions").all() {
		switch action.name {
		case "t:MoveToFolder", "t:CopyToFolder":
			if mb.ruleTarget(action) == nil {
				wrong = append(wrong, ruleError{"Action:" + local(action.name), "FolderDoesNotExist", "The folder does not exist.", action.first().attr("Id")})
			}
		case "t:ForwardToRecipients", "t:ForwardAsAttachmentToRecipients", "t:RedirectToRecipients":
			for _, n := range action.kids {
				if n.leaf("t:EmailAddress") == "" {
					wrong = append(wrong, ruleError{"Action:" + local(action.name), "InvalidAddress", "The address is not valid.", ""})
				}
			}
		}
	}
	return wrong
}

// refuseRules writes the answer to an UpdateInboxRules that was not carried out.
func (c *call) refuseRules(err *opError, index int, wrong []ruleError) {
	c.a.root("m:UpdateInboxRulesResponse", "ResponseClass", "Error")
	c.a.leaf("m:MessageText", err.text)
	c.a.leaf("m:ResponseCode", err.code)
	c.a.leaf("m:DescriptiveLinkKey", "0")
	c.a.codes = append(c.a.codes, err.code)
	if len(wrong) > 0 {
		c.a.start("m:RuleOperationErrors")
		c.a.start("t:RuleOperationError")
		c.a.int("t:OperationIndex", int64(index))
		c.a.start("t:ValidationErrors")
		for _, w := range wrong {
			c.a.start("t:Error")
			c.a.leaf("t:FieldURI", w.field)
			c.a.leaf("t:ErrorCode", w.code)
			c.a.leaf("t:ErrorMessage", w.text)
			c.a.leaf("t:FieldValue", w.value)
			c.a.end()
		}
		c.a.end()
		c.a.end()
		c.a.end()
	}
	c.a.end()
}
