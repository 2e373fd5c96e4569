// Package demo is the tenant that the examples run against when nobody names a real one: a fake Entra
// (azureoauth/azuretest) and a fake Exchange (ews/ewstest) on loopback, wired together, with one helpdesk mailbox.
//
// Everything in it is public API of this module, so it can be copied into an importer's own tests. Nothing
// here is needed, or used, against a real tenant.
//
// # The mail
//
// The mailbox support@harbour-it.example holds the messages under mail/, written for this module as a helpdesk
// really gets them, and one of 30 MB that is made at run time. Every domain is reserved for documentation. What each is there for:
//
//	01 plain-printer            plain text, format=flowed, a line that is a single dot
//	02 html-outlook             Outlook's HTML with a base64 text twin, Thread-Index, high importance
//	03 inline-images            PNG and JPEG shown in the text by Content-ID, one without a file name
//	04 several-attachments      six: RFC 2231 names in both forms, a path as a name, the same name twice, an empty file
//	05 forwarded-message        a message inside a message, with its own attachment
//	06 cyrillic-koi8-r          KOI8-R in subject, name and 8-bit body
//	07 cyrillic-windows-1251    windows-1251, encoded words inside quoted parameters
//	08 japanese-iso-2022-jp     escape sequences in a 7-bit body
//	09 chinese-gb18030          GB18030, an attachment named in Chinese
//	10 arabic-utf-8             right to left, text and HTML in base64
//	11 hebrew-windows-1255      right to left, 8-bit
//	12 smtputf8-raw-headers     RFC 6532: raw UTF-8 in names, addresses and subject, an emoji
//	13-21 thread-1 to thread-9  one conversation of three people: In-Reply-To and References, subjects that change, a fork
//	22 auto-reply               RFC 3834 Auto-Submitted, null return path: must not be answered
//	23 bounce                   RFC 3464 delivery status with the headers of the lost message
//	24 signed-smime             multipart/signed with a signature that verifies, so a changed byte shows
//	25 signed-pgp               RFC 3156, likewise
//	26 calendar-invitation      iTIP METHOD:REQUEST as alternative and as attachment
//	27 winmail-dat              TNEF
//	28 encrypted-smime          enveloped data as the only part
//	29 read-receipt             RFC 8098 disposition notification
//	30 mailing-list             RFC 2919 List-Id, RFC 8058 one-click unsubscribe, not addressed to the mailbox
//	31 no-message-id            a scanner's mail
//	32 no-subject               an SMS gateway's: no MIME headers either
//	33 duplicate-message-id     the Message-ID of 01 with another content
//	34 missing-boundary         multipart without a boundary parameter
//	35 bad-base64               a gateway wrote into the base64 of an attachment
//	36 wrong-charset-label      windows-1252 labelled utf-8, an unknown charset, an unknown transfer encoding
//	37 eight-bit-headers        raw ISO-8859-1 in the headers, nothing labelled
//	38 mixed-line-endings       CR LF, LF, CR and CR CR LF in one message
//	39 very-long-headers        420 references, one header line of 21,000 characters, folded empty lines
//	40 empty-body               a header and nothing else
//	41 many-recipients          600 in To, a Bcc left in, two in Reply-To
//	42 control-characters       NUL, ESC, U+FFFE and invalid UTF-8, in subject and body: what XML cannot carry
//	43 header-lines-broken      repeated, unclosed, undecodable and nameless header fields
//	44 no-header-at-all         starts with an empty line
//	45 nested-parts             twelve multiparts inside each other
//	46 apple-mail-photos        a mixed part under an alternative, a photo between two texts
//	47 forward-of-forward       two levels of message/rfc822 without names, message/external-body
//	48 unix-line-feeds          cron's mail with bare line feeds
//	49 large-log                30 MB, one attachment; see [Mail]
package demo
