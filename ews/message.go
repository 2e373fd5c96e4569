package ews

import "time"

// ItemID identifies an item. IDs are opaque and case-sensitive, up to 512 bytes long; an item gets a new one when it is moved to another
// folder, so an ID is no key to remember a message by: see Message.SearchKey.
type ItemID struct {
	ID        string
	ChangeKey string // version: changes with every edit; may be empty in most requests
}

// IsZero reports whether the id is missing.
func (id ItemID) IsZero() bool { return id.ID == "" }

// Message is a message in a mailbox, or another item read as one: meeting requests, bounces, encrypted and signed mail, posts and
// contacts all arrive as a Message with the fields they have. Fields that the server did not send, or that were not asked for
// (Detail), are zero.
//
// A Message holds nothing of its Mailbox and is a plain value to keep, compare or encode.
type Message struct {
	ID           ItemID
	ParentFolder FolderID
	Class        string // "IPM.Note", "REPORT.IPM.Note.NDR", "IPM.Schedule.Meeting.Request" ...
	Kind         string // EWS's element: "Message", "MeetingRequest", "Contact", "Item" ...

	Subject string // in a summary cut at 255 characters
	From    Address
	Sender  Address // who sent it on behalf of From; often the same
	To      []Address
	Cc      []Address
	Bcc     []Address
	ReplyTo []Address

	Received time.Time // when the mailbox got it; UTC, to the second
	Sent     time.Time // when its sender says it was sent
	Created  time.Time
	Modified time.Time

	Size           int64 // bytes in the mailbox, attachments included: an estimate of the MIME's size
	Read           bool
	Draft          bool
	HasAttachments bool // attachments a user sees; inline images do not count
	Importance     Importance
	Sensitivity    string // "Normal", "Personal", "Private" or "Confidential"
	Categories     []string

	InternetMessageID string // Message-ID header with its angle brackets; can be missing, and is not unique
	InReplyTo         string
	References        string

	ConversationID    string
	ConversationTopic string
	ConversationIndex string // base64

	// SearchKey is MAPI's PidTagSearchKey in base64. Unlike ID it stays the same when the message is moved, and a copy has the
	// same: the key to recognise a delivered message by.
	SearchKey string

	Body        Body
	Preview     string // first 255 characters of text, where the server makes one
	Attachments []Attachment
	Headers     Headers // internet headers in their order; only with Query.Headers, or some with WithLoopMarks

	// AutoResponseSuppress holds the Suppress bits of PidTagAutoResponseSuppress: answers its sender does not want. Only WithLoopMarks.
	AutoResponseSuppress uint32

	// Meeting is what a meeting request, an answer to one or a cancellation is about, and an item of a calendar; nil for all other mail and
	// in a summary.
	Meeting *Meeting

	// The body in further forms; nil unless asked for by WithUniqueBody, WithNormalizedBody and WithTextBody.
	UniqueBody, NormalizedBody, TextBody *Body

	// Client is what mail programs show besides; nil unless asked for by WithClientFields.
	Client *ClientFields

	// Properties are the MAPI properties asked for with Query.Properties that the message has; see Property.
	Properties []PropertyValue

	// Truncated says that a list of this message (recipients, headers, attachments, categories) had more than 20,000 entries, of which the
	// first are here. The MIME has all of them.
	Truncated bool

	// Repaired counts characters in this message's fields that XML does not allow; each was replaced by U+FFFD.
	Repaired int
}

// Address is a mailbox as a message names it.
type Address struct {
	Name string // display name

	// Email is the SMTP address. Where the server tells only an X.500 one, of somebody in the same organisation, it is that, and RoutingType
	// says so: Mailbox.SMTPAddresses resolves it.
	Email       string
	RoutingType string // "SMTP"; "EX" for an X.500 address
}

// IsZero reports whether the address is missing.
func (a Address) IsZero() bool { return a == Address{} }

// Importance of a message.
type Importance int

// The zero Importance is the usual one.
const (
	NormalImportance Importance = iota
	LowImportance
	HighImportance
)

// String is the name that EWS has for it: "Low", "Normal" or "High".
func (i Importance) String() string {
	switch i {
	case LowImportance:
		return "Low"
	case HighImportance:
		return "High"
	}
	return "Normal"
}

// Body is a message's text.
type Body struct {
	HTML      bool // Text is HTML
	Text      string
	Truncated bool // the server cut it
}

// AttachmentID identifies an attachment of one item.
type AttachmentID struct{ ID string }

// AttachmentKind says what an attachment is.
type AttachmentKind int

// Kinds of attachments.
const (
	FileAttachment      AttachmentKind = iota // bytes
	ItemAttachment                            // a message or another item: its content is given as MIME
	ReferenceAttachment                       // a link to a file elsewhere (OneDrive): there is no content
)

// String is "file", "item" or "reference".
func (k AttachmentKind) String() string {
	switch k {
	case ItemAttachment:
		return "item"
	case ReferenceAttachment:
		return "reference"
	}
	return "file"
}

// Attachment describes an attachment; Mailbox.Attachment reads its content.
type Attachment struct {
	ID          AttachmentID
	Kind        AttachmentKind
	Name        string // as the sender gave it: do not use it as a file name unchecked
	ContentType string // MIME type, if the sender gave one
	ContentID   string // without angle brackets; what <img src="cid:..."> refers to
	Size        int64  // bytes as the server counts them, which may be more than the content's
	Inline      bool   // shown within the body
	Modified    time.Time
	URL         string // of a ReferenceAttachment
	Provider    string // of a ReferenceAttachment: the kind of service that has it, "OneDrivePro"

	// ContentLocation is another way for an HTML body to refer to it than ContentID: <img src="..."> with this text (RFC 2557).
	ContentLocation string
}
