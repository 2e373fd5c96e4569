package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ewsmail/ewsmail/azureoauth/azuretest"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// fault is something that goes wrong in real tenants.
type fault struct {
	name   string
	begin  func(t *Tenant)                              // once the tenant runs
	browse func(ctx context.Context, page string) error // instead of an approving browser
}

// always is an Exchange fault that lasts; one that passes hits twice.
func always(op string, do ewstest.Effect) func(t *Tenant) {
	return func(t *Tenant) { t.Exchange.Fault(ewstest.Fault{Op: op, Times: -1, Do: do}) }
}

func twice(op string, do ewstest.Effect) func(t *Tenant) {
	return func(t *Tenant) { t.Exchange.Fault(ewstest.Fault{Op: op, Times: 2, Do: do}) }
}

// token is a fault of the token endpoint that lasts.
func token(f azuretest.Fault) func(t *Tenant) {
	f.Times = -1
	return func(t *Tenant) { t.Entra.Fail(f) }
}

const loginPage = "<html><head><title>Sign in to the network</title></head><body>Please accept the terms of use.</body></html>"

var faults = []fault{
	{name: "gone", begin: func(t *Tenant) { t.Exchange.Close() }},
	{name: "cut", begin: func(t *Tenant) {
		t.Exchange.Fault(ewstest.Fault{Match: readsMIME, After: 3, Times: -1, Do: ewstest.CutBody(1500)})
	}},
	{name: "cut-passing", begin: func(t *Tenant) {
		t.Exchange.Fault(ewstest.Fault{Match: readsMIME, After: 3, Times: 2, Do: ewstest.CutBody(1500)})
	}},
	{name: "cut-message", begin: func(t *Tenant) { // the oldest one, always
		if items := t.Inbox.Items("inbox"); len(items) > 0 {
			oldest := func(r *ewstest.Request) bool { return readsMIME(r) && strings.Contains(string(r.Body), items[0].ID) }
			t.Exchange.Fault(ewstest.Fault{Match: oldest, Times: -1, Do: ewstest.CutBody(300)})
		}
	}},
	{name: "cut-attachment", begin: always("GetAttachment", ewstest.CutBody(900))},
	{name: "blocked", begin: always("", ewstest.Blocked())},
	{name: "blocked-midway", begin: func(t *Tenant) {
		t.Exchange.Fault(ewstest.Fault{After: 10, Times: -1, Do: ewstest.Blocked()})
	}},
	{name: "busy", begin: always("", ewstest.BusyFault(5*time.Minute))},
	{name: "busy-passing", begin: twice("GetItem", ewstest.BusyFault(200*time.Millisecond))},
	{name: "unavailable", begin: always("", ewstest.Busy503(""))},
	{name: "lost-midway", begin: func(t *Tenant) {
		t.Exchange.Fault(ewstest.Fault{Match: readsMIME, After: 3, Times: -1, Do: ewstest.CutBody(100)})
	}},
	{name: "unauthorized", begin: always("", ewstest.Unauthorized(ewstest.ErrTokenInvalid))},
	{name: "unauthorized-passing", begin: func(t *Tenant) {
		t.Exchange.Fault(ewstest.Fault{Op: "GetItem", Do: ewstest.Unauthorized(ewstest.ErrTokenExpired)})
	}},
	{name: "audience", begin: always("", ewstest.Unauthorized(ewstest.ErrInvalidAudience))},
	{name: "denied", begin: always("FindItem", ewstest.ResponseError("ErrorAccessDenied", ""))},
	{name: "login-page", begin: always("", ewstest.HTML(http.StatusOK, loginPage))},
	{name: "not-xml", begin: always("", ewstest.Raw(http.StatusOK, http.Header{"Content-Type": {"text/xml"}}, []byte("<s:Envelope")))},
	{name: "broken-message", begin: func(t *Tenant) {
		if items := t.Inbox.Items("inbox"); len(items) > 0 {
			t.Inbox.Poison(items[len(items)/2].ID, "ErrorMimeContentConversionFailed")
		}
	}},
	{name: "no-send", begin: always("SendItem", ewstest.ResponseError("ErrorSendAsDenied", ""))},
	{name: "no-move", begin: always("MoveItem", ewstest.ResponseError("ErrorAccessDenied", ""))},
	{name: "sign-in-declined", browse: decline},
	{name: "secret-expired", begin: token(azuretest.Fault{AADSTS: 7000222})},
	{name: "wrong-secret", begin: token(azuretest.Fault{AADSTS: 7000215})},
	{name: "no-consent", begin: token(azuretest.Fault{AADSTS: 65001})},
	{name: "token-endpoint-down", begin: token(azuretest.Fault{Status: http.StatusServiceUnavailable})},
	{name: "token-endpoint-html", begin: token(azuretest.Fault{ContentType: "text/html", Body: loginPage})},
}

// Faults are the names of what can go wrong. Those ending in -passing are over before patience ends: the job succeeds.
func Faults() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.name
	}
	return names
}

func findFault(name string) (fault, error) {
	if name == "" {
		return fault{}, nil
	}
	for _, f := range faults {
		if f.name == name {
			return f, nil
		}
	}
	return fault{}, fmt.Errorf("unknown fault %.40q; one of %s", name, strings.Join(Faults(), ", "))
}

// readsMIME tells the downloads from the other GetItem requests.
func readsMIME(r *ewstest.Request) bool {
	return r.Operation == "GetItem" && strings.Contains(string(r.Body), "IncludeMimeContent>true<")
}

// decline is a browser whose person clicks Cancel.
func decline(ctx context.Context, page string) error {
	u, err := url.Parse(page)
	if err != nil {
		return err
	}
	q := u.Query()
	answer := url.Values{
		"state": {q.Get("state")}, "error": {"access_denied"}, "error_subcode": {"cancel"},
		"error_description": {"AADSTS65004: User declined to consent to access the app."},
	}
	return azuretest.Browser(ctx, q.Get("redirect_uri")+"?"+answer.Encode())
}
