package ews_test

import "time"

// xmlMessage is what a client on encoding/xml declares.
type xmlMessage struct {
	ItemID struct {
		ID        string `xml:"Id,attr"`
		ChangeKey string `xml:"ChangeKey,attr"`
	} `xml:"ItemId"`
	MimeContent       string `xml:"MimeContent"`
	Class             string `xml:"ItemClass"`
	Subject           string
	Body              string
	DateTimeReceived  time.Time
	DateTimeSent      time.Time
	DateTimeCreated   time.Time
	Size              int64
	Importance        string
	InReplyTo         string
	IsDraft           bool
	HasAttachments    bool
	Preview           string
	Sender            xmlMailbox `xml:"Sender>Mailbox"`
	From              xmlMailbox `xml:"From>Mailbox"`
	ConversationTopic string
	InternetMessageID string `xml:"InternetMessageId"`
	IsRead            bool
	References        string
	ExtendedProperty  []struct {
		Value string
	}
}

type xmlMailbox struct{ Name, EmailAddress, RoutingType string }

type xmlAnswer struct {
	Body struct {
		Find struct {
			Items []xmlMessage `xml:"ResponseMessages>FindItemResponseMessage>RootFolder>Items>Message"`
		} `xml:"FindItemResponse"`
		Get struct {
			Items []xmlMessage `xml:"ResponseMessages>GetItemResponseMessage>Items>Message"`
		} `xml:"GetItemResponse"`
		Attachment struct {
			Content string `xml:"ResponseMessages>GetAttachmentResponseMessage>Attachments>FileAttachment>Content"`
		} `xml:"GetAttachmentResponse"`
	} `xml:"Body"`
}
