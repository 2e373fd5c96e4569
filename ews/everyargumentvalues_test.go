//go:build !race

package ews_test

import (
	"reflect"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// argumentsOf are arguments that suit the method better than any of their type. nil: any.
var argumentsOf = map[string][]any{
	"ConvertIDs":        {ews.EWSID, ews.HexEntryID, nil},
	"ConversationItems": {"AAQkAGI="},
	"CreateFolder":      {nil, nil, "IPF.Note"},
	"DeleteFolder":      {nil, ews.FolderName("archive")},
	"Do":                {ews.Raw{Op: "GetUserPhoto", XML: "<m:GetUserPhoto><m:Email>a@example.org</m:Email><m:SizeRequested>HR48x48</m:SizeRequested></m:GetUserPhoto>"}},
	"ExpandDL":          {"list@example.org"},
	"FindByKey":         {"AAAA"},
	"FolderName.In":     {ews.Inbox, support},
	"FreeBusy":          {nil, []string{support}},
	"Appointments":      {ews.Calendar, argumentDay, argumentDay.AddDate(0, 0, 1), nil},
	"MailTips":          {[]string{support}},
	"MeetingTimes":      {nil, []string{support}},
	"MoveFolder":        {nil, ews.Drafts},
	"CopyFolder":        {nil, ews.Drafts},
	"Respond":           {nil, ews.Accept, nil},
	"Rooms":             {"rooms@example.org"},
	"RemoveDelegates":   {[]string{"ann@example.org"}},
	"AddDelegates":      {ews.DelegatesOnly, nil},
	"UpdateDelegates":   {ews.DelegatesOnly, nil},
	"UserPhoto":         {"ann@example.org", ews.PhotoSize(48)},
	"SMTPAddresses":     {[]ews.Address{{Email: "/O=EXAMPLE/CN=RECIPIENTS/CN=ANN", RoutingType: "EX"}}},
	"Contacts":          {ews.Contacts, nil},
	"Tasks":             {ews.Tasks, nil},
	"Delegates":         {[]string{"ann@example.org"}},
	"Sync":              {nil, ews.Cursor(""), nil},
	"SyncFolders":       {ews.MsgFolderRoot, ews.Cursor("")},
	"Watch":             {nil, ews.Cursor(""), nil},
}

var argumentDay = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

var (
	argumentAddress  = ews.Address{Email: "ann@example.org"}
	argumentProperty = ews.Property{Set: ews.PublicStrings, Name: "T", Type: ews.MAPIString}
	argumentInboxID  = ews.FolderID{ID: "AAMk="}
)

// alternatives are values of a type that are as good as each other; the first one is the usual one.
func alternatives(typ reflect.Type) []any {
	switch typ {
	case reflect.TypeFor[ews.FolderRef]():
		return []any{ews.Inbox, argumentInboxID}
	case reflect.TypeFor[ews.FolderID]():
		return []any{argumentInboxID}
	case reflect.TypeFor[ews.Restriction]():
		compare := ews.Compare{Field: ews.FieldSubject, Op: ews.IsEqualTo, Value: "x"}
		return []any{compare, ews.Contains{Field: ews.FieldSubject, Text: "x"}, ews.Excludes{Field: ews.FieldSize, Mask: 1},
			ews.Exists{Field: argumentProperty}, ews.And{compare, compare}, ews.Or{compare, compare}, ews.Not{Restriction: compare}}
	case reflect.TypeFor[ews.Field]():
		return []any{ews.FieldSubject, ews.FieldSize, ews.FieldReceived, ews.FieldRead, ews.FieldImportance, ews.OtherField("item:Culture"), argumentProperty}
	case reflect.TypeFor[ews.ConversationAction]():
		return []any{ews.ReadConversation{}, ews.CategorizeConversation{}, ews.CopyConversation{To: ews.Inbox}, ews.MoveConversation{To: ews.Inbox},
			ews.DeleteConversation{}, ews.FlagConversation{}, ews.RetainConversation{}}
	case reflect.TypeFor[ews.AttachmentID]():
		return []any{ews.AttachmentID{ID: "AAMkA"}}
	case reflect.TypeFor[ews.Address]():
		return []any{argumentAddress}
	case reflect.TypeFor[ews.Header]():
		return []any{ews.Header{Name: "X-A", Value: "b"}}
	case reflect.TypeFor[ews.Upload]():
		return []any{ews.Upload{Name: "a", Content: ews.String("x")}}
	case reflect.TypeFor[ews.Content]():
		return []any{ews.String("x")}
	case reflect.TypeFor[ews.Property]():
		return []any{argumentProperty}
	case reflect.TypeFor[ews.PropertyValue]():
		return []any{ews.PropertyValue{Property: argumentProperty, Value: "x"}}
	case reflect.TypeFor[ews.SortField]():
		return []any{ews.SortField{Field: ews.FieldSubject}}
	case reflect.TypeFor[ews.Category]():
		return []any{ews.Category{Name: "c"}}
	case reflect.TypeFor[ews.Delegate]():
		return []any{ews.Delegate{User: argumentAddress}}
	case reflect.TypeFor[ews.ConfigEntry]():
		return []any{ews.ConfigEntry{Key: ews.ConfigString("k"), Value: ews.ConfigString("v")}}
	case reflect.TypeFor[ews.UserConfiguration]():
		return []any{ews.UserConfiguration{Name: "Helpdesk"}}
	case reflect.TypeFor[ews.InboxRule]():
		return []any{ews.InboxRule{ID: "AQAA", Name: "r", Priority: 1, Actions: ews.RuleActions{MarkAsRead: true}}}
	case reflect.TypeFor[ews.RuleChange]():
		return []any{ews.CreateRule(ews.InboxRule{Name: "r", Priority: 1, Actions: ews.RuleActions{MarkAsRead: true}})}
	case reflect.TypeFor[ews.SearchFolder]():
		return []any{ews.SearchFolder{Name: "s", Where: ews.FieldRead.Is(true), In: []ews.FolderRef{ews.Inbox}}}
	case reflect.TypeFor[ews.Draft]():
		return []any{ews.Draft{To: []ews.Address{argumentAddress}}}
	case reflect.TypeFor[ews.Answer]():
		return []any{ews.Answer{To: []ews.Address{argumentAddress}}}
	case reflect.TypeFor[ews.Update]():
		return []any{ews.Update{Importance: new(ews.HighImportance)}}
	case reflect.TypeFor[ews.OutOfOffice]():
		return []any{ews.OutOfOffice{Internal: "i"}}
	case reflect.TypeFor[ews.FreeBusyQuery]():
		return []any{ews.FreeBusyQuery{Start: argumentDay, End: argumentDay.AddDate(0, 0, 1)}}
	case reflect.TypeFor[ews.MeetingQuery]():
		return []any{ews.MeetingQuery{Start: argumentDay, End: argumentDay.AddDate(0, 0, 1)}}
	case reflect.TypeFor[ews.PushOptions]():
		return []any{ews.PushOptions{URL: "https://listener.example.org/push"}}
	case reflect.TypeFor[ews.Subscription]():
		return []any{ews.Subscription{ID: "AAMkS", Watermark: "AAAA"}}
	case reflect.TypeFor[ews.EventType]():
		return []any{ews.EventNewMail}
	}
	return nil
}
