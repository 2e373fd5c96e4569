package ewstest_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/internal/leaktest"
)

// Every answer that a test gets as XML is kept and validated against the schema when all tests have run: one run of xmllint for all of
// them is quick.
var answers struct {
	dir string
	n   atomic.Int64
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ewstest")
	if err != nil {
		panic(err)
	}
	answers.dir = dir
	code := m.Run()
	if code == 0 {
		code = validateAnswers()
	}
	os.RemoveAll(dir)
	if code == 0 {
		if err := leaktest.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

func TestSchemaAvailable(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is missing: answers are not validated")
	}
	if shared("schema/observed/soap-response.xsd") == "" {
		t.Skip("the EWS schema is missing: answers are not validated")
	}
}

func validateAnswers() int {
	xsd := shared("schema/observed/soap-response.xsd")
	lint, err := exec.LookPath("xmllint")
	files, _ := filepath.Glob(filepath.Join(answers.dir, "*.xml"))
	if err != nil || xsd == "" || len(files) == 0 {
		return 0
	}
	if run := flag.Lookup("test.run"); run.Value.String() == "" && reportUnvalidated(files) != 0 {
		return 1
	}
	out, err := exec.Command(lint, append([]string{"--noout", "--huge", "--schema", xsd}, files...)...).CombinedOutput()
	if err == nil {
		return 0
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasSuffix(strings.TrimSpace(line), "validates") {
			fmt.Printf("%.600s\n", strings.TrimSpace(line))
		}
	}
	return 1
}

// shared returns the path of a file of test data that lies beside the project, "" when it is not there.
func shared(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			return ""
		}
		dir = filepath.Dir(dir)
	}
	p := filepath.Join(dir, "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(p); err != nil {
		return ""
	}
	return p
}

const (
	us       = "support@example.com"
	envelope = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>%s</soap:Header><soap:Body>%s</soap:Body></soap:Envelope>`
)

// fixture is a server with one mailbox and a hand-written client.
type fixture struct {
	*ewstest.Server
	mb     *ewstest.Mailbox
	bearer string
	soap   string // extra headers
	header http.Header
	http   *http.Client
}

func start(t testing.TB, o *ewstest.Options) *fixture {
	t.Helper()
	f := &fixture{Server: ewstest.NewServer(o), bearer: "token", header: http.Header{}}
	tr := &http.Transport{DisableCompression: true}
	f.http = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() { tr.CloseIdleConnections(); f.Close() })
	f.mb = f.AddMailbox(us)
	return f
}

func (f *fixture) deliver(t testing.TB, raw string) string {
	t.Helper()
	id, err := f.mb.Deliver([]byte(strings.ReplaceAll(raw, "\n", "\r\n")), nil)
	require.NoError(t, err)
	return id.ID
}

func (f *fixture) request(t testing.TB, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.Endpoint(), strings.NewReader(fmt.Sprintf(envelope, f.soap, body)))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	if f.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+f.bearer)
	}
	for k, v := range f.header {
		r.Header[k] = v
	}
	return r
}

// post returns the answer whatever its status.
func (f *fixture) post(t testing.TB, body string) (*http.Response, []byte, error) {
	t.Helper()
	resp, err := f.http.Do(f.request(t, body))
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/xml") && resp.Header.Get("Content-Encoding") == "" {
		keep(t, b)
	}
	return resp, b, err
}

func keep(t testing.TB, b []byte) {
	name := fmt.Sprintf("%s-%d.xml", strings.NewReplacer("/", "_", " ", "_").Replace(t.Name()), answers.n.Add(1))
	require.NoError(t, os.WriteFile(filepath.Join(answers.dir, name), b, 0o600))
}

// do sends a request that must be answered with 200.
func (f *fixture) do(t testing.TB, body string) *element {
	t.Helper()
	resp, b, err := f.post(t, body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", b)
	return parse(t, b)
}

// fault sends a request that must be answered with a SOAP fault and returns its response code.
func (f *fixture) fault(t testing.TB, body string) string {
	t.Helper()
	resp, b, err := f.post(t, body)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode, "%s", b)
	return parse(t, b).text("ResponseCode")
}

// element is a parsed answer; names are local names.
type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Kids    []element  `xml:",any"`
}

func parse(t testing.TB, b []byte) *element {
	t.Helper()
	var e element
	require.NoError(t, xml.NewDecoder(bytes.NewReader(b)).Decode(&e), "%.500s", b)
	return &e
}

// all finds every element of that local name below e, in document order.
func (e *element) all(name string) []*element {
	var out []*element
	for i := range e.Kids {
		if e.Kids[i].XMLName.Local == name {
			out = append(out, &e.Kids[i])
		}
		out = append(out, e.Kids[i].all(name)...)
	}
	return out
}

// at follows a path of local names, each the first match below the one before; an absent one gives an empty element.
func (e *element) at(path ...string) *element {
	for _, p := range path {
		found := e.all(p)
		if len(found) == 0 {
			return &element{}
		}
		e = found[0]
	}
	return e
}

func (e *element) text(path ...string) string { return e.at(path...).Text }

func (e *element) texts(name string) []string {
	var out []string
	for _, k := range e.all(name) {
		out = append(out, k.Text)
	}
	return out
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e *element) codes() []string { return e.texts("ResponseCode") }

func (e *element) itemID() (id, key string) {
	n := e.at("ItemId")
	return n.attr("Id"), n.attr("ChangeKey")
}

func getItem(shape string, ids ...string) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `<t:ItemId Id="%s"/>`, id)
	}
	return `<m:GetItem><m:ItemShape>` + shape + `</m:ItemShape><m:ItemIds>` + b.String() + `</m:ItemIds></m:GetItem>`
}

const (
	idOnly        = `<t:BaseShape>IdOnly</t:BaseShape>`
	allProperties = `<t:BaseShape>AllProperties</t:BaseShape>`
	inbox         = `<t:DistinguishedFolderId Id="inbox"/>`
)

func xmlUnmarshal(b []byte, e *element) error { return xml.Unmarshal(b, e) }
