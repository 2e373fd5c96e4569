package ews

import (
	"context"
	"iter"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Conversations lists the conversations that have messages in a folder. q may be nil. The listing is read page by page while the
// loop runs; its pages are found by number, as with Query.Sort: what changes meanwhile is neither skipped nor repeated, and may come late.
//
// The last pair carries the error if there is one: ErrNotFound for the folder, ErrDenied, ErrInvalidRequest for what is wrong with q, ErrThrottled
// after the retry budget, and all others of this package's calls. EWS: FindConversation operation.
func (m *Mailbox) Conversations(ctx context.Context, f FolderRef, q *ConversationQuery) iter.Seq2[*Conversation, error] {
	var query ConversationQuery
	if q != nil {
		query = *q
	}
	return func(yield func(*Conversation, error) bool) {
		if err := usable(f); err != nil {
			yield(nil, err)
			return
		}
		if bad := query.bad(); bad != "" {
			yield(nil, m.invalid("FindConversation", bad))
			return
		}
		left := query.Limit
		n := numbered[*Conversation]{
			size: conversationPage,
			id:   func(c *Conversation) string { return c.ID },
			find: func(offset, size int) (numberedPage[*Conversation], error) {
				return m.findConversations(ctx, f, &query, offset, size)
			},
			hand: func(fresh []*Conversation) error {
				for _, c := range fresh {
					if !yield(c, nil) {
						return errStop
					}
					if left--; left == 0 {
						return errStop
					}
				}
				return nil
			},
			lost: func() error { return m.lostPage("FindConversation") },
		}
		if query.PageSize > 0 {
			n.size = min(query.PageSize, maxPageSize)
		}
		if err := n.run(); err != nil {
			yield(nil, err)
		}
	}
}

func (m *Mailbox) findConversations(ctx context.Context, f FolderRef, q *ConversationQuery, offset, size int) (p numberedPage[*Conversation], err error) {
	err = m.do(ctx, &call{
		op: "FindConversation",
		body: func(w *wire.Writer) error {
			if q.Filter == "" {
				w.Start("m:FindConversation")
			} else {
				w.Start("m:FindConversation", "ViewFilter", string(q.Filter))
			}
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", itoa(size), "Offset", itoa(offset), "BasePoint", "Beginning")
			direction := "Descending"
			if q.OldestFirst {
				direction = "Ascending"
			}
			w.Start("m:SortOrder")
			w.Start("t:FieldOrder", "Order", direction)
			writeURI(w, "conversation:LastDeliveryTime")
			w.End()
			w.End()
			w.Start("m:ParentFolderId")
			f.writeTo(w, m)
			w.End()
			if q.Search != "" {
				w.Leaf("m:QueryString", q.Search)
			}
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			p = numberedPage[*Conversation]{total: -1}
			found := false
			err := readResponses(s, func(_ int, s *wire.Scanner) error {
				switch s.Local() {
				case "Conversations":
					found = true
					for d := s.Depth(); s.Child(d); {
						if len(p.found) == maxPageSize {
							return &wire.LimitError{What: "conversations on a page", Limit: maxPageSize}
						}
						p.found = append(p.found, readConversation(s))
					}
				case "TotalConversationsInView":
					found = true
					p.total = int(integer(s.TextBytes()))
				}
				return s.Err()
			})
			if err == nil && !found {
				err = &Error{kind: ErrBadResponse, what: "the answer holds no page of conversations"}
			}
			return err
		},
	})
	if p.total < 0 { // Exchange 2010 does not tell
		p.last, p.total = len(p.found) < size, offset+len(p.found)
	} else {
		p.last = offset+len(p.found) >= p.total
	}
	return p, err
}

// ConversationItems reads the messages of a conversation, wherever in the mailbox they lie, in the order in which they answer each other.
// o may be nil. Errors: ErrNotFound if there is none (left), ErrDenied, ErrInvalidRequest for what is wrong with o, ErrThrottled after the
// retry budget. EWS: GetConversationItems operation, since Exchange 2013.
func (m *Mailbox) ConversationItems(ctx context.Context, conversationID string, o *ThreadOptions) ([]ThreadMessage, error) {
	if o == nil {
		o = new(ThreadOptions)
	}
	q := o.Query
	if q == nil {
		q = new(Query)
	}
	bad := q.bad()
	if conversationID == "" {
		bad = "the conversation's id is empty"
	}
	for _, f := range o.Ignore {
		if err := usable(f); err != nil {
			return nil, err
		}
	}
	if bad != "" {
		return nil, m.invalid("GetConversationItems", bad)
	}
	detail := q.Detail
	if detail == Summary {
		detail = WithoutBody
	}
	var nodes []ThreadMessage
	r := messageReader{asked: q.Properties}
	err := m.do(ctx, &call{
		op: "GetConversationItems",
		body: func(w *wire.Writer) error {
			w.Start("m:GetConversationItems")
			q.writeItemShape(w, detail)
			if len(o.Ignore) > 0 {
				w.Start("m:FoldersToIgnore")
				for _, f := range o.Ignore {
					f.writeTo(w, m)
				}
				w.End()
			}
			if o.Limit > 0 {
				w.Leaf("m:MaxItemsToReturn", itoa(min(o.Limit, 100)))
			}
			if o.NewestFirst {
				w.Leaf("m:SortOrder", "TreeOrderDescending")
			} else {
				w.Leaf("m:SortOrder", "TreeOrderAscending")
			}
			w.Start("m:Conversations")
			w.Start("t:Conversation")
			w.Empty("t:ConversationId", "Id", conversationID)
			w.End()
			w.End()
			w.End()
			return nil
		},
		read: func(s *wire.Scanner) error {
			nodes = nil
			return readResponses(s, func(_ int, s *wire.Scanner) error {
				if s.Local() != "Conversation" {
					return nil
				}
				for d := s.Depth(); s.Child(d); {
					if s.Local() != "ConversationNodes" {
						continue
					}
					for d := s.Depth(); s.Child(d); {
						grow(s, &nodes, r.node(s))
					}
				}
				return s.Err()
			})
		},
	})
	return nodes, err
}

// node reads a ConversationNode element.
func (r *messageReader) node(s *wire.Scanner) (n ThreadMessage) {
	for d := s.Depth(); s.Child(d); {
		switch s.Local() {
		case "InternetMessageId":
			n.InternetMessageID = s.Text()
		case "ParentInternetMessageId":
			n.Parent = s.Text()
		case "Items":
			for d := s.Depth(); s.Child(d); {
				msg := new(Message)
				r.read(s, msg)
				grow(s, &n.Copies, msg)
			}
		}
	}
	return n
}
