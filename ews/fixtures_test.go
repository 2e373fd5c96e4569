package ews_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// recorded answers with a file: a whole HTTP answer (.http), or a body.
func recorded(t testing.TB, name string) answer {
	text := readFile(t, name)
	if !strings.HasSuffix(name, ".http") {
		if strings.Contains(name, "deserialize_") && !strings.Contains(text, "Envelope>") { // recorded without its envelope
			text = envelope(text)
		}
		return reply(200, text)
	}
	return func(r *http.Request) (*http.Response, error) {
		head, body, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
		// Recorded lengths do not match: the recordings were re-indented.
		var lines []string
		for l := range strings.SplitSeq(head, "\n") {
			if k, _, _ := strings.Cut(strings.ToLower(l), ":"); k != "content-length" && k != "transfer-encoding" && k != "content-encoding" {
				lines = append(lines, l)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(strings.Join(lines, "\r\n")+"\r\n\r\n")), r)
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(strings.NewReader(body))
		resp.ContentLength = -1
		return resp, nil
	}
}

// anyAnswer accepts whatever operation the answer belongs to.
func anyAnswer(op string) *ews.Call {
	return &ews.Call{Op: op, Read: func(s *wire.Scanner) error { return ews.ReadResponses(s, nil) }}
}

// TestFixtures: recorded and constructed answers give the outcome that their index describes.
func TestFixtures(t *testing.T) {
	dir := shared(t, "fixtures")
	type outcome struct {
		Kind     error
		Code     string
		Requests int           // of at most two
		Waited   time.Duration // at least, between them; capped to the policy's patience
		Says     string        // part of the error's line
	}
	const give = 2
	tests := map[string]outcome{
		"constructed/http-302-genericerrorpage.http":                                                              {ews.ErrUnavailable, "", give, time.Second / 2, "error page"},
		"constructed/http-302-internalsite.http":                                                                  {ews.ErrEndpoint, "", 1, 0, "proxy in front of Exchange"},
		"constructed/http-302-other-host.http":                                                                    {ews.ErrEndpoint, "", 1, 0, "redirected to https://login.example.net"},
		"constructed/http-401-account-locked.http":                                                                {ews.ErrDenied, "", 1, 0, "locked out"},
		"constructed/http-401-many-schemes-one-line.http":                                                         {ews.ErrUnauthorized, "", 2, 0, "refuses the access token"},
		"constructed/http-401-multi-line.http":                                                                    {ews.ErrUnauthorized, "", 2, 0, "refuses the access token"},
		"constructed/http-401-oauth-expired.http":                                                                 {ews.ErrUnauthorized, "", 2, 0, "2000002 token_expired: The token has expired"},
		"constructed/http-401-oauth-invalid-grant.http":                                                           {ews.ErrDenied, "", 1, 0, "lacks the permission"},
		"constructed/http-401-unknown-scheme.http":                                                                {ews.ErrUnauthorized, "", 2, 0, "refuses the access token"},
		"constructed/http-403-empty.http":                                                                         {ews.ErrEWSBlocked, "", 1, 0, "request-id 11111111-2222-3333-4444-555555555555"},
		"constructed/http-404-empty.http":                                                                         {ews.ErrEndpoint, "", 1, 0, "no EWS service at this URL"},
		"constructed/http-500-cas-error.http":                                                                     {ews.ErrInvalidRequest, "", 1, 0, "CAS error: EmailAddressMismatch"},
		"constructed/http-500-invalid-server-version.http":                                                        {ews.ErrVersion, "", 1, 0, "Exchange2013_SP1"},
		"constructed/http-500-server-error-in-ews-application.http":                                               {ews.ErrUnavailable, "", give, time.Second / 2, "Runtime Error"},
		"constructed/http-503-no-hint.http":                                                                       {ews.ErrUnavailable, "", give, 2 * time.Second, "HTTP 503"},
		"constructed/http-503-retry-after.http":                                                                   {ews.ErrThrottled, "", give, 37 * time.Second, "asks to wait 37s"},
		"constructed/http-503-retry-after-date.http":                                                              {ews.ErrThrottled, "", 1, 0, "asks to wait 1h0m0s"},
		"constructed/html-instead-of-xml.http":                                                                    {ews.ErrEndpoint, "", 1, 0, `a web page: "Sign in"`},
		"constructed/non-xml-200.http":                                                                            {ews.ErrEndpoint, "", 1, 0, "no XML"},
		"constructed/truncated-mid-element.xml":                                                                   {ews.ErrUnavailable, "", give, time.Second / 2, "cut"},
		"recorded-java/backoff-1.xml":                                                                             {ews.ErrThrottled, "ErrorServerBusy", give, 297749 * time.Millisecond, "asks to wait 4m57.749s"},
		"recorded-rs/soap.deserialize_envelope_with_connection_count_fault.xml":                                   {ews.ErrThrottled, "ErrorExceededConnectionCount", give, 2 * time.Second, "concurrent connections"},
		"recorded-rs/soap.deserialize_envelope_with_schema_fault.xml":                                             {ews.ErrInvalidRequest, "ErrorSchemaValidation", 1, 0, "'invalidparentid' is invalid"},
		"recorded-rs/soap.deserialize_envelope_with_server_busy_error.xml":                                        {ews.ErrThrottled, "ErrorServerBusy", give, 5 * time.Second, "ConcurrentSyncCalls"},
		"recorded-rs/soap.deserialize_envelope_with_server_busy_fault.xml":                                        {ews.ErrThrottled, "ErrorServerBusy", give, 25 * time.Millisecond, "Who really knows?"},
		"recorded-rs/soap.deserialize_envelope_with_warning.xml":                                                  {nil, "", 1, 0, ""},
		"recorded-go/soapMessageWithFault.xml":                                                                    {ews.ErrInvalidRequest, "ErrorSchemaValidation", 1, 0, "failed schema validation"},
		"recorded-go/leading-whitespace-before-xml-declaration.xml":                                               {nil, "", 1, 0, ""},
		"recorded-go/soapMessage.xml":                                                                             {nil, "", 1, 0, ""},
		"recorded-py/services.invalid_value_extras-1.xml":                                                         {ews.ErrInvalidRequest, "ErrorInvalidValueForProperty", 1, 0, "invalid for property"},
		"recorded-py/protocol.version_guess-2.xml":                                                                {ews.ErrInvalidRequest, "ErrorInvalidSmtpAddress", 1, 0, "SMTP address format"},
		"recorded-py/protocol.resolvenames_parsing-1.xml":                                                         {nil, "", 1, 0, ""},
		"recorded-py/protocol.resolvenames_warning-1.xml":                                                         {nil, "", 1, 0, ""},
		"recorded-py/account.mail_tips-1.xml":                                                                     {nil, "", 1, 0, ""},
		"recorded-py/services.soap_error-2.xml":                                                                   {ews.ErrBadResponse, "", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.create_existing_folder-1.response.http":                                      {ews.ErrUnauthorized, "", 2, 0, "refuses the access token"},
		"recorded-c/Exchange2007_SP1.create_existing_folder-2.response.http":                                      {ews.ErrExists, "ErrorFolderExists", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.create_folder_with_invalid_distinguished_parent_id-1.response.http":          {ews.ErrInvalidRequest, "ErrorSchemaValidation", 1, 0, "HTTP 500"},
		"recorded-c/Exchange2007_SP1.create_folder_with_invalid_non_distinguished_parent_id-1.response.http":      {ews.ErrNotFound, "ErrorNonExistentMailbox", 1, 0, "check the address"},
		"recorded-c/Exchange2007_SP1.create_folder_with_malformed_parent_id-1.response.http":                      {ews.ErrInvalidRequest, "ErrorInvalidIdMalformed", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.hard_delete_distinguished_folder_subfolder-2.response.http":                  {ews.ErrNotFound, "ErrorItemNotFound", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.hard_delete_non_distinguished_folder_subfolder-2.response.http":              {ews.ErrNotFound, "ErrorItemNotFound", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.hard_delete_root_subfolder-1.response.http":                                  {ews.ErrInvalidRequest, "ErrorDeleteDistinguishedFolder", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.move_folder_to_folder_that_has_subfolder_with_the_same_name-2.response.http": {ews.ErrInvalidRequest, "ErrorMoveCopyFailed", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.move_invalid_folder_to_valid_folder-1.response.http":                         {ews.ErrInvalidRequest, "ErrorInvalidIdMalformed", 1, 0, ""},
		"recorded-c/Exchange2007_SP1.move_valid_folder_to_invalid_folder-1.response.http":                         {ews.ErrInvalidRequest, "ErrorInvalidIdMalformed", 1, 0, ""},
	}
	// The rest of the EWS answers among the recordings must simply be read.
	for l := range strings.Lines(readFile(t, filepath.Join(dir, "index.tsv"))) {
		col := strings.Split(l, "\t")
		name := col[0]
		if len(col) < 4 || !strings.HasSuffix(col[1], "Response") || strings.Contains(name, "request.http") {
			continue
		}
		if _, ok := tests[name]; !ok {
			tests[name] = outcome{nil, "", 1, 0, ""}
		}
	}
	if len(tests) < 80 {
		t.Errorf("only %d answers: the index was not understood", len(tests))
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			text := readFile(t, filepath.Join(dir, name))
			op := "GetItem"
			if i := strings.Index(text, "Response"); i >= 0 && !strings.Contains(text, "Fault>") {
				op = text[strings.LastIndexAny(text[:i], ":<")+1 : i]
			}
			answer := recorded(t, filepath.Join(dir, name))
			synctest.Test(t, func(t *testing.T) {
				rt := &script{answers: []func(*http.Request) (*http.Response, error){answer}}
				c := newClient(t, rt, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: give} })
				began := time.Now()
				err := c.Own().DoCall(t.Context(), anyAnswer(op))
				got := outcome{Kind: want.Kind, Requests: rt.count(), Waited: want.Waited}
				if err != nil {
					e := asError(t, err)
					got.Code = e.Code
					if want.Kind == nil || !errors.Is(err, want.Kind) {
						t.Errorf("error %v\nis not %v", err, want.Kind)
					}
					if strings.Contains(err.Error(), want.Says) {
						got.Says = want.Says
					} else {
						got.Says = err.Error()
					}
					if strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 1200 {
						t.Errorf("not one line: %q", err)
					}
				} else if want.Kind != nil {
					t.Errorf("no error, want %v", want.Kind)
				}
				if d := cmp.Diff(want, got, cmp.Comparer(func(a, b error) bool { return a == b })); d != "" {
					t.Errorf("(-want +got)\n%s", d)
				}
				if waited := time.Since(began); waited < want.Waited || waited > want.Waited*3+time.Minute {
					t.Errorf("waited %v, want at least %v", waited, want.Waited)
				}
				t.Log(err)
			})
		})
	}
}
