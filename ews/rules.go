package ews

import (
	"context"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// InboxRule is a rule that the server applies to messages as they arrive in the Inbox.
type InboxRule struct {
	ID       string // given by Exchange; "" for a new one
	Name     string
	Priority int // order of the rules: the one with 1 comes first
	Enabled  bool

	Conditions RulePredicates // all must hold; none: the rule is for every message
	Exceptions RulePredicates // the rule is left out where all of these hold; none: no exceptions
	Actions    RuleActions

	// Unsupported says that the rule has parts which EWS does not show (made in Outlook): SetRule would lose them. It is only read.
	Unsupported bool

	// Failing says that Exchange cannot carry the rule out, say for a folder that is gone. It is only read.
	Failing bool
}

// RulePredicates are what a rule asks of a message; all that are set must hold, one entry of each list. The zero value asks nothing.
// EWS: RulePredicatesType.
type RulePredicates struct {
	Categories                   []string
	ContainsBodyStrings          []string
	ContainsHeaderStrings        []string
	ContainsRecipientStrings     []string
	ContainsSenderStrings        []string
	ContainsSubjectOrBodyStrings []string
	ContainsSubjectStrings       []string
	FlaggedForAction             string // "Any", "Call", "FollowUp", "Reply" ...
	FromAddresses                []Address
	FromConnectedAccounts        []string // ids of the accounts
	HasAttachments               bool
	Importance                   *Importance // nil: any
	IsApprovalRequest            bool
	IsAutomaticForward           bool
	IsAutomaticReply             bool
	IsEncrypted                  bool
	IsMeetingRequest             bool
	IsMeetingResponse            bool
	IsNDR                        bool // a bounce
	IsPermissionControlled       bool // rights management
	IsReadReceipt                bool
	IsSigned                     bool
	IsVoicemail                  bool
	ItemClasses                  []string
	MessageClassifications       []string // their ids
	NotSentToMe                  bool
	SentCcMe                     bool
	SentOnlyToMe                 bool
	SentToAddresses              []Address
	SentToMe                     bool
	SentToOrCcMe                 bool
	Sensitivity                  string        // "Normal", "Personal", "Private" or "Confidential"; "": any
	WithinDateRange              RuleDateRange // of receipt
	WithinSizeRange              RuleSizeRange
}

// RuleActions are what a rule does. A rule needs at least one. EWS: RuleActionsType.
type RuleActions struct {
	AssignCategories      []string
	CopyToFolder          FolderRef
	Delete                bool // to the deleted items
	ForwardAsAttachmentTo []Address
	ForwardTo             []Address
	MarkImportance        *Importance // nil: leave it
	MarkAsRead            bool
	MoveToFolder          FolderRef
	PermanentDelete       bool
	RedirectTo            []Address
	SendSMSAlertTo        []Address // mobile numbers
	ServerReplyWith       ItemID    // a template message
	StopProcessing        bool      // no later rule sees the message
}

// InboxRules reads the mailbox's rules, by priority. outlookRules reports that Outlook keeps rules of its own in the mailbox, which
// Exchange does not show here and which stand in the way of UpdateInboxRules: see RuleOptions. Errors: ErrNotFound, ErrDenied.
// EWS: GetInboxRules operation.
func (m *Mailbox) InboxRules(ctx context.Context) (rules []InboxRule, outlookRules bool, err error) {
	err = m.do(ctx, &call{
		op: "GetInboxRules",
		body: func(w *wire.Writer) error {
			w.Start("m:GetInboxRules")
			m.writeRuleMailbox(w)
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			rules, outlookRules = nil, false
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "OutlookRuleBlobExists":
					outlookRules = boolean(s.TextBytes())
				case "InboxRules":
					for d := s.Depth(); s.Child(d); {
						grow(s, &rules, readRule(s))
					}
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, false, err
	}
	return rules, outlookRules, nil
}

// writeRuleMailbox names a mailbox that is not the one the request is made for by itself.
func (m *Mailbox) writeRuleMailbox(w *wire.Writer) {
	if m.shared != "" {
		w.Leaf("m:MailboxSmtpAddress", m.shared)
	}
}

func readRule(s *wire.Scanner) (r InboxRule) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "RuleId":
			r.ID = s.Text()
		case "DisplayName":
			r.Name = s.Text()
		case "Priority":
			r.Priority = int(integer(s.TextBytes()))
		case "IsEnabled":
			r.Enabled = boolean(s.TextBytes())
		case "IsNotSupported":
			r.Unsupported = boolean(s.TextBytes())
		case "IsInError":
			r.Failing = boolean(s.TextBytes())
		case "Conditions":
			readRuleParts(s, r.Conditions.parts())
		case "Exceptions":
			readRuleParts(s, r.Exceptions.parts())
		case "Actions":
			readRuleParts(s, r.Actions.parts())
		}
	}
	return r
}

func (r *InboxRule) write(w *wire.Writer, m *Mailbox) {
	w.Start("t:Rule")
	if r.ID != "" {
		w.Leaf("t:RuleId", r.ID)
	}
	w.Leaf("t:DisplayName", r.Name)
	w.Leaf("t:Priority", itoa(r.Priority))
	w.Leaf("t:IsEnabled", trueFalse(r.Enabled))
	writeRuleParts(w, m, "t:Conditions", r.Conditions.parts())
	writeRuleParts(w, m, "t:Exceptions", r.Exceptions.parts())
	writeRuleParts(w, m, "t:Actions", r.Actions.parts())
	w.End()
}
