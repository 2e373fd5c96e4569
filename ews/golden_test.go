package ews_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

var update = flag.Bool("update", false, "write the golden requests anew")

// goldenRequests are calls of one kind whose requests are kept as golden files, and the least that their operations may answer.
type goldenRequests struct {
	answers map[string]string
	calls   []goldenCall
}

type goldenCall struct {
	name string
	call func(ctx context.Context, c *ews.Client) error
}

// golden are all of them, each kind in a file of its own.
var golden = []goldenRequests{
	goldenFolder,
	goldenPlace,
	goldenRead,
	goldenConversation,
	goldenWrite,
	goldenSync,
	goldenAround,
	goldenChange,
	goldenOffice,
}

func goldenCalls() (calls []goldenCall) {
	for _, g := range golden {
		calls = append(calls, g.calls...)
	}
	return calls
}

func goldenAnswer(op string) (string, bool) {
	for _, g := range golden {
		if content, ok := g.answers[op]; ok {
			return content, true
		}
	}
	return "", false
}

// recorder answers with success and keeps the requests.
type recorder struct{ ops, bodies []string }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if int64(len(body)) != req.ContentLength {
		return nil, fmt.Errorf("Content-Length %d, body of %d bytes", req.ContentLength, len(body))
	}
	op := strings.TrimSuffix(operation(body), "Request") // GetUserOofSettingsRequest
	r.ops = append(r.ops, op)
	r.bodies = append(r.bodies, string(body))
	content, ok := goldenAnswer(op)
	if !ok {
		return nil, fmt.Errorf("no answer for %q", op)
	}
	if op == "GetItem" { // of the kind that is asked for
		for field, element := range map[string]string{"calendar:MyResponseType": "CalendarItem", "contacts:Surname": "Contact", "task:Status": "Task"} {
			if strings.Contains(string(body), `"`+field+`"`) {
				content = strings.ReplaceAll(content, "t:Message>", "t:"+element+">")
			}
		}
	}
	n := 1 // one response message for each item or attachment
	for _, element := range []string{"<t:ItemId ", "<t:AttachmentId "} {
		n = max(n, strings.Count(string(body), element))
	}
	if op == "CreateAttachment" {
		n = strings.Count(string(body), "Attachment><t:Name>")
	}
	if op == "CreateItem" || op == "SendItem" {
		n = 1
	}
	message := "<m:" + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + content + "</m:" + op + "ResponseMessage>"
	xml := envelope("<m:" + op + "Response><m:ResponseMessages>" + strings.Repeat(message, n) + "</m:ResponseMessages></m:" + op + "Response>")
	if strings.HasPrefix(content, "<m:"+op+"Response>") { // a whole answer
		xml = envelope(content)
	}
	return reply(200, xml)(req)
}

// operation returns the name of the element in the SOAP body.
func operation(envelope []byte) string {
	d := xml.NewDecoder(bytes.NewReader(envelope))
	body := false
	for {
		tok, err := d.Token()
		if err != nil {
			return ""
		}
		if e, ok := tok.(xml.StartElement); ok {
			if body {
				return e.Name.Local
			}
			body = e.Name.Local == "Body"
		}
	}
}

func recordingClient(t *testing.T) (*ews.Client, *recorder) {
	t.Helper()
	rec := new(recorder)
	c, err := ews.NewClient(ews.Config{
		Endpoint:   "https://ews.example.com/EWS/Exchange.asmx",
		Token:      ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(time.Hour)})),
		HTTPClient: &http.Client{Transport: rec},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, rec
}

func drain(seq func(func(*ews.Message, error) bool)) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// last drains a sequence whose last pair carries the error.
func last[T any](seq func(func(T, error) bool)) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

func goldenName(i int, op, name string) string {
	name = strings.ToLower(op) + "-" + name
	if i > 0 {
		name += fmt.Sprintf("-%d", i+1)
	}
	return filepath.Join("testdata", "requests", name+".xml")
}

func TestGoldenRequests(t *testing.T) {
	for _, tc := range goldenCalls() {
		t.Run(tc.name, func(t *testing.T) {
			c, rec := recordingClient(t)
			if err := tc.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			nth := map[string]int{}
			for i, op := range rec.ops {
				file := goldenName(nth[op], op, tc.name)
				nth[op]++
				got := strings.ReplaceAll(rec.bodies[i], "><", ">\n<") + "\n"
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(string(want), got); d != "" {
					t.Errorf("%s (go test -update writes it anew):\n%s", file, d)
				}
			}
		})
	}
}

// shared returns the folder of the official schema and samples beside the project, or skips.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{"..", "..", "shared"}, path...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not here", filepath.Join(path...))
	}
	return dir
}

// newerRequests are those that Exchange 2013 SP1 does not know, as their documentation says.
var newerRequests = []string{"createattachment-attach-link.xml"}

// TestGoldenRequestsAreValid checks every golden request against Microsoft's schema of Exchange Online, and of Exchange 2013 SP1, the
// oldest version spoken to.
func TestGoldenRequestsAreValid(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian: libxml2-utils)")
	}
	files, err := filepath.Glob("testdata/requests/*.xml")
	if err != nil || len(files) < len(goldenCalls()) {
		t.Fatalf("%d golden requests, %v", len(files), err)
	}
	for _, schema := range []string{"soap-request.xsd", "exchange-2013-sp1/soap-request.xsd"} {
		xsd := shared(t, "schema", filepath.FromSlash(schema))
		files := files
		if strings.Contains(schema, "2013") {
			files = slices.DeleteFunc(slices.Clone(files), func(f string) bool { return slices.Contains(newerRequests, filepath.Base(f)) })
		}
		out, err := exec.Command(xmllint, append([]string{"--noout", "--schema", xsd}, files...)...).CombinedOutput()
		if err != nil {
			for line := range strings.Lines(string(out)) {
				if !strings.HasSuffix(strings.TrimSpace(line), " validates") {
					t.Error(schema + ": " + strings.TrimSpace(line))
				}
			}
		}
	}
}
