// Package ewstest is a fake Exchange server for tests: in process, stateful, and strict where a real one is. It speaks EWS (Exchange
// Web Services) over SOAP to any client.
//
//	s := ewstest.NewServer(nil)
//	defer s.Close()
//	mb := s.AddMailbox("support@example.com")
//	mb.Deliver([]byte("From: a@example.org\r\nSubject: Help\r\n\r\nPlease."), nil)
//	client, err := ews.NewClient(ews.Config{Endpoint: s.Endpoint(), AllowLoopbackHTTP: true, Token: ...})
//	... // run the code under test
//	mb.Items("inbox") // and look at what it did
//
// # What it holds
//
// Mailboxes with the distinguished folders of a new one. Deliver files raw mail, whatever its state: the bytes are kept and come
// out as MimeContent exactly as they went in, and every property (subject, people, dates, threading, bodies in UTF-8,
// attachments, item class) is derived from them. Items get a new id with every move, ids differ in the case of a single letter,
// change keys change with every edit; PidTagSearchKey survives moves. Mail that is sent is delivered to the mailboxes of the same Server and
// listed by Outbound; with PidTagDeferredSendTime it waits in Drafts for its time.
//
// Clients can also make appointments, contacts, distribution lists and tasks (CreateItem). Calendars list occurrences of what recurs (CalendarView), tell
// when their owners are busy (GetUserAvailability), and take part in meetings: an invitation arrives as a meeting request with a tentative
// entry in the calendar, whether a client of this server or mail from elsewhere (iCalendar) brings it, and answers reach the organizer's.
//
// # What it checks
//
// The bearer token (Options.Verify), the access mode (an application token needs ExchangeImpersonation and X-AnchorMailbox, a
// delegated one must not impersonate), the request's elements, their order and their values as the schema has them
// (ErrorSchemaValidation), ids, change keys, and whether a mailbox may be opened (Mailbox.Grant).
//
// # Faults
//
// Server.Fault scripts what goes wrong, by operation, mailbox and n-th request: every form of throttling, refused tokens, the 403
// of a tenant without EWS, connections cut before or after the request was carried out or within the answer, slow bodies,
// redirects, HTML pages, a crashed application, a locked account, batches that stop midway, any response code. Mailbox.Poison spoils one item.
//
// # What is different from Exchange
//
// Single occurrences of a recurring appointment can be read, not changed or deleted; updates of a meeting are not sent to its attendees.
// The availability of somebody looks at the Bias of a time zone only. A mailbox has no archive before [Mailbox.EnableArchive], and there
// are no public folders before [Server.PublicFolders]. A message that is changed after it arrived (its subject, body, recipients or
// attachments) gets a MIME content made from its properties. Signed messages show the parts that were signed as their
// attachments, where Exchange shows one smime.p7m. UniqueBody and NormalizedBody are the whole body. Outlook's winmail.dat
// (TNEF), and files uuencoded within a text, stay as they came, where Exchange takes them apart. QueryString understands words and
// key:value, without OR and NOT.
package ewstest
