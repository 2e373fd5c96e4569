package ews_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestHints: codes whose kind's words would mislead have their own, also as inner codes, and the kind stays. The control is a code of the
// same kind without.
func TestHints(t *testing.T) {
	for code, want := range map[string]struct {
		kind error
		says string
	}{
		"ErrorPasswordExpired":           {ews.ErrDenied, "the account's password has expired: ErrorPasswordExpired: text of ErrorPasswordExpired; somebody must change it on the web"},
		"ErrorAccountDisabled":           {ews.ErrDenied, "the account is disabled"},
		"ErrorAccessDenied":              {ews.ErrDenied, "access denied: ErrorAccessDenied: text of ErrorAccessDenied; the account lacks a right"},
		"ErrorQuotaExceeded":             {ews.ErrQuota, "the mailbox is full"},
		"ErrorMessageSizeExceeded":       {ews.ErrQuota, "the message is too large"},
		"ErrorDataSizeLimitExceeded":     {ews.ErrQuota, "over a limit"},
		"ErrorSubmissionQuotaExceeded":   {ews.ErrThrottled, "wait for hours, not minutes"},
		"ErrorExceededSubscriptionCount": {ews.ErrThrottled, "too many subscriptions"},
		"ErrorServerBusy":                {ews.ErrThrottled, "wait, and send less at once"},
		"ErrorInvalidIdMalformed":        {ews.ErrInvalidRequest, "case-sensitive"},
		"ErrorItemSave":                  {ews.ErrConflict, "Exchange cannot save the item"},
		"ErrorIrresolvableConflict":      {ews.ErrConflict, "changed in between"},
		"ErrorMailRecipientNotFound":     {ews.ErrNotFound, "check the address"},
		"ErrorItemNotFound":              {ews.ErrNotFound, "it was deleted, moved"},
	} {
		advice := ""
		for i, a := range []answer{
			reply(200, messages(errMessage(code, ""))), reply(500, fault(code, "")),
			reply(200, messages(errMessage("ErrorInternalServerError", value("InnerErrorResponseCode", code)))),
		} {
			c := newClient(t, &script{answers: []answer{a}}, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} })
			err := c.Own().DoCall(t.Context(), getItem(nil))
			require.ErrorIs(t, err, want.kind)
			if i == 0 {
				require.ErrorContains(t, err, want.says)
				advice = asError(t, err).Advice()
			}
			require.NotEmpty(t, advice)
			require.Equal(t, advice, asError(t, err).Advice(), code)
		}
	}
	for _, code := range ews.CodesWithHints() {
		require.NotEqual(t, ews.ClassNone, ews.ClassOf(code), "%s is no response code", code)
	}
}
