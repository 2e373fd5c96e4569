package ews

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// RuleDateRange is a time of receipt. Zero: unbounded on that side.
type RuleDateRange struct{ Start, End time.Time }

// RuleSizeRange is a size in KiB. Zero: unbounded on that side.
type RuleSizeRange struct{ Min, Max int }

// rulePart is an element of a rule's conditions or actions, and the field it stands for.
type rulePart struct {
	element string
	at      any
}

// parts are the fields by their elements, in the schema's order.
func (p *RulePredicates) parts() []rulePart {
	return []rulePart{
		{"Categories", &p.Categories}, {"ContainsBodyStrings", &p.ContainsBodyStrings}, {"ContainsHeaderStrings", &p.ContainsHeaderStrings},
		{"ContainsRecipientStrings", &p.ContainsRecipientStrings}, {"ContainsSenderStrings", &p.ContainsSenderStrings},
		{"ContainsSubjectOrBodyStrings", &p.ContainsSubjectOrBodyStrings}, {"ContainsSubjectStrings", &p.ContainsSubjectStrings},
		{"FlaggedForAction", &p.FlaggedForAction}, {"FromAddresses", &p.FromAddresses}, {"FromConnectedAccounts", &p.FromConnectedAccounts},
		{"HasAttachments", &p.HasAttachments}, {"Importance", &p.Importance}, {"IsApprovalRequest", &p.IsApprovalRequest},
		{"IsAutomaticForward", &p.IsAutomaticForward}, {"IsAutomaticReply", &p.IsAutomaticReply}, {"IsEncrypted", &p.IsEncrypted},
		{"IsMeetingRequest", &p.IsMeetingRequest}, {"IsMeetingResponse", &p.IsMeetingResponse}, {"IsNDR", &p.IsNDR},
		{"IsPermissionControlled", &p.IsPermissionControlled}, {"IsReadReceipt", &p.IsReadReceipt}, {"IsSigned", &p.IsSigned},
		{"IsVoicemail", &p.IsVoicemail}, {"ItemClasses", &p.ItemClasses}, {"MessageClassifications", &p.MessageClassifications},
		{"NotSentToMe", &p.NotSentToMe}, {"SentCcMe", &p.SentCcMe}, {"SentOnlyToMe", &p.SentOnlyToMe}, {"SentToAddresses", &p.SentToAddresses},
		{"SentToMe", &p.SentToMe}, {"SentToOrCcMe", &p.SentToOrCcMe}, {"Sensitivity", &p.Sensitivity},
		{"WithinDateRange", &p.WithinDateRange}, {"WithinSizeRange", &p.WithinSizeRange},
	}
}

func (a *RuleActions) parts() []rulePart {
	return []rulePart{
		{"AssignCategories", &a.AssignCategories}, {"CopyToFolder", &a.CopyToFolder}, {"Delete", &a.Delete},
		{"ForwardAsAttachmentToRecipients", &a.ForwardAsAttachmentTo}, {"ForwardToRecipients", &a.ForwardTo},
		{"MarkImportance", &a.MarkImportance}, {"MarkAsRead", &a.MarkAsRead}, {"MoveToFolder", &a.MoveToFolder},
		{"PermanentDelete", &a.PermanentDelete}, {"RedirectToRecipients", &a.RedirectTo}, {"SendSMSAlertToRecipients", &a.SendSMSAlertTo},
		{"ServerReplyWithMessage", &a.ServerReplyWith}, {"StopProcessingRules", &a.StopProcessing},
	}
}

// ruleChoices are the values of conditions that are no free text. EWS: FlaggedForActionType, SensitivityChoicesType.
var ruleChoices = map[string][]string{
	"Sensitivity":      sensitivities,
	"FlaggedForAction": {"Any", "Call", "DoNotForward", "FollowUp", "FYI", "Forward", "NoResponseNecessary", "Read", "Reply", "ReplyToAll", "Review"},
}

// badTexts names the fields with what cannot be sent, or is "".
func (r *InboxRule) badTexts() string {
	wrong := badTexts("the rule's Name", r.Name)
	for _, of := range []struct {
		name  string
		parts []rulePart
	}{{"Conditions", r.Conditions.parts()}, {"Exceptions", r.Exceptions.parts()}, {"Actions", r.Actions.parts()}} {
		for _, p := range of.parts {
			field := of.name + "." + p.element
			switch at := p.at.(type) {
			case *string:
				wrong = append(wrong, badTexts(field, *at)...)
				if choices := ruleChoices[p.element]; choices != nil && *at != "" {
					wrong = append(wrong, badChoice(field, *at, choices...)...)
				}
			case *FolderRef:
				wrong = append(wrong, badFolder(field, *at)...)
			case *[]string:
				wrong = append(wrong, badList(field, *at)...)
			case *[]Address:
				for i, a := range *at {
					if a.Email == "" {
						wrong = append(wrong, fmt.Sprintf("%s[%d].Email: is empty", field, i))
					}
					wrong = append(wrong, badTexts(fmt.Sprintf("%s[%d].Name", field, i), a.Name, fmt.Sprintf("%s[%d].Email", field, i), a.Email)...)
				}
			case *RuleDateRange:
				wrong = append(wrong, badTime(field+".Start", at.Start)...)
				wrong = append(wrong, badTime(field+".End", at.End)...)
			case *RuleSizeRange:
				if at.Min < 0 || at.Max < 0 || max(at.Min, at.Max) > math.MaxInt32 {
					wrong = append(wrong, fmt.Sprintf("%s: %d to %d KiB is no size", field, at.Min, at.Max))
				}
			case **Importance:
				if *at != nil && len(badImportance(**at)) > 0 {
					wrong = append(wrong, fmt.Sprintf("%s: there is no %d", field, int(**at)))
				}
			}
		}
	}
	return strings.Join(wrong, "; ")
}

func readRuleParts(s *wire.Scanner, parts []rulePart) {
	for d := s.Depth(); s.Child(d); {
		name := s.Local()
		for _, p := range parts {
			if p.element == name {
				p.read(s)
				break
			}
		}
	}
}

func (p rulePart) read(s *wire.Scanner) {
	switch at := p.at.(type) {
	case *bool:
		*at = boolean(s.TextBytes())
	case *string:
		*at = s.Text()
	case *[]string:
		*at = readStrings(s)
	case *[]Address:
		*at = readAddressList(s)
	case **Importance:
		*at = new(importance(s.TextBytes()))
	case *FolderRef:
		*at = readFolderRef(s)
	case *ItemID:
		*at = itemID(s)
	case *RuleDateRange:
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "StartDateTime":
				at.Start = dateTime(s.TextBytes())
			case "EndDateTime":
				at.End = dateTime(s.TextBytes())
			}
		}
	case *RuleSizeRange:
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "MinimumSize":
				at.Min = int(integer(s.TextBytes()))
			case "MaximumSize":
				at.Max = int(integer(s.TextBytes()))
			}
		}
	}
}

// readFolderRef reads an element that holds a FolderId or DistinguishedFolderId; nil if it holds neither.
func readFolderRef(s *wire.Scanner) (f FolderRef) {
	for d := s.Depth(); s.Child(d); {
		id, _ := s.Attr("Id")
		switch s.Local() {
		case "FolderId":
			key, _ := s.Attr("ChangeKey")
			f = FolderID{id, key}
		case "DistinguishedFolderId":
			f = FolderName(id)
		}
	}
	return f
}

// writeRuleParts writes an element with the parts that are set, or nothing if none is.
func writeRuleParts(w *wire.Writer, m *Mailbox, element string, parts []rulePart) {
	open := false
	for _, p := range parts {
		if !p.set() {
			continue
		}
		if !open {
			w.Start(element)
			open = true
		}
		p.write(w, m)
	}
	if open {
		w.End()
	}
}

func (p rulePart) set() bool {
	switch at := p.at.(type) {
	case *bool:
		return *at
	case *string:
		return *at != ""
	case *[]string:
		return len(*at) > 0
	case *[]Address:
		return len(*at) > 0
	case **Importance:
		return *at != nil
	case *FolderRef:
		return *at != nil
	case *ItemID:
		return !at.IsZero()
	case *RuleDateRange:
		return !at.Start.IsZero() || !at.End.IsZero()
	case *RuleSizeRange:
		return at.Min != 0 || at.Max != 0
	}
	return false
}

func (p rulePart) write(w *wire.Writer, m *Mailbox) {
	element := "t:" + p.element
	switch at := p.at.(type) {
	case *bool:
		w.Leaf(element, "true")
	case *string:
		w.Leaf(element, *at)
	case *[]string:
		writeStrings(w, element, *at)
	case *[]Address:
		w.Start(element)
		for _, a := range *at {
			w.Start("t:Address")
			writeAddressFields(w, a)
			w.End()
		}
		w.End()
	case **Importance:
		w.Leaf(element, (*at).String())
	case *FolderRef:
		w.Start(element)
		(*at).writeTo(w, m)
		w.End()
	case *ItemID:
		writeID(w, element, at.ID, at.ChangeKey)
	case *RuleDateRange:
		w.Start(element)
		writeTime(w, "t:StartDateTime", at.Start)
		writeTime(w, "t:EndDateTime", at.End)
		w.End()
	case *RuleSizeRange:
		w.Start(element)
		if at.Min != 0 {
			w.Leaf("t:MinimumSize", itoa(at.Min))
		}
		if at.Max != 0 {
			w.Leaf("t:MaximumSize", itoa(at.Max))
		}
		w.End()
	}
}

// writeTime writes a time unless it is zero.
func writeTime(w *wire.Writer, element string, t time.Time) {
	if !t.IsZero() {
		w.Leaf(element, constantTime(t))
	}
}

func trueFalse(b bool) string { return strconv.FormatBool(b) }
