package ews_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestTasks(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	id := createItem(t, m, "", `<t:Task><t:Subject>Call back</t:Subject><t:Body BodyType="HTML">&lt;p&gt;now&lt;/p&gt;</t:Body><t:Importance>High</t:Importance><t:Delegator>Ann</t:Delegator>`+
		`<t:DueDate>2026-12-03T00:00:00Z</t:DueDate><t:Owner>support</t:Owner><t:PercentComplete>50</t:PercentComplete><t:StartDate>2026-12-01T00:00:00Z</t:StartDate><t:Status>InProgress</t:Status></t:Task>`)
	done := createItem(t, m, "", `<t:Task><t:Subject>Done</t:Subject><t:CompleteDate>2026-12-02T00:00:00Z</t:CompleteDate><t:Status>Completed</t:Status></t:Task>`)
	got, err := m.Task(t.Context(), id, nil)
	require.NoError(t, err)
	want := &ews.Task{Item: ews.Item{ID: id, Class: "IPM.Task", Subject: "Call back", Body: ews.Body{HTML: true, Text: "<p>now</p>"}, Importance: ews.HighImportance, Sensitivity: "Normal"},
		Status: "InProgress", Percent: 50, Start: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Due: time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC), Owner: "support", Delegator: "Ann"}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(ews.Item{}, "ParentFolder", "Created", "Modified")); d != "" {
		t.Error(d)
	}
	list := all(t, m.Tasks(t.Context(), nil, nil))
	require.Len(t, list, 2)
	got, err = m.Task(t.Context(), done, nil)
	require.NoError(t, err)
	require.True(t, got.Complete)
	require.InDelta(t, 100, got.Percent, 0)
	require.Equal(t, time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), got.Completed)
}
