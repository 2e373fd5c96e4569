"""A session through DavMail, which speaks EWS to the fake server: davmail.py IMAP-PORT SMTP-PORT ADDRESS PASSWORD. Prints "ok" as its last line."""
import email
import email.message
import email.policy
import imaplib
import smtplib
import sys
import time

imap_port, smtp_port, address, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
box = imaplib.IMAP4("127.0.0.1", imap_port, timeout=60)


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def subjects(folder):
    ok(box.select(folder))
    uids = ok(box.uid("search", None, "ALL"))[0].split()
    found = {}
    for uid in uids:
        data = ok(box.uid("fetch", uid, "(FLAGS BODY.PEEK[])"))
        part = next(p for p in data if isinstance(p, tuple))
        msg = email.message_from_bytes(part[1], policy=email.policy.default)
        found[str(msg["Subject"])] = (uid, part[0] + b"".join(p for p in data if isinstance(p, bytes)), msg)
    return found


ok(box.login(address, password))

# list
names = [line.decode() for line in ok(box.list())]
for want in ("INBOX", "Sent", "Drafts", "Trash"):
    assert any(want in n for n in names), (want, names)

# read, attachments
inbox = subjects("INBOX")
assert sorted(inbox) == ["first", "sécond"], sorted(inbox)
files = {p.get_filename(): p.get_content() for p in inbox["sécond"][2].iter_attachments() if p.get_filename()}
assert files["data.bin"] == b"\x00\x01\x02hello", files

# change
uid = inbox["first"][0]
assert b"\\Seen" not in inbox["first"][1], inbox["first"][1]
ok(box.uid("store", uid, "+FLAGS", "(\\Seen \\Flagged)"))
assert b"\\Seen" in subjects("INBOX")["first"][1]

# folders, copy, move
ok(box.create("Done"))
ok(box.select("INBOX"))
ok(box.uid("copy", inbox["sécond"][0], "Done"))
ok(box.uid("MOVE", uid, "Done"))
assert sorted(subjects("Done")) == ["first", "sécond"]
assert sorted(subjects("INBOX")) == ["sécond"]

# send, with an attachment, and see it arrive
m = email.message.EmailMessage()
m["From"], m["To"], m["Subject"] = address, "bob@example.com, " + address, "via DavMail ✓"
m.set_content("hello")
m.add_attachment(b"\x00\x01data", maintype="application", subtype="octet-stream", filename="a.bin")
smtp = smtplib.SMTP("127.0.0.1", smtp_port, timeout=60)
smtp.login(address, password)
assert smtp.send_message(m) == {}
smtp.quit()
for _ in range(50):
    inbox = subjects("INBOX")
    if "via DavMail ✓" in inbox:
        break
    time.sleep(0.2)
files = {p.get_filename(): p.get_content() for p in inbox["via DavMail ✓"][2].iter_attachments()}
assert files == {"a.bin": b"\x00\x01data"}, files
assert "via DavMail ✓" in subjects("Sent")

# append
ok(box.append("Done", None, None, b"From: x@y.z\r\nSubject: appended\r\n\r\nbody\r\n"))
assert "appended" in subjects("Done")

# delete
ok(box.select("Done"))
for uid in ok(box.uid("search", None, "ALL"))[0].split():
    ok(box.uid("store", uid, "+FLAGS", "(\\Deleted)"))
ok(box.expunge())
assert subjects("Done") == {}
ok(box.select("INBOX"))
ok(box.delete("Done"))
box.logout()
print("ok")
