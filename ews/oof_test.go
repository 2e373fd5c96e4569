package ews_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func TestOutOfOfficeSamples(t *testing.T) {
	got, err := sampled(t, "GetUserOofSettings-1.response.xml").OutOfOffice(t.Context())
	require.NoError(t, err)
	want := &ews.OutOfOffice{State: ews.OutOfOfficeOff, Audience: ews.AllOutside, Allowed: ews.AllOutside,
		Start: time.Date(2006, 11, 3, 23, 0, 0, 0, time.UTC), End: time.Date(2006, 11, 4, 23, 0, 0, 0, time.UTC),
		Internal: "I am out of office. This is my internal reply.", External: "I am out of office. This is my external reply."}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	require.NoError(t, sampled(t, "SetUserOofSettings-3.response.xml").SetOutOfOffice(t.Context(), got))
}

func TestOutOfOfficeErrors(t *testing.T) {
	failed := func(op, code string) *ews.Mailbox {
		return answering(t, envelope(`<m:`+op+`Response><m:ResponseMessage ResponseClass="Error"><m:MessageText>text</m:MessageText><m:ResponseCode>`+code+
			`</m:ResponseCode></m:ResponseMessage></m:`+op+`Response>`))
	}
	_, err := failed("GetUserOofSettings", "ErrorAccessDenied").OutOfOffice(t.Context())
	require.ErrorIs(t, err, ews.ErrDenied)
	require.Equal(t, "GetUserOofSettings", asError(t, err).Op)
	err = failed("SetUserOofSettings", "ErrorInvalidScheduledOofDuration").SetOutOfOffice(t.Context(), &ews.OutOfOffice{})
	require.ErrorIs(t, err, ews.ErrInvalidRequest)
	_, err = answering(t, envelope(`<m:GetUserOofSettingsResponse><m:ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage></m:GetUserOofSettingsResponse>`)).
		OutOfOffice(t.Context())
	require.ErrorIs(t, err, ews.ErrBadResponse, "no settings must not look like none set")

	c, rec := recordingClient(t)
	_, err = c.Own().OutOfOffice(t.Context())
	require.ErrorContains(t, err, "set Config.Mailbox")
	_, err = c.ImpersonateSID("S-1-5-21-1").OutOfOffice(t.Context())
	require.ErrorContains(t, err, "use Impersonate")
	now := time.Now()
	for _, o := range []*ews.OutOfOffice{nil, {State: 3}, {State: -1}, {Audience: 9}, {State: ews.OutOfOfficeScheduled},
		{State: ews.OutOfOfficeScheduled, Start: now}, {State: ews.OutOfOfficeScheduled, Start: now, End: now}} {
		require.Error(t, c.Shared(support).SetOutOfOffice(t.Context(), o), "%+v", o)
	}
	require.Empty(t, rec.ops, "wrong use is told before the wire")
}

func TestOutOfOffice(t *testing.T) {
	_, box, m := newMailbox(t, nil)
	got, err := m.OutOfOffice(t.Context())
	require.NoError(t, err)
	require.Equal(t, ews.OutOfOfficeOff, got.State)

	start := time.Date(2026, 12, 24, 8, 0, 0, 0, time.FixedZone("CET", 3600))
	want := &ews.OutOfOffice{State: ews.OutOfOfficeScheduled, Audience: ews.KnownOutside, Start: start.UTC(), End: start.Add(48 * time.Hour).UTC(),
		Internal: "away & back\r\nsoon <b>", External: "<p>weg ✓</p>", Allowed: ews.AllOutside}
	in := *want
	in.Start = start
	require.NoError(t, m.SetOutOfOffice(t.Context(), &in))
	require.Equal(t, ewstest.Oof{State: "Scheduled", Audience: "Known", Start: want.Start, End: want.End, Internal: want.Internal, External: want.External}, box.Oof())
	got, err = m.OutOfOffice(t.Context())
	require.NoError(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	require.NoError(t, m.SetOutOfOffice(t.Context(), &ews.OutOfOffice{State: ews.OutOfOfficeOn, Internal: "x"}))
	require.Equal(t, ewstest.Oof{State: "Enabled", Audience: "None", Internal: "x"}, box.Oof())
}
