package ews

import (
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// EventType says what a notification is about.
type EventType string

// The events that Exchange can be asked for. EWS: NotificationEventTypeType.
const (
	EventNewMail  EventType = "NewMailEvent" // mail was delivered; a CreatedEvent comes along with it
	EventCreated  EventType = "CreatedEvent"
	EventDeleted  EventType = "DeletedEvent" // for good; to Deleted Items is a move
	EventModified EventType = "ModifiedEvent"
	EventMoved    EventType = "MovedEvent"
	EventCopied   EventType = "CopiedEvent"
	EventFreeBusy EventType = "FreeBusyChangedEvent"
)

// Events that tell about the listening itself.
const (
	// EventConnected: the stream is open, at first or again. Whatever happened before is not told: look for it with Sync.
	EventConnected EventType = "connected"

	// EventDisconnected: the stream was lost, or could not be opened; Event.Err says why. It is being tried again. With a
	// Mailbox: that one of a group cannot be listened to for now.
	EventDisconnected EventType = "disconnected"

	// EventStatus: nothing happened. A sign of life from pull and push subscriptions; streams keep theirs to themselves.
	EventStatus EventType = "StatusEvent"
)

// mailEvents are those that SubscribeOptions asks for by default.
var mailEvents = []EventType{EventNewMail, EventCreated, EventDeleted, EventModified, EventMoved, EventCopied}

// Event is one notification: a hint that something happened. Notifications can come twice, late, or not at all; what is true in the end
// is what Sync says.
type Event struct {
	Type EventType
	Time time.Time // when it happened

	// Mailbox is the one it is about; nil for EventConnected and EventDisconnected that are about all, and for pushed
	// notifications.
	Mailbox *Mailbox

	SubscriptionID string

	// Watermark is where a pull subscription goes on after this event; streams have none.
	Watermark string

	// Item or Folder is what it happened to, and Parent the folder that it is in.
	Item   ItemID
	Folder FolderID
	Parent FolderID

	// OldItem or OldFolder and OldParent are what EventMoved and EventCopied started from.
	OldItem   ItemID
	OldFolder FolderID
	OldParent FolderID

	Unread int // of a Folder, with EventModified

	Err error // why, with EventDisconnected
}

// notification is what one subscription reports at a time. EWS: NotificationType.
type notification struct {
	subscription string
	previous     string // watermark
	more         bool
	events       []Event

	before string // the subscription of an earlier notification, most likely the same
}

// maxNotified bounds the events of one envelope; Exchange sends some dozens at a time.
const maxNotified = 50_000

// readNotification reads a Notification element, whose namespace differs between servers.
func readNotification(s *wire.Scanner, n *notification) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "SubscriptionId":
			if id := s.TextBytes(); string(id) == n.before {
				n.subscription = n.before
			} else {
				n.subscription = string(id)
			}
		case "PreviousWatermark":
			n.previous = s.Text()
		case "MoreEvents":
			n.more = boolean(s.TextBytes())
		case "CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent", "NewMailEvent", "FreeBusyChangedEvent", "StatusEvent":
			if len(n.events) == maxNotified {
				s.Fail(&wire.LimitError{What: "events of a notification", Limit: maxNotified})
				return
			}
			e := Event{Type: EventType(s.Local())}
			readEvent(s, &e)
			n.events = append(n.events, e)
		}
	}
	for i := range n.events {
		n.events[i].SubscriptionID = n.subscription
	}
}

func readEvent(s *wire.Scanner, e *Event) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "Watermark":
			e.Watermark = s.Text()
		case "TimeStamp":
			e.Time = dateTime(s.TextBytes())
		case "ItemId":
			e.Item = itemID(s)
		case "FolderId":
			e.Folder = folderID(s)
		case "ParentFolderId":
			e.Parent = folderID(s)
		case "OldItemId":
			e.OldItem = itemID(s)
		case "OldFolderId":
			e.OldFolder = folderID(s)
		case "OldParentFolderId":
			e.OldParent = folderID(s)
		case "UnreadCount":
			e.Unread = int(integer(s.TextBytes()))
		}
	}
}
