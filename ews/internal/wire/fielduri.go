package wire

import (
	"strings"
	"sync"
)

// FieldURIs are the names of t:UnindexedFieldURIType: every field that can be asked for, such as item:Subject. The map is not to be changed.
var FieldURIs = sync.OnceValue(func() map[string]bool {
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
		"conversation": "AtAllMention Categories ConversationId ConversationTopic DraftItemIds FlagStatus GlobalAtAllMention GlobalCategories " +
			"GlobalFlagStatus GlobalHasAttachments GlobalHasIrm GlobalIconIndex GlobalImportance GlobalItemClasses GlobalItemIds " +
			"GlobalLastDeliveryTime GlobalMentionedMe GlobalMessageCount GlobalSize GlobalUniqueRecipients GlobalUniqueSenders " +
			"GlobalUniqueUnreadSenders GlobalUnreadCount HasAttachments HasClutter HasIrm IconIndex Importance InstanceKey ItemClasses ItemIds " +
			"LastDeliveryTime LastModifiedTime MentionedMe MessageCount Preview Size UniqueRecipients UniqueSenders UniqueUnreadSenders " +
			"UnreadCount",
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
		"persona": "AssistantNames AssistantPhoneNumbers AttributedHasActiveDeals AttributedIsBusinessContact Attributions Birthdays Bodies " +
			"BusinessAddresses BusinessHomePages BusinessPhoneNumbers BusinessPhoneNumbers2 CallbackPhones CarPhones Children CompanyName " +
			"CompanyNames CreationTime Departments DisplayName DisplayNamePrefix DisplayNamePrefixes DisplayNames EmailAddress EmailAddresses " +
			"Emails1 Emails2 Emails3 ExtendedProperties ExternalDirectoryObjectId FileAs FileAsId FileAsIds FileAses FolderIds Generations " +
			"GivenName GivenNames HasActiveDeals Hobbies HomeAddresses HomeCity HomeFaxes HomePhones HomePhones2 ImAddress ImAddresses " +
			"ImAddresses2 ImAddresses3 Initials InlineLinks IsBusinessContact IsFavorite ItemLinkIds LastContactedDate Locations Managers " +
			"MapiAddressType MapiEmailAddress MapiEntryId MapiSearchKey MapiSendRichInfo MapiTransmittableDisplayName MiddleNames MobilePhones " +
			"MobilePhones2 Nicknames OfficeLocations OrganizationMainPhones OtherAddresses OtherFaxes OtherPhones2 OtherTelephones Pagers " +
			"PersonaId PersonaObjectStatus PersonaType PersonalHomePages PhoneNumber PostalAddress Professions RadioPhones RankingWeight " +
			"RelevanceScore School SourceMailboxGuids SpouseNames Surname Surnames TelexNumbers Title Titles WeddingAnniversaries WorkCity " +
			"WorkFaxes YomiCompanyName YomiCompanyNames YomiFirstName YomiFirstNames YomiLastName YomiLastNames",
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
