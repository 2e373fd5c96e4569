package ews

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Task is something to do, in a task folder.
type Task struct {
	Item

	Status    string  // "NotStarted", "InProgress", "Completed", "WaitingOnOthers" or "Deferred"
	Percent   float64 // done, from 0 to 100
	Complete  bool
	Start     time.Time // UTC; midnight in the zone it was entered in
	Due       time.Time // likewise
	Completed time.Time
	Owner     string // display name of who is to do it
	Delegator string // display name of who gave it to the owner
	Recurring bool
}

var tasks = kindOf[Task]{
	name: "task", elements: []string{"Task"},
	shape: &shape{find: []string{"task:CompleteDate", "task:Delegator", "task:DueDate", "task:IsComplete", "task:IsRecurring", "task:Owner",
		"task:PercentComplete", "task:StartDate", "task:Status"}},
	item:  func(t *Task) *Item { return &t.Item },
	field: (*Task).field,
}

// Task reads one task. o may be nil; Summary counts as WithoutBody. Errors: ErrNotFound, ErrDenied, ErrInvalidRequest for the id of something
// else. EWS: GetItem.
func (m *Mailbox) Task(ctx context.Context, id ItemID, o *ItemOptions) (*Task, error) {
	return one(ctx, m, &tasks, id, o)
}

// Tasks lists a task folder, nil meaning the mailbox's Tasks, newest first. o may be nil; Summary counts as WithoutBody. A pair with both a
// Task and an error is about that one alone; a pair without a Task is the last one. Errors: ErrNotFound for the folder, ErrDenied.
// EWS: FindItem, GetItem.
func (m *Mailbox) Tasks(ctx context.Context, f FolderRef, o *ItemOptions) iter.Seq2[*Task, error] {
	if f == nil {
		f = Tasks
	}
	return items(ctx, m, &tasks, f, o)
}

func (t *Task) field(s *wire.Scanner) {
	switch s.Local() {
	case "Status":
		t.Status = strings.TrimSpace(s.Text())
	case "PercentComplete":
		if p, err := strconv.ParseFloat(strings.TrimSpace(s.Text()), 64); err == nil && p >= 0 && p <= 100 {
			t.Percent = p
		}
	case "IsComplete":
		t.Complete = boolean(s.TextBytes())
	case "StartDate":
		t.Start = dateTime(s.TextBytes())
	case "DueDate":
		t.Due = dateTime(s.TextBytes())
	case "CompleteDate":
		t.Completed = dateTime(s.TextBytes())
	case "Owner":
		t.Owner = s.Text()
	case "Delegator":
		t.Delegator = s.Text()
	case "IsRecurring":
		t.Recurring = boolean(s.TextBytes())
	}
}
