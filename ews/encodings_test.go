package ews_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/ewsmail/ewsmail/ews"
)

// bytewise is an answer that comes byte by byte.
func bytewise(body string) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := reply(200, "")(r)
		resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
		resp.Body = io.NopCloser(iotest.OneByteReader(strings.NewReader(body)))
		return resp, err
	}
}

// TestEncodings: answers packed, cut into chunks and labelled in the ways that servers and proxies do are read; what is not UTF-8, or
// packed in a way that was not asked for, is an error with words of its own, never a wrong text.
func TestEncodings(t *testing.T) {
	good := messages(okMessage(`<m:Items><t:Message><t:ItemId Id="I1"/><t:Subject>Grüße</t:Subject></t:Message></m:Items>`))
	packed := func(members int) string {
		var b bytes.Buffer
		for i := range members {
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, good[i*len(good)/members:(i+1)*len(good)/members])
			_ = z.Close()
		}
		return b.String()
	}
	for name, tc := range map[string]struct {
		answer answer
		err    string
	}{
		"gzip":                   {reply(200, packed(1), "Content-Encoding", "gzip"), ""},
		"gzip in several parts":  {reply(200, packed(3), "Content-Encoding", "GZIP"), ""},
		"x-gzip":                 {reply(200, packed(1), "Content-Encoding", "x-gzip"), ""},
		"identity":               {reply(200, good, "Content-Encoding", "identity"), ""},
		"brotli":                 {reply(200, good, "Content-Encoding", "br"), "not asked for"},
		"media type of SOAP 1.2": {reply(200, good, "Content-Type", "application/soap+xml; charset=utf-8"), ""},
		"wrong media type":       {reply(200, good, "Content-Type", "text/html"), ""},
		"a comment behind":       {reply(200, good+"\r\n<!-- x -->\r\n"), ""},
		"byte by byte":           {bytewise(good), ""},
		"Latin-1":                {reply(200, `<?xml version="1.0" encoding="iso-8859-1"?>`+strings.Replace(good[strings.Index(good, "<s"):], "üß", "\xfc\xdf", 1)), "encoding other than UTF-8"},
		"UTF-16 in name only":    {reply(200, strings.Replace(good, `encoding="utf-8"`, `encoding='UTF-16'`, 1)), ""},
		"UTF-16":                 {reply(200, inUTF16(unicode.LittleEndian, unicode.UseBOM)(good)), ""},
		"MTOM": {reply(200, "--b\r\nContent-Type: application/xop+xml\r\n\r\n"+good+"\r\n--b--\r\n", "Content-Type", `multipart/related; boundary="b"; type="application/xop+xml"`),
			"no XML"},
		"a document type": {reply(200, `<!DOCTYPE x [<!ENTITY y "z">]>`+good), "not EWS"},
	} {
		t.Run(name, func(t *testing.T) {
			msg, err := newClient(t, &script{answers: []answer{tc.answer}}, nil).Own().Message(t.Context(), matrixItem, nil)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "Grüße", msg.Subject)
		})
	}
}

// TestEncodingsOfRefusals: faults and pages of other statuses are read in UTF-16, too, whichever way round, marked or not.
func TestEncodingsOfRefusals(t *testing.T) {
	busy := strings.Replace(fault("ErrorAccessDenied", value("Policy", "x")), "fault text", "Grüße", 2)
	for name, write := range map[string]func(string) string{
		"UTF-8":                   func(s string) string { return s },
		"UTF-8 with a mark":       func(s string) string { return "\ufeff" + s },
		"declared only":           func(s string) string { return strings.Replace(s, `encoding="utf-8"`, `encoding="utf-16"`, 1) },
		"little endian":           inUTF16(unicode.LittleEndian, unicode.UseBOM),
		"little endian, unmarked": inUTF16(unicode.LittleEndian, unicode.IgnoreBOM),
		"big endian":              inUTF16(unicode.BigEndian, unicode.UseBOM),
		"big endian, unmarked":    inUTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"declared, in little endian": func(s string) string {
			return inUTF16(unicode.LittleEndian, unicode.UseBOM)(strings.Replace(s, `"utf-8"`, `'UTF-16'`, 1))
		},
		"half a character too much": func(s string) string { return inUTF16(unicode.LittleEndian, unicode.UseBOM)(s) + "\x20" },
	} {
		t.Run(name, func(t *testing.T) {
			for _, status := range []int{200, 400, 500, 503} {
				e := refusalOf(t, reply(status, write(busy)))
				require.ErrorIs(t, e, ews.ErrDenied)
				require.Equal(t, []string{"ErrorAccessDenied", "Grüße", "x"}, []string{e.Code, e.Message, e.Values["Policy"]}, status)
			}
			for _, status := range []int{200, 400, 502} {
				require.ErrorContains(t, refusalOf(t, reply(status, write("<!DOCTYPE html><title>Grüße</title><br>"))), `(a web page: "Grüße")`)
			}
			e := refusalOf(t, reply(401, write("<html>The referenced account is currently locked out</html>")))
			require.ErrorIs(t, e, ews.ErrDenied)
		})
	}
}

func refusalOf(t *testing.T, a answer) *ews.Error {
	t.Helper()
	c := newClient(t, &script{answers: []answer{a}}, func(c *ews.Config) { c.Retry = &ews.RetryPolicy{MaxAttempts: 1} })
	_, err := c.Own().Message(t.Context(), matrixItem, nil)
	return asError(t, err)
}
