package ewstest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Style is how an answer writes its namespaces. Real servers differ, and clients must look at namespaces only.
type Style int

const (
	StyleS         Style = iota // s:Envelope, m: and t: declared on the answer, as Exchange 2013 and later write
	StyleSoap                   // soap:Envelope, everything declared at the top, as in Microsoft's documentation
	StyleDefaultNS              // default namespaces, no prefixes below the Body, as Exchange 2007 wrote
)

// answer writes one SOAP envelope. Element names are given with the prefixes t and m; style decides what is written.
type answer struct {
	w     wire.Writer
	style Style
	ns    []byte // of the open elements, for StyleDefaultNS
	codes []string
}

func newAnswer(o *Options) *answer {
	return &answer{w: wire.Writer{KeepIllegal: o.IllegalCharacters}, style: o.Style}
}

func (a *answer) soap() string {
	if a.style == StyleSoap {
		return "soap:"
	}
	return "s:"
}

// open starts the envelope up to and including the Body's start tag.
func (a *answer) open(version string) {
	a.w.Raw(`<?xml version="1.0" encoding="utf-8"?>`)
	p := a.soap()
	if a.style == StyleSoap {
		a.w.Start("soap:Envelope", "xmlns:soap", wire.NSSOAP, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
			"xmlns:t", wire.NSTypes, "xmlns:m", wire.NSMessages)
	} else {
		a.w.Start("s:Envelope", "xmlns:s", wire.NSSOAP)
	}
	if version != "" {
		a.w.Start(p + "Header")
		a.w.Empty("h:ServerVersionInfo", "MajorVersion", "15", "MinorVersion", "20", "MajorBuildNumber", "8769",
			"MinorBuildNumber", "35", "Version", version, "xmlns:h", wire.NSTypes,
			"xmlns:xsd", "http://www.w3.org/2001/XMLSchema", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
		a.w.End()
	}
	a.w.Start(p + "Body")
}

func (a *answer) close() { a.w.EndAll() }

// root starts the operation's answer element.
func (a *answer) root(name string, attrs ...string) {
	if a.style == StyleS {
		a.w.Start(name, append(attrs, "xmlns:m", wire.NSMessages, "xmlns:xsd", "http://www.w3.org/2001/XMLSchema",
			"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "xmlns:t", wire.NSTypes)...)
		return
	}
	a.start(name, attrs...)
}

// named returns the name to write and adds a declaration where the default namespace changes.
func (a *answer) named(name string, attrs []string) (string, []string) {
	if a.style != StyleDefaultNS {
		return name, attrs
	}
	if ns := name[0]; len(a.ns) == 0 || a.ns[len(a.ns)-1] != ns {
		uri := wire.NSTypes
		if ns == 'm' {
			uri = wire.NSMessages
		}
		attrs = append(attrs[:len(attrs):len(attrs)], "xmlns", uri)
	}
	return name[2:], attrs
}

func (a *answer) start(name string, attrs ...string) {
	n, attrs := a.named(name, attrs)
	a.w.Start(n, attrs...)
	if a.style == StyleDefaultNS {
		a.ns = append(a.ns, name[0])
	}
}

func (a *answer) end() {
	a.w.End()
	if a.style == StyleDefaultNS && len(a.ns) > 0 {
		a.ns = a.ns[:len(a.ns)-1]
	}
}

func (a *answer) leaf(name, text string, attrs ...string) {
	n, attrs := a.named(name, attrs)
	a.w.Leaf(n, text, attrs...)
}

func (a *answer) empty(name string, attrs ...string) {
	n, attrs := a.named(name, attrs)
	a.w.Empty(n, attrs...)
}

// optional writes a leaf unless text is empty: Exchange leaves out what it has not got.
func (a *answer) optional(name, text string) {
	if text != "" {
		a.leaf(name, text)
	}
}

func (a *answer) bool(name string, v bool) { a.leaf(name, strconv.FormatBool(v)) }

func (a *answer) int(name string, v int64) { a.leaf(name, strconv.FormatInt(v, 10)) }

func (a *answer) time(name string, t time.Time) {
	if !t.IsZero() {
		a.leaf(name, formatTime(t))
	}
}

func (a *answer) binary(name string, b []byte) { a.leaf(name, base64.StdEncoding.EncodeToString(b)) }

// content writes a large content without copying it: it is encoded while the answer is being sent.
func (a *answer) content(name string, data []byte, attrs ...string) {
	a.start(name, attrs...)
	a.w.Base64(int64(len(data)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	a.end()
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (a *answer) itemID(it *item) {
	a.empty("t:ItemId", "Id", it.id, "ChangeKey", it.changeKey())
}

func (a *answer) mailbox(ad address, routing string) {
	a.start("t:Mailbox")
	a.leaf("t:Name", ad.String())
	a.optional("t:EmailAddress", ad.email)
	if ad.email != "" {
		a.leaf("t:RoutingType", routing)
	}
	a.leaf("t:MailboxType", "OneOff")
	a.end()
}

// opError is the outcome of one item, folder or attachment of a request.
type opError struct {
	code, text string
	values     []string // of MessageXml: name, value pairs
}

func (e *opError) Error() string { return e.code + ": " + e.text }

// fail makes an opError with the text Exchange uses for the code.
func fail(code string, values ...string) *opError { return &opError{code, textOf(code), values} }

// message writes one response message. body writes what follows ResponseCode on success; always is written in either case, for the
// elements that the schema demands of errors too.
func (a *answer) message(name string, err *opError, body, always func()) {
	if err == nil {
		a.start("m:"+name, "ResponseClass", "Success")
		a.leaf("m:ResponseCode", "NoError")
		a.codes = append(a.codes, "NoError")
		if body != nil {
			body()
		}
		a.end()
		return
	}
	class := "Error"
	if warnings[err.code] {
		class = "Warning"
	}
	a.start("m:"+name, "ResponseClass", class)
	a.reason(err)
	if class == "Warning" && body != nil {
		body()
	} else if always != nil {
		always()
	}
	a.end()
}

func (a *answer) values(pairs []string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		a.leaf("t:Value", pairs[i+1], "Name", pairs[i])
	}
}

var warnings = map[string]bool{
	"ErrorNameResolutionMultipleResults": true,
	"ErrorBatchProcessingStopped":        true,
}

// soapFault is a failure of the whole request.
type soapFault struct {
	status     int // 0 is 500
	code, text string
	violation  string
	values     []string

	line, column int  // of the violation; 0 is 1
	old          bool // in Exchange 2007's words
}

func (f *soapFault) Error() string { return f.code + ": " + f.text }

// fault writes a SOAP fault with the layout of Exchange 2013 and later.
func (a *answer) fault(f *soapFault) {
	a.codes = append(a.codes, f.code)
	a.open("")
	w := &a.w
	w.Start(a.soap() + "Fault")
	w.Leaf("faultcode", "a:"+f.code, "xmlns:a", wire.NSTypes)
	w.Leaf("faultstring", f.text, "xml:lang", "en-US")
	w.Start("detail")
	w.Leaf("e:ResponseCode", f.code, "xmlns:e", wire.NSErrors)
	text := f.text
	if f.violation != "" {
		text = "The request failed schema validation."
	}
	w.Leaf("e:Message", text, "xmlns:e", wire.NSErrors)
	if f.old {
		w.Leaf("e:Line", strconv.Itoa(max(f.line, 1)), "xmlns:e", wire.NSErrors)
		w.Leaf("e:Position", strconv.Itoa(max(f.column, 1)), "xmlns:e", wire.NSErrors)
	} else if f.violation != "" || len(f.values) > 0 {
		w.Start("t:MessageXml", "xmlns:t", wire.NSTypes)
		if f.violation != "" {
			w.Leaf("t:LineNumber", strconv.Itoa(max(f.line, 1)))
			w.Leaf("t:LinePosition", strconv.Itoa(max(f.column, 1)))
			w.Leaf("t:Violation", f.violation)
		}
		for i := 0; i+1 < len(f.values); i += 2 {
			w.Leaf("t:Value", f.values[i+1], "Name", f.values[i])
		}
		w.End()
	}
	w.EndAll()
}

// textOf is the MessageText of the codes that are met most; others get a plain one.
func textOf(code string) string {
	if t, ok := codeTexts[code]; ok {
		return t
	}
	return fmt.Sprintf("The operation failed with %s.", strings.TrimPrefix(code, "Error"))
}

var codeTexts = map[string]string{
	"ErrorItemNotFound":                   "The specified object was not found in the store.",
	"ErrorFolderNotFound":                 "The specified folder could not be found in the store.",
	"ErrorParentFolderNotFound":           "The specified parent folder could not be found.",
	"ErrorInvalidIdMalformed":             "Id is malformed.",
	"ErrorInvalidIdEmpty":                 "Id must be non-empty.",
	"ErrorInvalidChangeKey":               "The change key is invalid.",
	"ErrorIrresolvableConflict":           "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.",
	"ErrorStaleObject":                    "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.",
	"ErrorChangeKeyRequired":              "A change key is required for this operation.",
	"ErrorFolderExists":                   "A folder with the specified name already exists.",
	"ErrorNonExistentMailbox":             "The SMTP address has no mailbox associated with it.",
	"ErrorAccessDenied":                   "Access is denied. Check credentials and try again.",
	"ErrorDeleteDistinguishedFolder":      "Distinguished folders cannot be deleted.",
	"ErrorMoveDistinguishedFolder":        "Distinguished folders cannot be moved.",
	"ErrorMoveCopyFailed":                 "The move or copy operation failed.",
	"ErrorCannotOpenFileAttachment":       "The specified attachment could not be found.",
	"ErrorInvalidAttachmentId":            "The attachment Id is invalid.",
	"ErrorInvalidRecipients":              "At least one recipient isn't valid.",
	"ErrorMissingRecipients":              "The message has no recipients.",
	"ErrorServerBusy":                     "The server cannot service this request right now. Try again later.",
	"ErrorInternalServerError":            "An internal server error occurred. The operation failed.",
	"ErrorImpersonateUserDenied":          "The account does not have permission to impersonate the requested user.",
	"ErrorInvalidPropertyRequest":         "Property is not valid for this object type.",
	"ErrorInvalidPropertySet":             "Set action is invalid for property.",
	"ErrorInvalidSyncStateData":           "Synchronization state data is corrupt or otherwise invalid.",
	"ErrorSyncFolderNotFound":             "The folder to synchronize could not be found.",
	"ErrorSubscriptionNotFound":           "The specified subscription was not found.",
	"ErrorInvalidSubscription":            "The specified subscription isn't valid.",
	"ErrorInvalidWatermark":               "The watermark is invalid.",
	"ErrorNameResolutionNoResults":        "No results were found.",
	"ErrorNameResolutionMultipleResults":  "Multiple results were found.",
	"ErrorMimeContentInvalidBase64String": "The MIME content is not valid base64.",
	"ErrorSendAsDenied":                   "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.",
	"ErrorBatchProcessingStopped":         "The request was not processed because an earlier request of the batch failed.",
	"ErrorExceededConnectionCount":        "You have exceeded the available concurrent connections for your account.  Try again once your other requests have completed.",
	"ErrorItemCorrupt":                    "The item is corrupt.",
}
