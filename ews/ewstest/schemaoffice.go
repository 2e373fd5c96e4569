package ewstest

// officeTable is schemaTable for what is no mail: calendars, contacts, tasks, people, settings.
const officeTable = `
t:CalendarItem           ITEM UID? RecurrenceId? DateTimeStamp? Start? End? OriginalStart? IsAllDayEvent? LegacyFreeBusyStatus? Location? When? IsMeeting? IsCancelled? IsRecurring? MeetingRequestWasSent? IsResponseRequested? CalendarItemType? MyResponseType? Organizer? RequiredAttendees? OptionalAttendees? Resources? InboxReminders? ConflictingMeetingCount? AdjacentMeetingCount? ConflictingMeetings? AdjacentMeetings? Duration? TimeZone? AppointmentReplyTime? AppointmentSequenceNumber? AppointmentState? Recurrence? FirstOccurrence? LastOccurrence? ModifiedOccurrences? DeletedOccurrences? MeetingTimeZone? StartTimeZone? EndTimeZone? ConferenceType? AllowNewTimeProposal? IsOnlineMeeting? MeetingWorkspaceUrl? NetShowUrl? EnhancedLocation? StartWallClock? EndWallClock? StartTimeZoneId? EndTimeZoneId? IntendedFreeBusyStatus? JoinOnlineMeetingUrl? OnlineMeetingSettings? IsOrganizer? CalendarActivityData? DoNotForwardMeeting?
t:CalendarItem>t:Duration =text
t:CalendarItem>t:TimeZone =text
t:LegacyFreeBusyStatus   =Free|Tentative|Busy|OOF|WorkingElsewhere|NoData
t:IsAllDayEvent          =bool
t:Organizer              Mailbox
t:RequiredAttendees      Attendee+
t:OptionalAttendees      Attendee+
t:Resources              Attendee+
t:Attendee               Mailbox ResponseType? LastResponseTime? ProposedStart? ProposedEnd?
t:StartTimeZone          Periods? TransitionsGroups? Transitions? @Id @Name
t:EndTimeZone            Periods? TransitionsGroups? Transitions? @Id @Name
t:Recurrence             (RelativeYearlyRecurrence|AbsoluteYearlyRecurrence|RelativeMonthlyRecurrence|AbsoluteMonthlyRecurrence|WeeklyRecurrence|DailyRecurrence|DailyRegeneration|WeeklyRegeneration|MonthlyRegeneration|YearlyRegeneration) (NoEndRecurrence|EndDateRecurrence|NumberedRecurrence)
t:RelativeYearlyRecurrence DaysOfWeek DayOfWeekIndex Month
t:AbsoluteYearlyRecurrence DayOfMonth Month
t:RelativeMonthlyRecurrence Interval DaysOfWeek DayOfWeekIndex
t:AbsoluteMonthlyRecurrence Interval DayOfMonth
t:WeeklyRecurrence       Interval DaysOfWeek FirstDayOfWeek?
t:DailyRecurrence        Interval
t:DailyRegeneration      Interval
t:WeeklyRegeneration     Interval
t:MonthlyRegeneration    Interval
t:YearlyRegeneration     Interval
t:NoEndRecurrence        StartDate
t:EndDateRecurrence      StartDate EndDate
t:NumberedRecurrence     StartDate NumberOfOccurrences
t:AcceptItem             ItemClass? Sensitivity? Body? Attachments? InternetMessageHeaders? Sender? ToRecipients? CcRecipients? BccRecipients? IsReadReceiptRequested? IsDeliveryReceiptRequested? From? ReferenceItemId? ProposedStart? ProposedEnd?
t:TentativelyAcceptItem  ItemClass? Sensitivity? Body? Attachments? InternetMessageHeaders? Sender? ToRecipients? CcRecipients? BccRecipients? IsReadReceiptRequested? IsDeliveryReceiptRequested? From? ReferenceItemId? ProposedStart? ProposedEnd?
t:DeclineItem            ItemClass? Sensitivity? Body? Attachments? InternetMessageHeaders? Sender? ToRecipients? CcRecipients? BccRecipients? IsReadReceiptRequested? IsDeliveryReceiptRequested? From? ReferenceItemId? ProposedStart? ProposedEnd?
t:Contact                ITEM FileAs? FileAsMapping? DisplayName? GivenName? Initials? MiddleName? Nickname? CompleteName? CompanyName? EmailAddresses? AbchEmailAddresses? PhysicalAddresses? PhoneNumbers? AssistantName? Birthday? BusinessHomePage? Children? Companies? ContactSource? Department? Generation? ImAddresses? JobTitle? Manager? Mileage? OfficeLocation? PostalAddressIndex? Profession? SpouseName? Surname? WeddingAnniversary? HasPicture? PhoneticFullName? PhoneticFirstName? PhoneticLastName? Alias? Notes?
t:EmailAddresses         Entry+
t:PhoneNumbers           Entry+
t:ImAddresses            Entry+
t:PhysicalAddresses      Entry+
t:EmailAddresses>t:Entry =text @Key!=EmailAddress1|EmailAddress2|EmailAddress3 @Name @RoutingType @MailboxType
t:PhoneNumbers>t:Entry   =text @Key!
t:ImAddresses>t:Entry    =text @Key!
t:PhysicalAddresses>t:Entry Street? City? State? CountryOrRegion? PostalCode? @Key!=Home|Business|Other
t:Children               String*
t:Companies              String*
t:DistributionList       ITEM DisplayName? FileAs? ContactSource? Members?
t:Members                Member*
t:Member                 Mailbox? Status? @Key
t:Task                   ITEM ActualWork? AssignedTime? BillingInformation? ChangeCount? Companies? CompleteDate? Contacts? DelegationState? Delegator? DueDate? IsAssignmentEditable? IsComplete? IsRecurring? IsTeamTask? Mileage? Owner? PercentComplete? Recurrence? StartDate? Status? StatusDescription? TotalWork?
t:Task>t:Contacts        String*
t:Task>t:Status          =NotStarted|InProgress|Completed|WaitingOnOthers|Deferred
t:WithinDateRange        StartDateTime? EndDateTime?
t:WithinSizeRange        MinimumSize? MaximumSize?
t:ServerReplyWithMessage EMPTY @Id! @ChangeKey
m:GetUserConfiguration   m:UserConfigurationName m:UserConfigurationProperties
m:CreateUserConfiguration m:UserConfiguration
m:UpdateUserConfiguration m:UserConfiguration
m:DeleteUserConfiguration m:UserConfigurationName
m:UserConfigurationName  FolderId|DistinguishedFolderId|AddressListId @Name!
t:UserConfigurationName  FolderId|DistinguishedFolderId|AddressListId @Name!
m:UserConfiguration      UserConfigurationName ItemId? Dictionary? XmlData? BinaryData?
t:Dictionary             DictionaryEntry*
t:DictionaryEntry        DictionaryKey DictionaryValue
t:DictionaryKey          Type Value+
t:DictionaryValue        (Type Value+)?
t:XmlData                =base64
t:BinaryData             =base64
m:GetDelegate            m:Mailbox m:UserIds? @IncludePermissions!=bool
m:AddDelegate            m:Mailbox m:DelegateUsers m:DeliverMeetingRequests?
m:UpdateDelegate         m:Mailbox m:DelegateUsers? m:DeliverMeetingRequests?
m:RemoveDelegate         m:Mailbox m:UserIds
m:UserIds                UserId+
t:UserId                 SID? PrimarySmtpAddress? DisplayName? DistinguishedUser? ExternalUserIdentity?
m:DelegateUsers          DelegateUser+
t:DelegateUser           UserId DelegatePermissions? ReceiveCopiesOfMeetingMessages? ViewPrivateItems?
t:DelegatePermissions    CalendarFolderPermissionLevel? TasksFolderPermissionLevel? InboxFolderPermissionLevel? ContactsFolderPermissionLevel? NotesFolderPermissionLevel? JournalFolderPermissionLevel?
t:CalendarFolderPermissionLevel =None|Editor|Reviewer|Author|Custom
t:TasksFolderPermissionLevel =None|Editor|Reviewer|Author|Custom
t:InboxFolderPermissionLevel =None|Editor|Reviewer|Author|Custom
t:ContactsFolderPermissionLevel =None|Editor|Reviewer|Author|Custom
t:NotesFolderPermissionLevel =None|Editor|Reviewer|Author|Custom
t:JournalFolderPermissionLevel =None|Editor|Reviewer|Author|Custom
m:DeliverMeetingRequests =DelegatesOnly|DelegatesAndMe|DelegatesAndSendInformationToMe|NoForward
m:FindPeople             m:PersonaShape? m:IndexedPageItemView m:Restriction? m:AggregationRestriction? m:SortOrder? m:ParentFolderId? m:QueryString? m:SearchPeopleSuggestionIndex? m:TopicQueryString? m:Context? m:QuerySources? m:ReturnFlattenedResults?
m:PersonaShape           BaseShape AdditionalProperties?
m:GetPersona             m:PersonaId? m:EmailAddress? m:ParentFolderId? m:ItemLinkId? m:AdditionalProperties?
m:PersonaId              EMPTY @Id! @ChangeKey
m:GetRoomLists           EMPTY
m:GetRooms               m:RoomList
m:RoomList               Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
m:GetUserPhoto           m:Email m:SizeRequested m:TypeRequested?
m:SizeRequested          =HR48x48|HR64x64|HR96x96|HR120x120|HR240x240|HR360x360|HR432x432|HR504x504|HR648x648|HR1024xN|HR1920xN
m:GetUserRetentionPolicyTags EMPTY
m:GetServiceConfiguration m:ActingAs? m:RequestedConfiguration m:ConfigurationRequestDetails?
m:ActingAs               Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
m:RequestedConfiguration m:ConfigurationName+
m:GetUserAvailabilityRequest TimeZone? m:MailboxDataArray FreeBusyViewOptions? SuggestionsViewOptions?
t:TimeZone               Bias StandardTime DaylightTime
t:StandardTime           Bias Time DayOrder Month DayOfWeek Year?
t:DaylightTime           Bias Time DayOrder Month DayOfWeek Year?
m:MailboxDataArray       MailboxData*
t:MailboxData            Email AttendeeType ExcludeConflicts?
t:Email                  Name? Address RoutingType?
t:AttendeeType           =Organizer|Required|Optional|Room|Resource
t:FreeBusyViewOptions    TimeWindow MergedFreeBusyIntervalInMinutes? RequestedView?
t:TimeWindow             StartTime EndTime
t:SuggestionsViewOptions GoodThreshold? MaximumResultsByDay? MaximumNonWorkHourResultsByDay? MeetingDurationInMinutes? MinimumSuggestionQuality? DetailedSuggestionsWindow CurrentMeetingTime? GlobalObjectId?
t:DetailedSuggestionsWindow StartTime EndTime
`
