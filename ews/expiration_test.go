package ews_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

func TestPasswordExpiration(t *testing.T) {
	_, _, m := newMailbox(t, nil)
	at, err := m.PasswordExpiration(t.Context())
	require.NoError(t, err)
	require.True(t, at.IsZero(), "a password that never expires")

	say := func(class, rest string) *ews.Mailbox {
		return answering(t, envelope(`<m:GetPasswordExpirationDateResponse ResponseClass="`+class+`">`+rest+`</m:GetPasswordExpirationDateResponse>`))
	}
	at, err = say("Success", `<m:ResponseCode>NoError</m:ResponseCode><m:PasswordExpirationDate>2026-12-24T10:00:00.1234567Z</m:PasswordExpirationDate>`).PasswordExpiration(t.Context())
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 12, 24, 10, 0, 0, 123456700, time.UTC), at)
	_, err = say("Success", `<m:ResponseCode>NoError</m:ResponseCode><m:PasswordExpirationDate>soon</m:PasswordExpirationDate>`).PasswordExpiration(t.Context())
	require.ErrorIs(t, err, ews.ErrBadResponse, "garbage must not mean never")
	_, err = say("Error", `<m:MessageText>text</m:MessageText><m:ResponseCode>ErrorAccessDenied</m:ResponseCode>`).PasswordExpiration(t.Context())
	require.ErrorIs(t, err, ews.ErrDenied)
}
