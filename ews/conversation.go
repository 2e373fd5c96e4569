package ews

import (
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Conversation is a thread of messages as Exchange groups them: by their headers, else by their subject.
type Conversation struct {
	ID    string // Message.ConversationID
	Topic string

	// What the folder that was listed has of it.
	Messages, Unread int
	Size             int64    // bytes
	Items            []ItemID // newest first
	Recipients       []string // names
	Senders          []string
	UnreadSenders    []string
	LastDelivery     time.Time
	Classes          []string
	Categories       []string
	HasAttachments   bool
	Importance       Importance // the highest
	Flag             FlagStatus

	// What the whole mailbox has of it.
	AllMessages, AllUnread int
	AllItems               []ItemID
	AllLastDelivery        time.Time

	Modified    time.Time
	Preview     string // of its newest message; since Exchange 2016
	InstanceKey string // base64
}

// ConversationFilter selects conversations. EWS: ViewFilter.
type ConversationFilter string

// Filters of conversations. The zero value is all of them.
const (
	AllConversations          ConversationFilter = "All"
	UnreadConversations       ConversationFilter = "Unread"
	FlaggedConversations      ConversationFilter = "Flagged"
	ConversationsWithFiles    ConversationFilter = "HasAttachment"
	ConversationsToMe         ConversationFilter = "ToOrCcMe"
	ConversationsDueTask      ConversationFilter = "TaskActive"
	ConversationsOverdueTask  ConversationFilter = "TaskOverdue"
	ConversationsFinishedTask ConversationFilter = "TaskCompleted"
)

// ConversationQuery selects conversations. Its zero value, and nil, is all of a folder, the one with the newest message first.
type ConversationQuery struct {
	Filter      ConversationFilter
	Search      string // as Query.Search
	OldestFirst bool
	Limit       int // ends the list after so many. 0: all
	PageSize    int // conversations in one request. 0: 250
}

const conversationPage = 250

func (q *ConversationQuery) bad() string {
	switch q.Filter {
	case "", AllConversations, UnreadConversations, FlaggedConversations, ConversationsWithFiles, ConversationsToMe, ConversationsDueTask, ConversationsOverdueTask, ConversationsFinishedTask:
	default:
		return "ConversationQuery.Filter: use one of the constants"
	}
	if !xmlText(q.Search) {
		return "ConversationQuery.Search: it holds a character that XML cannot carry"
	}
	return ""
}

// ThreadMessage is a message of a conversation's tree. EWS: ConversationNode.
type ThreadMessage struct {
	InternetMessageID string
	Parent            string // InternetMessageID of the message it answers; "" for the first, and where that is unknown

	// Copies are the message as it lies in the folders: several, where it was copied, or sent to oneself.
	Copies []*Message
}

// ThreadOptions say how much of a conversation is read. Nil, and the zero value, is all of its messages with Full detail, the oldest first.
type ThreadOptions struct {
	// Query says how much of each message is read: its Detail, Body, Headers, Extra, Properties and Fields. nil: Full detail.
	Query *Query

	// Ignore leaves out what lies in these folders, such as DeletedItems and Drafts.
	Ignore []FolderRef

	NewestFirst bool
	Limit       int // nodes; Exchange gives 100 at most. 0: that
}

// readConversation reads a Conversation element.
func readConversation(s *wire.Scanner) *Conversation {
	c := new(Conversation)
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "ConversationId":
			c.ID, _ = s.Attr("Id")
		case "ConversationTopic":
			c.Topic = s.Text()
		case "MessageCount":
			c.Messages = int(integer(s.TextBytes()))
		case "UnreadCount":
			c.Unread = int(integer(s.TextBytes()))
		case "Size":
			c.Size = integer(s.TextBytes())
		case "ItemIds":
			c.Items = readItemIDs(s)
		case "UniqueRecipients":
			c.Recipients = readStrings(s)
		case "UniqueSenders":
			c.Senders = readStrings(s)
		case "UniqueUnreadSenders":
			c.UnreadSenders = readStrings(s)
		case "LastDeliveryTime":
			c.LastDelivery = dateTime(s.TextBytes())
		case "ItemClasses":
			c.Classes = readStrings(s)
		case "Categories":
			c.Categories = readStrings(s)
		case "HasAttachments":
			c.HasAttachments = boolean(s.TextBytes())
		case "Importance":
			c.Importance = importance(s.TextBytes())
		case "FlagStatus":
			c.Flag = flagStatus(s.Text())
		case "GlobalMessageCount":
			c.AllMessages = int(integer(s.TextBytes()))
		case "GlobalUnreadCount":
			c.AllUnread = int(integer(s.TextBytes()))
		case "GlobalItemIds":
			c.AllItems = readItemIDs(s)
		case "GlobalLastDeliveryTime":
			c.AllLastDelivery = dateTime(s.TextBytes())
		case "LastModifiedTime":
			c.Modified = dateTime(s.TextBytes())
		case "Preview":
			c.Preview = s.Text()
		case "InstanceKey":
			c.InstanceKey = strings.TrimSpace(s.Text())
		}
	}
	return c
}

func flagStatus(text string) FlagStatus {
	switch strings.TrimSpace(text) {
	case "Flagged":
		return Flagged
	case "Complete":
		return FlagComplete
	}
	return NotFlagged
}

// readItemIDs reads the ids that are the current element's children.
func readItemIDs(s *wire.Scanner) (ids []ItemID) {
	for d := s.Depth(); s.Child(d); {
		grow(s, &ids, itemID(s))
	}
	return ids
}
