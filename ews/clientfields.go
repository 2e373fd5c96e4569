package ews

import (
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// ClientFields are what mail programs show of a message besides the fields of Message. Fields that the server did not send are zero.
type ClientFields struct {
	Flag Flag

	DisplayTo, DisplayCc string // recipients as a list shows them: names, joined with "; "

	ReceivedBy           Address // whom it was delivered to
	ReceivedRepresenting Address // in whose place, where that is somebody else

	ReadReceiptRequested     bool
	DeliveryReceiptRequested bool
	ResponseRequested        bool

	FromMe     bool // the mailbox's owner sent it to the mailbox
	Resend     bool // it was sent before
	Submitted  bool // on its way out
	Unmodified bool // as it was when it arrived
	Associated bool // a folder's hidden item

	ReminderSet     bool
	ReminderDue     time.Time
	ReminderNext    time.Time // when it is shown (again)
	ReminderMinutes int       // before ReminderDue

	VotingOptions  []string // of a poll: what may be answered
	VotingResponse string   // and what was

	// Icon is what lists show beside it: "Default", "MailReplied", "MailForwarded", "MailEncrypted", "MailIrm" ... EWS: IconIndexType.
	Icon string

	PolicyTag     string    // RetentionTag.ID of the tag by which it will be deleted, or of its folder's
	ArchiveTag    string    // likewise, by which it will be archived
	RetentionDate time.Time // when a retention policy will delete or archive it

	Approval   *Approval   // of a message that asks a moderator; nil for others
	Protection *Protection // of a message under rights management (IRM); nil for others

	Clutter       bool
	Blocked       bool // the sender is blocked
	BlockedImages bool // the text has images that are not shown

	Rights         Rights // what the account that asks may do with it
	LastModifiedBy string // name of whoever changed it last
	Culture        string // language tag of its text: "en-US"
	InstanceKey    string // base64; identifies the message in a client's list as long as it stays in the folder
	StoreEntryID   string // base64; MAPI's entry id
	WebURL         string // shows it in Outlook on the web
	WebEditURL     string // opens a draft there

	// Exchange Online's alone, which are not asked for by WithClientFields: Query.Fields with OtherField("item:InferenceClassification") and
	// OtherField("item:MentionedMe") brings them, with a Config.ServerVersion that knows them.
	InferenceClassification string // "Focused" or "Other"
	MentionedMe             bool
}

// Approval is what became of a message that asks a moderator to let another one pass.
type Approval struct {
	Undecided bool
	Decision  int    // as Exchange codes it
	By        string // who decided
	At        time.Time
}

// Protection is what the sender of a message under rights management (IRM) lets its reader do. EWS: RightsManagementLicenseDataType.
type Protection struct {
	Template, Description string // of the policy: "Do Not Forward"
	Status                int    // of the decryption: 0 if Exchange has done it
	Owner                 bool   // the mailbox's owner is who protected it
	ContentOwner          string
	Expires               string // as Exchange writes it; "" for never

	MayEdit, MayReply, MayReplyAll, MayForward, MayChangeRecipients, MayExtract, MayPrint, MayExport, MayUsePrograms bool
}

// clientFields are the paths of ClientFields, all known to Exchange 2013 SP1.
var clientFields = []string{
	"item:Flag", "item:DisplayTo", "item:DisplayCc", "item:IsSubmitted", "item:IsFromMe", "item:IsResend", "item:IsUnmodified", "item:IsAssociated",
	"item:ReminderDueBy", "item:ReminderIsSet", "item:ReminderMinutesBeforeStart", "item:Culture", "item:EffectiveRights", "item:LastModifiedName",
	"item:WebClientReadFormQueryString", "item:StoreEntryId", "item:InstanceKey", "item:RetentionDate", "item:IsClutter", "item:BlockStatus",
	"item:HasBlockedImages", "message:IsReadReceiptRequested", "message:IsDeliveryReceiptRequested", "message:IsResponseRequested",
	"message:ReceivedBy", "message:ReceivedRepresenting", "message:VotingInformation",
	"item:ReminderNextTime", "item:IconIndex", "item:PolicyTag", "item:ArchiveTag", "item:RightsManagementLicenseData",
	"item:WebClientEditFormQueryString", "message:ApprovalRequestData",
}

// clientElements are the elements of ClientFields.
var clientElements = func() map[string]bool {
	elements := map[string]bool{"InferenceClassification": true, "MentionedMe": true}
	for _, f := range clientFields {
		_, element, _ := strings.Cut(f, ":")
		elements[element] = true
	}
	return elements
}()

// client reads the current element if it is one of ClientFields; false if not.
func (r *messageReader) client(s *wire.Scanner, m *Message) bool {
	if !clientElements[s.Local()] {
		return false
	}
	if m.Client == nil {
		m.Client = new(ClientFields)
	}
	c := m.Client
	switch s.Local() {
	case "Flag":
		readFlag(s, &c.Flag)
	case "DisplayTo":
		r.put(s, &c.DisplayTo)
	case "DisplayCc":
		r.put(s, &c.DisplayCc)
	case "ReceivedBy":
		r.address(s, &c.ReceivedBy)
	case "ReceivedRepresenting":
		r.address(s, &c.ReceivedRepresenting)
	case "IsReadReceiptRequested":
		c.ReadReceiptRequested = boolean(s.TextBytes())
	case "IsDeliveryReceiptRequested":
		c.DeliveryReceiptRequested = boolean(s.TextBytes())
	case "IsResponseRequested":
		c.ResponseRequested = boolean(s.TextBytes())
	case "IsFromMe":
		c.FromMe = boolean(s.TextBytes())
	case "IsResend":
		c.Resend = boolean(s.TextBytes())
	case "IsSubmitted":
		c.Submitted = boolean(s.TextBytes())
	case "IsUnmodified":
		c.Unmodified = boolean(s.TextBytes())
	case "IsAssociated":
		c.Associated = boolean(s.TextBytes())
	case "ReminderIsSet":
		c.ReminderSet = boolean(s.TextBytes())
	case "ReminderDueBy":
		c.ReminderDue = dateTime(s.TextBytes())
	case "ReminderMinutesBeforeStart":
		c.ReminderMinutes = int(integer(s.TextBytes()))
	case "VotingInformation":
		r.voting(s, c)
	case "RetentionDate":
		c.RetentionDate = dateTime(s.TextBytes())
	case "IsClutter":
		c.Clutter = boolean(s.TextBytes())
	case "BlockStatus":
		c.Blocked = boolean(s.TextBytes())
	case "HasBlockedImages":
		c.BlockedImages = boolean(s.TextBytes())
	case "EffectiveRights":
		c.Rights = readRights(s)
	case "LastModifiedName":
		r.put(s, &c.LastModifiedBy)
	case "Culture":
		r.put(s, &c.Culture)
	case "InstanceKey":
		r.put(s, &c.InstanceKey)
	case "StoreEntryId":
		r.put(s, &c.StoreEntryID)
	case "WebClientReadFormQueryString":
		r.put(s, &c.WebURL)
	case "WebClientEditFormQueryString":
		r.put(s, &c.WebEditURL)
	case "ReminderNextTime":
		c.ReminderNext = dateTime(s.TextBytes())
	case "IconIndex":
		r.put(s, &c.Icon)
	case "PolicyTag":
		r.put(s, &c.PolicyTag)
	case "ArchiveTag":
		r.put(s, &c.ArchiveTag)
	case "ApprovalRequestData":
		c.Approval = new(Approval)
		c.Approval.read(s)
	case "RightsManagementLicenseData":
		c.Protection = new(Protection)
		c.Protection.read(s)
	case "InferenceClassification":
		r.put(s, &c.InferenceClassification)
	case "MentionedMe":
		c.MentionedMe = boolean(s.TextBytes())
	}
	return true
}

func (a *Approval) read(s *wire.Scanner) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "IsUndecidedApprovalRequest":
			a.Undecided = boolean(s.TextBytes())
		case "ApprovalDecision":
			a.Decision = int(integer(s.TextBytes()))
		case "ApprovalDecisionMaker":
			a.By = s.Text()
		case "ApprovalDecisionTime":
			a.At = dateTime(s.TextBytes())
		}
	}
}

func (p *Protection) read(s *wire.Scanner) {
	may := map[string]*bool{"EditAllowed": &p.MayEdit, "ReplyAllowed": &p.MayReply, "ReplyAllAllowed": &p.MayReplyAll, "ForwardAllowed": &p.MayForward,
		"ModifyRecipientsAllowed": &p.MayChangeRecipients, "ExtractAllowed": &p.MayExtract, "PrintAllowed": &p.MayPrint, "ExportAllowed": &p.MayExport,
		"ProgrammaticAccessAllowed": &p.MayUsePrograms, "IsOwner": &p.Owner}
	for d := s.Depth(); s.Child(d); {
		if to := may[s.Local()]; to != nil {
			*to = boolean(s.TextBytes())
			continue
		}
		switch s.Local() {
		case "RightsManagedMessageDecryptionStatus":
			p.Status = int(integer(s.TextBytes()))
		case "TemplateName":
			p.Template = s.Text()
		case "TemplateDescription":
			p.Description = s.Text()
		case "ContentOwner":
			p.ContentOwner = s.Text()
		case "ContentExpiryDate":
			p.Expires = s.Text()
		}
	}
}

func readFlag(s *wire.Scanner, f *Flag) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "FlagStatus":
			f.Status = flagStatus(s.Text())
		case "StartDate":
			f.Start = dateTime(s.TextBytes())
		case "DueDate":
			f.Due = dateTime(s.TextBytes())
		case "CompleteDate":
			f.Completed = dateTime(s.TextBytes())
		}
	}
}

func (r *messageReader) voting(s *wire.Scanner, c *ClientFields) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "VotingResponse":
			r.put(s, &c.VotingResponse)
		case "UserOptions":
			for d := s.Depth(); s.Child(d) && !r.full(len(c.VotingOptions)); { // VotingOptionData
				for d := s.Depth(); s.Child(d); {
					if s.Local() == "DisplayName" {
						c.VotingOptions = append(c.VotingOptions, s.Text())
					}
				}
			}
		}
	}
}
