package ewstest

import (
	"strings"
	"sync"
)

// fieldURIs are the names of t:UnindexedFieldURIType, by what they belong to.
var fieldURIs = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for of, names := range map[string]string{
		"abchperson": "AntiLinkInfo Categories ContactHandles ExchangePersonIdGuid FavoriteOrder PersonId RelevanceOrder1 RelevanceOrder2",
		"booking":    "CustomerEmail CustomerId CustomerName CustomerPhone ServiceIds StaffIds StaffInitials",
		"calendar": "AdjacentMeetingCount AdjacentMeetings AllowNewTimeProposal AppointmentReplyTime AppointmentSequenceNumber AppointmentState " +
			"CalendarActivityData CalendarItemType ConferenceType ConflictingMeetingCount ConflictingMeetings DateTimeStamp DeletedOccurrences " +
			"DoNotForwardMeeting Duration End EndTimeZone EndTimeZoneId EndWallClock EnhancedLocation FirstOccurrence InboxReminders " +
			"IsAllDayEvent IsCancelled IsMeeting IsOnlineMeeting IsOrganizer IsRecurring IsResponseRequested JoinOnlineMeetingUrl " +
			"LastOccurrence LegacyFreeBusyStatus Location MeetingRequestWasSent MeetingTimeZone MeetingWorkspaceUrl ModifiedOccurrences " +
			"MyResponseType NetShowUrl OnlineMeetingSettings OptionalAttendees Organizer OriginalStart Recurrence RecurrenceId " +
			"RequiredAttendees Resources Start StartTimeZone StartTimeZoneId StartWallClock TimeZone UID When",
		"contacts": "AbchContactId AbchEmailAddresses AccountName Alias AssistantName Birthday BusinessHomePage Children Cid Comment Companies " +
			"CompanyName CompleteName ContactShortId ContactSource ContactType ConversationGuid CreatedBy Culture Department DirectReports " +
			"DirectoryId DisplayName EmailAddresses FileAs FileAsMapping Gender Generation GivenName HasPicture HidePresenceAndProfile " +
			"ImAddresses ImMri Initials InviteFree IsAutoUpdateDisabled IsHidden IsMessengerEnabled IsPendingOutbound IsPrivate JobTitle " +
			"MSExchangeCertificate Manager ManagerMailbox MiddleName Mileage MobileIMEnabled Mris Nickname NotInBirthdayCalendar Notes ObjectId " +
			"OfficeLocation OtherMri PartnerNetworkProfilePhotoUrl PartnerNetworkThumbnailPhotoUrl PassportId PersonId PhoneNumbers " +
			"PhoneticFirstName PhoneticFullName PhoneticLastName Photo PhysicalAddresses PostalAddressIndex PresenceTrustLevel Profession " +
			"ProfileLastChanged ShellContactType SkypeAuthCertificate SkypeContext SkypeId SkypeRelationship SourceId SpouseName " +
			"SupportGroupFeeds Surname TrustLevel UnifiedInbox Urls UserSMIMECertificate UserTileHash WeddingAnniversary Wlid XboxLiveTag " +
			"YomiNickname",
		"distributionlist": "Members",
		"folder": "ArchiveTag ChildFolderCount DisplayName DistinguishedFolderId EffectiveRights FolderClass FolderId ManagedFolderInformation " +
			"ParentFolderId PermissionSet PolicyTag ReplicaList SearchParameters SharingEffectiveRights TotalCount UnreadCount",
		"insight": "AppContexts ApplicationsIds EndTimeUtc InsightId StartTimeUtc Status SuggestedActions Text Type Version",
		"item": "AppliedHashtags AppliedHashtagsPreview ArchiveTag AtAllMention Attachments BlockStatus Body CanDelete Categories ConversationId " +
			"Culture DateTimeCreated DateTimeReceived DateTimeSent DisplayBcc DisplayCc DisplayTo EffectiveRights EntityExtractionResult " +
			"FirstBody Flag HasAttachments HasBlockedImages Hashtags IconIndex Importance InReplyTo InferenceClassification InstanceKey " +
			"InternetMessageHeaders IsAssociated IsClutter IsDraft IsFromMe IsResend IsSubmitted IsUnmodified ItemClass ItemId LastModifiedName " +
			"LastModifiedTime Likes LikesPreview MentionedMe Mentions MentionsEx MentionsPreview MimeContent MimeContentUTF8 NormalizedBody " +
			"ParentFolderId PendingSocialActivityTagIds PolicyTag PredictedActionReasons Preview ReminderDueBy ReminderIsSet " +
			"ReminderMinutesBeforeStart ReminderNextTime ResponseObjects RetentionDate RightsManagementLicenseData Sensitivity Size " +
			"StoreEntryId Subject TextBody UniqueBody WebClientEditFormQueryString WebClientReadFormQueryString",
		"meeting":        "AssociatedCalendarItemId DoNotForwardMeeting HasBeenProcessed IsDelegated IsOutOfDate ProposedEnd ProposedStart ResponseType",
		"meetingRequest": "ChangeHighlights IntendedFreeBusyStatus MeetingRequestType",
		"message": "ApprovalRequestData BccRecipients CcRecipients ConversationIndex ConversationTopic From InternetMessageId " +
			"IsDeliveryReceiptRequested IsRead IsReadReceiptRequested IsResponseRequested MessageSafety PublishedCalendarItemIcs " +
			"PublishedCalendarItemName ReceivedBy ReceivedRepresenting References ReminderMessageData ReplyTo Sender ToRecipients " +
			"VotingInformation",
		"network": "AccountName AutoLinkError AutoLinkSuccess ClientPublishSecret ClientToken ClientToken2 ContactSyncError ContactSyncSuccess " +
			"DisplayName DomainId DomainTag ErrorOffers FirstAuthErrorDates IsDefault LastVersionSaved LastWelcomeContact Offers ProfileUrl " +
			"PsaLastChanged RefreshToken2 RefreshTokenExpiry2 RejectedOffers SessionHandle Settings SourceEntryID SyncEnabled " +
			"TokenRefreshLastAttempted TokenRefreshLastCompleted UserEmail UserTileUrl",
		"person": "Alias Birthday CompanyProfile CurrentJob CurrentLocation Department DirectReports EmailAddress FullName GivenName Headline " +
			"Hometown Insights LinkedInProfileLink ManagementChain MutualConnections MutualManager Office Peers PhoneNumber " +
			"ProfessionalBiography SMSNumber Skills Surname TeamSize Title UserProfilePicture",
		"postitem":       "PostedTime",
		"rolemember":     "DisplayName MemberId MemberType",
		"sharingMessage": "SharingMessageAction",
		"task": "ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate Contacts DelegationState Delegator DueDate " +
			"IsAssignmentEditable IsComplete IsRecurring IsTeamTask Mileage Owner PercentComplete Recurrence StartDate Status StatusDescription " +
			"TotalWork",
	} {
		for name := range strings.FieldsSeq(names) {
			all[of+":"+name] = true
		}
	}
	return all
})
