package ews

import (
	"strconv"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Detail says how much of each message is read.
type Detail int

const (
	// Full is every field of Message including the body, but Headers.
	Full Detail = iota

	// WithoutBody is Full without the body.
	WithoutBody

	// Summary is what a folder listing shows, and all that EWS's FindItem gives: the subject cut at 255 characters, From
	// and Sender, times, size, flags, Message-ID, conversation. No recipients, body or attachments. It costs one request a page;
	// the others cost one more for every fifty messages.
	Summary
)

// BodyFormat says in which form bodies are wanted.
type BodyFormat int

const (
	// BestBody is HTML if the message has it, else plain text.
	BestBody BodyFormat = iota

	// TextBody is plain text, converted from HTML by the server if need be.
	TextBody

	// HTMLBody is HTML, made from plain text by the server if need be.
	HTMLBody
)

func (f BodyFormat) element() string {
	switch f {
	case TextBody:
		return "Text"
	case HTMLBody:
		return "HTML"
	}
	return "Best"
}

// Query selects messages and says how much of each is wanted. The zero Query, and nil, is every message with Full detail,
// newest first.
type Query struct {
	// UnreadOnly leaves out messages marked as read.
	UnreadOnly bool

	// Since and Before bound the time of receipt: Since <= Received < Before, by Received as it is shown, to the second.
	// Zero: unbounded.
	Since, Before time.Time

	// Where is a further condition. nil: none.
	Where Restriction

	// Search finds by words, in the index: an Advanced Query Syntax text such as `subject:"project plan" from:ann hasattachment:true`.
	// Exchange does not take it together with other conditions (UnreadOnly, Since, Before, Where), gives 250 messages a page at most, and
	// lists what has been indexed: mail of the last moments may be missing. The pages are found by number; see Sort.
	Search string

	// OldestFirst turns the order round.
	OldestFirst bool

	// Sort orders by other fields than the time of receipt, the first one first. Pages are then found by their number, which is not as good: what
	// arrives or leaves meanwhile shifts the numbers. A listing of several pages therefore walks through them until a whole walk brings
	// nothing new, leaves out what it has given already, and gives what it finds that late at its end. It does not repeat messages, and skips none that was there all
	// the time; its memory holds the ids of the messages given. It is read when the loop wants more, not ahead of it.
	Sort []SortField

	// Limit ends the listing after so many messages. 0: all.
	Limit int

	// PageSize is the number of messages asked for in one FindItem request. 0: 500; Exchange gives 1,000 at most.
	PageSize int

	// Detail says how much of each message is read.
	Detail Detail

	// Body is the form of bodies. It has no meaning without Full detail.
	Body BodyFormat

	// MaxBodySize cuts bodies at so many bytes; a cut one says so (Body.Truncated). 0: not.
	MaxBodySize int

	// SafeHTML has the server take scripts and the like out of HTML bodies.
	SafeHTML bool

	// Headers also reads all internet headers into Message.Headers. It has no meaning with Summary.
	Headers bool

	// Extra are further fields to read. It has no meaning with Summary.
	Extra Extra

	// Properties are MAPI properties to read into Message.Properties. Unlike other further fields, a Summary has them too.
	Properties []Property

	// Fields, if there are any, are all that is read besides the ids and what a listing needs itself (the time of receipt and the size).
	// Those that only GetItem gives (recipients, body, attachments) need another Detail than Summary.
	Fields []Field
}

const (
	defaultPageSize = 500
	maxPageSize     = 1000 // more has no effect in Exchange Online
)

func (q *Query) pageSize() int {
	switch {
	case q.PageSize <= 0:
		return defaultPageSize
	case q.PageSize > maxPageSize:
		return maxPageSize
	}
	return q.PageSize
}

// summaryFields are the properties a summary has, in request syntax.
var summaryFields = []string{
	"item:ParentFolderId", "item:ItemClass", "item:Subject", "item:Sensitivity", "item:DateTimeReceived", "item:Size",
	"item:Categories", "item:Importance", "item:InReplyTo", "item:IsDraft", "item:DateTimeSent", "item:DateTimeCreated",
	"item:HasAttachments", "item:LastModifiedTime", "item:ConversationId", "item:Preview",
	"message:Sender", "message:ConversationIndex", "message:ConversationTopic", "message:From",
	"message:InternetMessageId", "message:IsRead", "message:References",
}

// fullFields are those that only GetItem gives, the body and the headers apart.
var fullFields = []string{"item:Attachments", "message:ToRecipients", "message:CcRecipients", "message:BccRecipients", "message:ReplyTo"}

// writeItemShape writes m:ItemShape for a detail. Fields are asked for by name since the named shapes mean different things to
// different servers.
func (q *Query) writeItemShape(w *wire.Writer, detail Detail) {
	w.Start("m:ItemShape")
	w.Leaf("t:BaseShape", "IdOnly")
	if detail != Summary {
		q.writeBodyShape(w, detail)
	}
	q.writeAdditional(w, detail)
	w.End()
}

// writeAdditional writes t:AdditionalProperties for a detail.
func (q *Query) writeAdditional(w *wire.Writer, detail Detail) {
	w.Start("t:AdditionalProperties")
	defer w.End()
	if len(q.Fields) > 0 {
		q.writeSelection(w, detail)
		return
	}
	for _, f := range summaryFields {
		w.Empty("t:FieldURI", "FieldURI", f)
	}
	if detail != Summary {
		for _, f := range fullFields {
			w.Empty("t:FieldURI", "FieldURI", f)
		}
		for _, f := range meetingFields {
			w.Empty("t:FieldURI", "FieldURI", f)
		}
		if q.Headers {
			w.Empty("t:FieldURI", "FieldURI", "item:InternetMessageHeaders")
		}
		q.Extra.writeFields(w, q.Headers)
	}
	if detail == Full {
		w.Empty("t:FieldURI", "FieldURI", "item:Body")
	}
	w.Empty("t:ExtendedFieldURI", "PropertyTag", searchKeyProperty, "PropertyType", "Binary")
	w.Empty("t:ExtendedFieldURI", "PropertyTag", senderProperty, "PropertyType", "String")
	w.Empty("t:ExtendedFieldURI", "PropertyTag", representingProperty, "PropertyType", "String")
	q.writeProperties(w)
}

// condition is one comparison of a restriction; all of them must hold.
type condition struct {
	op    string // "IsEqualTo" ...
	field func(w *wire.Writer)
	value string
}

func fieldURI(uri string) func(w *wire.Writer) {
	return func(w *wire.Writer) { w.Empty("t:FieldURI", "FieldURI", uri) }
}

// writeRestriction writes m:Restriction, or nothing without conditions. where are further ones, checked before.
func writeRestriction(w *wire.Writer, all []condition, where ...Restriction) {
	where = And(where).live()
	if len(all)+len(where) == 0 {
		return
	}
	w.Start("m:Restriction")
	if len(all)+len(where) > 1 {
		w.Start("t:And")
	}
	for _, r := range where {
		r.writeExpression(w)
	}
	for _, c := range all {
		if c.op == "NotExists" {
			w.Start("t:Not")
			w.Start("t:Exists")
			c.field(w)
			w.End()
			w.End()
			continue
		}
		w.Start("t:" + c.op)
		c.field(w)
		w.Start("t:FieldURIOrConstant")
		w.Empty("t:Constant", "Value", c.value)
		w.End()
		w.End()
	}
	if len(all)+len(where) > 1 {
		w.End()
	}
	w.End()
}

const received = "item:DateTimeReceived"

// conditions of the Query itself.
func (q *Query) conditions() []condition {
	var all []condition
	if q.UnreadOnly {
		all = append(all, condition{"IsEqualTo", fieldURI("message:IsRead"), "false"})
	}
	if !q.Since.IsZero() {
		all = append(all, condition{"IsGreaterThanOrEqualTo", fieldURI(received), constantTime(q.Since)})
	}
	if !q.Before.IsZero() {
		all = append(all, condition{"IsLessThan", fieldURI(received), constantTime(q.Before)})
	}
	return all
}

// constantTime rounds up to the second, which is what Exchange shows: what is at or after t then is, and what is before is not.
func constantTime(t time.Time) string {
	return secondUp(t).UTC().Format("2006-01-02T15:04:05Z")
}

func itoa(n int) string { return strconv.Itoa(n) }
