package ews_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestTimesBeyondExchange: a time that Exchange does not have is refused by the name of its field, and nothing is sent. The control: each of
// the calls sends a request with a good time.
func TestTimesBeyondExchange(t *testing.T) {
	draft := func(at time.Time) *ews.Draft {
		return &ews.Draft{To: []ews.Address{{Email: "ann@example.com"}}, SendAt: at}
	}
	list := func(ctx context.Context, m *ews.Mailbox, q *ews.Query) error {
		for _, err := range m.Messages(ctx, ews.Inbox, q) {
			return err
		}
		return nil
	}
	for name, call := range map[string]func(ctx context.Context, m *ews.Mailbox, at time.Time) error{
		"Query.Since": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			return list(ctx, m, &ews.Query{Since: at})
		},
		"Query.Before": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			return list(ctx, m, &ews.Query{Before: at})
		},
		"item:DateTimeSent": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			return list(ctx, m, &ews.Query{Where: ews.FieldSent.AtOrAfter(at)})
		},
		"0x3FEF SystemTime": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			d := draft(time.Time{})
			d.Properties = []ews.PropertyValue{{Property: ews.Property{Tag: 0x3FEF, Type: ews.MAPISystemTime}, Value: at}}
			_, err := m.CreateDraft(ctx, d)
			return err
		},
		"Draft: SendAt": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			_, err := m.CreateDraft(ctx, draft(at))
			return err
		},
		"Answer: SendAt": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			_, err := m.Reply(ctx, matrixItem, &ews.Answer{SendAt: at})
			return err
		},
		"Update: SendAt": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			_, err := m.Update(ctx, &ews.Update{SendAt: &at}, matrixItem)
			return err
		},
		"Flag.Due": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			_, err := m.Update(ctx, &ews.Update{Flag: &ews.Flag{Status: ews.Flagged, Start: time.Unix(0, 0), Due: at}}, matrixItem)
			return err
		},
		"ConversationScope.Before": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			return m.ApplyToConversations(ctx, ews.ReadConversation{}, &ews.ConversationScope{Folder: ews.Inbox, Before: at}, "c")
		},
		"FreeBusy: End": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			_, err := m.FreeBusy(ctx, ews.FreeBusyQuery{Start: time.Unix(0, 0), End: at}, "ann@example.com")
			return err
		},
		"MeetingTimes: End": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			_, err := m.MeetingTimes(ctx, ews.MeetingQuery{Start: time.Unix(0, 0), End: at}, "ann@example.com")
			return err
		},
		"OutOfOffice: End": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			return m.SetOutOfOffice(ctx, &ews.OutOfOffice{State: ews.OutOfOfficeScheduled, Start: time.Unix(0, 0), End: at})
		},
		"Conditions.WithinDateRange.End": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			r := ews.InboxRule{Name: "r", Priority: 1, Conditions: ews.RulePredicates{WithinDateRange: ews.RuleDateRange{End: at}}}
			return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.CreateRule(r)}, nil)
		},
		"Appointments: to": func(ctx context.Context, m *ews.Mailbox, at time.Time) error {
			for _, err := range m.Appointments(ctx, nil, time.Date(9999, 12, 29, 0, 0, 0, 0, time.UTC), at, nil) {
				return err
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt := &script{answers: []answer{reply(403, "")}}
			m := newClient(t, rt, nil).Own()
			for year, at := range map[string]time.Time{
				"year 10000":  time.Date(9999, 12, 31, 23, 59, 59, 1, time.UTC), // as it is rounded
				"year 123456": time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC),
			} {
				err := call(t.Context(), m, at)
				require.ErrorContains(t, err, name)
				require.ErrorContains(t, err, year+": Exchange's are in the years 1 to 9999")
			}
			require.Zero(t, rt.count())
			require.ErrorIs(t, call(t.Context(), m, time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)), ews.ErrEWSBlocked)
			require.NotZero(t, rt.count())
		})
	}
}

// TestAppointmentsOfCenturies: two hundred years are read year by year; more are refused before a request, whichever end slipped.
func TestAppointmentsOfCenturies(t *testing.T) {
	empty := reply(200, envelope(`<m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
		`<m:RootFolder TotalItemsInView="0" IncludesLastItemInRange="true"><t:Items/></m:RootFolder></m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse>`))
	day := func(year, month, day int) time.Time {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	}
	for _, tc := range []struct {
		from, to time.Time
		requests int // 0: refused
	}{
		{day(2026, 1, 1), day(2027, 1, 1), 1},
		{day(1900, 1, 1), day(2100, 1, 1), 201}, // pieces have 365 days
		{day(1900, 1, 1), day(2100, 1, 2), 0},
		{day(206, 1, 1), day(2027, 1, 1), 0},
		{day(2026, 1, 1), day(9999, 1, 1), 0},
	} {
		rt := &script{answers: []answer{empty}}
		for _, err := range newClient(t, rt, nil).Own().Appointments(t.Context(), nil, tc.from, tc.to, nil) {
			require.Zero(t, tc.requests)
			require.ErrorContains(t, err, "200 years at most")
		}
		require.Equal(t, tc.requests, rt.count(), "%v to %v", tc.from, tc.to)
	}
}
