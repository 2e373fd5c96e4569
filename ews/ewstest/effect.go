package ewstest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Effect is what a Fault does. Make one with the functions below.
type Effect struct {
	kind   effectKind
	n      int64
	d      time.Duration
	status int
	code   string
	text   string
	values []string
	header http.Header
	body   string
	auth   *AuthError

	violation    string
	line, column int
	old          bool // in Exchange 2007's words
}

type effectKind int

const (
	effectNone effectKind = iota
	effectHTTP
	effectFault
	effectMessage
	effectAuth
	effectCutBefore
	effectCutAfter
	effectCutBody
	effectSlowBody
	effectDelay
	effectHang
	effectBatchStopped
)

// Busy503 answers 503 as the front door does when requests queue. retryAfter is the Retry-After header, seconds or an HTTP date;
// "" leaves it out.
func Busy503(retryAfter string) Effect {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return Effect{kind: effectHTTP, status: http.StatusServiceUnavailable, header: h, body: "The service is unavailable."}
}

// BusyFault answers 500 with the SOAP fault ErrorServerBusy; a negative backOff leaves BackOffMilliseconds out.
func BusyFault(backOff time.Duration) Effect {
	return Effect{kind: effectFault, code: "ErrorServerBusy", text: textOf("ErrorServerBusy"), values: backOffValue(backOff)}
}

// BusyMessage answers 200 with ErrorServerBusy in every response message. In SyncFolderItems an empty SyncState comes with it, as
// recorded from Exchange Online.
func BusyMessage(backOff time.Duration) Effect {
	return Effect{kind: effectMessage, code: "ErrorServerBusy", values: backOffValue(backOff),
		text: "The server cannot service this request right now. Try again later., This operation exceeds the throttling budget for policy part 'ConcurrentSyncCalls', policy value '5',  Budget type: 'Ews'."}
}

// BusyInner answers 200 with ErrorInternalServerError whose MessageXml names ErrorServerBusy as the inner code.
func BusyInner(backOff time.Duration) Effect {
	return Effect{kind: effectMessage, code: "ErrorInternalServerError", text: textOf("ErrorInternalServerError"),
		values: append([]string{"InnerErrorMessageText", "Too many concurrent connections.", "InnerErrorResponseCode", "ErrorServerBusy",
			"InnerErrorDescriptiveLinkKey", "0"}, backOffValue(backOff)...)}
}

// ConnectionCount answers 500 with the fault ErrorExceededConnectionCount and a back-off of 0 ms, as recorded.
func ConnectionCount() Effect {
	return Effect{kind: effectFault, code: "ErrorExceededConnectionCount", text: textOf("ErrorExceededConnectionCount"),
		values: []string{"BackOffMilliseconds", "0", "MaxConcurrencyLimit", "27", "ErrorMessage", textOf("ErrorExceededConnectionCount")}}
}

func backOffValue(d time.Duration) []string {
	if d < 0 {
		return nil
	}
	return []string{"BackOffMilliseconds", strconv.FormatInt(d.Milliseconds(), 10)}
}

// Unauthorized answers 401 with these diagnostics, as for a token that Options.Verify refused; nil sends none, as Exchange does when
// it throttles with a 401.
func Unauthorized(e *AuthError) Effect {
	if e == nil {
		e = &AuthError{}
	}
	return Effect{kind: effectAuth, auth: e}
}

// Blocked answers 403 without a body: EWS is switched off for the tenant, the mailbox or the application.
func Blocked() Effect { return Effect{kind: effectHTTP, status: http.StatusForbidden} }

// Redirect answers 302 to location; Exchange sends "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx" in an outage.
func Redirect(location string) Effect {
	return Effect{kind: effectHTTP, status: http.StatusFound, header: http.Header{"Location": {location}}}
}

// HTML answers with a page: a proxy's login, an ASP.NET error.
func HTML(status int, body string) Effect {
	return Effect{kind: effectHTTP, status: status, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: body}
}

// Raw answers with exactly these bytes.
func Raw(status int, header http.Header, body []byte) Effect {
	return Effect{kind: effectHTTP, status: status, header: header.Clone(), body: string(body)}
}

// SoapFault answers 500 with a SOAP fault. values are the name, value pairs of its MessageXml.
func SoapFault(code, text string, values ...string) Effect {
	return Effect{kind: effectFault, code: code, text: orText(text, code), values: values}
}

// ResponseError answers 200 with this code in every response message.
func ResponseError(code, text string, values ...string) Effect {
	return Effect{kind: effectMessage, code: code, text: orText(text, code), values: values}
}

func orText(text, code string) string {
	if text == "" {
		return textOf(code)
	}
	return text
}

// CutBefore closes the connection without carrying the request out.
func CutBefore() Effect { return Effect{kind: effectCutBefore} }

// CutAfter carries the request out and closes the connection without an answer.
func CutAfter() Effect { return Effect{kind: effectCutAfter} }

// CutBody carries the request out and closes the connection after n bytes of the answer's body.
func CutBody(n int64) Effect { return Effect{kind: effectCutBody, n: n} }

// SlowBody sends the answer in pieces of chunk bytes with a pause after each.
func SlowBody(chunk int, pause time.Duration) Effect {
	return Effect{kind: effectSlowBody, n: int64(max(chunk, 1)), d: pause}
}

// Delay waits before it carries the request out.
func Delay(d time.Duration) Effect { return Effect{kind: effectDelay, d: d} }

// Hang never answers: it waits for the client, or Close, to give up.
func Hang() Effect { return Effect{kind: effectHang} }

// instead does what replaces the answer and reports whether the request has been dealt with.
func (e *Effect) instead(ctx context.Context, ex *exchange, env *envelope) bool {
	switch e.kind {
	case effectHTTP:
		h := ex.w.Header()
		for k, v := range e.header {
			h[http.CanonicalHeaderKey(k)] = v
		}
		ex.status(e.status)
		ex.w.WriteHeader(e.status)
		_, _ = io.WriteString(ex.w, e.body)
	case effectAuth:
		ex.status(http.StatusUnauthorized)
		e.auth.write(ex.w)
	case effectFault:
		a := newAnswer(&ex.s.o)
		a.fault(&soapFault{code: e.code, text: e.text, values: e.values, violation: e.violation, line: e.line, column: e.column, old: e.old})
		status := e.status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		ex.send(ctx, status, a, nil)
	case effectMessage:
		a := newAnswer(&ex.s.o)
		a.open(ex.s.o.Version)
		a.failEvery(env, &opError{e.code, e.text, e.values})
		a.close()
		ex.send(ctx, http.StatusOK, a, nil)
	case effectCutBefore:
		ex.cut()
	case effectDelay:
		return !sleep(ctx, e.d)
	case effectHang:
		<-ctx.Done()
		ex.cut()
	default:
		return false
	}
	return true
}

// failEvery answers each item of the request with the same error.
func (a *answer) failEvery(env *envelope, err *opError) {
	name := env.opName
	if name == "GetUserAvailabilityRequest" {
		a.root("m:GetUserAvailabilityResponse")
		a.start("m:FreeBusyResponseArray")
		for range max(1, len(env.op.kid("m:MailboxDataArray").all())) {
			a.start("m:FreeBusyResponse")
			a.message("ResponseMessage", err, nil, nil)
			a.start("m:FreeBusyView")
			a.leaf("t:FreeBusyViewType", "None")
			a.end()
			a.end()
		}
		a.end()
		a.end()
		return
	}
	if strings.HasSuffix(name, "Request") { // GetUserOofSettingsRequest and its kin have one answer and their own shape
		a.root("m:" + strings.TrimSuffix(name, "Request") + "Response")
		a.message("ResponseMessage", err, nil, nil)
		a.end()
		return
	}
	switch name {
	case "FindConversation", "GetMailTips", "GetInboxRules", "UpdateInboxRules", "FindPeople", "GetRoomLists", "GetRooms", "GetUserPhoto",
		"GetUserRetentionPolicyTags", "GetServiceConfiguration", "GetDelegate", "AddDelegate", "UpdateDelegate", "RemoveDelegate":
		a.whole(name, err)
		return
	case "GetPasswordExpirationDate":
		a.whole(name, err)
		return
	case "GetPersona":
		a.root("m:GetPersonaResponseMessage", "ResponseClass", "Error")
		a.reason(err)
		a.start("m:Persona") // which the schema demands of errors too
		a.empty("t:PersonaId", "Id", "AAUQAA==")
		a.end()
		a.end()
		return
	}
	n := 1
	for _, k := range env.op.all() {
		switch k.name {
		case "m:ItemIds", "m:FolderIds", "m:AttachmentIds", "m:Items", "m:Folders", "m:ItemChanges", "m:FolderChanges",
			"m:ParentFolderIds", "m:SourceIds":
			n = max(len(k.kids), 1)
		}
	}
	a.root("m:" + name + "Response")
	a.start("m:ResponseMessages")
	for range n {
		a.message(name+"ResponseMessage", err, nil, func() { a.tailOf(name) })
	}
	a.end()
	a.end()
}

// success begins the answer, root, of an operation whose answer is itself the response message.
func (a *answer) success(root string) {
	a.root(root, "ResponseClass", "Success")
	a.leaf("m:ResponseCode", "NoError")
	a.codes = append(a.codes, "NoError")
}

// whole writes the failed answer of such an operation.
func (a *answer) whole(op string, err *opError) {
	a.root("m:"+op+"Response", "ResponseClass", "Error")
	a.reason(err)
	a.tailOf(op)
	a.end()
}

// reason writes what every failed response message begins with.
func (a *answer) reason(err *opError) {
	a.leaf("m:MessageText", err.text)
	a.leaf("m:ResponseCode", err.code)
	a.leaf("m:DescriptiveLinkKey", "0")
	if len(err.values) > 0 {
		a.start("m:MessageXml")
		a.values(err.values)
		a.end()
	}
	a.codes = append(a.codes, err.code)
}

// tailOf writes what the schema demands of an error message of the operation as well.
func (a *answer) tailOf(op string) {
	switch op {
	case "GetItem", "CreateItem", "UpdateItem", "MoveItem", "CopyItem", "ArchiveItem":
		a.empty("m:Items")
	case "GetUserPhoto":
		a.bool("m:HasChanged", false)
	case "GetUserRetentionPolicyTags":
		a.empty("m:RetentionPolicyTags")
	case "GetServerTimeZones":
		a.empty("m:TimeZoneDefinitions")
	case "GetPasswordExpirationDate":
		a.leaf("m:PasswordExpirationDate", "0001-01-01T00:00:00")
	case "GetAttachment", "CreateAttachment":
		a.empty("m:Attachments")
	case "SyncFolderItems":
		a.empty("m:SyncState")
		a.bool("m:IncludesLastItemInRange", true)
	case "SyncFolderHierarchy":
		a.empty("m:SyncState")
		a.bool("m:IncludesLastFolderInRange", true)
	case "GetFolder", "CreateFolder", "UpdateFolder", "MoveFolder", "CopyFolder":
		a.empty("m:Folders")
	}
}

// wrap returns the writer through which the effect lets the answer's body pass.
func (e *Effect) wrap(ctx context.Context, ex *exchange) io.Writer {
	switch e.kind {
	case effectCutBody:
		return &cutter{ex: ex, left: e.n}
	case effectSlowBody:
		return &dripper{ctx: ctx, ex: ex, chunk: int(e.n), pause: e.d}
	}
	return ex.w
}

type cutter struct {
	ex   *exchange
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if int64(len(p)) < c.left {
		c.left -= int64(len(p))
		return c.ex.w.Write(p)
	}
	_, _ = c.ex.w.Write(p[:c.left])
	_ = http.NewResponseController(c.ex.w).Flush()
	c.ex.cut()
	return 0, io.ErrClosedPipe
}

type dripper struct {
	ctx   context.Context
	ex    *exchange
	chunk int
	pause time.Duration
}

func (d *dripper) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		piece := p[done:min(done+d.chunk, len(p))]
		n, err := d.ex.w.Write(piece)
		done += n
		if err != nil {
			return done, err
		}
		_ = http.NewResponseController(d.ex.w).Flush()
		if !sleep(d.ctx, d.pause) {
			return done, d.ctx.Err()
		}
	}
	return done, nil
}
