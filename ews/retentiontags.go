package ews

import (
	"context"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// RetentionTag is a rule of the organisation about how long messages are kept, which folders and messages can be tagged with.
type RetentionTag struct {
	Name        string
	ID          string        // GUID: what a message's PolicyTag or ArchiveTag holds
	Period      time.Duration // whole days; 0: for ever
	Type        string        // what it is for: "All", "Personal", or a folder: "Inbox", "DeletedItems" ...
	Action      string        // at the end of Period: "DeleteAndAllowRecovery", "PermanentlyDelete", "MoveToArchive", "MoveToDeletedItems", "MarkAsPastRetentionLimit", "None" ...
	Description string
	Visible     bool // Outlook shows it
	OptedInto   bool // the user chose it
	Archive     bool // it moves messages to the archive
}

// RetentionTags reads the retention tags of the mailbox. EWS: GetUserRetentionPolicyTags operation, of Exchange 2013.
func (m *Mailbox) RetentionTags(ctx context.Context) ([]RetentionTag, error) {
	var tags []RetentionTag
	err := m.do(ctx, &call{
		op:   "GetUserRetentionPolicyTags",
		body: func(w *wire.Writer) error { w.Empty("m:GetUserRetentionPolicyTags"); return nil },
		read: func(s *wire.Scanner) error {
			tags = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() == "RetentionPolicyTags" {
					for d := s.Depth(); s.Child(d); {
						grow(s, &tags, readRetentionTag(s))
					}
				}
				return s.Err()
			})
		},
	})
	if err != nil {
		return nil, err
	}
	return tags, nil
}

func readRetentionTag(s *wire.Scanner) (t RetentionTag) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "DisplayName":
			t.Name = s.Text()
		case "RetentionId":
			t.ID = s.Text()
		case "RetentionPeriod":
			const day = 24 * time.Hour
			t.Period = time.Duration(min(max(integer(s.TextBytes()), 0), int64(1<<63-1)/int64(day))) * day
		case "Type":
			t.Type = s.Text()
		case "RetentionAction":
			t.Action = s.Text()
		case "Description":
			t.Description = s.Text()
		case "IsVisible":
			t.Visible = boolean(s.TextBytes())
		case "OptedInto":
			t.OptedInto = boolean(s.TextBytes())
		case "IsArchive":
			t.Archive = boolean(s.TextBytes())
		}
	}
	return t
}
