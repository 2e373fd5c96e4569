package ews_test

import (
	"context"
	"io"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

const matrixAnn = "ann@example.com"

// matrixAround are the operations around mail.
var matrixAround = []matrixOperation{
	{"ResolveNames", "ResolveNames", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, _, err := m.ResolveNames(ctx, "ann", ews.ResolveDirectory)
		return err
	}},
	{"ExpandDL", "ExpandDL", false, func(ctx context.Context, m *ews.Mailbox) error { _, _, err := m.ExpandDL(ctx, matrixAnn); return err }},
	{"OutOfOffice", "GetUserOofSettings", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.OutOfOffice(ctx); return err }},
	{"SetOutOfOffice", "SetUserOofSettings", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.SetOutOfOffice(ctx, &ews.OutOfOffice{})
	}},
	{"MailTips", "GetMailTips", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.MailTips(ctx, matrixAnn); return err }},
	{"ConvertIDs", "ConvertId", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.ConvertIDs(ctx, ews.EWSID, ews.HexEntryID, "I1")
		return err
	}},
	{"TimeZones", "GetServerTimeZones", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.TimeZones(ctx); return err }},
	{"PasswordExpiration", "GetPasswordExpirationDate", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.PasswordExpiration(ctx)
		return err
	}},
	{"InboxRules", "GetInboxRules", false, func(ctx context.Context, m *ews.Mailbox) error { _, _, err := m.InboxRules(ctx); return err }},
	{"UpdateInboxRules", "UpdateInboxRules", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.UpdateInboxRules(ctx, []ews.RuleChange{ews.DeleteRule("R1")}, nil)
	}},
	{"UserConfiguration", "GetUserConfiguration", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.UserConfiguration(ctx, ews.Calendar, "N")
		return err
	}},
	{"CreateUserConfiguration", "CreateUserConfiguration", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.CreateUserConfiguration(ctx, ews.Calendar, &ews.UserConfiguration{Name: "N"})
	}},
	{"UpdateUserConfiguration", "UpdateUserConfiguration", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.UpdateUserConfiguration(ctx, ews.Calendar, &ews.UserConfiguration{Name: "N"})
	}},
	{"DeleteUserConfiguration", "DeleteUserConfiguration", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.DeleteUserConfiguration(ctx, ews.Calendar, "N")
	}},
}

// matrixOffice are the operations on people, calendars, contacts and tasks.
var matrixOffice = []matrixOperation{
	{"FindPeople", "FindPeople", false, func(ctx context.Context, m *ews.Mailbox) error { return last(m.FindPeople(ctx, "ann", nil)) }},
	{"Person", "GetPersona", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Person(ctx, matrixItem); return err }},
	{"Delegates", "GetDelegate", false, func(ctx context.Context, m *ews.Mailbox) error { _, _, err := m.Delegates(ctx); return err }},
	{"AddDelegates", "AddDelegate", true, func(ctx context.Context, m *ews.Mailbox) error {
		return m.AddDelegates(ctx, "", ews.Delegate{User: ews.Address{Email: matrixAnn}})
	}},
	{"UpdateDelegates", "UpdateDelegate", false, func(ctx context.Context, m *ews.Mailbox) error {
		return m.UpdateDelegates(ctx, "", ews.Delegate{User: ews.Address{Email: matrixAnn}})
	}},
	{"RemoveDelegates", "RemoveDelegate", true, func(ctx context.Context, m *ews.Mailbox) error { return m.RemoveDelegates(ctx, matrixAnn) }},
	{"FreeBusy", "GetUserAvailability", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.FreeBusy(ctx, ews.FreeBusyQuery{Start: officeStart, End: officeStart.Add(time.Hour)}, matrixAnn)
		return err
	}},
	{"MeetingTimes", "GetUserAvailability", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.MeetingTimes(ctx, ews.MeetingQuery{Start: officeStart, End: officeStart.Add(time.Hour)}, matrixAnn)
		return err
	}},
	{"RoomLists", "GetRoomLists", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.RoomLists(ctx); return err }},
	{"Rooms", "GetRooms", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Rooms(ctx, matrixAnn); return err }},
	{"UserPhoto", "GetUserPhoto", false, func(ctx context.Context, m *ews.Mailbox) error {
		r, err := m.UserPhoto(ctx, matrixAnn, 48)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		return err
	}},
	{"RetentionTags", "GetUserRetentionPolicyTags", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.RetentionTags(ctx)
		return err
	}},
	{"Appointments", "FindItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		return last(m.Appointments(ctx, nil, officeStart, officeStart.Add(time.Hour), nil))
	}},
	{"Appointment", "GetItem", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.Appointment(ctx, matrixItem, nil)
		return err
	}},
	{"Contacts", "FindItem", false, func(ctx context.Context, m *ews.Mailbox) error { return last(m.Contacts(ctx, nil, nil)) }},
	{"Contact", "GetItem", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Contact(ctx, matrixItem, nil); return err }},
	{"Tasks", "FindItem", false, func(ctx context.Context, m *ews.Mailbox) error { return last(m.Tasks(ctx, nil, nil)) }},
	{"Task", "GetItem", false, func(ctx context.Context, m *ews.Mailbox) error { _, err := m.Task(ctx, matrixItem, nil); return err }},
	{"Respond", "CreateItem", true, func(ctx context.Context, m *ews.Mailbox) error { return m.Respond(ctx, matrixItem, ews.Accept, nil) }},
	{"ServiceConfiguration", "GetServiceConfiguration", false, func(ctx context.Context, m *ews.Mailbox) error {
		_, err := m.ServiceConfiguration(ctx)
		return err
	}},
}
