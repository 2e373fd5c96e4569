package ews

// hintsByCode is what to do about single response codes, where the words of their kind are vague or would mislead. what is "" where those
// are right. EWS: ResponseCode, with the reasons that its documentation gives.
var hintsByCode = map[string]struct{ what, hint string }{
	"ErrorImpersonateUserDenied":  {"", hintImpersonation},
	"ErrorImpersonationDenied":    {"", hintImpersonation},
	"ErrorImpersonationFailed":    {"", "check the impersonated address; " + hintImpersonation},
	"ErrorPasswordExpired":        {"the account's password has expired", hintPassword},
	"ErrorPasswordChangeRequired": {"the account must change its password first", hintPassword},
	"ErrorAccountDisabled":        {"the account is disabled", "an administrator must enable it again; keep the stored credentials"},
	"ErrorUserNotAllowedByPolicy": {"a policy of the organisation forbids it", "ask its administrator"},
	"ErrorSendAsDenied":           {"", "the account needs Send As or Send on Behalf for the From address"},

	"ErrorNonExistentMailbox":       {"", "check the address; the mailbox may not exist or not be in this organisation"},
	"ErrorMailRecipientNotFound":    {"", hintNoMailbox},
	"ErrorMissingEmailAddress":      {"", hintNoMailbox},
	"ErrorNonPrimarySmtpAddress":    {"", "use the mailbox's primary address, not an alias"},
	"ErrorInvalidRecipients":        {"", "check the addresses of the recipients"},
	"ErrorArchiveMailboxNotEnabled": {"the mailbox has no archive", "use it without Archive, or have one enabled (Enable-Mailbox -Archive)"},

	"ErrorInvalidId":                           {"", hintID},
	"ErrorInvalidIdMalformed":                  {"", hintID},
	"ErrorInvalidFolderId":                     {"", hintID},
	"ErrorInvalidIdEmpty":                      {"", "an id is empty: see where it comes from"},
	"ErrorChangeKeyRequired":                   {"the change key is missing or old", hintChangeKey},
	"ErrorChangeKeyRequiredForWriteOperations": {"the change key is missing or old", hintChangeKey},
	"ErrorInvalidChangeKey":                    {"the change key is not the item's", hintChangeKey},

	"ErrorFolderSave":                  {"Exchange cannot save the folder", "see whether it allows the name, and whether another folder has it"},
	"ErrorItemSave":                    {"Exchange cannot save the item", "it may have changed in between: read it again and repeat the change; if it fails again, one of the values is wrong"},
	"ErrorItemSavePropertyError":       {"Exchange cannot save the item", "one of the values is wrong"},
	"ErrorDeleteDistinguishedFolder":   {"", "a default folder such as Inbox cannot be deleted; EmptyFolder empties it"},
	"ErrorMoveCopyFailed":              {"", "see whether the account may write in both folders, and whether the item still is where it was"},
	"ErrorSchemaValidation":            {"", "the server's version does not know something in the request: look at the place it names, at the XML given to Do, and at Config.ServerVersion"},
	"ErrorCalendarViewRangeTooBig":     {"", "ask for two years at most"},
	"ErrorRestrictionTooComplex":       {"", "use fewer conditions, or pick from a wider listing"},
	"ErrorUnsupportedPathForQuery":     {"", hintUnsearchable},
	"ErrorUnsupportedPathForSortGroup": {"", hintUnsearchable},

	"ErrorQuotaExceeded":                       {"the mailbox is full", "delete or archive mail in it, or have its quota raised"},
	"ErrorMessageSizeExceeded":                 {"the message is too large", "send less or smaller attachments, or have the limit raised (Set-Mailbox -MaxSendSize)"},
	"ErrorAttachmentSizeLimitExceeded":         {"the attachment is too large", "send a smaller one, or have the limit raised"},
	"ErrorExceededMessageLimit":                {"this mailbox has sent too much", hintSending},
	"ErrorExceededMessageLimitShowTierUpgrade": {"this mailbox has sent too much", hintSending},
	"ErrorSubmissionQuotaExceeded":             {"this mailbox has sent too much", hintSending},
	"ErrorMessageSubmissionBlocked":            {"this mailbox is barred from sending for now", hintSending},
	"ErrorExceededSubscriptionCount":           {"the account has too many subscriptions", "end those that are not needed, also of other programs, or wait until they expire"},
	"ErrorExceededConnectionCount":             {"the account has too many requests or streams under way", "lower Config.Concurrency; other programs that use the account count, too"},
}

const (
	hintImpersonation = "the application needs full_access_as_app (Exchange Server: the ApplicationImpersonation role) for this mailbox"
	hintPassword      = "somebody must change it on the web, and sign in again; EWS cannot"
	hintNoMailbox     = "check the address; there may be no mailbox behind it"
	hintID            = "the id is damaged or of another kind: ids are case-sensitive and may be long, see whether a database column cuts them; those of Graph need ConvertIDs"
	hintChangeKey     = "read the item again and use the ItemID as it comes"
	hintUnsearchable  = "Exchange does not search or sort by one of the fields: use another, or its Property"
	hintSending       = "Exchange limits what a mailbox sends by the minute and by the day: wait for hours, not minutes, or ask its administrator"
)
