package ews

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// RuleChange is one change to a mailbox's rules: CreateRule, SetRule or DeleteRule.
type RuleChange struct {
	element string
	rule    InboxRule
}

// CreateRule adds a rule. Its ID must be empty.
func CreateRule(r InboxRule) RuleChange { return RuleChange{"t:CreateRuleOperation", r} }

// SetRule replaces the rule with r's ID by r.
func SetRule(r InboxRule) RuleChange { return RuleChange{"t:SetRuleOperation", r} }

// DeleteRule removes the rule with that id.
func DeleteRule(id string) RuleChange {
	return RuleChange{"t:DeleteRuleOperation", InboxRule{ID: id}}
}

// RuleOptions shape UpdateInboxRules; nil is the zero value.
type RuleOptions struct {
	// RemoveOutlookRules deletes the rules that Outlook keeps for itself in the mailbox, those switched off and those that only run in
	// Outlook, for good. Exchange refuses any change while they are there (ErrExists, ErrorOutlookRuleBlobExists); ask the user.
	RemoveOutlookRules bool
}

// RuleError is what Exchange finds wrong with one field of a rule.
type RuleError struct {
	Change  int    // index of the change
	Field   string // "Condition:FromAddresses", "Action:MoveToFolder", "Priority" ...
	Code    string // EWS's RuleValidationErrorCode: "InvalidAddress", "DuplicatedPriority", "RuleNotFound" ...
	Message string // the server's words, on one line, cut to 500 bytes
	Value   string // what the field held, likewise
}

// Error is one line: the place of the change in the call, counted from 0, the field, and the server's reason.
func (e *RuleError) Error() string {
	s := fmt.Sprintf("change %d: %s: %s", e.Change, e.Field, e.Code)
	if e.Message != "" {
		s += ": " + strings.TrimSuffix(e.Message, ".")
	}
	return s
}

// RulesError is the failure of UpdateInboxRules for rules that Exchange finds wrong; no change was made.
type RulesError struct {
	Err   *Error
	Rules []RuleError // 100 at most
}

// Error is one line: the refusal, the first of Rules, and how many more there are.
func (e *RulesError) Error() string {
	s := e.Err.Error()
	if len(e.Rules) > 0 {
		s += "; " + e.Rules[0].Error()
	}
	if n := len(e.Rules) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// Unwrap returns Err.
func (e *RulesError) Unwrap() error { return e.Err }

// UpdateInboxRules changes the mailbox's rules, in order, all of them or none. o may be nil.
//
// Errors: *RulesError where Exchange finds fields of the rules wrong; ErrExists for rules of Outlook (RuleOptions), ErrDenied; it is not
// repeated after a lost answer (MaybeApplied): look at InboxRules. EWS: UpdateInboxRules operation.
func (m *Mailbox) UpdateInboxRules(ctx context.Context, changes []RuleChange, o *RuleOptions) error {
	if err := checkRuleChanges(changes); err != nil {
		return err
	}
	if o == nil {
		o = new(RuleOptions)
	}
	var wrong []RuleError
	err := m.do(ctx, &call{
		op:   "UpdateInboxRules",
		once: true,
		body: func(w *wire.Writer) error {
			w.Start("m:UpdateInboxRules")
			m.writeRuleMailbox(w)
			w.Leaf("m:RemoveOutlookRuleBlob", trueFalse(o.RemoveOutlookRules))
			w.Start("m:Operations")
			for i := range changes {
				changes[i].write(w, m)
			}
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error { return readRuleErrors(s, &wrong) },
	})
	var e *Error
	if len(wrong) > 0 && errors.As(err, &e) {
		return &RulesError{e, wrong}
	}
	return err
}

func checkRuleChanges(changes []RuleChange) error {
	if len(changes) == 0 {
		return errors.New("ews: UpdateInboxRules: there are no changes")
	}
	for i, c := range changes {
		bad := ""
		switch r := &c.rule; {
		case c.element == "":
			bad = "is empty: make it with CreateRule, SetRule or DeleteRule"
		case c.element == "t:CreateRuleOperation" && r.ID != "":
			bad = "CreateRule: the rule has an ID already: use SetRule"
		case c.element != "t:CreateRuleOperation" && r.ID == "":
			bad = "the rule's ID is empty"
		case c.element == "t:DeleteRuleOperation":
		case r.Name == "":
			bad = "the rule's Name is empty"
		case r.Priority < 1 || r.Priority > math.MaxInt32:
			bad = fmt.Sprintf("the rule's Priority is %d: 1 is the first", r.Priority)
		default:
			bad = r.badTexts()
		}
		if bad != "" {
			return fmt.Errorf("ews: UpdateInboxRules: changes[%d]: %s", i, bad)
		}
	}
	return nil
}

func (c *RuleChange) write(w *wire.Writer, m *Mailbox) {
	w.Start(c.element)
	if c.element == "t:DeleteRuleOperation" {
		w.Leaf("t:RuleId", c.rule.ID)
	} else {
		c.rule.write(w, m)
	}
	w.End()
}

// maxRuleErrors bounds what is kept of them.
const maxRuleErrors = 100

// readRuleErrors reads the answer to UpdateInboxRules. Unlike other operations' contents, the errors come in a message that failed.
func readRuleErrors(s *wire.Scanner, wrong *[]RuleError) error {
	*wrong = nil
	head := responseMessage{class: classAttr(s)}
	told := head.class != ""
	for d := s.Depth(); s.Child(d); {
		switch {
		case head.field(s):
			told = true
		case s.Local() == "RuleOperationErrors":
			for d := s.Depth(); s.Child(d); {
				readRuleOperationError(s, wrong)
			}
		case s.Local() == "ResponseMessages":
			for d := s.Depth(); s.Child(d); {
				told = true
				if e, err := readResponseMessage(s, 0, nil); err != nil {
					return err
				} else if e != nil {
					return e
				}
			}
		}
	}
	switch e := head.err(); {
	case s.Err() != nil:
		return s.Err()
	case e != nil:
		return e
	case !told:
		return &Error{kind: ErrBadResponse, what: "the answer is empty: it neither confirms nor refuses"}
	}
	return nil
}

func readRuleOperationError(s *wire.Scanner, wrong *[]RuleError) {
	first, change := len(*wrong), 0
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "OperationIndex":
			change = int(integer(s.TextBytes()))
		case "ValidationErrors":
			for d := s.Depth(); s.Child(d); {
				if len(*wrong) < maxRuleErrors {
					*wrong = append(*wrong, readRuleError(s))
				}
			}
		}
	}
	for i := range (*wrong)[first:] {
		(*wrong)[first+i].Change = change
	}
}

func readRuleError(s *wire.Scanner) (e RuleError) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "FieldURI":
			e.Field = line(s.Text())
		case "ErrorCode":
			e.Code = line(s.Text())
		case "ErrorMessage":
			e.Message = line(s.Text())
		case "FieldValue":
			e.Value = line(s.Text())
		}
	}
	return e
}
