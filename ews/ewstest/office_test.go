package ewstest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

func calendarItem(more string) string {
	return `<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>Plan</t:Subject><t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:30:00Z</t:End>` + more + `</t:CalendarItem></m:Items></m:CreateItem>`
}

func TestCalendarItems(t *testing.T) {
	for _, style := range []ewstest.Style{ewstest.StyleS, ewstest.StyleSoap, ewstest.StyleDefaultNS} {
		f := start(t, &ewstest.Options{Style: style})
		id, key := f.do(t, calendarItem(`<t:Location>Room</t:Location><t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>a@b.c</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>`+
			`<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>2026-12-01</t:StartDate></t:NoEndRecurrence></t:Recurrence>`+
			`<t:StartTimeZone Id="UTC"/>`)).itemID()
		e := f.do(t, getItem(allProperties, id))
		require.Equal(t, []string{"NoError"}, e.codes())
		require.Equal(t, "RecurringMaster", e.text("CalendarItemType"))
		require.Equal(t, "PT1H30M", e.text("Duration"))
		require.Equal(t, "true", e.text("IsRecurring"))
		require.Equal(t, "Tuesday", e.text("DaysOfWeek"))
		view := func(from, to string) *element {
			return f.do(t, `<m:FindItem Traversal="Shallow"><m:ItemShape>`+allProperties+`</m:ItemShape><m:CalendarView MaxEntriesReturned="3" StartDate="`+from+`" EndDate="`+to+`"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>`)
		}
		e = view("2026-12-02T00:00:00Z", "2026-12-20T00:00:00Z")
		require.Equal(t, []string{"2026-12-08T09:00:00Z", "2026-12-15T09:00:00Z"}, e.texts("Start"))
		require.Equal(t, "true", e.at("RootFolder").attr("IncludesLastItemInRange"))
		occurrence, _ := e.itemID()
		require.Equal(t, "2026-12-08T09:00:00Z", f.do(t, getItem(allProperties, occurrence)).text("Start"))
		require.Equal(t, []string{"ErrorItemNotFound"}, f.do(t, `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="`+occurrence+`"/></m:ItemIds></m:DeleteItem>`).codes())
		e = view("2026-12-01T00:00:00Z", "2027-12-20T00:00:00Z")
		require.Len(t, e.all("CalendarItem"), 3)
		require.Equal(t, "false", e.at("RootFolder").attr("IncludesLastItemInRange"))
		require.Equal(t, []string{"ErrorCalendarViewRangeTooBig"}, view("2026-12-01T00:00:00Z", "2029-12-20T00:00:00Z").codes())

		set := `<t:SetItemField><t:FieldURI FieldURI="calendar:Location"/><t:CalendarItem><t:Location>Hall</t:Location></t:CalendarItem></t:SetItemField>`
		e = f.do(t, `<m:UpdateItem ConflictResolution="AutoResolve" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange><t:ItemId Id="`+id+`" ChangeKey="`+key+`"/><t:Updates>`+set+`</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`)
		require.Equal(t, []string{"NoError"}, e.codes())
		require.Equal(t, "Hall", f.do(t, getItem(allProperties, id)).text("Location"))
		found := f.do(t, `<m:FindItem Traversal="Shallow"><m:ItemShape>`+idOnly+`</m:ItemShape><m:Restriction><t:IsGreaterThan><t:FieldURI FieldURI="calendar:Start"/><t:FieldURIOrConstant><t:Constant Value="2026-11-01T00:00:00Z"/></t:FieldURIOrConstant></t:IsGreaterThan></m:Restriction>`+
			`<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="calendar:Start"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>`)
		require.Len(t, found.all("ItemId"), 1)
	}
	f := start(t, nil)
	require.Equal(t, []string{"ErrorSendMeetingInvitationsRequired"}, f.do(t, strings.Replace(calendarItem(""), ` SendMeetingInvitations="SendToNone"`, "", 1)).codes())
	require.Equal(t, []string{"ErrorCalendarEndDateIsEarlierThanStartDate"}, f.do(t, strings.Replace(calendarItem(""), "T10:30", "T08:30", 1)).codes())
}

func TestContactsAndTasks(t *testing.T) {
	f := start(t, nil)
	id, _ := f.do(t, `<m:CreateItem><m:Items><t:Contact><t:GivenName>Ann</t:GivenName><t:EmailAddresses><t:Entry Key="EmailAddress1">a@b.c</t:Entry><t:Entry Key="EmailAddress2">b@b.c</t:Entry></t:EmailAddresses>`+
		`<t:PhysicalAddresses><t:Entry Key="Home"><t:Street>S</t:Street><t:City>C</t:City></t:Entry></t:PhysicalAddresses><t:Surname>Miller</t:Surname></t:Contact></m:Items></m:CreateItem>`).itemID()
	e := f.do(t, getItem(allProperties, id))
	require.Equal(t, "Ann Miller", e.text("DisplayName"))
	require.Equal(t, []string{"a@b.c", "b@b.c"}, e.at("EmailAddresses").texts("Entry"))
	e = f.do(t, getItem(idOnly+`<t:AdditionalProperties><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress2"/>`+
		`<t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Home"/></t:AdditionalProperties>`, id))
	require.Equal(t, []string{"b@b.c"}, e.at("EmailAddresses").texts("Entry"))
	require.Equal(t, "C", e.at("PhysicalAddresses").text("City"))
	require.Empty(t, e.all("Street"))
	set := `<t:SetItemField><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress2"/><t:Contact><t:EmailAddresses><t:Entry Key="EmailAddress2">n@b.c</t:Entry></t:EmailAddresses></t:Contact></t:SetItemField>`
	require.Equal(t, []string{"NoError"}, f.do(t, update(id, "", `ConflictResolution="AlwaysOverwrite"`, set)).codes())
	require.Equal(t, []string{"a@b.c", "n@b.c"}, f.do(t, getItem(allProperties, id)).at("EmailAddresses").texts("Entry"))

	id, _ = f.do(t, `<m:CreateItem><m:Items><t:Task><t:Subject>x</t:Subject><t:DueDate>2026-12-01T00:00:00Z</t:DueDate></t:Task></m:Items></m:CreateItem>`).itemID()
	e = f.do(t, getItem(allProperties, id))
	require.Equal(t, "NotStarted", e.text("Status"))
	require.Equal(t, "false", e.text("IsComplete"))
	status := func(s string) string {
		return update(id, "", `ConflictResolution="AlwaysOverwrite"`, `<t:SetItemField><t:FieldURI FieldURI="task:Status"/><t:Task><t:Status>`+s+`</t:Status></t:Task></t:SetItemField>`)
	}
	f.do(t, status("Completed"))
	e = f.do(t, getItem(allProperties, id))
	require.Equal(t, "true", e.text("IsComplete"))
	require.NotEmpty(t, e.text("CompleteDate"))
	f.do(t, status("InProgress"))
	e = f.do(t, getItem(allProperties, id))
	require.Equal(t, "false", e.text("IsComplete"))
	require.Empty(t, e.text("CompleteDate"))
	require.Equal(t, []string{"ErrorInvalidPropertySet"}, f.do(t, update(id, "", `ConflictResolution="AlwaysOverwrite"`, `<t:SetItemField><t:FieldURI FieldURI="calendar:Location"/><t:CalendarItem><t:Location>x</t:Location></t:CalendarItem></t:SetItemField>`)).codes())
}

func TestOfficeOperations(t *testing.T) {
	f := start(t, nil)
	f.AddMailbox("ann@example.com").SetPhoto([]byte{1, 2, 3})
	f.AddRoomList("rooms@example.com", "Rooms", "room1@example.com")
	f.do(t, calendarItem(""))
	for _, body := range []string{
		`<m:GetRoomLists/>`, `<m:GetRooms><m:RoomList><t:EmailAddress>rooms@example.com</t:EmailAddress></m:RoomList></m:GetRooms>`,
		`<m:GetUserPhoto><m:Email>ann@example.com</m:Email><m:SizeRequested>HR48x48</m:SizeRequested></m:GetUserPhoto>`, `<m:GetUserRetentionPolicyTags/>`,
		`<m:GetServiceConfiguration><m:RequestedConfiguration><m:ConfigurationName>MailTips UnifiedMessagingConfiguration</m:ConfigurationName></m:RequestedConfiguration></m:GetServiceConfiguration>`,
		`<m:FindPeople><m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/><m:QueryString>ann</m:QueryString></m:FindPeople>`,
		`<m:GetDelegate IncludePermissions="true"><m:Mailbox><t:EmailAddress>` + us + `</t:EmailAddress></m:Mailbox></m:GetDelegate>`,
	} {
		e := f.do(t, body)
		require.Equal(t, "NoError", e.codes()[0], body)
	}
	e := f.do(t, `<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>-60</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder><t:Month>0</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>`+
		`<t:DaylightTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>0</t:DayOrder><t:Month>0</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>`+
		`<m:MailboxDataArray><t:MailboxData><t:Email><t:Address>`+us+`</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData></m:MailboxDataArray>`+
		`<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2026-12-01T09:00:00</t:StartTime><t:EndTime>2026-12-01T12:00:00</t:EndTime></t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>30</t:MergedFreeBusyIntervalInMinutes>`+
		`<t:RequestedView>DetailedMerged</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>`)
	require.Equal(t, "002220", e.text("MergedFreeBusy"))
	require.Equal(t, "2026-12-01T10:00:00", e.text("CalendarEvent", "StartTime"), "in the zone of the request")

	body := `<m:GetUserPhoto><m:Email>` + us + `</m:Email><m:SizeRequested>HR48x48</m:SizeRequested></m:GetUserPhoto>`
	require.Equal(t, []string{"ErrorItemNotFound"}, f.do(t, body).codes())
	require.Equal(t, "ErrorSchemaValidation", f.fault(t, strings.Replace(body, "HR48x48", "HR1x1", 1)))
	f.Fault(ewstest.Fault{Do: ewstest.ResponseError("ErrorAccessDenied", "no")})
	require.Equal(t, []string{"ErrorAccessDenied"}, f.do(t, `<m:GetRoomLists/>`).codes())
}
