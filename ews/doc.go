// Package ews reads and sends mail in Exchange mailboxes over Exchange Web Services with OAuth tokens: Exchange Online until
// EWS ends there on 1 April 2027, and Exchange Server.
//
// A [Client] knows an endpoint and a source of tokens; a [Mailbox] of it is the account's own ([Client.Own]), somebody else's
// ([Client.Shared]) or one entered by impersonation with an app-only token ([Client.Impersonate]); [Mailbox.Archive] and
// [Mailbox.PublicFolders] lead on from there. Package ews/autodiscover finds the endpoint of an address.
//
//	client, err := ews.NewClient(ews.Config{Endpoint: ews.EndpointWorldwide, Token: source})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	inbox := client.Shared("help@example.com")
//
// # Errors
//
// A failed call returns an [*Error], or a [*BatchError] when some of several items failed and the others took effect. Ask
// errors.Is for what somebody can do about it (ErrThrottled, ErrNotFound, ErrEWSBlocked ...), errors.As for the details, and
// [Error.Advice] for a text to show to an administrator. Requests that failed in a way that passes have been repeated already,
// as patiently as [RetryPolicy] says. What must not happen twice, such as sending, is repeated only where Exchange cannot have
// acted; [MaybeApplied] tells when that is open.
//
// # What is new
//
// [Mailbox.Sync] tells what changed in a folder since a [Cursor], which is stored with what was made of the changes; nothing is missed
// and nothing repeated over restarts. [Mailbox.Watch] is Sync that goes on: a stream of events rings, polling stands in for it.
// [Mailbox.Events] are the bare events, also of several mailboxes at once ([Client.Events]), [Mailbox.SubscribePull] and
// [Mailbox.SubscribePush] with [PushHandler] the other two ways that Exchange tells them.
//
// # Around mail
//
// [Mailbox.InboxRules], [Mailbox.OutOfOffice], [Mailbox.MasterCategories] and [Mailbox.Delegates] are the mailbox's settings; [Mailbox.ResolveNames],
// [Mailbox.FindPeople], [Mailbox.ExpandDL] and [Mailbox.Rooms] its directory. [Mailbox.Appointments], [Mailbox.Contacts] and
// [Mailbox.Tasks] list what is no mail; [Mailbox.FreeBusy] tells who has time, and [Mailbox.Respond] answers the meeting request that a
// message's Meeting tells of.
//
// # Throttling
//
// Exchange budgets requests per account. When it asks for a pause, no call of this Client sends anything for that account
// until the pause is over; calls wait for that as long as their patience allows, or fail with ErrThrottled, and the number
// of simultaneous requests shrinks and grows back by itself.
//
// # Safety
//
// The token is sent to the configured host only: redirects are never followed, and http is refused but for loopback test
// servers. Answers are bounded in size, depth and time whatever the server sends ([Limits]). Neither errors nor logs hold
// tokens or contents.
//
// # Operations
//
// Every operation of Exchange's schema, and the methods that make it; [Mailbox.Do] makes the others, with the caller's XML and
// the same authentication, retries, limits and errors.
//
//	AddDelegate                          Mailbox.AddDelegates
//	AddDistributionGroupToImList         Do
//	AddImContactToGroup                  Do
//	AddImGroup                           Do
//	AddNewImContactToGroup               Do
//	AddNewTelUriContactToGroup           Do
//	AddTag                               Do
//	ApplyConversationAction              Mailbox.ApplyToConversations
//	ArchiveItem                          Mailbox.MoveToArchive
//	ConvertId                            Mailbox.ConvertIDs
//	CopyFolder                           Mailbox.CopyFolder
//	CopyItem                             Mailbox.Copy
//	CreateAttachment                     Mailbox.Send, Mailbox.Attach
//	CreateFolder                         Mailbox.CreateFolder, Mailbox.CreateSearchFolder, Mailbox.EnsureFolder
//	CreateFolderPath                     Do
//	CreateItem                           Mailbox.Send, Mailbox.Reply, Mailbox.ReplyAll, Mailbox.Forward, Mailbox.CreateDraft, Mailbox.DraftReply, Mailbox.Respond
//	CreateManagedFolder                  Do
//	CreateMeetingInstance                Do
//	CreateMeetingSpace                   Do
//	CreateUserConfiguration              Mailbox.CreateUserConfiguration, Mailbox.SetMasterCategories
//	DeleteAttachment                     Mailbox.DeleteAttachments
//	DeleteFolder                         Mailbox.DeleteFolder
//	DeleteItem                           Mailbox.Delete, Mailbox.RemoveDrafts, Mailbox.Settle
//	DeleteMeetingInstance                Do
//	DeleteMeetingSpace                   Do
//	DeleteSearchSuggestion               Do
//	DeleteUserConfiguration              Mailbox.DeleteUserConfiguration
//	DisableApp                           Do
//	DisconnectPhoneCall                  Do
//	EmptyFolder                          Mailbox.EmptyFolder
//	EndSearchSession                     Do
//	ExecuteSearch                        Do
//	ExpandDL                             Mailbox.ExpandDL, Mailbox.ExpandPrivateDL
//	ExportItems                          Mailbox.Export
//	FindAvailableMeetingTimes            Do
//	FindConversation                     Mailbox.Conversations
//	FindFolder                           Mailbox.FindFolder, Mailbox.Folders, Mailbox.EnsureFolder
//	FindItem                             Mailbox.Messages, Mailbox.FindSent, Mailbox.FindByKey, Mailbox.RemoveDrafts, Mailbox.Settle, Mailbox.Appointments, Mailbox.Contacts, Mailbox.Tasks
//	FindMeetingSpaceByJoinUrl            Do
//	FindMeetingTimeCandidates            Do
//	FindMessageTrackingReport            Do
//	FindPeople                           Mailbox.FindPeople
//	FindTags                             Do
//	GetAppManifests                      Do
//	GetAppMarketplaceUrl                 Do
//	GetAttachment                        Mailbox.Attachment, Mailbox.Attachments, Mailbox.AttachedMessage
//	GetClientAccessToken                 Do
//	GetConversationItems                 Mailbox.ConversationItems
//	GetDelegate                          Mailbox.Delegates
//	GetDiscoverySearchConfiguration      Do
//	GetEvents                            Mailbox.Pull
//	GetFolder                            Mailbox.Folder, Mailbox.Permissions, Mailbox.PublicFolder, Mailbox.RenameFolder, Mailbox.SearchFolder
//	GetHoldOnMailboxes                   Do
//	GetImItemList                        Do
//	GetImItems                           Do
//	GetInboxRules                        Mailbox.InboxRules
//	GetItem                              Mailbox.Message, Mailbox.Messages, Mailbox.MessagesByID, Mailbox.MIME, Mailbox.MIMEs, Mailbox.Appointment, Mailbox.Contact, Mailbox.Task
//	GetLastPrivateCatalogUpdate          Do
//	GetMailTips                          Mailbox.MailTips
//	GetMeetingInstance                   Do
//	GetMeetingSpace                      Do
//	GetMessageTrackingReport             Do
//	GetNonIndexableItemDetails           Do
//	GetNonIndexableItemStatistics        Do
//	GetPasswordExpirationDate            Mailbox.PasswordExpiration
//	GetPersona                           Mailbox.Person
//	GetPhoneCallInformation              Do
//	GetPrivateCatalogAddIns              Do
//	GetRoomLists                         Mailbox.RoomLists
//	GetRooms                             Mailbox.Rooms
//	GetSearchSuggestions                 Do
//	GetSearchableMailboxes               Do
//	GetServerTimeZones                   Mailbox.TimeZones
//	GetServiceConfiguration              Mailbox.ServiceConfiguration
//	GetSharingFolder                     Do
//	GetSharingMetadata                   Do
//	GetSpecificUserConfiguration         Do
//	GetStreamingEvents                   Mailbox.Events, Mailbox.Watch
//	GetUserAvailability                  Mailbox.FreeBusy, Mailbox.MeetingTimes
//	GetUserConfiguration                 Mailbox.UserConfiguration, Mailbox.MasterCategories
//	GetUserOofSettings                   Mailbox.OutOfOffice
//	GetUserPhoto                         Mailbox.UserPhoto
//	GetUserRetentionPolicyTags           Mailbox.RetentionTags
//	HideTag                              Do
//	InstallApp                           Do
//	MarkAllItemsAsRead                   Mailbox.MarkAllRead
//	MarkAsJunk                           Mailbox.MarkAsJunk
//	MoveFolder                           Mailbox.MoveFolder
//	MoveItem                             Mailbox.Move
//	PlayOnPhone                          Do
//	RefreshSharingFolder                 Do
//	RemoveContactFromImList              Do
//	RemoveDelegate                       Mailbox.RemoveDelegates
//	RemoveDistributionGroupFromImList    Do
//	RemoveImContactFromGroup             Do
//	RemoveImGroup                        Do
//	ReportMessage                        Do
//	ResolveNames                         Mailbox.ResolveNames, Mailbox.SMTPAddresses
//	SearchMailboxes                      Do
//	SendItem                             Mailbox.Send, Mailbox.SendDraft
//	SetHoldOnMailboxes                   Do
//	SetImGroup                           Do
//	SetImListMigrationCompleted          Do
//	SetTeamMailbox                       Do
//	SetUserOofSettings                   Mailbox.SetOutOfOffice
//	SetUserPhoto                         Do
//	StartSearchSession                   Do
//	Subscribe                            Mailbox.Events, Mailbox.Watch, Mailbox.SubscribePull, Mailbox.SubscribePush
//	SyncFolderHierarchy                  Mailbox.SyncFolders
//	SyncFolderItems                      Mailbox.Sync, Mailbox.Watch
//	UninstallApp                         Do
//	UnpinTeamMailbox                     Do
//	Unsubscribe                          Mailbox.Unsubscribe, Mailbox.Events
//	UpdateDelegate                       Mailbox.UpdateDelegates
//	UpdateExtensionUsage                 Do
//	UpdateFolder                         Mailbox.RenameFolder, Mailbox.UpdateSearchFolder
//	UpdateInboxRules                     Mailbox.UpdateInboxRules
//	UpdateItem                           Mailbox.Update, Mailbox.UpdateDraft, Mailbox.SetRead
//	UpdateItemInRecoverableItems         Do
//	UpdateMeetingInstance                Do
//	UpdateMeetingSpace                   Do
//	UpdateUserConfiguration              Mailbox.UpdateUserConfiguration, Mailbox.SetMasterCategories
//	UploadItems                          Mailbox.Import
package ews
