"""A session of python3-exchangelib with calendars, contacts and tasks of the fake server: office.py ENDPOINT ADDRESS. Prints "ok" as its last line."""
import datetime
import os
import sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
endpoint, address = sys.argv[1:3]

from oauthlib.oauth2 import OAuth2Token
from exchangelib import (
    DELEGATE, OAUTH2, Account, Attendee, Build, CalendarItem, Configuration, Contact, DistributionList, EWSDateTime, EWSTimeZone, Mailbox,
    OAuth2AuthorizationCodeCredentials, Task, Version,
)
from exchangelib.indexed_properties import EmailAddress, PhoneNumber
from exchangelib.properties import Member
from exchangelib.recurrence import Recurrence, WeeklyPattern

creds = OAuth2AuthorizationCodeCredentials(access_token=OAuth2Token({"access_token": "token", "token_type": "Bearer"}))
config = Configuration(service_endpoint=endpoint, credentials=creds, auth_type=OAUTH2, version=Version(build=Build(15, 20, 8769, 35)))
account = Account(primary_smtp_address=address, config=config, autodiscover=False, access_type=DELEGATE, default_timezone=EWSTimeZone("UTC"))
utc = EWSTimeZone("UTC")
day = lambda d, h: EWSDateTime(2026, 12, d, h, tzinfo=utc)

# calendar
meeting = CalendarItem(account=account, folder=account.calendar, subject="Plan", start=day(1, 9), end=day(1, 10), location="Kiel",
                       required_attendees=[Attendee(mailbox=Mailbox(email_address="bob@example.com"), response_type="Unknown")])
meeting.save(send_meeting_invitations="SendToAllAndSaveCopy")
weekly = CalendarItem(account=account, folder=account.calendar, subject="Weekly", start=day(2, 9), end=day(2, 10),
                      recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=[3]), start=day(2, 9).date(), number=3))
weekly.save()
seen = [(i.subject, i.start.day) for i in account.calendar.view(start=day(1, 0), end=day(12, 0))]
assert seen == [("Plan", 1), ("Weekly", 2), ("Weekly", 9)], seen
got = account.calendar.get(subject="Plan")
assert got.location == "Kiel" and got.organizer.email_address == address, got
assert got.required_attendees[0].mailbox.email_address == "bob@example.com"
got.location = "Hamburg"
got.save(update_fields=["location"])
assert account.calendar.get(subject="Plan").location == "Hamburg"

# free/busy
busy = list(account.protocol.get_free_busy_info([(account, "Organizer", False)], day(1, 8), day(1, 12), merged_free_busy_interval=60))
assert busy[0].merged == "0200", busy[0].merged
assert busy[0].calendar_events[0].start.hour == 9, busy[0].calendar_events

# contacts
Contact(account=account, folder=account.contacts, given_name="Ann", surname="Miller", display_name="Ann Miller", company_name="Customer",
        email_addresses=[EmailAddress(email="ann@customer.example", label="EmailAddress1")],
        phone_numbers=[PhoneNumber(label="MobilePhone", phone_number="+49 1")]).save()
ann = account.contacts.get(display_name="Ann Miller")
assert ann.email_addresses[0].email == "ann@customer.example", ann.email_addresses
assert ann.company_name == "Customer"
DistributionList(account=account, folder=account.contacts, display_name="Crew",
                 members={Member(mailbox=Mailbox(email_address="bob@example.com", mailbox_type="OneOff"))}).save()
crew = account.contacts.get(display_name="Crew")
assert [m.mailbox.email_address for m in crew.members] == ["bob@example.com"], crew.members

# tasks
task = Task(account=account, folder=account.tasks, subject="Call", due_date=datetime.date(2026, 12, 3))
task.save()
task = account.tasks.get(subject="Call")
assert task.status == "NotStarted" and not task.is_complete, task
task.complete()
assert account.tasks.get(subject="Call").is_complete

# rooms and delegates
assert [r.email_address for r in account.protocol.get_roomlists()] == ["rooms@example.com"]
assert [r.email_address for r in account.protocol.get_rooms("rooms@example.com")] == ["room1@example.com"]
assert list(account.delegates) == []
print("ok")
