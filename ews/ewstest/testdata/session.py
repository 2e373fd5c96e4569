"""A session of python3-exchangelib against the fake server: session.py ENDPOINT ADDRESS. Prints "ok" as its last line."""
import datetime
import os
import sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
endpoint, address = sys.argv[1:3]

from oauthlib.oauth2 import OAuth2Token
from exchangelib import (
    DELEGATE, OAUTH2, Account, Build, Configuration, FileAttachment, HTMLBody, ItemAttachment, Mailbox, Message,
    OAuth2AuthorizationCodeCredentials, Version,
)
from exchangelib.folders import Messages

creds = OAuth2AuthorizationCodeCredentials(access_token=OAuth2Token({"access_token": "token", "token_type": "Bearer"}))
config = Configuration(service_endpoint=endpoint, credentials=creds, auth_type=OAUTH2, version=Version(build=Build(15, 20, 8769, 35)))
account = Account(primary_smtp_address=address, config=config, autodiscover=False, access_type=DELEGATE, default_timezone=None)

# list and read
inbox = account.inbox
assert inbox.total_count == 3, inbox.total_count
items = list(inbox.all().order_by("-datetime_received"))
assert [i.subject for i in items] == ["third", "sécond", "first"], items
first = inbox.get(subject="first")
assert first.sender.email_address == "ann@example.org", first.sender
assert first.text_body.strip() == "Hello.", repr(first.text_body)
assert first.mime_content.startswith(b"From: Ann"), first.mime_content
assert {h.name: h.value for h in first.headers}["X-Queue"] == "7"
assert list(inbox.filter(subject__contains="con").values_list("subject", flat=True)) == ["sécond"]
assert inbox.filter(is_read=False).count() == 3

# attachments
second = inbox.get(subject="sécond")
names = sorted((a.name, type(a).__name__) for a in second.attachments)  # exchangelib groups them by type
assert names == [("data.bin", "FileAttachment"), ("inner", "ItemAttachment")], names
by_name = {a.name: a for a in second.attachments}
assert by_name["data.bin"].content == b"\x00\x01\x02hello"
with by_name["data.bin"].fp as fp:
    assert fp.read() == b"\x00\x01\x02hello"
assert by_name["inner"].item.subject == "inner", by_name["inner"].item

# change
first.is_read = True
first.categories = ["Blue"]
first.save(update_fields=["is_read", "categories"])
assert inbox.filter(is_read=False).count() == 2
first.refresh()
assert first.categories == ["Blue"]

# folders, move, copy
done = Messages(parent=inbox, name="Done")
done.save()
old = first.id
first.move(done)
assert first.id != old
assert done.all().count() == 1
copied = first.copy(inbox)
assert inbox.all().count() == 3
assert (account.root / "Top of Information Store" / "Inbox" / "Done").id == done.id

# sync
changes = list(inbox.sync_items(only_fields=["subject"]))
assert sorted(c[1].subject for c in changes if c[0] == "create") == ["first", "sécond", "third"], changes
assert inbox.item_sync_state
assert list(inbox.sync_items()) == []

# send, with attachments, and see it arrive
m = Message(account=account, folder=account.sent, subject="From Python", body=HTMLBody("<b>hi</b>"),
            to_recipients=[Mailbox(email_address="bob@example.com"), Mailbox(email_address="far@example.org")])
m.attach(FileAttachment(name="a.txt", content=b"text"))
m.attach(ItemAttachment(name="nested", item=Message(account=account, subject="nested", body="inside")))
m.send_and_save()
assert account.sent.all().count() == 1
sent = account.sent.get(subject="From Python")
assert sorted(a.name for a in sent.attachments) == ["a.txt", "nested"], sent.attachments

# reply
second.reply("RE: x", body="answer", to_recipients=["ann@example.org"])
assert account.sent.all().count() == 2

# a draft, edited, with an attachment taken off again, and sent
d = Message(account=account, folder=account.drafts, subject="draft", body="x", to_recipients=["far@example.org"])
d.save()
d.attach(FileAttachment(name="b.txt", content=b"b"))
d.attach(FileAttachment(name="c.txt", content=b"c"))
d.detach(next(a for a in d.attachments if a.name == "b.txt"))
d.refresh()
d.subject, d.is_read_receipt_requested = "edited", True
d.save(update_fields=["subject", "is_read_receipt_requested"])
d.send()
sent = account.sent.get(subject="edited")
assert [a.name for a in sent.attachments] == ["c.txt"], sent.attachments
assert sent.is_read_receipt_requested

# junk and back
spam = Message(account=account, folder=inbox, subject="spam", body="x", author=Mailbox(email_address="spammer@example.org")).save()
spam.mark_as_junk(is_junk=True, move_item=True)
assert account.junk.filter(subject="spam").count() == 1
account.junk.get(subject="spam").mark_as_junk(is_junk=False, move_item=True)
inbox.get(subject="spam").delete()

# pull subscription
with inbox.pull_subscription() as (sid, mark):
    Message(account=account, folder=inbox, subject="new one", body="x").save()
    events = [e for n in inbox.get_events(sid, mark) for e in n.events]
    assert any(type(e).__name__ == "CreatedEvent" for e in events), events

# streaming subscription
with inbox.streaming_subscription() as sid:
    Message(account=account, folder=inbox, subject="streamed", body="x").save()
    for n in inbox.get_streaming_events(sid, connection_timeout=1, max_notifications_returned=1):
        assert any(type(e).__name__ in ("CreatedEvent", "ModifiedEvent") for e in n.events), n
        break

# delete
third = inbox.get(subject="third")
third.move_to_trash()
assert account.trash.all().count() == 1
inbox.filter(subject="sécond").delete()
assert inbox.filter(subject="sécond").count() == 0
done.delete()
names = account.protocol.resolve_names(["bob"])
assert names and names[0].email_address == "bob@example.com", names
print("ok")
