package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// The fields of a message that listings have, as a wire.Shape calls them.
const (
	fieldItemID wire.Label = iota
	fieldItemKey
	fieldSubject
	fieldInReplyTo
	fieldConversationID
	fieldPreview
	fieldSenderName
	fieldSenderEmail
	fieldConversationIndex
	fieldConversationTopic
	fieldMessageID
	fieldReferences
	fieldSearchKey
	lastText // the text of those above is kept
	fieldFromName
	fieldFromEmail
	fieldSenderSMTP
	fieldRepresentingSMTP
	fieldCategory
	fieldFolderID
	fieldFolderKey
	fieldClass
	fieldSensitive
	fieldReceived
	fieldSize
	fieldImportant
	fieldDraft
	fieldSent
	fieldCreated
	fieldHasAttachments
	fieldModified
	fieldSenderRouting
	fieldFromRouting
	fieldRead
)

// field reads the current element's text.
func (r *messageReader) field(s *wire.Scanner, m *Message, f wire.Label) { r.set(m, f, s.TextAs(f)) }

// fieldAttr reads an attribute, if there is one.
func (r *messageReader) fieldAttr(s *wire.Scanner, m *Message, name string, f wire.Label) {
	if b, ok := s.AttrAs(name, f); ok {
		r.set(m, f, b)
	}
}

// party reads who sent a message.
func (r *messageReader) party(s *wire.Scanner, m *Message, name, email, routing wire.Label) {
	for d := s.Depth(); s.Child(d); {
		if s.Local() != "Mailbox" {
			continue
		}
		for d := s.Depth(); s.Child(d); {
			switch s.Local() {
			case "Name":
				r.field(s, m, name)
			case "EmailAddress":
				r.field(s, m, email)
			case "RoutingType":
				r.field(s, m, routing)
			}
		}
	}
}

// set decodes a field.
func (r *messageReader) set(m *Message, f wire.Label, b []byte) {
	switch f {
	case fieldItemID:
		m.ID.ID = r.string(b)
	case fieldItemKey:
		m.ID.ChangeKey = r.string(b)
	case fieldSubject:
		m.Subject = r.string(b)
	case fieldInReplyTo:
		m.InReplyTo = r.string(b)
	case fieldConversationID:
		m.ConversationID = r.string(b)
	case fieldPreview:
		m.Preview = r.string(b)
	case fieldSenderName:
		m.Sender.Name = r.string(b)
	case fieldSenderEmail:
		m.Sender.Email = r.string(b)
	case fieldConversationIndex:
		m.ConversationIndex = r.string(b)
	case fieldConversationTopic:
		m.ConversationTopic = r.string(b)
	case fieldMessageID:
		m.InternetMessageID = r.string(b)
	case fieldReferences:
		m.References = r.string(b)
	case fieldSearchKey:
		m.SearchKey = r.string(b)
	case fieldFromName:
		m.From.Name = r.same(b, m.Sender.Name)
	case fieldFromEmail:
		m.From.Email = r.same(b, m.Sender.Email)
	case fieldSenderSMTP:
		r.sender = r.string(b)
	case fieldRepresentingSMTP:
		r.representing = r.string(b)
	case fieldCategory:
		if !r.full(len(m.Categories)) {
			m.Categories = append(m.Categories, string(b))
		}
	case fieldFolderID:
		if string(b) != r.folder.ID { // most have the same, and none shall keep the text of another
			r.folder.ID = string(b)
		}
		m.ParentFolder.ID = r.folder.ID
	case fieldFolderKey:
		if string(b) != r.folder.ChangeKey {
			r.folder.ChangeKey = string(b)
		}
		m.ParentFolder.ChangeKey = r.folder.ChangeKey
	case fieldClass:
		m.Class = itemClass(b)
	case fieldSensitive:
		m.Sensitivity = sensitivity(b)
	case fieldReceived:
		m.Received = dateTime(b)
	case fieldSize:
		m.Size = integer(b)
	case fieldImportant:
		m.Importance = importance(b)
	case fieldDraft:
		m.Draft = boolean(b)
	case fieldSent:
		m.Sent = dateTime(b)
	case fieldCreated:
		m.Created = dateTime(b)
	case fieldHasAttachments:
		m.HasAttachments = boolean(b)
	case fieldModified:
		m.Modified = dateTime(b)
	case fieldSenderRouting:
		m.Sender.RoutingType = routingType(b)
	case fieldFromRouting:
		m.From.RoutingType = routingType(b)
	case fieldRead:
		m.Read = boolean(b)
	}
}

// same is r.string for what is often the same as another string of the message.
func (r *messageReader) same(b []byte, other string) string {
	if string(b) == other {
		return other
	}
	return r.string(b)
}
