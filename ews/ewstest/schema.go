package ewstest

import (
	"regexp"
	"strings"
	"sync"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// The part of the EWS schema that requests are checked against, in the shape of DTD content models: a name alone is in the types
// namespace, m:Name in messages; ? * + | and brackets as usual. @Name is an attribute, @Name! a required one, =a|b its values.
// Elements that are not listed hold text. Parent>Name is an element that means something else within that parent. Exchange validates requests in this way before it looks at them.
const schemaTable = `
t:ExchangeImpersonation  ConnectingSID
t:ConnectingSID          PrincipalName|SID|PrimarySmtpAddress|SmtpAddress
t:TimeZoneContext        TimeZoneDefinition
t:TimeZoneDefinition     Periods? TransitionsGroups? Transitions? @Id @Name
m:GetFolder              m:FolderShape m:FolderIds
m:FindFolder             m:FolderShape (m:IndexedPageFolderView|m:FractionalPageFolderView)? m:Restriction? m:ParentFolderIds @Traversal!=Shallow|Deep|SoftDeleted
m:CreateFolder           m:ParentFolderId m:Folders
m:DeleteFolder           m:FolderIds @DeleteType!=HardDelete|SoftDelete|MoveToDeletedItems
m:EmptyFolder            m:FolderIds @DeleteType!=HardDelete|SoftDelete|MoveToDeletedItems @DeleteSubFolders!=bool
m:MoveFolder             m:ToFolderId m:FolderIds
m:CopyFolder             m:ToFolderId m:FolderIds
m:UpdateFolder           m:FolderChanges
m:FolderChanges          FolderChange+
t:FolderChange           (FolderId|DistinguishedFolderId) Updates
m:FolderShape            BaseShape AdditionalProperties?
m:FolderIds              (FolderId|DistinguishedFolderId)+
m:ParentFolderIds        (FolderId|DistinguishedFolderId)+
m:ParentFolderId         FolderId|DistinguishedFolderId|AddressListId
m:ToFolderId             FolderId|DistinguishedFolderId|AddressListId
m:SavedItemFolderId      FolderId|DistinguishedFolderId|AddressListId
m:SyncFolderId           FolderId|DistinguishedFolderId|AddressListId
m:ArchiveSourceFolderId  FolderId|DistinguishedFolderId|AddressListId
m:Folders                (Folder|CalendarFolder|ContactsFolder|SearchFolder|TasksFolder)+
t:Folder                 FolderId? ParentFolderId? FolderClass? DisplayName? TotalCount? ChildFolderCount? ExtendedProperty* ManagedFolderInformation? EffectiveRights? DistinguishedFolderId? PolicyTag? ArchiveTag? ReplicaList? PermissionSet? UnreadCount?
t:SearchFolder           FolderId? ParentFolderId? FolderClass? DisplayName? TotalCount? ChildFolderCount? ExtendedProperty* ManagedFolderInformation? EffectiveRights? DistinguishedFolderId? PolicyTag? ArchiveTag? ReplicaList? PermissionSet? UnreadCount? SearchParameters?
t:SearchParameters       Restriction BaseFolderIds @Traversal=Shallow|Deep
t:Restriction            SEARCH
t:BaseFolderIds          (FolderId|DistinguishedFolderId)+
t:CalendarFolder         FolderId? ParentFolderId? FolderClass? DisplayName? TotalCount? ChildFolderCount? ExtendedProperty* ManagedFolderInformation? EffectiveRights? DistinguishedFolderId? PolicyTag? ArchiveTag? ReplicaList? SharingEffectiveRights? PermissionSet? DefaultDelegatedPermissions?
t:ContactsFolder         FolderId? ParentFolderId? FolderClass? DisplayName? TotalCount? ChildFolderCount? ExtendedProperty* ManagedFolderInformation? EffectiveRights? DistinguishedFolderId? PolicyTag? ArchiveTag? ReplicaList? SharingEffectiveRights? PermissionSet? SourceId? AccountName?
t:TasksFolder            FolderId? ParentFolderId? FolderClass? DisplayName? TotalCount? ChildFolderCount? ExtendedProperty* ManagedFolderInformation? EffectiveRights? DistinguishedFolderId? PolicyTag? ArchiveTag? ReplicaList? PermissionSet? UnreadCount?
t:FolderId               EMPTY @Id! @ChangeKey
t:ParentFolderId         EMPTY @Id! @ChangeKey
t:DistinguishedFolderId  Mailbox? @Id!=distinguished @ChangeKey
t:Mailbox                Name? (EmailAddress|Address)? RoutingType? MailboxType? ItemId? OriginalDisplayName?
t:BaseShape              =IdOnly|Default|AllProperties|PcxPeopleSearch
t:IncludeMimeContent     =bool
t:BodyType               =Best|HTML|Text
t:UniqueBodyType         =Best|HTML|Text
t:NormalizedBodyType     =Best|HTML|Text
t:AdditionalProperties   (FieldURI|IndexedFieldURI|ExtendedFieldURI|ExceptionFieldURI)+
t:FieldURI               EMPTY @FieldURI!=field
t:IndexedFieldURI        EMPTY @FieldURI! @FieldIndex!
t:ExtendedFieldURI       EMPTY @DistinguishedPropertySetId @PropertySetId @PropertyTag @PropertyName @PropertyId @PropertyType!=proptype
m:IndexedPageItemView    EMPTY @MaxEntriesReturned=positive @Offset!=int @BasePoint!=Beginning|End
m:IndexedPageFolderView  EMPTY @MaxEntriesReturned=positive @Offset!=int @BasePoint!=Beginning|End
m:FractionalPageItemView EMPTY @MaxEntriesReturned=positive @Numerator!=int @Denominator!=int
m:FractionalPageFolderView EMPTY @MaxEntriesReturned=positive @Numerator!=int @Denominator!=int
m:SeekToConditionPageItemView Condition @MaxEntriesReturned=positive @BasePoint!=Beginning|End
m:CalendarView           EMPTY @MaxEntriesReturned=positive @StartDate! @EndDate!
m:ContactsView           EMPTY @MaxEntriesReturned=positive @InitialName @FinalName
m:FindItem               m:ItemShape (m:IndexedPageItemView|m:FractionalPageItemView|m:SeekToConditionPageItemView|m:CalendarView|m:ContactsView)? (m:GroupBy|m:DistinguishedGroupBy)? m:Restriction? m:SortOrder? m:ParentFolderIds m:QueryString? @Traversal!=Shallow|SoftDeleted|Associated
m:GroupBy                (FieldURI|IndexedFieldURI|ExtendedFieldURI) AggregateOn @Order!
t:AggregateOn            FieldURI|IndexedFieldURI|ExtendedFieldURI @Aggregate!
m:DistinguishedGroupBy   StandardGroupBy @Order!
m:ItemShape              BaseShape IncludeMimeContent? BodyType? UniqueBodyType? NormalizedBodyType? FilterHtmlContent? ConvertHtmlCodePageToUTF8? InlineImageUrlTemplate? BlockExternalImages? AddBlankTargetToLinks? MaximumBodySize? AdditionalProperties?
m:Restriction            SEARCH
t:Condition              SEARCH
t:And                    SEARCH SEARCH+
t:Or                     SEARCH SEARCH+
t:Not                    SEARCH
t:Exists                 FieldURI|IndexedFieldURI|ExtendedFieldURI
t:Excludes               (FieldURI|IndexedFieldURI|ExtendedFieldURI) Bitmask
t:Bitmask                EMPTY @Value!
t:IsEqualTo              (FieldURI|IndexedFieldURI|ExtendedFieldURI) FieldURIOrConstant
t:IsNotEqualTo           (FieldURI|IndexedFieldURI|ExtendedFieldURI) FieldURIOrConstant
t:IsGreaterThan          (FieldURI|IndexedFieldURI|ExtendedFieldURI) FieldURIOrConstant
t:IsGreaterThanOrEqualTo (FieldURI|IndexedFieldURI|ExtendedFieldURI) FieldURIOrConstant
t:IsLessThan             (FieldURI|IndexedFieldURI|ExtendedFieldURI) FieldURIOrConstant
t:IsLessThanOrEqualTo    (FieldURI|IndexedFieldURI|ExtendedFieldURI) FieldURIOrConstant
t:Contains               (FieldURI|IndexedFieldURI|ExtendedFieldURI) Constant @ContainmentMode=FullString|Prefixed|Substring|PrefixOnWords|ExactPhrase @ContainmentComparison=Exact|IgnoreCase|IgnoreNonSpacingCharacters|Loose|IgnoreCaseAndNonSpacingCharacters|LooseAndIgnoreCase|LooseAndIgnoreNonSpace|LooseAndIgnoreCaseAndIgnoreNonSpace
t:FieldURIOrConstant     FieldURI|IndexedFieldURI|ExtendedFieldURI|Constant
t:Constant               EMPTY @Value!
m:SortOrder              FieldOrder+
t:FieldOrder             (FieldURI|IndexedFieldURI|ExtendedFieldURI) @Order!=Ascending|Descending
m:GetItem                m:ItemShape m:ItemIds
m:ItemIds                (ItemId|OccurrenceItemId|RecurringMasterItemId|RecurringMasterItemIdRanges)+
t:ItemId                 EMPTY @Id! @ChangeKey
t:ReferenceItemId        EMPTY @Id! @ChangeKey
t:OccurrenceItemId       EMPTY @RecurringMasterId! @ChangeKey @InstanceIndex!
t:RecurringMasterItemId  EMPTY @OccurrenceId! @ChangeKey
m:CreateItem             m:SavedItemFolderId? m:Items @MessageDisposition=SaveOnly|SendOnly|SendAndSaveCopy @SendMeetingInvitations
m:Items                  (Item|Message|SharingMessage|CalendarItem|Contact|DistributionList|MeetingMessage|MeetingRequest|MeetingResponse|MeetingCancellation|Task|PostItem|ReplyToItem|ForwardItem|ReplyAllToItem|AcceptItem|TentativelyAcceptItem|DeclineItem|CancelCalendarItem|RemoveItem|SuppressReadReceipt|PostReplyItem|AcceptSharingInvitation|RoleMember|Network|Person)+
t:Item                   ITEM
t:Message                ITEM MESSAGE
t:ReplyToItem            RESPONSE
t:ReplyAllToItem         RESPONSE
t:ForwardItem            RESPONSE
t:SuppressReadReceipt    ReferenceItemId
t:MimeContent            =base64 @CharacterSet
t:Content                =base64
t:Body                   =text @BodyType!=HTML|Text @IsTruncated
t:NewBodyContent         =text @BodyType!=HTML|Text @IsTruncated
t:ToRecipients           Mailbox*
t:CcRecipients           Mailbox*
t:BccRecipients          Mailbox*
t:ReplyTo                Mailbox*
t:From                   Mailbox
t:Sender                 Mailbox
t:ReceivedBy             Mailbox
t:ReceivedRepresenting   Mailbox
t:Categories             String*
t:Flag                   FlagStatus StartDate? DueDate? CompleteDate?
t:FlagStatus             =NotFlagged|Flagged|Complete
t:Importance             =Low|Normal|High
t:Sensitivity            =Normal|Personal|Private|Confidential
t:IsRead                 =bool
t:IsReadReceiptRequested =bool
t:IsDeliveryReceiptRequested =bool
t:InternetMessageHeaders InternetMessageHeader+
t:InternetMessageHeader  =text @HeaderName!
t:ExtendedProperty       ExtendedFieldURI (Value|Values)
t:Values                 Value+
t:Attachments            (ItemAttachment|FileAttachment|ReferenceAttachment)*
m:Attachments            (ItemAttachment|FileAttachment|ReferenceAttachment)+
t:FileAttachment         ATTACHMENT IsContactPhoto? Content?
t:ReferenceAttachment    ATTACHMENT AttachLongPathName? ProviderType? ProviderEndpointUrl? AttachmentThumbnailUrl? AttachmentPreviewUrl? PermissionType? OriginalPermissionType? AttachmentIsFolder?
t:ItemAttachment         ATTACHMENT (Item|Message|SharingMessage|CalendarItem|Contact|MeetingMessage|MeetingRequest|MeetingResponse|MeetingCancellation|Task|PostItem|RoleMember|Network|Person)?
t:AttachmentId           EMPTY @Id! @RootItemId @RootItemChangeKey
t:IsInline               =bool
m:UpdateItem             m:SavedItemFolderId? m:ItemChanges @ConflictResolution!=NeverOverwrite|AutoResolve|AlwaysOverwrite @MessageDisposition=SaveOnly|SendOnly|SendAndSaveCopy @SendMeetingInvitationsOrCancellations @SuppressReadReceipts=bool
m:ItemChanges            ItemChange+
t:ItemChange             (ItemId|OccurrenceItemId|RecurringMasterItemId) Updates CalendarActivityData?
t:Updates                (AppendToItemField|SetItemField|DeleteItemField|SetFolderField|DeleteFolderField|AppendToFolderField)+
t:SetItemField           (FieldURI|IndexedFieldURI|ExtendedFieldURI) (Item|Message|SharingMessage|CalendarItem|Contact|DistributionList|MeetingMessage|MeetingRequest|MeetingResponse|MeetingCancellation|Task|PostItem|RoleMember|Network|Person)
t:AppendToItemField      (FieldURI|IndexedFieldURI|ExtendedFieldURI) (Item|Message|SharingMessage|CalendarItem|Contact|DistributionList|MeetingMessage|MeetingRequest|MeetingResponse|MeetingCancellation|Task|PostItem|RoleMember|Network|Person)
t:DeleteItemField        FieldURI|IndexedFieldURI|ExtendedFieldURI
t:SetFolderField         (FieldURI|IndexedFieldURI|ExtendedFieldURI) (Folder|CalendarFolder|ContactsFolder|SearchFolder|TasksFolder)
t:DeleteFolderField      FieldURI|IndexedFieldURI|ExtendedFieldURI
m:MoveItem               m:ToFolderId m:ItemIds m:ReturnNewItemIds?
m:CopyItem               m:ToFolderId m:ItemIds m:ReturnNewItemIds?
m:ReturnNewItemIds       =bool
m:DeleteItem             m:ItemIds @DeleteType!=HardDelete|SoftDelete|MoveToDeletedItems @SendMeetingCancellations @AffectedTaskOccurrences @SuppressReadReceipts=bool
m:ArchiveItem            m:ArchiveSourceFolderId m:ItemIds
m:MarkAsJunk             m:ItemIds @IsJunk!=bool @MoveItem!=bool
m:MarkAllItemsAsRead     m:ReadFlag m:SuppressReadReceipts m:FolderIds
m:ReadFlag               =bool
m:SuppressReadReceipts   =bool
m:SendItem               m:ItemIds m:SavedItemFolderId? @SaveItemToFolder!=bool
m:GetAttachment          m:AttachmentShape? m:AttachmentIds
m:AttachmentShape        IncludeMimeContent? BodyType? FilterHtmlContent? AdditionalProperties?
m:AttachmentIds          AttachmentId+
m:CreateAttachment       m:ParentItemId m:Attachments
m:ParentItemId           EMPTY @Id! @ChangeKey
m:DeleteAttachment       m:AttachmentIds
m:ResolveNames           m:ParentFolderIds? m:UnresolvedEntry @ReturnFullContactData!=bool @SearchScope=ActiveDirectory|ActiveDirectoryContacts|Contacts|ContactsActiveDirectory @ContactDataShape
m:SyncFolderItems        m:ItemShape m:SyncFolderId m:SyncState? m:Ignore? m:MaxChangesReturned m:SyncScope?
m:Ignore                 ItemId*
m:MaxChangesReturned     =sync
m:SyncScope              =NormalItems|NormalAndAssociatedItems
m:SyncFolderHierarchy    m:FolderShape m:SyncFolderId? m:SyncState?
m:Subscribe              m:PullSubscriptionRequest|m:PushSubscriptionRequest|m:StreamingSubscriptionRequest
m:PullSubscriptionRequest FolderIds? EventTypes Watermark? Timeout @SubscribeToAllFolders=bool
m:PushSubscriptionRequest FolderIds? EventTypes Watermark? StatusFrequency URL CallerData? @SubscribeToAllFolders=bool
m:StreamingSubscriptionRequest FolderIds? EventTypes @SubscribeToAllFolders=bool
t:FolderIds              (FolderId|DistinguishedFolderId)+
t:EventTypes             EventType+
t:EventType              =CopiedEvent|CreatedEvent|DeletedEvent|ModifiedEvent|MovedEvent|NewMailEvent|FreeBusyChangedEvent
t:Timeout                =int
m:GetEvents              m:SubscriptionId m:Watermark
m:Unsubscribe            m:SubscriptionId
m:GetStreamingEvents     m:SubscriptionIds m:ConnectionTimeout
m:SubscriptionIds        SubscriptionId+
m:ConnectionTimeout      =minutes
m:ConvertId              m:SourceIds @DestinationFormat!=EwsLegacyId|EwsId|EntryId|HexEntryId|StoreId|OwaId
m:SourceIds              (AlternateId|AlternatePublicFolderId|AlternatePublicFolderItemId)+
t:AlternateId            EMPTY @Format! @Id! @Mailbox! @IsArchive=bool
m:GetUserOofSettingsRequest Mailbox
m:SetUserOofSettingsRequest Mailbox UserOofSettings
t:UserOofSettings        OofState ExternalAudience Duration? InternalReply? ExternalReply? DeclineMeetingReply? DeclineEventsForScheduledOOF? DeclineAllEventsForScheduledOOF? CreateOOFEvent? OOFEventSubject? AutoDeclineFutureRequestsWhenOOF? OOFEventID?
t:OofState               =Disabled|Enabled|Scheduled
t:ExternalAudience       =None|Known|All
t:Duration               StartTime EndTime
t:InternalReply          Message?
t:ExternalReply          Message?
t:InternalReply>t:Message =text
t:ExternalReply>t:Message =text
m:ExportItems            m:ItemIds
m:UploadItems            m:Items
m:UploadItems>m:Items    Item+
m:UploadItems>m:Items>t:Item ParentFolderId ItemId? Data @CreateAction!=CreateNew|Update|UpdateOrCreate @IsAssociated=bool
t:Data                   =base64
m:FindConversation       (m:IndexedPageItemView|m:SeekToConditionPageItemView)? m:SortOrder? m:ParentFolderId m:MailboxScope? m:QueryString? m:ConversationShape? @Traversal=Shallow|Deep @ViewFilter=All|Flagged|HasAttachment|ToOrCcMe|Unread|TaskActive|TaskOverdue|TaskCompleted|NoClutter|Clutter
m:ConversationShape      BaseShape AdditionalProperties?
m:GetConversationItems   m:ItemShape m:FoldersToIgnore? m:MaxItemsToReturn? m:SortOrder? m:MailboxScope? m:Conversations
m:GetConversationItems>m:SortOrder =TreeOrderAscending|TreeOrderDescending|DateOrderAscending|DateOrderDescending
m:FoldersToIgnore        (FolderId|DistinguishedFolderId)+
m:Conversations          Conversation+
t:Conversation           ConversationId SyncState?
m:ApplyConversationAction m:ConversationActions
m:ConversationActions    ConversationAction+
t:ConversationAction     Action ConversationId ContextFolderId? ConversationLastSyncTime? ProcessRightAway? DestinationFolderId? Categories? EnableAlwaysDelete? IsRead? DeleteType? RetentionPolicyType? RetentionPolicyTagId? Flag? SuppressReadReceipts?
t:ConversationAction>t:Categories String*
t:Action                 =AlwaysCategorize|AlwaysDelete|AlwaysMove|Delete|Move|Copy|SetReadState|SetRetentionPolicy|Flag|UpdateAlwaysCategorizeRule
t:ContextFolderId        FolderId|DistinguishedFolderId|AddressListId
t:DestinationFolderId    FolderId|DistinguishedFolderId|AddressListId
t:DeleteType             =HardDelete|SoftDelete|MoveToDeletedItems
t:ProcessRightAway       =bool
t:ConversationId         EMPTY @Id! @ChangeKey
m:ExpandDL               m:Mailbox
m:Mailbox                Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
m:GetPasswordExpirationDate m:MailboxSmtpAddress?
m:GetInboxRules          m:MailboxSmtpAddress?
m:UpdateInboxRules       m:MailboxSmtpAddress? m:RemoveOutlookRuleBlob? m:Operations
m:RemoveOutlookRuleBlob  =bool
m:Operations             (CreateRuleOperation|SetRuleOperation|DeleteRuleOperation)+
t:CreateRuleOperation    Rule
t:SetRuleOperation       Rule
t:DeleteRuleOperation    RuleId
t:Rule                   RuleId? DisplayName Priority IsEnabled IsNotSupported? IsInError? Conditions? Exceptions? Actions?
t:Conditions             PREDICATES
t:Exceptions             PREDICATES
t:Actions                AssignCategories? CopyToFolder? Delete? ForwardAsAttachmentToRecipients? ForwardToRecipients? MarkImportance? MarkAsRead? MoveToFolder? PermanentDelete? RedirectToRecipients? SendSMSAlertToRecipients? ServerReplyWithMessage? StopProcessingRules?
t:MoveToFolder           FolderId|DistinguishedFolderId|AddressListId
t:CopyToFolder           FolderId|DistinguishedFolderId|AddressListId
t:ContainsBodyStrings    String*
t:ContainsHeaderStrings  String*
t:ContainsRecipientStrings String*
t:ContainsSenderStrings  String*
t:ContainsSubjectOrBodyStrings String*
t:ContainsSubjectStrings String*
t:AssignCategories       String*
t:ItemClasses            String*
t:FromConnectedAccounts  String*
t:MessageClassifications String*
t:FromAddresses          Address*
t:SentToAddresses        Address*
t:ForwardToRecipients    Address*
t:ForwardAsAttachmentToRecipients Address*
t:RedirectToRecipients   Address*
t:SendSMSAlertToRecipients Address*
t:FromAddresses>t:Address Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
t:SentToAddresses>t:Address Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
t:ForwardToRecipients>t:Address Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
t:ForwardAsAttachmentToRecipients>t:Address Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
t:RedirectToRecipients>t:Address Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
t:SendSMSAlertToRecipients>t:Address Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
m:GetMailTips            m:SendingAs m:Recipients m:MailTipsRequested
m:SendingAs              Name? EmailAddress? RoutingType? MailboxType? ItemId? OriginalDisplayName?
m:Recipients             Mailbox*
m:GetServerTimeZones     m:Ids? @ReturnFullTimeZoneData=bool
m:Ids                    Id*
`

const (
	searchModel     = `(Exists|Excludes|IsEqualTo|IsNotEqualTo|IsGreaterThan|IsGreaterThanOrEqualTo|IsLessThan|IsLessThanOrEqualTo|Contains|Not|And|Or)`
	predicatesModel = `Categories? ContainsBodyStrings? ContainsHeaderStrings? ContainsRecipientStrings? ContainsSenderStrings? ContainsSubjectOrBodyStrings? ContainsSubjectStrings? FlaggedForAction? FromAddresses? FromConnectedAccounts? HasAttachments? Importance? IsApprovalRequest? IsAutomaticForward? IsAutomaticReply? IsEncrypted? IsMeetingRequest? IsMeetingResponse? IsNDR? IsPermissionControlled? IsReadReceipt? IsSigned? IsVoicemail? ItemClasses? MessageClassifications? NotSentToMe? SentCcMe? SentOnlyToMe? SentToAddresses? SentToMe? SentToOrCcMe? Sensitivity? WithinDateRange? WithinSizeRange?`
	attachmentModel = `AttachmentId? Name? ContentType? ContentId? ContentLocation? AttachmentOriginalUrl? Size? LastModifiedTime? IsInline?`
	itemModel       = `MimeContent? ItemId? ParentFolderId? ItemClass? Subject? Sensitivity? Body? Attachments? DateTimeReceived? Size? Categories? Importance? InReplyTo? IsSubmitted? IsDraft? IsFromMe? IsResend? IsUnmodified? InternetMessageHeaders? DateTimeSent? DateTimeCreated? ResponseObjects? ReminderDueBy? ReminderIsSet? ReminderNextTime? ReminderMinutesBeforeStart? DisplayCc? DisplayTo? DisplayBcc? HasAttachments? ExtendedProperty* Culture? EffectiveRights? LastModifiedName? LastModifiedTime? IsAssociated? WebClientReadFormQueryString? WebClientEditFormQueryString? ConversationId? UniqueBody? Flag? StoreEntryId? InstanceKey? NormalizedBody? EntityExtractionResult? PolicyTag? ArchiveTag? RetentionDate? Preview? RightsManagementLicenseData? PredictedActionReasons? IsClutter? BlockStatus? HasBlockedImages? TextBody? IconIndex? SearchKey? SortKey? Hashtags? Mentions? MentionedMe? MentionsPreview? MentionsEx? AppliedHashtags? AppliedHashtagsPreview? Likes? LikesPreview? PendingSocialActivityTagIds? AtAllMention? CanDelete? InferenceClassification?`
	messageModel    = `Sender? ToRecipients? CcRecipients? BccRecipients? IsReadReceiptRequested? IsDeliveryReceiptRequested? ConversationIndex? ConversationTopic? From? InternetMessageId? IsRead? IsResponseRequested? References? ReplyTo? ReceivedBy? ReceivedRepresenting? ApprovalRequestData? VotingInformation? ReminderMessageData? MessageSafety? SenderSMTPAddress? MailboxGuids? PublishedCalendarItemIcs? PublishedCalendarItemName?`
	responseModel   = `Subject? Body? ToRecipients? CcRecipients? BccRecipients? IsReadReceiptRequested? IsDeliveryReceiptRequested? From? ReferenceItemId? NewBodyContent?`
)

type schemaElement struct {
	key    string
	model  *regexp.Regexp // over "prefix:Name;" of the children; nil: text
	value  valueType
	base64 bool
	attrs  []schemaAttr
}

type schemaAttr struct {
	name     string
	required bool
	valueType
}

var schemaElements = sync.OnceValue(func() map[string]*schemaElement {
	out := map[string]*schemaElement{}
	token := regexp.MustCompile(`(m:)?[A-Za-z][A-Za-z0-9]*`)
	for line := range strings.Lines(schemaTable + officeTable) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		el := &schemaElement{key: name}
		var model []string
		for _, f := range strings.Fields(rest) {
			switch {
			case f[0] == '@':
				a, values, _ := strings.Cut(f[1:], "=")
				el.attrs = append(el.attrs, schemaAttr{strings.TrimSuffix(a, "!"), strings.HasSuffix(a, "!"), valueType(values)})
			case f == "=base64":
				el.base64 = true
			case f[0] == '=':
				el.value = valueType(f[1:])
			case f != "EMPTY":
				model = append(model, f)
			}
		}
		if el.value == "" && !el.base64 {
			m := strings.NewReplacer("SEARCH", searchModel, "PREDICATES", predicatesModel, "ATTACHMENT", attachmentModel, "RESPONSE", responseModel,
				"ITEM", itemModel, "MESSAGE", messageModel).Replace(strings.Join(model, " "))
			m = token.ReplaceAllStringFunc(m, func(n string) string {
				if !strings.HasPrefix(n, "m:") {
					n = "t:" + n
				}
				return "(?:" + n + ";)"
			})
			el.model = regexp.MustCompile(`^(?:` + strings.ReplaceAll(m, " ", "") + `)$`)
		}
		out[name] = el
	}
	return out
})

var textElement = &schemaElement{value: "text"}

func schemaOf(parent, name string) *schemaElement {
	table := schemaElements()
	if el := table[parent+">"+name]; el != nil {
		return el
	}
	if el := table[name]; el != nil {
		return el
	}
	return textElement
}

// valueType is an enumeration "a|b|c" or the name of a simple type.
type valueType string

func (t valueType) allows(v string) bool {
	switch t {
	case "", "text":
		return true
	case "bool":
		return v == "true" || v == "false" || v == "1" || v == "0"
	case "int", "positive", "sync", "minutes":
		n, ok := parseInt(v)
		switch t {
		case "positive":
			return ok && n > 0
		case "sync":
			return ok && n >= 1 && n <= 512
		case "minutes":
			return ok && n >= 1 && n <= 30
		}
		return ok
	case "distinguished":
		return strings.Contains(distinguishedNames, " "+v+" ")
	case "proptype":
		return strings.Contains(propertyTypes, " "+v+" ")
	case "field":
		return wire.FieldURIs()[v]
	}
	for have := range strings.SplitSeq(string(t), "|") {
		if v == have {
			return true
		}
	}
	return false
}

// Values of t:DistinguishedFolderIdNameType and t:MapiPropertyTypeType.
const (
	distinguishedNames = " calendar contacts deleteditems drafts inbox journal notes outbox sentitems tasks msgfolderroot publicfoldersroot root junkemail searchfolders voicemail recoverableitemsroot recoverableitemsdeletions recoverableitemsversions recoverableitemspurges recoverableitemsdiscoveryholds archiveroot archivemsgfolderroot archivedeleteditems archiveinbox archiverecoverableitemsroot archiverecoverableitemsdeletions archiverecoverableitemsversions archiverecoverableitemspurges archiverecoverableitemsdiscoveryholds syncissues conflicts localfailures serverfailures recipientcache quickcontacts conversationhistory adminauditlogs todosearch mycontacts directory imcontactlist peopleconnect favorites mecontact personmetadata teamspaceactivity teamspacemessaging teamspaceworkitems scheduled orionnotes tagitems alltaggeditems allcategorizeditems externalcontacts teamchat teamchathistory yammerdata yammerroot yammerinbound yammeroutbound yammerfeeds kaizaladata messageingestion onedriveroot onedriverecylebin onedrivesystem onedrivevolume important starred archive "
	propertyTypes      = " ApplicationTime ApplicationTimeArray Binary BinaryArray Boolean CLSID CLSIDArray Currency CurrencyArray Double DoubleArray Error Float FloatArray Integer IntegerArray Long LongArray Null Object ObjectArray Short ShortArray SystemTime SystemTimeArray String StringArray "
)

func parseInt(s string) (int, bool) {
	if s == "" || len(s) > 10 {
		return 0, false
	}
	n, neg := 0, s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if neg {
		n = -n
	}
	return n, s != ""
}
