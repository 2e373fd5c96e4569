package ewstest

import (
	"strings"
)

// operations by request element. Handlers run under the server's lock and write their answer into c.a.
var operations map[string]func(c *call) *soapFault

func init() { // not an initializer: handlers reach the table through nested operations
	operations = map[string]func(c *call) *soapFault{
		"m:GetFolder":           (*call).getFolder,
		"m:FindFolder":          (*call).findFolder,
		"m:CreateFolder":        (*call).createFolder,
		"m:UpdateFolder":        (*call).updateFolder,
		"m:MoveFolder":          (*call).moveFolder,
		"m:CopyFolder":          (*call).copyFolder,
		"m:DeleteFolder":        (*call).deleteFolder,
		"m:EmptyFolder":         (*call).emptyFolder,
		"m:FindItem":            (*call).findItem,
		"m:GetItem":             (*call).getItem,
		"m:CreateItem":          (*call).createItem,
		"m:UpdateItem":          (*call).updateItem,
		"m:MoveItem":            (*call).moveItem,
		"m:CopyItem":            (*call).copyItem,
		"m:DeleteItem":          (*call).deleteItem,
		"m:SendItem":            (*call).sendItem,
		"m:GetAttachment":       (*call).getAttachment,
		"m:CreateAttachment":    (*call).createAttachment,
		"m:DeleteAttachment":    (*call).deleteAttachment,
		"m:MarkAllItemsAsRead":  (*call).markAllItemsAsRead,
		"m:ResolveNames":        (*call).resolveNames,
		"m:SyncFolderItems":     (*call).syncFolderItems,
		"m:SyncFolderHierarchy": (*call).syncFolderHierarchy,
		"m:Subscribe":           (*call).subscribe,
		"m:Unsubscribe":         (*call).unsubscribe,
		"m:GetEvents":           (*call).getEvents,

		"m:ArchiveItem":               (*call).archiveItem,
		"m:ExpandDL":                  (*call).expandDL,
		"m:GetInboxRules":             (*call).getInboxRules,
		"m:UpdateInboxRules":          (*call).updateInboxRules,
		"m:GetPasswordExpirationDate": (*call).getPasswordExpirationDate,
		"m:MarkAsJunk":                (*call).markAsJunk,
		"m:ConvertId":                 (*call).convertID,
		"m:ExportItems":               (*call).exportItems,
		"m:UploadItems":               (*call).uploadItems,
		"m:FindConversation":          (*call).findConversation,
		"m:GetConversationItems":      (*call).getConversationItems,
		"m:ApplyConversationAction":   (*call).applyConversationAction,
		"m:GetMailTips":               (*call).getMailTips,
		"m:GetServerTimeZones":        (*call).getServerTimeZones,
		"m:GetUserOofSettingsRequest": (*call).getOof,

		"m:GetUserConfiguration":       (*call).getUserConfiguration,
		"m:CreateUserConfiguration":    (*call).createUserConfiguration,
		"m:UpdateUserConfiguration":    (*call).updateUserConfiguration,
		"m:DeleteUserConfiguration":    (*call).deleteUserConfiguration,
		"m:GetDelegate":                (*call).getDelegate,
		"m:AddDelegate":                (*call).addDelegate,
		"m:UpdateDelegate":             (*call).updateDelegate,
		"m:RemoveDelegate":             (*call).removeDelegate,
		"m:FindPeople":                 (*call).findPeople,
		"m:GetPersona":                 (*call).getPersona,
		"m:GetRoomLists":               (*call).getRoomLists,
		"m:GetRooms":                   (*call).getRooms,
		"m:GetUserPhoto":               (*call).getUserPhoto,
		"m:GetUserRetentionPolicyTags": (*call).getUserRetentionPolicyTags,
		"m:GetServiceConfiguration":    (*call).getServiceConfiguration,
		"m:GetUserAvailabilityRequest": (*call).getUserAvailability,
		"m:SetUserOofSettingsRequest":  (*call).setOof,
	}
}

// respond writes a whole answer with one message for each of nodes; one returns the item's error and what to write for it.
func (c *call) respond(op string, nodes []*node, one func(n *node) (func(), *opError)) *soapFault {
	c.respondAs(op, op+"ResponseMessage", nodes, one)
	return nil
}

func (c *call) respondAs(op, message string, nodes []*node, one func(n *node) (func(), *opError)) {
	c.a.root("m:" + op + "Response")
	c.a.start("m:ResponseMessages")
	for i, n := range nodes {
		if c.stopped != nil && int64(i) >= c.stopped.n {
			c.a.message(message, fail("ErrorBatchProcessingStopped"), func() { c.a.tailOf(op) }, nil)
			continue
		}
		body, err := one(n)
		c.a.message(message, err, body, func() { c.a.tailOf(op) })
	}
	c.a.end()
	c.a.end()
}

// folder finds a FolderId or DistinguishedFolderId that the caller may open.
func (c *call) folder(n *node) (*folder, *opError) {
	if n.name == "t:DistinguishedFolderId" {
		mb := c.user
		if n.attr("Id") == publicRoot {
			if c.s.public == nil {
				return nil, fail("ErrorFolderNotFound")
			}
			return c.s.public.named[publicRoot], nil
		}
		if m := n.kid("t:Mailbox"); m != nil {
			addr := m.leaf("t:EmailAddress")
			if mb = c.s.byAddress[strings.ToLower(addr)]; mb == nil {
				return nil, fail("ErrorNonExistentMailbox")
			}
		}
		f := mb.named[n.attr("Id")]
		if f == nil || !c.mayOpen(mb) {
			return nil, fail("ErrorFolderNotFound")
		}
		return f, nil
	}
	id := n.attr("Id")
	switch {
	case id == "":
		return nil, fail("ErrorInvalidIdEmpty")
	case wellFormedID(itemIDPrefix, id):
		return nil, fail("ErrorCannotUseItemIdForFolderId")
	case !wellFormedID(folderIDPrefix, id):
		return nil, fail("ErrorInvalidIdMalformed")
	}
	for _, mb := range c.s.mailboxes {
		if f := mb.folders[id]; f != nil && c.mayOpen(mb) {
			return f, nil
		}
	}
	return nil, fail("ErrorFolderNotFound")
}

// target is the folder of a ToFolderId, SavedItemFolderId and the like.
func (c *call) target(n *node) (*folder, *opError) {
	f, err := c.folder(n.first())
	if err != nil && err.code == "ErrorFolderNotFound" && n.name == "m:ToFolderId" {
		return nil, fail("ErrorToFolderNotFound")
	}
	return f, err
}

// item finds an ItemId that the caller may open. A poisoned item is an error for everybody.
func (c *call) item(n *node) (*item, *opError) {
	if n.name != "t:ItemId" && n.name != "t:ReferenceItemId" && n.name != "m:ParentItemId" {
		return nil, fail("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")
	}
	id, key := n.attr("Id"), n.attr("ChangeKey")
	switch {
	case id == "":
		return nil, fail("ErrorInvalidIdEmpty")
	case wellFormedID(folderIDPrefix, id):
		return nil, fail("ErrorCannotUseFolderIdForItemId")
	case !wellFormedID(itemIDPrefix, id):
		return nil, fail("ErrorInvalidIdMalformed")
	}
	if key != "" {
		if _, ok := changeKeyNumber(key); !ok {
			return nil, fail("ErrorInvalidChangeKey")
		}
	}
	for _, mb := range c.s.mailboxes {
		if it := mb.items[id]; it != nil && c.mayOpen(mb) {
			if it.poison != "" {
				return nil, fail(it.poison)
			}
			return it, nil
		}
	}
	return nil, fail("ErrorItemNotFound")
}

// current demands the item's latest change key, as sending and strict updates do.
func current(it *item, n *node) *opError {
	switch n.attr("ChangeKey") {
	case it.changeKey():
		return nil
	case "":
		return fail("ErrorChangeKeyRequired")
	}
	return fail("ErrorIrresolvableConflict")
}
